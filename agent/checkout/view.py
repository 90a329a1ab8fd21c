"""Desk to snapshot: what the panel may show, masked; reads only."""

from __future__ import annotations

from typing import Final

from agent.checkout.records import Open, read_all
from agent.checkout.state import DeskState
from agent.snapshot import CustomerView, QuoteView, Screen, Snapshot

__all__ = ["HIDDEN_NAME", "snapshot"]

HIDDEN_NAME: Final = "***"  # somebody is at the till; who it is, a passer-by need not read


def snapshot(desk: DeskState, version: int) -> Snapshot:
    """Everything that is shown, as it is now."""
    depth = desk.store.depth()
    current = desk.current
    screen = Screen(current.screen) if current is not None else Screen.IDLE
    return Snapshot(
        version=version,
        boot_id=desk.clock.boot_id,
        screen=screen,
        shop=desk.name.shop,
        till=desk.name.till,
        link=desk.link,
        offline_since=desk.offline_since.isoformat(timespec="seconds") if desk.offline_since else "",
        waiting=depth.waiting,
        waiting_oldest_at=depth.waiting_oldest_at or "",
        shelved=depth.shelved,
        programme_version=desk.programme.version if desk.programme else 0,
        programme_title=desk.programme.title if desk.programme else "",
        currency=desk.programme.currency if desk.programme else desk.rules.currency,
        devices=tuple(desk.devices[name] for name in sorted(desk.devices)),
        customer=_customer(desk),
        mask=current.mask if current is not None else "",
        quote=_quote(desk),
        notice=desk.notice,
        link_detail=desk.link_detail,
        programme_trouble=desk.programmes.trouble,
        loading_percent=desk.loading_percent,
        last_receipt=desk.last_receipt,
    )


def _customer(desk: DeskState) -> CustomerView | None:
    if desk.current is None or desk.current.customer_id is None:
        return None
    known = desk.known(desk.current.customer_id)
    if known is None:
        return None
    customer = known.customer
    hidden = desk.clock.now() - desk.current.touched_at > desk.rules.hide_after
    return CustomerView(
        id=customer.id,
        name=HIDDEN_NAME if hidden else customer.name,
        phone="" if hidden else customer.phone,
        tier=desk.tier_title(customer.tier),
        balances=known.balances(desk.clock.now()),
        seen_at=known.seen_at,
    )


def _quote(desk: DeskState) -> QuoteView | None:
    """The newest quote for the customer at the till."""
    if desk.current is None or desk.current.customer_id is None:
        return None
    quoted = [
        opened
        for _, opened in read_all(desk.store, "checkout", Open)
        if opened.decision is not None and opened.customer_id == desk.current.customer_id
    ]
    if not quoted:
        return None
    newest = max(quoted, key=lambda opened: opened.touched_at)
    decision = newest.decision
    if decision is None:
        return None
    return QuoteView(
        receipt_uid=newest.uid,
        total=decision.total,
        discount=decision.discount,
        payable=decision.payable,
        earn={effect.unit: effect.amount for effect in decision.earned},
        spend={effect.unit: effect.amount for effect in decision.spent if effect.amount},
        spendable=decision.spendable,
    )
