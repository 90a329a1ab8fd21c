"""Desk to snapshot: what the panel may show, masked; reads only."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from msgspec.structs import replace

from agent.checkout.customers import cases, limits, recent, spend_proofs
from agent.checkout.panel import wishes
from agent.checkout.panel.by_hand import sale_view
from agent.checkout.panel.counts import counts_today
from agent.checkout.records import Open
from agent.checkout.state import DeskState
from agent.loyalty.certificates import CERTIFICATES_RULE
from agent.loyalty.compile import TIERS_RULE
from agent.loyalty.coupons import COUPONS_RULE
from agent.loyalty.explain import sentence
from agent.slips.text import day_text
from agent.snapshot import ConsentView, CustomerView, QuoteView, RedeemView, Screen, Snapshot, WishView
from drivers.vocabulary.decision import Decision, Explanation, Hint

__all__ = ["HIDDEN_NAME", "snapshot"]

HIDDEN_NAME: Final = "***"  # somebody is at the till; who it is, a passer-by need not read
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
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
        customer=_customer(desk, quoted),
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
        wish=_wish(desk, quoted),
        consents=_consents(desk) if screen is Screen.ENROL else (),
        sale=sale_view(desk),
        limit=limits.limit_view(current),
        picks=recent.pick_view(desk),
        case=cases.case_view(desk),
        counts=counts_today(desk),
        care=desk.care,
    )


def _customer(desk: DeskState, quoted: tuple[Open, Decision] | None) -> CustomerView | None:
    if desk.current is None or desk.current.customer_id is None:
        return None
    # What this very receipt holds is still the customer's, and what may be spent counts it.
    known = desk.known(desk.current.customer_id, for_receipt=quoted[0].uid if quoted is not None else "")
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
        members=customer.members,
    )


def _redeem(desk: DeskState) -> RedeemView:
    unit, most, has_receipt = wishes.spendable(desk)
    return RedeemView(
        unit=wishes.unit_title(desk, unit),
        most=most,
        has_receipt=has_receipt,
        needs_proof=not spend_proofs.is_proven(desk.current),
        can_code=spend_proofs.can_ask(desk),
        code=spend_proofs.code_view(desk),
    )


def _wish(desk: DeskState, quoted: tuple[Open, Decision] | None) -> WishView | None:
    wish = desk.current.wish if desk.current is not None else None
    if wish is None:
        return None
    spent = most = 0
    if quoted is not None:
        opened, decision = quoted
        spent = next((one.amount for one in decision.spent if one.unit == wish.unit), 0)
        most = wishes.in_hand(desk, opened, wish.unit, decision.spendable.get(wish.unit, 0))
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
        spendable={unit: wishes.in_hand(desk, newest, unit, points) for unit, points in decision.spendable.items()},
        notes=_notes(desk, decision),
    )


def _as_read(value: str, language: str) -> str:
    """A day as the language writes it; anything else as it is."""
    if _DAY.fullmatch(value) is None:
        return value
    try:
        return day_text(date.fromisoformat(value), language)
    except ValueError:
        return value  # a name that looks like a day and is none


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
        values = {name: _as_read(value, language) for name, value in one.values.items()}
        said = sentence(replace(one, values=values), language=language, titles=titles, units=desk.programme.units)
        said = said.removeprefix(f"{one.rule}: ")  # a rule without a title is nothing to a cashier
        lines.append(said[:1].upper() + said[1:])
    return tuple(dict.fromkeys(lines))[:NOTES_MAX]
