"""A slip's lines, worked out from a decision and balances; text of any width, in an order that never changes.

A tab in a line stands before what goes to the right edge, and some lines may go on below; `agent.slips.text.lay_out`
makes both fit a printer.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from msgspec import Struct

from agent.loyalty import RefundEffect
from agent.slips.happenings import happenings, taken_off
from agent.slips.names import SlipNames
from agent.slips.text import QR, WRAPPED, date_text, form, mask_code, money_text, points_text, words
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.decision import Decision

__all__ = ["SlipStyle", "refund_slip", "sale_slip"]


class SlipStyle(Struct, frozen=True, kw_only=True):
    """How slips look.

    Attributes:
        title: the programme's, "" prints none.
        names: what the programme calls its rules, points and coupons.
        qr: what the QR code at the end says, with ``{claim}`` for the receipt's code; "" for none.
        is_training: nothing of this counts, and the slip says so above and below.
    """

    language: str
    zone: tzinfo
    title: str = ""
    names: SlipNames = SlipNames()
    qr: str = ""
    is_training: bool = False


def sale_slip(
    style: SlipStyle,
    decision: Decision,
    *,
    customer_mask: str,
    tier: str,
    before: tuple[PointsBalance, ...],
    after: tuple[PointsBalance, ...],
    claim: str,
    counted: dict[str, int] | None = None,
) -> tuple[str, ...]:
    """The lines of a sale; any line without data is left out. before - spent - given + earned = after + pending.

    `counted` is what each counter of the customer holds after this sale.
    """
    say = words(style.language)
    lines: list[str] = []
    if style.title:
        lines.append(say["title"].format(title=style.title))
    if customer_mask:
        lines.append(_pair(say["customer"], customer_mask))
        units = _units(decision, before, after)
        for unit in units:
            if len(units) > 1:
                lines.append(style.names.unit(unit).title)
            lines += _unit_lines(style, decision, unit, before, after)
        if tier:
            lines.append(say["tier"].format(tier=tier))
    else:
        lines += [
            say["anonymous"].format(points=_points(style, unit, earned))
            for unit, earned in _earned(decision).items()
            if earned
        ]
    lines += taken_off(decision, style.names, style.language)
    if decision.discount:
        lines.append(_pair(say["saved"], money_text(decision.discount, style.language)))
    lines += happenings(decision, style.names, style.language, style.zone, counted or {})
    lines += _claim_lines(style, claim)
    return _marked(style, lines)


def refund_slip(
    style: SlipStyle,
    effect: RefundEffect,
    *,
    sale: Decision | None,
    settled_by_centre: bool,
    claim: str,
) -> tuple[str, ...]:
    """The lines of a return; `sale` is what the sale had done, None when this till does not know it."""
    say, language, names = words(style.language), style.language, style.names
    lines = [say["title"].format(title=style.title)] if style.title else []
    given, taken = effect.points_given_back, effect.points_taken_back
    several = len({*given, *taken}) > 1
    for unit in dict.fromkeys((*given, *taken)):
        if several:
            lines.append(names.unit(unit).title)
        if unit in given:
            lines.append(_pair(say["given_back"], f"+{_points(style, unit, given[unit])}"))
        if unit in taken:
            lines.append(_pair(say["taken_back"], f"-{_points(style, unit, taken[unit])}"))
    for one in effect.certificates:
        label = say["certificate_back"].format(code=mask_code(one.code))
        lines.append(_pair(label, f"+{money_text(one.amount, language)}"))
    kinds = {used.code: used.coupon for used in sale.coupons_used} if sale is not None else {}
    for code in effect.coupons_back:
        kind = kinds.get(code, code)
        lines.append(WRAPPED + say["coupon_back"].format(title=names.coupons.get(kind, kind)))
    lines += [WRAPPED + say["coupon_void"].format(code=code) for code in effect.coupons_void]
    for back in effect.memberships_back:
        lines.append(form(say["membership_back"], back.days, language).format(days=back.days))
    if settled_by_centre:
        lines.append(say["settled_later"])
    lines += _claim_lines(style, claim)
    return _marked(style, lines)


def _marked(style: SlipStyle, lines: list[str]) -> tuple[str, ...]:
    """First and last of a training slip is that word."""
    mark = [words(style.language)["training"]] if style.is_training else []
    return (*mark, *lines, *mark)


def _claim_lines(style: SlipStyle, claim: str) -> list[str]:
    """The receipt's code, and the customer's way to their balance where the shop has one."""
    lines = [_pair(words(style.language)["claim"], claim)]
    return [*lines, QR + style.qr.replace("{claim}", claim)] if style.qr else lines


def _pair(left: str, right: str) -> str:
    return f"{left}\t{right}"


def _points(style: SlipStyle, unit: str, amount: int) -> str:
    return points_text(amount, style.names.unit(unit).exponent, style.language)


def _earned(decision: Decision) -> dict[str, int]:
    earned: dict[str, int] = {}
    for effect in decision.earned:
        earned[effect.unit] = earned.get(effect.unit, 0) + effect.amount
    return earned


def _units(decision: Decision, before: tuple[PointsBalance, ...], after: tuple[PointsBalance, ...]) -> list[str]:
    named = [balance.unit for balance in (*before, *after)]
    named += [spent.unit for spent in decision.spent]
    named += [given.unit for given in decision.donated]
    named += [earned.unit for earned in decision.earned]
    return list(dict.fromkeys(named))


def _unit_lines(
    style: SlipStyle,
    decision: Decision,
    unit: str,
    before: tuple[PointsBalance, ...],
    after: tuple[PointsBalance, ...],
) -> list[str]:
    say = words(style.language)
    was = next((balance for balance in before if balance.unit == unit), None)
    now = next((balance for balance in after if balance.unit == unit), None)
    lines = [_pair(say["before"], _points(style, unit, was.available if was else 0))]
    for effect in decision.spent:
        if effect.unit == unit and effect.amount:
            label = say["spent"].format(money=money_text(effect.worth, style.language))
            lines.append(_pair(label, f"-{_points(style, unit, effect.amount)}"))
    lines += [
        _pair(say["donated"].format(fund=given.fund), f"-{_points(style, unit, given.amount)}")
        for given in decision.donated
        if given.unit == unit and given.amount
    ]
    lines += _earned_lines(style, decision, unit)
    if now is None:
        return lines
    lines.append(_pair(say["after"], _points(style, unit, now.available)))
    if now.pending:
        lines.append(_pair(say["pending"], _points(style, unit, now.pending)))
    if now.expiring and now.expiring_at is not None:
        points = _points(style, unit, now.expiring)
        lines.append(say["expiring"].format(points=points, date=_date(now.expiring_at, style)))
    return lines


def _earned_lines(style: SlipStyle, decision: Decision, unit: str) -> list[str]:
    """The sum, and under it each rule that has a name in the programme, with its share."""
    earned = [effect for effect in decision.earned if effect.unit == unit and effect.amount]
    if not earned:
        return []
    total = sum(effect.amount for effect in earned)
    lines = [_pair(words(style.language)["earned"], f"+{_points(style, unit, total)}")]
    by_rule: dict[str, int] = {}
    for effect in earned:
        by_rule[effect.rule] = by_rule.get(effect.rule, 0) + effect.amount
    if len(by_rule) > 1 or any(rule in style.names.rules for rule in by_rule):
        lines += [_pair(f" {style.names.rule(rule)}", _points(style, unit, part)) for rule, part in by_rule.items()]
    return lines


def _date(moment: datetime, style: SlipStyle) -> str:
    return date_text(moment, style.zone, style.language)
