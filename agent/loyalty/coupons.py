"""Which of the presented and held coupons count on this receipt, and which of them a rule has used; verifies nothing.

A coupon is found by what the caller says of it (a signature that was checked, uses that are known), else among those
the customer holds, else among the public codes of the programme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from agent.loyalty.model import Coupon
from agent.loyalty.rules import Rule
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.customer import CouponFact
from drivers.vocabulary.decision import CouponUsed

__all__ = ["COUPONS_RULE", "CouponBook", "coupons_used", "read_coupons"]

COUPONS_RULE: Final = "coupons"  # the "rule" that explanations about coupons themselves name
CODE_SHOWN_MAX: Final = 24  # a signed code fills a screen; its beginning is enough to find the slip

# Why whoever checked a coupon would not have it; another word from there is an unknown coupon.
_FORGED = Rejection("coupon_forged")
_UNREADABLE = Rejection("coupon_unreadable")
_UNVERIFIED = Rejection("coupon_unverified")
_OFFLINE = Rejection("coupon_offline")
_ELSEWHERE = Rejection("coupon_elsewhere")
_PROMISED = Rejection("coupon_promised")
_ALL: Final = (_FORGED, _UNREADABLE, _UNVERIFIED, _OFFLINE, _ELSEWHERE, _PROMISED)
_REFUSALS: Final = {why.code: why for why in _ALL}


@dataclass(frozen=True, slots=True)
class _Kind:
    id: str
    title: str
    date_from: date | None
    date_until: date | None
    uses: int | None
    unasked: bool
    back_on_return: bool | None


@dataclass(frozen=True, slots=True)
class CouponBook:
    """The coupons of a programme; `codes` are the public ones, `gates` the rules that want a coupon."""

    kinds: Mapping[str, _Kind]
    codes: Mapping[str, str]
    gates: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, coupons: Mapping[str, Coupon], rules: Sequence[Rule]) -> CouponBook:
        """Made once per programme."""
        kinds = {
            name: _Kind(
                name,
                one.title or name,
                one.date_from,
                one.date_until,
                one.uses,
                unasked=one.unasked,
                back_on_return=one.back_on_return,
            )
            for name, one in coupons.items()
        }
        codes = {code: name for name, one in coupons.items() for code in one.codes}
        return cls(kinds, codes, tuple((rule.id, rule.when.coupons) for rule in rules if rule.when.coupons))


def read_coupons(sale: Sale, book: CouponBook, presented: Sequence[str], known: Mapping[str, CouponFact]) -> None:
    """Fill `sale.coupons` with those that count, one of a kind, and `sale.coupons_refused` with why others do not."""
    held = sale.customer.coupons if sale.customer is not None else ()
    for text in dict.fromkeys(presented):
        fact = known.get(text) or next((one for one in held if one.code == text), None)
        if fact is None and text in book.codes:
            fact = CouponFact(code=text, coupon=book.codes[text])
        why = _enter(sale, book, fact, text)
        if why is not None:
            sale.rejected(COUPONS_RULE, why)
    for fact in held:
        kind = book.kinds.get(fact.coupon)
        if kind is not None and kind.unasked and fact.coupon not in sale.coupons:
            _enter(sale, book, fact, fact.code)


def _enter(sale: Sale, book: CouponBook, fact: CouponFact | None, text: str) -> Rejection | None:
    """Let a coupon count, or say why it does not."""
    if fact is not None and fact.refused in _REFUSALS:
        return _REFUSALS[fact.refused]
    kind = book.kinds.get(fact.coupon) if fact is not None else None
    if fact is None or kind is None or fact.refused:
        return Rejection("coupon_unknown", {"coupon": text[:CODE_SHOWN_MAX]})
    if kind.id in sale.coupons:
        return Rejection("coupon_one_of_a_kind", {"coupon": kind.title})
    why = _state(sale, kind, fact)
    if why is None:
        sale.coupons[kind.id] = fact
        sale.coupons_refused.pop(kind.id, None)
    else:
        sale.coupons_refused.setdefault(kind.id, why)
    return why


def _state(sale: Sale, kind: _Kind, fact: CouponFact) -> Rejection | None:
    """Not yet, expired, used up; None when it is good."""
    if fact.valid_from is not None and sale.instant < fact.valid_from:
        return Rejection("coupon_not_yet", {"coupon": kind.title, "from": fact.valid_from.date().isoformat()})
    if kind.date_from is not None and sale.day < kind.date_from:
        return Rejection("coupon_not_yet", {"coupon": kind.title, "from": kind.date_from.isoformat()})
    if fact.valid_until is not None and sale.instant >= fact.valid_until:
        return Rejection("coupon_expired", {"coupon": kind.title, "until": fact.valid_until.date().isoformat()})
    if kind.date_until is not None and sale.day > kind.date_until:
        return Rejection("coupon_expired", {"coupon": kind.title, "until": kind.date_until.isoformat()})
    most = fact.uses if fact.uses is not None else kind.uses
    if most is not None and fact.used >= most:
        used_on = fact.used_at.date().isoformat() if fact.used_at is not None else "-"
        return Rejection("coupon_used", {"coupon": kind.title, "on": used_on})
    return None


def coupons_used(sale: Sale, book: CouponBook) -> list[CouponUsed]:
    """The coupons whose rules had an effect; one that opened nothing is said to be still good."""
    if not sale.coupons:
        return []
    applied = {one.rule for one in sale.explanations if one.applied}
    rules: dict[str, list[str]] = {name: [] for name in sale.coupons}
    for rule, names in book.gates:
        opener = next((name for name in names if name in sale.coupons), None)
        if rule in applied and opener is not None:
            rules[opener].append(rule)
    used: list[CouponUsed] = []
    for name, fact in sale.coupons.items():
        if rules[name]:
            most = fact.uses if fact.uses is not None else book.kinds[name].uses
            back = book.kinds[name].back_on_return
            used.append(
                CouponUsed(
                    code=fact.code,
                    coupon=name,
                    rules=tuple(rules[name]),
                    uses=most,
                    back_on_return=most == 1 if back is None else back,
                )
            )
        elif not book.kinds[name].unasked:
            sale.rejected(COUPONS_RULE, Rejection("coupon_not_used", {"coupon": book.kinds[name].title}))
    return used
