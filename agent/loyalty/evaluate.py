"""The one door of the engine: programme, receipt, customer and moment in, a Decision out; pure and total."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from agent.loyalty.aftersale import apply_after_sale
from agent.loyalty.certificates import apply_certificates
from agent.loyalty.compile import TIERS_RULE
from agent.loyalty.counter_hints import counter_hints
from agent.loyalty.counters import count
from agent.loyalty.coupons import coupons_used, read_coupons
from agent.loyalty.days import local_time
from agent.loyalty.discounts import apply_discounts
from agent.loyalty.distribute import distribute
from agent.loyalty.donation import apply_donation
from agent.loyalty.earning import apply_earning
from agent.loyalty.goods import apply_goods
from agent.loyalty.hints import hints_of
from agent.loyalty.limits import say_reached
from agent.loyalty.programme import Programme, tier_after, tier_of
from agent.loyalty.redemption import SpendAsk, apply_redemption
from agent.loyalty.referral import apply_referrals
from agent.loyalty.sale import STORED_VALUE, Rejection, Sale
from drivers.vocabulary.customer import CertificateFact, CouponFact, Customer
from drivers.vocabulary.decision import CertificateUsed, Decision, Effect, Explanation
from drivers.vocabulary.receipt import DocumentKind, LineFlag, Receipt, TenderKind

__all__ = ["PROGRAMME_RULE", "evaluate"]

PROGRAMME_RULE = "programme"  # the "rule" that explanations about the whole receipt name

NAME_SHOWN_MAX: Final = 40  # of a name that the programme does not know

_ASK_NOTHING = SpendAsk()
_NO_COUPONS: Mapping[str, CouponFact] = MappingProxyType({})


def evaluate(
    programme: Programme,
    receipt: Receipt,
    customer: Customer | None,
    now: datetime,
    *,
    points: SpendAsk = _ASK_NOTHING,
    closed: bool = False,
    announced_tenders: Collection[TenderKind] = (),
    coupons: Mapping[str, CouponFact] = _NO_COUPONS,
    certificates: Sequence[CertificateFact] = (),
    partner: str = "",
    donation: SpendAsk = _ASK_NOTHING,
) -> Decision:
    """Decide what this receipt gets.

    The phases run in order: discounts on lines, discounts on the receipt, points spent, points earned on what is
    left to pay in money. Nothing is raised for bad data: what cannot be decided is explained.

    Args:
        programme: from load().
        receipt: at the till's own prices before loyalty (or as it was closed, with `closed`).
        customer: who buys; None or a blocked one is nobody: such a customer neither earns nor spends.
        now: an aware moment; rules are judged by the store's own clock and calendar.
        points: how many points to spend, and how many the caller allows.
        closed: True when nothing can be taken off any more (a receipt read after the fact): only earning acts.
        coupons: what the caller knows of a presented code, by the code as it stands on the receipt.
        certificates: gift certificates shown, each with its balance; they pay after points and before money.
        partner: whose card was shown, when it is a partner's of the programme; its holder need not be our customer.
        donation: how many points to give to a fund; what the receipt spends goes first.
        announced_tenders: how the customer says it will be paid; the receipt's own tenders go before it.
    """
    local = local_time(now, programme.compiled.zone)
    trouble = _trouble(programme, receipt, now, known_time=local is not None)
    if trouble is not None or local is None:
        why = trouble or Rejection("time_out_of_range")
        return _nothing(programme, receipt, why)
    blocked = customer is not None and customer.blocked
    if blocked:
        customer = None
    file = programme.file
    sale = Sale(
        receipt,
        customer,
        tier_of(programme, customer),
        now,
        local,
        left_least=file.line_left_least.minor if file.line_left_least is not None else 0,
    )
    stated = [tender.kind for tender in receipt.tenders if tender.amount]
    sale.tenders = frozenset(stated or announced_tenders) - STORED_VALUE
    if blocked:
        sale.rejected(PROGRAMME_RULE, Rejection("customer_blocked"))
    if partner:
        _show_partner(programme, sale, partner)
    if not file.tobacco_earns:
        sale.keep_tobacco_from_earning(receipt)
    compiled = programme.compiled
    sale.limits = compiled.limits
    if receipt.coupons or (customer is not None and customer.coupons):
        read_coupons(sale, compiled.coupons, receipt.coupons, coupons)
    spendable: dict[str, int] = {}
    earns = True
    paid: list[CertificateUsed] = []
    prepaid = 0
    if closed:
        prepaid = _take_stated_value(sale, receipt)
    else:
        apply_discounts(sale, compiled.exclusive, compiled.discounts)
        goods = apply_goods(sale, compiled.goods, points)
        money = _ASK_NOTHING if points.unit in {rule.scale.unit for rule in compiled.goods} else points
        spendable, earns = apply_redemption(sale, compiled.spends, money)
        spendable |= goods
        paid = apply_certificates(sale, certificates)
    apply_earning(sale, compiled.earns, compiled.multipliers, compiled.zone, earns=earns)
    granted = apply_referrals(sale, compiled.referrals) if compiled.referrals else ()
    donated = apply_donation(sale, compiled.donations, donation) if compiled.donations or donation.amount != 0 else ()
    later = (*paid, *granted, *donated, *apply_after_sale(sale, compiled.after))
    return _decision(programme, sale, spendable, later, prepaid=prepaid, closed=closed)


def _show_partner(programme: Programme, sale: Sale, partner: str) -> None:
    """Rules see a partner that the programme names; of another it is said that the card does not count here."""
    if partner in programme.file.partners:
        sale.partner = partner
    else:
        sale.rejected(PROGRAMME_RULE, Rejection("partner_unknown", {"partner": partner[:NAME_SHOWN_MAX]}))


def _trouble(programme: Programme, receipt: Receipt, now: datetime, *, known_time: bool) -> Rejection | None:
    """Why nothing at all can be decided."""
    if receipt.kind is not DocumentKind.SALE:
        return Rejection("not_a_sale", {"kind": receipt.kind.value})
    if receipt.currency != programme.currency:
        return Rejection("other_currency", {"currency": receipt.currency, "wanted": programme.currency})
    if now.utcoffset() is None:
        return Rejection("time_without_zone")
    return None if known_time else Rejection("time_out_of_range")


def _nothing(programme: Programme, receipt: Receipt, why: Rejection) -> Decision:
    return Decision(
        programme_version=programme.version,
        total=receipt.total,
        discount=receipt.total.with_minor(0),
        payable=receipt.total,
        explanations=(Explanation(rule=PROGRAMME_RULE, applied=False, code=why.code, values=why.values),),
    )


def _take_stated_value(sale: Sale, receipt: Receipt) -> int:
    """What a closed receipt says was paid with points or certificates was not paid with money, and earns nothing."""
    stated = sum(tender.amount.minor for tender in receipt.tenders if tender.kind in STORED_VALUE)
    if not stated:
        return 0
    payable = [
        0 if line.flags and LineFlag.TOBACCO in line.flags else left
        for line, left in zip(receipt.lines, sale.left, strict=True)
    ]
    for i, amount in enumerate(distribute(stated, payable, payable)):
        sale.left[i] -= amount
    return stated


def _decision(
    programme: Programme, sale: Sale, spendable: dict[str, int], later: Sequence[Effect], *, prepaid: int, closed: bool
) -> Decision:
    payable = sale.total - sale.off - sale.tender
    coupons = coupons_used(sale, programme.compiled.coupons)
    if sale.customer is not None and programme.tiers:
        after = tier_after(programme, sale.customer, payable)
        if after != sale.tier:
            title = next(tier.title or tier.id for tier in programme.tiers if tier.id == after)
            sale.applied(TIERS_RULE, "tier_reached", tier=title)
    counted = count(sale, programme.compiled.personal.counters, payable - prepaid)
    say_reached(sale, programme.compiled.personal.limits)
    spent = () if sale.spent is None else (sale.spent,)
    return Decision(
        programme_version=programme.version,
        total=sale.money(sale.total),
        discount=sale.money(sale.off),
        payable=sale.money(payable),
        effects=(*sale.effects, *spent, *sale.earned, *coupons, *later, *counted),
        explanations=tuple(sale.explanations),
        spendable=spendable,
        hints=(
            *hints_of(programme, sale.customer, sale.explanations, sale.money(payable), closed=closed),
            *counter_hints(programme, sale, counted),
        ),
    )
