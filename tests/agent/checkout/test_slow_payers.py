"""Who pays late pays what was quoted, and nobody else was promised the same points meanwhile."""

from __future__ import annotations

from typing import Any

from agent.snapshot import LinkState
from drivers.vocabulary import checkout as contract


def spendable(rig: Any, uid: str) -> int:
    asked = contract.QuoteRequest(receipt=rig.sale(uid, "1000"), points_max=True, customer_id="m-1")
    return sum(effect.amount for effect in rig.desk.quote(asked).decision.spent)


def test_points_quoted_without_a_line_stay_promised_until_the_receipt_is_over(rig: Any) -> None:
    """Twenty minutes later the first receipt may still be paid; cancelled, its points are free."""
    rig.desk.link_changed(LinkState.OFFLINE, "no line")
    first = spendable(rig, "r-1")
    rig.clock.forward(minutes=20)
    meanwhile = spendable(rig, "r-2")
    rig.desk.cancel(contract.CancelRequest(receipt_uid="r-1"))

    assert (100, 0, 100) == (first, meanwhile, spendable(rig, "r-3"))
