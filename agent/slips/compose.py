"""A slip's lines, worked out from a decision and balances; text only, in an order that never changes."""

from __future__ import annotations

from datetime import datetime, tzinfo

from msgspec import Struct

from agent.slips.text import fit, group_digits, pair, words
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.decision import Decision

__all__ = ["SlipStyle", "refund_slip", "sale_slip"]


class SlipStyle(Struct, frozen=True, kw_only=True):
    """How wide, in which language, in whose time zone; `title` is the programme's, "" prints none."""

    columns: int
    language: str
    zone: tzinfo
    title: str = ""


def sale_slip(
    style: SlipStyle,
    decision: Decision,
    *,
    customer_mask: str,
    tier: str,
    before: tuple[PointsBalance, ...],
    after: tuple[PointsBalance, ...],
    claim: str,
) -> tuple[str, ...]:
    """The lines of a sale; any line without data is left out. before - spent + earned = after + pending."""
    say, columns = words(style.language), style.columns
    lines: list[str] = []
    if style.title:
        lines.append(fit(say["title"].format(title=style.title), columns))
    if customer_mask:
        lines.append(pair(say["customer"], customer_mask, columns))
        for unit in _units(decision, before, after):
            lines += _unit_lines(style, decision, unit, before, after)
        if tier:
            lines.append(fit(say["tier"].format(tier=tier), columns))
    else:
        earned = sum(effect.amount for effect in decision.earned)
        if earned:
            lines.append(fit(say["anonymous"].format(points=group_digits(earned, style.language)), columns))
    if decision.discount:
        lines.append(pair(say["saved"], _money(decision.discount.minor, decision, style), columns))
    lines.append(pair(say["claim"], claim, columns))
    return tuple(lines)


def refund_slip(
    style: SlipStyle,
    *,
    given_back: dict[str, int],
    taken_back: dict[str, int],
    settled_by_centre: bool,
    claim: str,
) -> tuple[str, ...]:
    """The lines of a return."""
    say, columns, language = words(style.language), style.columns, style.language
    lines = [fit(say["title"].format(title=style.title), columns)] if style.title else []
    lines += [pair(say["given_back"], f"+{group_digits(points, language)}", columns) for points in given_back.values()]
    lines += [pair(say["taken_back"], f"-{group_digits(points, language)}", columns) for points in taken_back.values()]
    if settled_by_centre:
        lines.append(fit(say["settled_later"], columns))
    lines.append(pair(say["claim"], claim, columns))
    return tuple(lines)


def _units(decision: Decision, before: tuple[PointsBalance, ...], after: tuple[PointsBalance, ...]) -> list[str]:
    named = [balance.unit for balance in (*before, *after)]
    named += [spent.unit for spent in decision.spent]
    named += [earned.unit for earned in decision.earned]
    return list(dict.fromkeys(named))


def _unit_lines(
    style: SlipStyle,
    decision: Decision,
    unit: str,
    before: tuple[PointsBalance, ...],
    after: tuple[PointsBalance, ...],
) -> list[str]:
    say, columns, language = words(style.language), style.columns, style.language
    was = next((balance for balance in before if balance.unit == unit), None)
    now = next((balance for balance in after if balance.unit == unit), None)
    spent = [effect for effect in decision.spent if effect.unit == unit and effect.amount]
    earned = sum(effect.amount for effect in decision.earned if effect.unit == unit)
    lines = [pair(say["before"], group_digits(was.available if was else 0, language), columns)]
    for effect in spent:
        label = say["spent"].format(money=_money(effect.worth.minor, decision, style))
        lines.append(pair(label, f"-{group_digits(effect.amount, language)}", columns))
    if earned:
        lines.append(pair(say["earned"], f"+{group_digits(earned, language)}", columns))
    if now is None:
        return lines
    lines.append(pair(say["after"], group_digits(now.available, language), columns))
    if now.pending:
        lines.append(pair(say["pending"], group_digits(now.pending, language), columns))
    if now.expiring and now.expiring_at is not None:
        when = _date(now.expiring_at, style)
        lines.append(fit(say["expiring"].format(points=group_digits(now.expiring, language), date=when), columns))
    return lines


def _money(minor: int, decision: Decision, style: SlipStyle) -> str:
    whole, _, fraction = decision.total.with_minor(minor).amount.partition(".")
    mark = "," if style.language == "ru" else "."
    return group_digits(int(whole), style.language) + (mark + fraction if fraction else "")


def _date(moment: datetime, style: SlipStyle) -> str:
    local = moment.astimezone(style.zone)
    template = words(style.language)["date"]
    return template.format(day=local.day, month=local.month, year=local.year, buddhist=local.year + 543)
