"""The register itself, asked by the agent over a low-level protocol: state, closed documents, slips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Final

from drivers.ffd.documents import read_document
from drivers.ffd.tlv import DOCUMENT_SIZE_MAX
from drivers.polled import Condition, Memory
from drivers.vocabulary.errors import RemoteProtocolError
from drivers.vocabulary.events import Document

from .commands import Answer
from .layout import CODEC, Value
from .low_session import LowSession, insist
from .models import Model
from .session import AnswerLost
from .status import Mode, register_condition

SLIP_LINES_MAX: Final = 200  # more than a metre of paper
PARTS_MAX: Final = 4_000  # of one document; a part has some bytes at least
TRIES_MAX: Final = 3
_WRONG_MODE: Final = 0x66
_PARTIAL: Final = 1


class LowDevice:
    """See `drivers.polled.PolledDevice`.

    Args:
        open_session: opens the pipe and makes the session, when first asked.
        model: of the register.
        mode_password: the operator's.
        currency: of every amount.
        zone: the register's clock.
    """

    def __init__(
        self,
        open_session: Callable[[], LowSession],
        *,
        model: Model,
        mode_password: int,
        currency: str,
        zone: tzinfo,
    ) -> None:
        self._open = open_session
        self._opened: LowSession | None = None
        self._model = model
        self._mode_password = mode_password
        self._currency = currency
        self._zone = zone

    def condition(self) -> Condition:
        """How the register is."""
        state = insist(self._ask("state"))
        return register_condition(state.number("flags"), is_receipt_open=state.number("receipt_state") != 0)

    def memory(self) -> Memory:
        """The fiscal memory and its last document."""
        name = insist(self._ask("memory_number")).text("number").strip()
        if not name:
            raise RemoteProtocolError("the register does not say the number of its fiscal memory")
        return Memory(name=name, first=1, last=insist(self._ask("last_document")).number("document"))

    def document(self, number: int) -> Document | None:
        """One closed document, None for one that is not kept any more."""
        found = self._ask("find_document", document=number)
        if found.error != _WRONG_MODE:
            return self._fetch(number, found)
        insist(self._ask("enter_mode", mode=Mode.MEMORY, password=self._mode_password))
        try:
            return self._fetch(number, self._ask("find_document", document=number))
        finally:
            self._ask("leave_mode")

    def print_slip(self, lines: Sequence[str]) -> None:
        """Print text and cut; a line whose answer was lost is not printed a second time."""
        was_choice = insist(self._ask("state")).number("mode") & 0x0F == Mode.CHOICE
        if was_choice:
            insist(self._ask("enter_mode", mode=Mode.SALE, password=self._mode_password))
        try:
            for row in [row for line in lines for row in _wrapped(line, self._model.columns)][:SLIP_LINES_MAX]:
                insist(self._ask("print_line", text=row))
            if self._model.has_cutter:
                insist(self._ask("cut", type=_PARTIAL))
        finally:
            if was_choice:
                self._ask("leave_mode")

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    def _ask(self, name: str, **values: Value) -> Answer:
        if self._opened is None:
            self._opened = self._open()
        return self._opened(name, **values)

    def _fetch(self, number: int, found: Answer) -> Document | None:
        for attempt in range(TRIES_MAX):
            if found.error:
                return None
            size = found.number("size")
            try:
                content = self._read(size)
            except AnswerLost:
                # A part went with its answer: the document begins anew.
                if attempt + 1 == TRIES_MAX:
                    raise
                content = b""
            if size and len(content) == size:
                return read_document(found.number("type"), content, currency=self._currency, zone=self._zone)
            found = self._ask("find_document", document=number)
        raise RemoteProtocolError(f"document {number}: its parts do not make the bytes that were announced")

    def _read(self, size: int) -> bytes:
        content = bytearray()
        for _ in range(PARTS_MAX):
            if len(content) >= size or len(content) > DOCUMENT_SIZE_MAX:
                break
            part = self._ask("read_document")
            if part.error or not part.data("tlv"):
                break
            content += part.data("tlv")
        return bytes(content)


def _wrapped(text: str, width: int) -> list[str]:
    """The line in pieces of `width`; what CP866 has not becomes a question mark."""
    plain = text.encode(CODEC, "replace").decode(CODEC).replace("\0", " ")
    return [plain[at : at + width] for at in range(0, len(plain), width)] or [" "]
