"""The register as one that the agent asks (`drivers.polled`): its state, its closed documents, slips between receipts.

A register stays in the mode "data output" while a document is read and sells nothing then. So one document is read at
a time, to its end. A reading that somebody left in the middle is ended for them, but only when it has lasted for
LEFT_READING_S: until then it may be another program's that is at work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any, Final

from drivers.polled import Condition, Memory
from drivers.transport.contract import Transport
from drivers.vocabulary.events import Document

from . import status
from .commands import TEXT_SIZE
from .host import print_slip
from .models import model_named
from .pull import drain, pull_one
from .session import Session, insist
from .settings import ShtrihSettings
from .status import READY, Mode, SubMode, memory_condition, status_condition

LEFT_READING_S: Final = 5.0  # a document is read within a second or two; a till's own export goes on to the next one
WARNINGS_EVERY_S: Final = 60.0  # what the fiscal memory warns of lasts for days
_BUSY_SUBMODES: Final = frozenset({SubMode.WAITS_CONTINUE, SubMode.PRINTS_REPORT, SubMode.PRINTS})


class PolledRegister:
    """See `drivers.polled.PolledDevice`; raises SettingsError when there is no such model."""

    def __init__(
        self,
        settings: Any,
        *,
        device: str,  # noqa: ARG002 - the contract's signature
        connect: Callable[[], Transport],
        wait: Callable[[float], object],
        clock: Callable[[], float],
    ) -> None:
        self._settings: ShtrihSettings = settings or ShtrihSettings()
        self._model = model_named(self._settings.model)
        self._connect = connect
        self._wait = wait
        self._clock = clock
        self._session: Session | None = None
        self._reading_since_s: float | None = None
        self._warning: status.Condition = READY
        self._warned_at_s: float | None = None

    @property
    def _ask(self) -> Session:
        if self._session is None:
            wanted = self._settings.protocol
            protocol = self._model.protocols[0] if wanted == "auto" else int(wanted)
            self._session = Session(self._connect(), protocol=protocol, clock=self._clock)
        return self._session

    def condition(self) -> Condition:
        """The gravest thing of the register, or of its fiscal memory; busy with a receipt, print or reading."""
        answer = insist(self._ask("short_status", password=self._settings.password))
        mode, submode = answer.number("mode") & 0x0F, answer.number("submode")
        found = status_condition(answer)
        is_busy = mode == Mode.DOCUMENT_OPEN or submode in _BUSY_SUBMODES or self._is_read_by_others(mode)
        if not found.code:
            found = self._memory_warning(is_busy=is_busy)
        return Condition(code=found.code, sentence=found.sentence, maker_code=found.maker_code, is_busy=is_busy)

    def _is_read_by_others(self, mode: int) -> bool:
        """Whether somebody reads documents; a reading that was left in the middle is ended here."""
        if mode != Mode.DATA_OUTPUT:
            self._reading_since_s = None
            return False
        now_s = self._clock()
        if self._reading_since_s is None:
            self._reading_since_s = now_s
        if now_s - self._reading_since_s < LEFT_READING_S:
            return True
        drain(self._ask, self._settings.password)
        self._reading_since_s = None
        return False

    def _memory_warning(self, *, is_busy: bool) -> status.Condition:
        now_s = self._clock()
        is_due = self._warned_at_s is None or now_s - self._warned_at_s >= WARNINGS_EVERY_S
        if self._model.has_memory and is_due and not is_busy:
            self._warning = memory_condition(self._ask("memory_status", password=self._settings.password))
            self._warned_at_s = now_s
        return self._warning

    def memory(self) -> Memory:
        """FF01: the number of the fiscal memory and of its last document."""
        answer = insist(self._ask("memory_status", password=self._settings.password))
        return Memory(name=str(answer.values["memory"]), first=1, last=answer.number("last_document"))

    def document(self, number: int) -> Document | None:
        """FF3A and FF3B to the end, or the summary of FF0A."""
        settings = self._settings
        zone = timezone(timedelta(minutes=settings.utc_offset_minutes))
        _, document = pull_one(self._ask, number, password=settings.password, currency=settings.currency, zone=zone)
        return replace(document, columns=columns_of(settings))

    def print_slip(self, lines: Sequence[str]) -> None:
        """17h for each line, then a cut."""
        print_slip(self._ask, lines, model=self._model, password=self._settings.password, wait=self._wait)


def refusal(settings: Any) -> str:
    """Why such a register cannot be pulled, or ""; raises SettingsError when there is no such model."""
    model = model_named((settings or ShtrihSettings()).model)
    return "" if model.has_memory else f"{model.name} has no fiscal memory to read; put the agent in line"


def columns_of(settings: Any) -> int:
    """Characters in a line of a slip: of the paper, or of the field where that is shorter."""
    return min(model_named((settings or ShtrihSettings()).model).columns, TEXT_SIZE)
