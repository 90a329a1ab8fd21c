"""The registry row of the ATOL family: its settings and how conversations, the twin and the asked device are built."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta, timezone, tzinfo
from functools import lru_cache, partial
from typing import Any, Final

from drivers.contract import Driver
from drivers.polled import PolledDevice, Polling
from drivers.transport.contract import Transport
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.inside import InsidePolicy

from .buffer import TID_MAX
from .desk import Carried, Desk, Told
from .link import Link2
from .link3 import Link3
from .low_device import LowDevice
from .low_session import LowSession
from .models import model_named
from .session import WebSession
from .settings import AtolSettings
from .simulator import VirtualAtol
from .tasks import TaskRequest, TaskResult
from .web_device import WebDevice
from .web_inline import WebConversation
from .web_inside import InsideTasks

VISITORS_MAX: Final = 16  # a till has one or two connections, a browser on the server's page six


def conversation(settings: Any, *, device: str) -> WebConversation:
    """Build the conversation for one connection; raises SettingsError for a low-level interface."""
    chosen: AtolSettings = settings or AtolSettings()
    refused = inline_refusal(chosen)
    if refused:
        raise SettingsError(refused)
    desk, policy = _desk(chosen, device), InsidePolicy(chosen.discount)
    if policy is InsidePolicy.OFF:
        return WebConversation(desk)
    columns = model_named(chosen.model).columns
    inside = InsideTasks(
        desk, policy=policy, currency=chosen.currency, zone=zone_of(chosen), columns=columns, new_uid=random_uid
    )
    return WebConversation(desk, inside=inside)


def polled(
    settings: Any,
    *,
    device: str,  # noqa: ARG001 - the contract's signature
    connect: Callable[[], Transport],
    wait: Callable[[float], object],
    clock: Callable[[], float],
) -> PolledDevice:
    """Build the device as one that the agent asks."""
    chosen: AtolSettings = settings or AtolSettings()
    model, zone = model_named(chosen.model), zone_of(chosen)
    if chosen.interface != "web":
        link = partial(Link3, tid=secrets.randbelow(TID_MAX + 1)) if chosen.interface == "3" else Link2
        return LowDevice(
            lambda: LowSession(connect(), link(), password=chosen.access_password, clock=clock),
            model=model,
            mode_password=int(chosen.password),
            currency=chosen.currency,
            zone=zone,
        )
    session = WebSession(
        connect,
        clock=clock,
        wait=wait,
        new_uuid=lambda: str(uuid.uuid4()),
        device_id=chosen.device_id,
        user=chosen.user,
        password=chosen.password,
    )
    return WebDevice(session, model=model, currency=chosen.currency, zone=zone)


def random_uid() -> str:
    """A name that never repeats, for a sale that has no fiscal one yet."""
    return "a-" + secrets.token_hex(12)


def columns_of(settings: Any) -> int:
    """Characters in a line of its paper."""
    chosen: AtolSettings = settings or AtolSettings()
    return model_named(chosen.model).columns


def refusal(settings: Any) -> str:
    """Why a device with these settings cannot be pulled; "" for all there are."""
    chosen: AtolSettings = settings or AtolSettings()
    if chosen.discount != "off":
        return "discount is of no use here: what is pulled is closed; leave it out"
    return ""


def inline_refusal(settings: Any) -> str:
    """Why a device with these settings cannot stand in line; "" when it can."""
    chosen: AtolSettings = settings or AtolSettings()
    if chosen.interface == "web":
        return ""
    return (
        f'settings.interface = "{chosen.interface}": driver atol stands in line before the web server only; write '
        'interface = "web" and let the POS post its tasks to host, or write way = "pull" to read closed receipts '
        "from the register itself"
    )


def zone_of(settings: AtolSettings) -> tzinfo:
    """The register's clock."""
    return timezone(timedelta(minutes=settings.utc_offset_minutes))


class _SharedDesk:
    """One desk for all connections of a till; they come on different threads, and nothing is waited for inside."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn = threading.Lock()

    def known(self, uuid: str) -> tuple[bool, Carried | None]:
        with self._turn:
            return self._desk.known(uuid)

    def posted(self, request: TaskRequest, carried: Carried | None = None) -> None:
        with self._turn:
            self._desk.posted(request, carried)

    def answered(self, request: TaskRequest, status: int) -> str:
        with self._turn:
            return self._desk.answered(request, status)

    def told(self, uuid: str, results: Sequence[TaskResult]) -> Told:
        with self._turn:
            return self._desk.told(uuid, results)


# A till posts over one connection and asks over the next: the desk outlives the connection.
@lru_cache(maxsize=32)
def _desk(settings: AtolSettings, device: str) -> _SharedDesk:  # noqa: ARG001 - a desk for each device
    columns = model_named(settings.model).columns
    return _SharedDesk(Desk(currency=settings.currency, zone=zone_of(settings), columns=columns))


driver = Driver(
    name="atol",
    title="ATOL fiscal registers: before the web server, or asked",
    shape="inline",
    settings_type=AtolSettings,
    conversation=conversation,
    twin=VirtualAtol,
    polling=Polling(device=polled, refusal=refusal, columns=columns_of),
    visitors_max=VISITORS_MAX,
    inline_refusal=inline_refusal,
)
