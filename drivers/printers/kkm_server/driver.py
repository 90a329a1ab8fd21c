"""The registry row of KKM-Server: its settings and how conversations, the twin and the asked device are built."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final

from drivers.contract import Driver
from drivers.http_inline import HttpConversation
from drivers.polled import PolledDevice, Polling
from drivers.support import Support
from drivers.transport.contract import Transport
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsidePolicy

from .commands import Command, Result
from .desk import Carried, Desk, Entry, Told
from .device import NO_PULL, KkmDevice
from .room import KkmRoom
from .settings import KkmServerSettings
from .simulator import VirtualKkmServer

VISITORS_MAX: Final = 16  # a POS has one or two connections, a browser on the server's page six


def conversation(settings: Any, *, device: str) -> HttpConversation:
    """Build the conversation for one connection."""
    chosen: KkmServerSettings = settings or KkmServerSettings()
    room = KkmRoom(
        _desk(chosen, device),
        policy=InsidePolicy(chosen.discount),
        currency=chosen.currency,
        zone=zone_of(chosen),
        columns=chosen.columns,
        new_uid=lambda: "k-" + secrets.token_hex(12),
    )
    return HttpConversation(room)


def polled(
    settings: Any,
    *,
    device: str,  # noqa: ARG001 - the contract's signature
    connect: Callable[[], Transport],
    wait: Callable[[float], object],  # noqa: ARG001 - the contract's signature
    clock: Callable[[], float],
) -> PolledDevice:
    """Build the device as one that the agent asks."""
    return KkmDevice(settings or KkmServerSettings(), connect, clock=clock, new_id=lambda: str(uuid.uuid4()))


def zone_of(settings: KkmServerSettings) -> tzinfo:
    """The register's clock."""
    return timezone(timedelta(minutes=settings.utc_offset_minutes))


def columns_of(settings: Any) -> int:
    """Characters in a line of its paper."""
    return int((settings or KkmServerSettings()).columns)


class _SharedDesk:
    """One desk for all connections of a POS; they come on different threads, and nothing is waited for inside."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn = threading.Lock()

    def known(self, name: str) -> tuple[bool, Carried | None]:
        with self._turn:
            return self._desk.known(name)

    def posted(self, command: Command, carried: Carried | None = None) -> Entry:
        with self._turn:
            return self._desk.posted(command, carried)

    def entry(self, name: str) -> Entry | None:
        with self._turn:
            return self._desk.entry(name)

    def answered(self, entry: Entry, status: int, result: Result | None) -> Told:
        with self._turn:
            return self._desk.answered(entry, status, result)

    def stranger(self, result: Result) -> Document | None:
        with self._turn:
            return self._desk.stranger(result)


# A POS posts over one connection and asks over the next: the desk outlives the connection.
@lru_cache(maxsize=32)
def _desk(settings: KkmServerSettings, device: str) -> _SharedDesk:  # noqa: ARG001 - a desk for each device
    return _SharedDesk(Desk(currency=settings.currency, zone=zone_of(settings), columns=settings.columns))


driver = Driver(
    name="kkm_server",
    title="KKM-Server: before its JSON interface, or as its client",
    shape="inline",
    settings_type=KkmServerSettings,
    conversation=conversation,
    twin=VirtualKkmServer,
    polling=Polling(device=polled, refusal=lambda _settings: NO_PULL, columns=columns_of),
    visitors_max=VISITORS_MAX,
    support=Support(
        identify="yes: the panel, or the phone the receipt is sent to (ClientAddress)",
        quote="yes: in line, while the receipt waits on its way to the register",
        redeem="yes: what was chosen at the panel, taken off the lines of the receipt",
        offline="yes: everything, the agent stands on the till itself",
        refund="partly: it passes and is known; the command names no sale, and the centre keeps it for a person",
        slip="yes: in the receipt, or behind it by PrintText of our own",
        coupon="no: the command has no word for one",
        certificate="no: the command has no word for one; CashProvision is left as it is",
        verified="the maker's public pages and public clients; no KKM-Server yet",
    ),
)
