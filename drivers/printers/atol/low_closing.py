"""Closing a receipt exactly once over a low-level line that may break: whoever lost the answer asks first.

Before the close the last fiscal document is asked. When the answer to the close is lost it is asked again: a higher
number with our total is our receipt; the same number with the receipt still open says that nothing happened, and only
then the close is sent again, over protocol 3 under the same task number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.errors import RemoteProtocolError

from .layout import Value
from .link3 import Link3
from .low_session import LowSession, insist
from .session import AnswerLost
from .status import register_refusal

TRIES_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The fiscal document of the receipt; `was_found` when it was learnt by asking, not from the answer."""

    document: int
    was_found: bool


class LowClosing:
    """One close, over as many connections as it takes: call `attempt` again with the next one after AnswerLost.

    Args:
        total: kopecks, to know the document when it is found.
        payment: number of the way to pay, 1 is cash.
        given: kopecks handed over.
    """

    def __init__(self, *, total: int, payment: int = 1, given: int = 0) -> None:
        self._total = total
        self._values: dict[str, Value] = {"flags": 0, "payment": payment, "sum": given}
        self._before: int | None = None
        self._is_sent = False
        self._tid: int | None = None

    def attempt(self, session: LowSession) -> Closed:
        """Close, or find that it is closed.

        Raises:
            AnswerLost: the line broke; nothing may be sold until `attempt` was called again.
            DeviceRefused: the register refused to close; the receipt is open as before.
            RemoteProtocolError: a document was closed that is not this receipt.
        """
        if self._tid is not None and isinstance(session.link, Link3):
            session.link.go_on_after(self._tid)
        for _ in range(TRIES_MAX):
            found = self._look(session)
            if found is not None:
                return found
            was_in_doubt, self._is_sent = self._is_sent, True
            try:
                answer = session.ask("close_receipt", self._values, resume_tid=self._tid)
            except AnswerLost as lost:
                self._is_sent = was_in_doubt or lost.may_have_happened
                if isinstance(session.link, Link3) and self._is_sent:
                    self._tid = session.link.tid
                continue
            if answer.error:
                # An earlier copy may have been at work when we looked.
                found = self._look(session) if was_in_doubt else None
                if found is not None:
                    return found
                raise register_refusal(answer.command.title, answer.error)
            return Closed(document=self._last(session), was_found=False)
        raise AnswerLost("the receipt could not be closed; its state is asked again", may_have_happened=True)

    def _last(self, session: LowSession) -> int:
        return insist(session("last_document")).number("document")

    def _look(self, session: LowSession) -> Closed | None:
        """Our document when it is there, None when the close may be sent."""
        last = self._last(session)
        if self._before is None:
            self._before = last
        if not self._is_sent:
            return None
        if last > self._before:
            receipt = insist(session("last_receipt"))
            if receipt.number("document") != last or receipt.number("total") != self._total:
                raise RemoteProtocolError(
                    f"document {last} has a total of {receipt.number('total')} kopecks, the receipt had {self._total}",
                )
            return Closed(document=last, was_found=True)
        if not insist(session("state")).number("receipt_state"):
            raise RemoteProtocolError(
                "the receipt is not open any more and no document was closed: it was cancelled at the register",
            )
        return None
