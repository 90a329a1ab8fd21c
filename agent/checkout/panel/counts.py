"""What was done at the panel on each day of the shop, as counts: nothing in them says about whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.checkout.records import PanelDay, read, write

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = ["count", "counts_today"]


def counts_today(desk: DeskState) -> dict[str, int]:
    """Today's, in the shop's time zone: "joined", "would_not_join", "spend_wishes"."""
    kept = read(desk.store, "panel_day", _today(desk), PanelDay)
    return kept.counts if kept is not None else {}


def count(desk: DeskState, what: str) -> None:
    """One more."""
    counts = counts_today(desk)
    with desk.store.transaction() as tx:
        write(tx, "panel_day", _today(desk), PanelDay(counts=counts | {what: counts.get(what, 0) + 1}))


def _today(desk: DeskState) -> str:
    return desk.clock.now().astimezone(desk.rules.slip.zone).date().isoformat()
