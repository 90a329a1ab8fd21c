"""Gates that look at the customer's calendar and history and at how the sale is made; each is one closure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final

from agent.loyalty.parts import Birthday, LeapDay, Membership, When
from agent.loyalty.sale import Rejection, Sale

__all__ = ["COUPON_TITLE", "occasion_checks"]

COUPON_TITLE: Final = "coupon "  # no tier has such a name: an id holds no space

#: None when the rule may act.
Check = Callable[[Sale], Rejection | None]

_LEAP: Final = "02-29"

_NO_CUSTOMER = Rejection("no_customer")
_BIRTHDAY_UNKNOWN = Rejection("birthday_unknown")
_PURCHASES_UNKNOWN = Rejection("purchases_unknown")
_NO_MEMBERSHIP = Rejection("no_membership")


def occasion_checks(when: When, titles: Mapping[str, str]) -> list[Check]:
    """The checks a gate writes of these, the cheapest first; a coupon is titled under COUPON_TITLE and its name."""
    checks: list[Check] = []
    if when.coupons:
        checks.append(_coupons(when.coupons, titles))
    if when.channels:
        checks.append(_channels(when.channels))
    if when.tenders:
        checks.append(_tenders(when))
    if when.staff:
        not_staff = Rejection("only_staff")
        checks.append(lambda sale: None if sale.customer is not None and sale.customer.staff else not_staff)
    if when.membership is not None:
        checks.append(_active_member if when.membership is Membership.ACTIVE else _no_member)
    if when.purchase_number is not None:
        checks.append(_purchase_number(when.purchase_number))
    if when.purchase_every is not None:
        checks.append(_purchase_every(when.purchase_every))
    if when.birthday is not None:
        checks.append(_birthday(when.birthday))
    return checks


def _coupons(names: tuple[str, ...], titles: Mapping[str, str]) -> Check:
    """One of them counts; of those that were shown and do not, the first says why."""
    shown = ", ".join(titles.get(COUPON_TITLE + name, name) for name in names)
    why = Rejection("coupon_not_presented", {"coupon": shown})

    def check(sale: Sale) -> Rejection | None:
        if any(name in sale.coupons for name in names):
            return None
        return next((sale.coupons_refused[name] for name in names if name in sale.coupons_refused), why)

    return check


def _channels(channels: tuple[str, ...]) -> Check:
    known = frozenset(channels)
    why = Rejection("not_this_channel", {"channels": ", ".join(sorted(known))})
    return lambda sale: None if sale.channel in known else why


def _tenders(when: When) -> Check:
    """Every tender in money is of a named kind; before anybody has said how it will be paid, nothing is promised."""
    wanted = frozenset(when.tenders)
    values = {"tenders": ", ".join(kind.value for kind in when.tenders)}
    unknown, other = Rejection("tender_unknown", values), Rejection("not_this_tender", values)

    def check(sale: Sale) -> Rejection | None:
        if not sale.tenders:
            return unknown
        return None if sale.tenders <= wanted else other

    return check


def _active_member(sale: Sale) -> Rejection | None:
    """The paid membership runs; at the very moment it ends it is over."""
    if sale.customer is None:
        return _NO_CUSTOMER
    until = sale.customer.membership_until
    if until is None:
        return _NO_MEMBERSHIP
    return None if sale.instant < until else Rejection("membership_over", {"until": until.date().isoformat()})


def _no_member(sale: Sale) -> Rejection | None:
    if sale.customer is None:
        return _NO_CUSTOMER
    until = sale.customer.membership_until
    return Rejection("member_already") if until is not None and sale.instant < until else None


def _purchase_number(number: int) -> Check:
    def check(sale: Sale) -> Rejection | None:
        now = _this_purchase(sale)
        if not isinstance(now, int):
            return now
        return None if now == number else Rejection("other_purchase", {"number": str(number), "now": str(now)})

    return check


def _purchase_every(every: int) -> Check:
    def check(sale: Sale) -> Rejection | None:
        now = _this_purchase(sale)
        if not isinstance(now, int):
            return now
        left = -now % every
        return Rejection("every_nth_purchase", {"every": str(every), "left": str(left)}) if left else None

    return check


def _this_purchase(sale: Sale) -> int | Rejection:
    """Which purchase of the customer this one is, from 1."""
    if sale.customer is None:
        return _NO_CUSTOMER
    before = sale.customer.purchases
    return _PURCHASES_UNKNOWN if before is None else before + 1


def _birthday(window: Birthday) -> Check:
    """The window may reach over new year, so the birthdays of last year and next year count too."""
    before, after = timedelta(days=window.days_before), timedelta(days=window.days_after)
    # The explanation names the window, never the day: a birthday is not for the screen.
    why = Rejection("not_birthday", {"before": str(window.days_before), "after": str(window.days_after)})

    def check(sale: Sale) -> Rejection | None:
        if sale.customer is None:
            return _NO_CUSTOMER
        today = sale.day
        known = False
        for year in (today.year - 1, today.year, today.year + 1):
            day = _birthday_in(year, sale.customer.birthday, window.leap_day)
            if day is None:
                continue
            known = True
            # Differences, not sums: a sum may leave the calendar.
            if -before <= today - day <= after:
                return None
        return why if known else _BIRTHDAY_UNKNOWN

    return check


def _birthday_in(year: int, birthday: str, leap_day: LeapDay) -> date | None:
    """The day it falls on in a year; one of 29 February moves in common years; None for no day at all."""
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    text = leap_day.value if birthday == _LEAP and not is_leap else birthday
    try:
        month, _, day = text.partition("-")
        return date(year, int(month), int(day))
    except ValueError:
        return None
