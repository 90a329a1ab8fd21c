"""A slip's lines, worked out from a decision and balances; text of any width, in an order that never changes.

A tab in a line stands before what goes to the right edge; `agent.slips.text.lay_out` makes it fit a printer.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from msgspec import Struct

from agent.slips.text import group_digits, words
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.decision import Decision

__all__ = ["SlipStyle", "refund_slip", "sale_slip"]


class SlipStyle(Struct, frozen=True, kw_only=True):
    """In which language, in whose time zone; `title` is the programme's, "" prints none."""

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
    say = words(style.language)
    lines: list[str] = []
    if style.title:
        lines.append(say["title"].format(title=style.title))
    if customer_mask:
        lines.append(_pair(say["customer"], customer_mask))
        for unit in _units(decision, before, after):
            lines += _unit_lines(style, decision, unit, before, after)
        if tier:
            lines.append(say["tier"].format(tier=tier))
    else:
        earned = sum(effect.amount for effect in decision.earned)
        if earned:
            lines.append(say["anonymous"].format(points=group_digits(earned, style.language)))
    if decision.discount:
        lines.append(_pair(say["saved"], _money(decision.discount.minor, decision, style)))
    lines.append(_pair(say["claim"], claim))
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
    say, language = words(style.language), style.language
    lines = [say["title"].format(title=style.title)] if style.title else []
    lines += [_pair(say["given_back"], f"+{group_digits(points, language)}") for points in given_back.values()]
    lines += [_pair(say["taken_back"], f"-{group_digits(points, language)}") for points in taken_back.values()]
    if settled_by_centre:
        lines.append(say["settled_later"])
    lines.append(_pair(say["claim"], claim))
    return tuple(lines)


def _pair(left: str, right: str) -> str:
    return f"{left}\t{right}"


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
    say, language = words(style.language), style.language
    was = next((balance for balance in before if balance.unit == unit), None)
    now = next((balance for balance in after if balance.unit == unit), None)
    spent = [effect for effect in decision.spent if effect.unit == unit and effect.amount]
    earned = sum(effect.amount for effect in decision.earned if effect.unit == unit)
    lines = [_pair(say["before"], group_digits(was.available if was else 0, language))]
    for effect in spent:
        label = say["spent"].format(money=_money(effect.worth.minor, decision, style))
        lines.append(_pair(label, f"-{group_digits(effect.amount, language)}"))
    if earned:
        lines.append(_pair(say["earned"], f"+{group_digits(earned, language)}"))
    if now is None:
        return lines
    lines.append(_pair(say["after"], group_digits(now.available, language)))
    if now.pending:
        lines.append(_pair(say["pending"], group_digits(now.pending, language)))
    if now.expiring and now.expiring_at is not None:
        when = _date(now.expiring_at, style)
        lines.append(say["expiring"].format(points=group_digits(now.expiring, language), date=when))
    return lines


def _money(minor: int, decision: Decision, style: SlipStyle) -> str:
    whole, _, fraction = decision.total.with_minor(minor).amount.partition(".")
    mark = "," if style.language == "ru" else "."
    return group_digits(int(whole), style.language) + (mark + fraction if fraction else "")


def _date(moment: datetime, style: SlipStyle) -> str:
    local = moment.astimezone(style.zone)
    template = words(style.language)["date"]
    return template.format(day=local.day, month=local.month, year=local.year, buddhist=local.year + 543)
