"""A decision carried into a fiscal receipt that is still open: the offer, the policy, what the till believes.

A till that asks nobody closes its receipt by itself. Between its last line and its payment an in-line driver may take
the loyalty discount off, print the loyalty lines, and let the payment go on; the till goes on believing its own sums.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import ReceiptUid, Tender, TenderKind

__all__ = ["InsideOffer", "InsidePolicy", "Untouched", "WhatTillBelieves", "payments_left", "why_untouched"]


class InsidePolicy(Enum):
    """What an in-line driver may do with a receipt that is open.

    Attributes:
        OFF: nothing; every byte passes at once.
        ADVISE: the sums stay; the loyalty lines are printed inside the receipt.
        CASH_ONLY: also takes the discount off when the cash in the receipt covers it; what a card paid stays.
        ALWAYS: also when a card paid: the cashier must charge the card with the lower sum.
    """

    OFF = "off"
    ADVISE = "advise"
    CASH_ONLY = "cash_only"
    ALWAYS = "always"


class Untouched(Enum):
    """Why the sums of a receipt stayed as the till had them."""

    POLICY = "policy"  # advise
    ELECTRONIC = "electronic_tender"  # the card may have been charged already
    STORED_VALUE = "stored_value_tender"  # an advance, a credit, a certificate
    NOTHING = "nothing_off"
    DEVICE = "device_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideOffer:
    """What the agent decided on an open receipt.

    Attributes:
        quoted: uid under which the agent keeps the quote; the document that ends names it again.
        off: minor units to take off each line, by its number; empty when nothing is.
        lines: the loyalty lines when the discount is applied, laid out for the paper.
        lines_untouched: those for a receipt whose sums stay.
    """

    quoted: ReceiptUid
    off: dict[int, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    lines_untouched: tuple[str, ...] = ()

    @property
    def off_total(self) -> int:
        """Minor units off the whole receipt."""
        return sum(self.off.values())


class WhatTillBelieves(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The till's side of a receipt that was fiscalised otherwise.

    Attributes:
        total: what the till reckons the receipt came to.
        tenders: as the till sent them.
        off_minor: what was taken off behind its back, by a discount of ours.
    """

    total: Money
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=100)] = ()
    off_minor: int = 0


_ELECTRONIC = frozenset({TenderKind.CARD, TenderKind.OTHER})


def why_untouched(
    policy: InsidePolicy, tenders: tuple[Tender, ...], *, total_minor: int, off_minor: int
) -> Untouched | None:
    """Why this receipt's sums must stay, or None when the discount may be taken off.

    Args:
        policy: of this till.
        tenders: as the till is about to pay.
        total_minor: before the discount.
        off_minor: the discount.
    """
    if off_minor <= 0:
        return Untouched.NOTHING
    if policy in (InsidePolicy.OFF, InsidePolicy.ADVISE):
        return Untouched.POLICY
    fixed = sum(one.amount.minor for one in tenders if one.kind is not TenderKind.CASH and one.kind not in _ELECTRONIC)
    electronic = sum(one.amount.minor for one in tenders if one.kind in _ELECTRONIC)
    cash = sum(one.amount.minor for one in tenders if one.kind is TenderKind.CASH)
    left = total_minor - off_minor
    has_change = fixed + electronic + cash > total_minor
    if fixed > left:
        return Untouched.STORED_VALUE
    stays = fixed + electronic <= left if has_change else cash >= off_minor
    return Untouched.ELECTRONIC if not stays and policy is InsidePolicy.CASH_ONLY else None


def payments_left(
    payments: dict[int, int], *, cash: int, fixed: frozenset[int], total: int, off: int
) -> dict[int, int]:
    """The sums of each way of paying after the discount, by the till's own numbers.

    Cash that was more than the total is what lay on the table: it stays, and the change grows. Cash that just made up
    the total was entered without counting, so it becomes what is left to pay; so do cards.

    Args:
        payments: minor units by number, as the till sent them.
        cash: the number of cash.
        fixed: numbers whose sums may not change: points, advances.
        total: before the discount.
        off: the discount, not more than `total`.
    """
    left = dict(payments)
    has_change = sum(payments.values()) > total
    over = off
    if has_change:
        over = max(0, sum(minor for number, minor in left.items() if number != cash) - (total - off))
    for number in sorted(left, key=lambda one: (one != cash, one)):
        if number in fixed or (has_change and number == cash):
            continue
        part = min(over, left[number])
        left[number] -= part
        over -= part
    return left
