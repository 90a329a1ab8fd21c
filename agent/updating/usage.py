"""How a till is used, for the plan: what goes on now, and since when nothing has."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from agent.checkout.records import Open, read_all
from agent.snapshot import Screen, Snapshot
from agent.updating.plan import Moment
from drivers.vocabulary.errors import CheckoutRefused

if TYPE_CHECKING:
    from agent.till import Till

__all__ = ["TillUsage"]

ASK_S: Final = 5.0


class TillUsage:
    """Watches a till; asked on the updates' thread."""

    def __init__(self, till: Till) -> None:
        self._till = till
        self._began_s = time.monotonic()
        self._receipt_s: float | None = None
        self._last_receipt = till.snapshot.last_receipt

    def moment(self, now: datetime) -> Moment:
        """The till, now."""
        now_s = time.monotonic()
        snapshot = self._till.snapshot
        if snapshot.last_receipt != self._last_receipt:
            self._last_receipt, self._receipt_s = snapshot.last_receipt, now_s
        report_s = self._till.report_s
        return Moment(
            now=now,
            busy=_on_panel(snapshot) or self._open_receipts(),
            quiet_s=now_s - max(self._till.scanned_s, self._till.asked_s, self._receipt_s or 0.0),
            since_receipt_s=now_s - self._receipt_s if self._receipt_s is not None else None,
            shift_ended=report_s is not None and report_s >= (self._receipt_s or 0.0),
            uptime_s=now_s - self._began_s,
        )

    def _open_receipts(self) -> str:
        """A basket that was asked about and is not closed; what is held for it ends by itself, and then it is over."""

        def count(desk: Any) -> int:
            oldest = desk.clock.now() - desk.rules.hold_for
            return sum(
                1
                for _, one in read_all(desk.store, "checkout", Open)
                if one.decision is not None and one.touched_at > oldest
            )

        try:
            return "a receipt is open" if self._till.run_on_till(count, timeout_s=ASK_S) else ""
        except CheckoutRefused:
            return "" if self._till.snapshot.notice else "the till does not answer"


def _on_panel(snapshot: Snapshot) -> str:
    if snapshot.training is not None:
        return "somebody is training"
    if snapshot.customer is not None or snapshot.screen is not Screen.IDLE:
        return "a customer is on the panel"
    if snapshot.quote is not None or (snapshot.sale is not None and snapshot.sale.total is not None):
        return "a receipt is open"
    return ""
