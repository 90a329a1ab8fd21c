"""The device as one that the agent asks (`drivers.polled`): its state, its closed receipts, slips between receipts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from drivers.polled import Condition, Memory
from drivers.transport.contract import Transport
from drivers.vocabulary.errors import SettingsError, TransportClosed, TransportError
from drivers.vocabulary.events import Document

from . import pull, status
from .fields import text_of
from .host import Host
from .models import Dialect, model_named
from .rows import RowReader
from .settings import IslSettings

LEFT_SLIP_S: Final = 60.0  # a service receipt takes seconds; one that stays open was left by somebody who broke off
_SLIP_CLOSE: Final = 0x27
_DIAGNOSTICS: Final = 0x5A  # firmware, checksum …, serial number, number of the fiscal memory


class PolledPrinter:
    """See `drivers.polled.PolledDevice`; raises SettingsError for an unknown model or zone."""

    def __init__(
        self,
        settings: Any,
        *,
        device: str,
        connect: Callable[[], Transport],
        wait: Callable[[float], object],  # noqa: ARG002 - a busy device says SYN itself
        clock: Callable[[], float],
    ) -> None:
        chosen: IslSettings = settings or IslSettings()
        self._model = model_named(chosen.model)
        self._reader = RowReader(
            model=self._model, device=device, currency=chosen.currency, zone=_zone_named(chosen.zone)
        )
        self._connect = connect
        self._clock = clock
        self._made: Host | None = None
        self._name = ""
        self._slip_since_s: float | None = None

    @property
    def _host(self) -> Host:
        if self._made is None:
            frame = self._model.frame
            # Random, for a number that the device saw last would make it repeat an old answer.
            sequence = frame.next_sequence(secrets.choice(range(0x20, 0x7F)))
            self._made = Host(self._connect(), self._model, sequence=sequence, clock=self._clock)
        return self._made

    def condition(self) -> Condition:
        """4Ah, busy while a receipt or a service receipt is open; one of those that was left open is closed."""
        found = self._first_status() if self._made is None else self._made.status()
        if not found.is_slip_open:
            self._slip_since_s = None
        elif self._slip_since_s is None:
            self._slip_since_s = self._clock()
        elif self._clock() - self._slip_since_s >= LEFT_SLIP_S:
            self._host.ask(_SLIP_CLOSE)
        return Condition(
            code=found.code,
            sentence=found.sentence,
            maker_code=found.maker_code if found.code else "",
            is_busy=found.is_receipt_open or found.is_slip_open,
        )

    def _first_status(self) -> status.Condition:
        """Whatever number we begin with may be the one the device saw last: then it repeats an old answer, once."""
        try:
            return self._host.status()
        except TransportClosed:
            raise
        except TransportError:
            return self._host.status()

    def memory(self) -> Memory:
        """The journal is called by serial number and fiscal memory (5Ah)."""
        if not self._name:
            fields = text_of(self._host.ask(_DIAGNOSTICS)).rstrip("\t").split(self._separator)
            self._name = "-".join(field.strip() for field in fields[-2:])
        first, last = pull.kept_range(self._host.ask, self._model)
        return Memory(name=self._name, first=max(1, first), last=last)

    @property
    def _separator(self) -> str:
        return "\t" if self._model.dialect is Dialect.TAB else ","

    def document(self, number: int) -> Document | None:
        """77h W or 7Dh 5."""
        return pull.pull_one(self._host.ask, self._model, self._reader, number)

    def print_slip(self, lines: Sequence[str]) -> None:
        """A service receipt."""
        self._host.print_slip(lines)


def refusal(settings: Any) -> str:
    """Why such a printer cannot be pulled, or ""; raises SettingsError for an unknown model or zone."""
    chosen: IslSettings = settings or IslSettings()
    _zone_named(chosen.zone)
    return pull.refusal(model_named(chosen.model))


def _zone_named(name: str) -> tzinfo:
    """The zone; UTC for none."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise SettingsError(f"no time zone {name!r} on this machine; write it like Europe/Sofia") from None


def columns_of(settings: Any) -> int:
    """Characters in a line of its paper."""
    return model_named((settings or IslSettings()).model).columns
