"""Counters, limits, offers, partners, referral and donation in plain phrases; the sentences are describe.py's."""

from __future__ import annotations

from typing import Final

from agent.loyalty.counters import IN_MONEY
from agent.loyalty.describe_rewards import Say
from agent.loyalty.model import ProgrammeFile
from agent.loyalty.parts import CounterOf, Period
from agent.loyalty.rules import DonatePoints, Referral, Rule
from drivers.vocabulary.money import Money, Quantity

__all__ = ["PERSONAL_PHRASES", "donation_parts", "personal_parts", "referral_parts"]

#: Phrase → its text in English, Russian and Thai.
PERSONAL_PHRASES: Final[dict[str, tuple[str, str, str]]] = {
    "offers": (
        "with the personal offer {names}",
        "по персональному предложению {names}",
        "ผู้ที่มีข้อเสนอส่วนบุคคล {names}",
    ),
    "partners": ("with a card of {names}", "по карте партнёра {names}", "บัตรของ {names}"),
    "offered": ("only goods of that offer", "только товары из предложения", "เฉพาะสินค้าในข้อเสนอ"),
    "counter_from": ("{counter} {least} or more", "{counter} от {least}", "{counter} ตั้งแต่ {least}"),
    "counter_under": ("{counter} below {below}", "{counter} меньше {below}", "{counter} ต่ำกว่า {below}"),
    "counts": ("counts in {counter}", "учитывается: {counter}", "นับใน {counter}"),
    "limit_discount": (
        "at most {most} {period} ({counter})",
        "не больше {most} {period} ({counter})",
        "ไม่เกิน {most} {period} ({counter})",
    ),
    "limit_uses": (
        "times a customer may have it: {most} {period} ({counter})",
        "число применений: {most} {period} ({counter})",
        "ใช้ได้ {most} ครั้ง {period} ({counter})",
    ),
    "a_day": ("a day", "в день", "ต่อวัน"),
    "a_week": ("a week", "в неделю", "ต่อสัปดาห์"),
    "a_month": ("a month", "в месяц", "ต่อเดือน"),
    "a_year": ("a year", "в год", "ต่อปี"),
    "in_all": ("in all", "всего", "ทั้งหมด"),
    "referral": (
        "for customers whom a friend brought, on purchase no. {number}",
        "приглашённым покупателям, в покупку № {number}",
        "ลูกค้าที่เพื่อนแนะนำ การซื้อครั้งที่ {number}",
    ),
    "referral_own": ("{points} {unit}", "{points} {unit}", "{points} {unit}"),
    "referral_friend": (
        "{points} {unit} for the friend",
        "{points} {unit} пригласившему",
        "{points} {unit} ให้ผู้แนะนำ",
    ),
    "donate": (
        "{unit} can be given to {fund}, when asked for",
        "{unit} можно передать по желанию: {fund}",
        "บริจาค {unit} ให้ {fund} ได้เมื่อลูกค้าต้องการ",
    ),
    "donate_most": ("at most {most} a receipt", "не больше {most} за чек", "ไม่เกิน {most} ต่อบิล"),
    "service": ("a service: {gift}, {count}", "услуга: {gift}, {count} шт.", "บริการ {gift} {count} ครั้ง"),
    "ticket": ("a ticket: {gift}, {count}", "билет: {gift}, {count} шт.", "บัตรเข้าร่วม {gift} {count} ใบ"),
}

_PERIODS: Final = {
    Period.DAY: "a_day",
    Period.WEEK: "a_week",
    Period.MONTH: "a_month",
    Period.YEAR: "a_year",
    Period.EVER: "in_all",
}


def personal_parts(say: Say, file: ProgrammeFile, rule: Rule) -> list[str]:
    """Whose the rule is, what must have been gathered, and how much of it one customer may have."""
    when = rule.when
    parts: list[str] = []
    if when.partners:
        names = [file.partners[name].title or name for name in when.partners]
        parts.append(say("partners", names=", ".join(names)))
    if when.offers:
        parts.append(say("offers", names=", ".join(file.offers[name].title or name for name in when.offers)))
    if rule.lines.offered:
        parts.append(say("offered"))
    for one in when.counters:
        title = file.counters[one.counter].title or one.counter
        if one.start is not None:
            parts.append(say("counter_from", counter=title, least=_value(file, one.counter, one.start)))
        if one.below is not None:
            parts.append(say("counter_under", counter=title, below=_value(file, one.counter, one.below)))
    return parts + _limit(say, file, rule)


def _limit(say: Say, file: ProgrammeFile, rule: Rule) -> list[str]:
    limit = rule.limit
    if limit is None:
        return []
    counter = file.counters[limit.counter]
    title = counter.title or limit.counter
    if limit.most is None:
        return [say("counts", counter=title)]
    phrase = "limit_discount" if counter.of is CounterOf.DISCOUNT else "limit_uses"
    period = say(_PERIODS[counter.period])
    return [say(phrase, most=_value(file, limit.counter, limit.most), period=period, counter=title)]


def _value(file: ProgrammeFile, counter: str, written: Quantity) -> Money | Quantity:
    return Money.of(str(written), file.currency) if file.counters[counter].of in IN_MONEY else written


def referral_parts(say: Say, rule: Referral, own: str, friend: str) -> list[str]:
    """Who gets how many; `own` and `friend` are what so many points are called."""
    parts = [say("referral", number=rule.purchase)]
    if rule.points is not None:
        parts.append(say("referral_own", points=rule.points, unit=own))
    if rule.friend_points is not None:
        parts.append(say("referral_friend", points=rule.friend_points, unit=friend))
    return parts


def donation_parts(say: Say, rule: DonatePoints, unit: str) -> list[str]:
    """To whom, and how many at once."""
    parts = [say("donate", unit=unit, fund=rule.fund)]
    parts += [say("step", step=rule.step)] if rule.step is not None else []
    parts += [say("least", least=rule.least)] if rule.least is not None else []
    return parts + ([say("donate_most", most=rule.most)] if rule.most is not None else [])
