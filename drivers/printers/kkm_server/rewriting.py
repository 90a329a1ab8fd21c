"""A decision carried into a RegisterCheck before it goes to the server: amounts, payments, text lines; pure.

KKM-Server states a position's discount itself: ``Price`` stays, ``Amount`` is what remains. It has to be an amount that
a price in whole kopecks reaches, or registers refuse it; so a position that none fits becomes two
(`drivers.ffd.pieces`), and one that cannot be split gets some kopecks less off. Which tenders may be touched is the
policy's matter (`drivers.vocabulary.inside`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.ffd.pieces import Piece, pieces_of
from drivers.json_amounts import amount_of, number_of
from drivers.vocabulary.inside import (
    InsideOffer,
    InsidePolicy,
    Untouched,
    WhatTillBelieves,
    payments_left,
    why_untouched,
)
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import Tender, TenderKind

from .commands import Command
from .positions import TENDERS, Sums, read_sums

LINES_MAX: Final = 60
_CHANGING: Final = frozenset({TenderKind.CASH, TenderKind.CARD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a command.

    Attributes:
        command: what to send; the POS's own when nothing is to be done.
        said: the receipt in numbers as the POS has it; None when it could not be read.
        off: minor units taken off each line, by its number.
        untouched: why the sums stayed, None when the discount was taken off.
    """

    command: Command
    said: Sums | None = None
    off: dict[int, int] = field(default_factory=dict)
    untouched: Untouched | None = None

    def believed(self, currency: str) -> WhatTillBelieves | None:
        """What the POS takes the receipt for, when it is another one now."""
        if self.said is None or self.untouched is not None:
            return None
        return WhatTillBelieves(
            total=Money(self.said.total, currency),
            tenders=tuple(
                Tender(kind=TENDERS[name], amount=Money(minor, currency), name=name)
                for name, minor in self.said.payments.items()
            ),
            off_minor=sum(self.off.values()),
        )


def rewrite(command: Command, offer: InsideOffer, policy: InsidePolicy) -> Outcome:
    """Carry an offer into a sale; the given command is never changed.

    Args:
        command: as the POS posted it.
        offer: minor units off by line, and the text lines for either case.
        policy: of this till; OFF touches nothing, ADVISE adds the text lines only.
    """
    if policy is InsidePolicy.OFF:
        return Outcome(command=command, untouched=Untouched.POLICY)
    with_words = _with_texts(command, offer.lines_untouched)
    try:
        sums = read_sums(command)
        replaced = _replaced(sums, offer)
    except ValueError:
        return Outcome(command=with_words, untouched=Untouched.DEVICE)
    off = {number: sums.positions[number - 1].amount - sum(one.amount for one in pieces)
           for number, pieces in replaced.items()}  # fmt: skip
    off = {number: minor for number, minor in off.items() if minor > 0}
    untouched = _why(sums, off, policy)
    if untouched is not None:
        return Outcome(command=with_words, said=sums, untouched=untouched)
    changed = _with_sums(_with_texts(command, offer.lines), sums, replaced, off)
    after = read_sums(changed)
    without_cash = sum(minor for name, minor in after.payments.items() if TENDERS[name] is not TenderKind.CASH)
    if after.paid < after.total or without_cash > after.total:
        return Outcome(command=with_words, said=sums, untouched=Untouched.DEVICE)
    return Outcome(command=changed, said=sums, off=off)


def _why(sums: Sums, off: dict[int, int], policy: InsidePolicy) -> Untouched | None:
    taken = sum(off.values())
    if any(not sums.positions[number - 1].is_full for number in off):
        return Untouched.STORED_VALUE  # an advance or a credit stays as it is
    if off and (sums.paid < sums.total or taken >= sums.total):
        return Untouched.DEVICE
    # Rubles: why_untouched counts minor units and no currency. What is neither cash nor card stays as it is.
    tenders = tuple(
        Tender(kind=TENDERS[name] if TENDERS[name] in _CHANGING else TenderKind.CREDIT, amount=Money(minor, "RUB"))
        for name, minor in sums.payments.items()
    )
    return why_untouched(policy, tenders, total_minor=sums.total, off_minor=taken)


def _replaced(sums: Sums, offer: InsideOffer) -> dict[int, tuple[Piece, ...]]:
    """What each line with a discount becomes; raises ValueError for an offer that does not fit the receipt."""
    replaced = {}
    for number, off in offer.off.items():
        if not off:
            continue
        if not 1 <= number <= len(sums.positions):
            raise ValueError(f"the receipt has no line {number}")
        position = sums.positions[number - 1]
        if not 0 < off <= position.amount:
            raise ValueError(f"line {number} costs {position.amount} minor units, {off} cannot be taken off")
        replaced[number] = pieces_of(position.quantity, position.amount - off, may_split=not position.is_marked)
    return replaced


def _with_sums(command: Command, sums: Sums, replaced: dict[int, tuple[Piece, ...]], off: dict[int, int]) -> Command:
    by_place = {sums.positions[number - 1].place: replaced[number] for number in off}
    strings: list[Any] = []
    for place, one in enumerate(command["CheckStrings"]):
        if place not in by_place:
            strings.append(one)
            continue
        strings += [
            {**one, "Register": {**one["Register"], "Quantity": number_of(piece.quantity),
                                 "Amount": amount_of(piece.amount)}}
            for piece in by_place[place]
        ]  # fmt: skip
    return {**command, "CheckStrings": strings, **_payments(sums, sum(off.values()))}


def _payments(sums: Sums, taken: int) -> dict[str, Any]:
    """The payments after the discount, as the command writes them."""
    names = list(TENDERS)
    left = payments_left(
        {place: sums.payments.get(name, 0) for place, name in enumerate(names)},
        cash=names.index("Cash"),
        fixed=frozenset(place for place, name in enumerate(names) if TENDERS[name] not in _CHANGING),
        total=sums.total,
        off=taken,
    )
    return {name: amount_of(left[place]) for place, name in enumerate(names) if name in sums.payments}


def _with_texts(command: Command, lines: Sequence[str]) -> Command:
    strings = command.get("CheckStrings")
    if not lines or not isinstance(strings, list):
        return command
    return {**command, "CheckStrings": [*strings, *({"PrintText": {"Text": line}} for line in lines[:LINES_MAX])]}
