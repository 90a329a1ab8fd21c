"""Closing a receipt exactly once over a line that may break: whoever lost the answer asks, and never closes blindly.

Before the close the last document number is asked (FF01). When the answer to the close is lost, it is asked again:
a higher number is our receipt; the same number with the receipt still open (mode 8) says that nothing happened, and
only then the close is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.errors import RemoteProtocolError

from .documents import read_summary
from .layout import Value
from .session import AnswerLost, Ask, insist
from .status import Mode

TRIES_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The fiscal document of the receipt; `was_found` when it was learnt by asking, not from the answer."""

    document: int
    was_found: bool


class Closing:
    """One close, over as many connections as it takes: call `attempt` again with the next one after AnswerLost.

    Args:
        name: the command (``close_receipt``, ``close_receipt_v2``).
        password: of the operator, for the close and for the questions.
        total: kopecks, to know the document when it is found.
    """

    def __init__(self, name: str, *, password: int, total: int, **values: Value) -> None:
        self._name = name
        self._password = password
        self._total = total
        self._values = values
        self._before: int | None = None
        self._is_sent = False

    def attempt(self, ask: Ask) -> Closed:
        """Close, or find that it is closed.

        Raises:
            AnswerLost: the line broke; nothing may be sold until `attempt` was called again.
            DeviceRefused: the register refused to close; the receipt is open as before.
            RemoteProtocolError: a document was closed that is not this receipt.
        """
        for _ in range(TRIES_MAX):
            found = self._look(ask)
            if found is not None:
                return found
            self._is_sent = True
            try:
                answer = insist(ask(self._name, password=self._password, **self._values))
            except AnswerLost as lost:
                self._is_sent = lost.may_have_happened
                continue
            number = answer.number("document") or self._last(ask)
            return Closed(document=number, was_found=False)
        raise AnswerLost("the receipt could not be closed; its state is asked again", may_have_happened=True)

    def _last(self, ask: Ask) -> int:
        return insist(ask("memory_status", password=self._password)).number("last_document")

    def _look(self, ask: Ask) -> Closed | None:
        """Our document when it is there, None when the close may be sent."""
        last = self._last(ask)
        if self._before is None:
            self._before = last
        if not self._is_sent:
            return None
        if last > self._before:
            self._must_be_ours(ask, last)
            return Closed(document=last, was_found=True)
        mode = insist(ask("short_status", password=self._password)).number("mode") & 0x0F
        if mode != Mode.DOCUMENT_OPEN:
            raise RemoteProtocolError(
                "the receipt is not open any more and no document was closed: it was cancelled at the register",
            )
        return None

    def _must_be_ours(self, ask: Ask, number: int) -> None:
        found = insist(ask("find_document", password=self._password, document=number))
        summary = read_summary(found.data("data"))
        if summary.total != self._total:
            raise RemoteProtocolError(
                f"document {number} has a total of {summary.total} kopecks, the receipt had {self._total}",
            )
