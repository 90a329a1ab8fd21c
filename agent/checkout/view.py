"""Desk to snapshot: what the panel may show, masked; reads only."""

from __future__ import annotations

from typing import Final

from agent.checkout import wishes
from agent.checkout.panel_counts import counts_today
from agent.checkout.records import Open
from agent.checkout.state import DeskState
from agent.loyalty.certificates import CERTIFICATES_RULE
from agent.loyalty.compile import TIERS_RULE
from agent.loyalty.coupons import COUPONS_RULE
from agent.loyalty.explain import sentence
from agent.snapshot import ConsentView, CustomerView, QuoteView, RedeemView, Screen, Snapshot, WishView
from drivers.vocabulary.decision import Decision, Explanation, Hint

__all__ = ["HIDDEN_NAME", "snapshot"]

HIDDEN_NAME: Final = "***"  # somebody is at the till; who it is, a passer-by need not read
NOTES_MAX: Final = 4  # more than fits the screen, and more than anybody says
_SHOWN: Final = frozenset({COUPONS_RULE, CERTIFICATES_RULE})  # what became of coupons and certificates on the counter


def snapshot(desk: DeskState, version: int) -> Snapshot:
    """Everything that is shown, as it is now."""
    depth = desk.store.depth()
    current = desk.current
    screen = Screen(current.step or current.screen) if current is not None else Screen.IDLE
    quoted = wishes.newest_quote(desk)
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
        quote=_quote(desk, *quoted) if quoted is not None else None,
        notice=desk.notice,
        link_detail=desk.link_detail,
        programme_trouble=desk.programmes.trouble,
        loading_percent=desk.loading_percent,
        last_receipt=desk.last_receipt,
        may_join=desk.may_join,
        has_phone=screen is Screen.ENROL and desk.typed != "",
        asked=current.offered.mask if current is not None and current.offered is not None else "",
        redeem=_redeem(desk) if screen is Screen.REDEEM else None,
        wish=_wish(desk, quoted[1] if quoted is not None else None),
        consents=_consents(desk) if screen is Screen.ENROL else (),
        counts=counts_today(desk),
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


def _redeem(desk: DeskState) -> RedeemView:
    unit, most, has_receipt = wishes.spendable(desk)
    return RedeemView(
        unit=wishes.unit_title(desk, unit),
        most=most,
        has_receipt=has_receipt,
        needs_proof=desk.current is None or not desk.current.presented,
    )


def _wish(desk: DeskState, decision: Decision | None) -> WishView | None:
    wish = desk.current.wish if desk.current is not None else None
    if wish is None:
        return None
    spent = next((one.amount for one in decision.spent if one.unit == wish.unit), 0) if decision is not None else 0
    most = decision.spendable.get(wish.unit, 0) if decision is not None else 0
    is_in_quote = spent > 0 and spent == (most if wish.points is None else min(wish.points, most))
    return WishView(unit=wishes.unit_title(desk, wish.unit), points=wish.points, is_in_quote=is_in_quote)


def _consents(desk: DeskState) -> tuple[ConsentView, ...]:
    ticked = desk.current.ticked if desk.current is not None else ()
    return tuple(
        ConsentView(
            purpose=one.purpose,
            version=one.version,
            text=one.text,
            required=one.required,
            given=one.purpose in ticked,
        )
        for one in desk.rules.consents
    )


def _quote(desk: DeskState, newest: Open, decision: Decision) -> QuoteView:
    return QuoteView(
        receipt_uid=newest.uid,
        total=decision.total,
        discount=decision.discount,
        payable=decision.payable,
        earn={effect.unit: effect.amount for effect in decision.earned},
        spend={effect.unit: effect.amount for effect in decision.spent if effect.amount},
        spendable=decision.spendable,
        notes=_notes(desk, decision),
    )


def _notes(desk: DeskState, decision: Decision) -> tuple[str, ...]:
    """What the cashier tells: what was shown and does not count, then what is handed out, then what is missing."""
    if desk.programme is None:
        return ()
    titles = {rule.id: rule.title for rule in desk.programme.file.rules}
    shown = [why for why in decision.explanations if why.rule in _SHOWN]
    gifts = [why for why in decision.explanations if why.applied and why.code == "gift_due"]
    missing = [hint for hint in decision.hints if hint.rule == TIERS_RULE or titles.get(hint.rule)]
    language = desk.rules.panel_language or desk.rules.slip.language
    lines = []
    said_of: list[Explanation | Hint] = [*shown, *gifts, *missing]
    for one in said_of:
        said = sentence(one, language=language, titles=titles, units=desk.programme.units)
        said = said.removeprefix(f"{one.rule}: ")  # a rule without a title is nothing to a cashier
        lines.append(said[:1].upper() + said[1:])
    return tuple(dict.fromkeys(lines))[:NOTES_MAX]
