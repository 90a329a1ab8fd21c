"""Coupons of one use count at this till when they are in its hand; with a line the centre is asked to put them there.

With a line every such coupon may be quoted, because the centre is asked before the quote is told (`secure_coupons`).
Without one those under a lease count, and the others by the owner's word (`[offline] single_use_coupons`). A till that
belongs to no centre shares its coupons with nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from agent.checkout.in_hand.value_leases import in_hand
from agent.snapshot import LinkState
from drivers.vocabulary.customer import CouponFact, Customer
from drivers.vocabulary.value_leases import COUPONS_ASKED_MAX, CouponsGrant, CouponsWanted, CouponWanted, ValueKind

if TYPE_CHECKING:
    from agent.checkout.state import DeskState
    from agent.loyalty import Programme
    from drivers.vocabulary.decision import Decision

__all__ = ["coupons_lacking", "guarded", "refusals_of"]

OFFLINE: Final = "coupon_offline"
RESTORING: Final = "coupon_restoring"  # from the centre: it cannot say now, which is as if it had not answered


def guarded(
    desk: DeskState,
    receipt_uid: str,
    customer: Customer | None,
    facts: Mapping[str, CouponFact],
    refused: Mapping[str, str],
) -> tuple[Customer | None, dict[str, CouponFact]]:
    """Customer and shown codes with those coupons of one use refused that are not to be had now.

    Args:
        desk: only read.
        receipt_uid: for which receipt: what it was promised it may use.
        customer: with the coupons held.
        facts: of shown codes, by the code.
        refused: why, by serial, as the centre said when it was asked for this receipt.
    """
    if desk.programme is None:
        return customer, dict(facts)

    def judged(fact: CouponFact) -> CouponFact:
        if not _is_open_question(desk.programme, fact):
            return fact
        why = _why_not(desk, receipt_uid, fact.code, refused)
        if why == "coupon_used":
            return replace(fact, used=1)
        return replace(fact, refused=why) if why else fact

    if customer is not None and customer.coupons:
        customer = replace(customer, coupons=tuple(judged(one) for one in customer.coupons))
    return customer, {code: judged(fact) for code, fact in facts.items()}


def coupons_lacking(
    desk: DeskState,
    receipt_uid: str,
    customer: Customer | None,
    facts: Mapping[str, CouponFact],
    decision: Decision,
) -> CouponsWanted | None:
    """What the centre is to be asked for before this decision is told; None when all it uses is in this till's hand.

    When it must be asked, it is asked for all that the customer could use, so that another one of them can stand in.
    """
    if desk.programme is None or desk.link is not LinkState.ONLINE:
        return None
    known = {one.code: one for one in (*facts.values(), *(customer.coupons if customer is not None else ()))}
    lacking = {
        serial: fact
        for serial, fact in known.items()
        if _is_open_question(desk.programme, fact)
        and in_hand(desk, ValueKind.COUPON, serial, receipt_uid) is None
        and len(fact.coupon) > 0
    }
    used = [one.code for one in decision.coupons_used if one.code in lacking]
    if not used:
        return None
    first = [*used, *(serial for serial in lacking if serial not in used)][:COUPONS_ASKED_MAX]
    coupons = tuple(CouponWanted(serial=serial, coupon=lacking[serial].coupon) for serial in first)
    return CouponsWanted(receipt_uid=receipt_uid, coupons=coupons)


def refusals_of(desk: DeskState, asked: CouponsWanted, grant: CouponsGrant | None) -> dict[str, str]:
    """Why coupons that were asked for are not to be had, by serial; the leases of the grant are kept already.

    Args:
        desk: only read.
        asked: what was asked for.
        grant: the centre's word; None when it did not answer in time, and the till is as good as without a line.
    """
    if grant is not None and not grant.leased:
        return {}
    told = grant.refused if grant is not None else {}
    reasons = {serial: told.get(serial, RESTORING) for serial in _missing(desk, asked)}
    takes_all = not desk.rules.refuses_single_use
    return {
        serial: OFFLINE if reason == RESTORING else reason
        for serial, reason in reasons.items()
        if reason != RESTORING or not takes_all
    }


def _missing(desk: DeskState, asked: CouponsWanted) -> Iterable[str]:
    for one in asked.coupons:
        hand = in_hand(desk, ValueKind.COUPON, one.serial, asked.receipt_uid)
        if hand is None or not hand.left:
            yield one.serial


def _is_open_question(programme: Programme | None, fact: CouponFact) -> bool:
    """Whether a coupon may be used once and is good as far as this till knows."""
    if fact.refused or fact.used or programme is None:
        return False
    kind = programme.file.coupons.get(fact.coupon)
    uses = fact.uses if fact.uses is not None or kind is None else kind.uses
    return uses == 1


def _why_not(desk: DeskState, receipt_uid: str, serial: str, refused: Mapping[str, str]) -> str:
    if desk.link is LinkState.NOT_ENROLLED:
        return ""
    hand = in_hand(desk, ValueKind.COUPON, serial, receipt_uid)
    if hand is not None:
        return "" if hand.left else "coupon_promised"
    if serial in refused:
        return refused[serial]
    return OFFLINE if desk.link is not LinkState.ONLINE and desk.rules.refuses_single_use else ""
