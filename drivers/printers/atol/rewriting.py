"""A decision carried into a receipt task before it goes to the device: positions, payments, text lines; pure.

`rewrite` gives the task to send in place of the till's, what the till said and what will be fiscalised, and each
difference between the two; or it leaves the sums alone and says why. Which tenders may be touched is the policy's
matter (`drivers.vocabulary.inside`); this file knows the arithmetic of the device:

* price × quantity is the amount of a position, a kopeck either way is legal; unit prices are whole kopecks;
* payments cover the total, and those without cash do not exceed it;
* a total below the sum of the positions is the till's rounding; it stays what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.ffd.pieces import Piece, pieces_of
from drivers.json_amounts import amount_of, number_of, read_json, write_json
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

from .positions import Payment, Position, Sums, read_sums
from .tasks import Task

LINES_MAX: Final = 60
_MARKS: Final = ("imcParams", "markingCode", "nomenclatureCode")
_IMPLICIT: Final = -1  # the place of the cash that a task without payments stands for


@dataclass(frozen=True, slots=True)
class Difference:
    """One number the till said and the other one that is fiscalised, in minor units."""

    what: str
    said: int
    fiscal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a task.

    Attributes:
        task: what to send to the device; the till's own, untouched, when nothing is to be done.
        off: minor units taken off each line, by its number; a line of weighed goods may get some kopecks less than
            was offered, because the price of one unit has whole kopecks.
        said: the receipt in numbers as the till has it; None when it could not be read.
        fiscal: the same as it will be fiscalised.
        untouched: why the sums stayed, None when the discount was taken off.
        reason: the same in words, "" for none.
        differences: between `said` and `fiscal`, in the order of the receipt.
    """

    task: Task
    off: dict[int, int] = field(default_factory=dict)
    said: Sums | None = None
    fiscal: Sums | None = None
    untouched: Untouched | None = None
    reason: str = ""
    differences: tuple[Difference, ...] = ()

    def believed(self, currency: str) -> WhatTillBelieves | None:
        """What the till takes the receipt for, when it is another one now."""
        if self.said is None or self.untouched is not None:
            return None
        return WhatTillBelieves(
            total=Money(self.said.total, currency),
            tenders=tuple(
                Tender(kind=payment.kind, amount=Money(payment.minor, currency), name=payment.name)
                for payment in self.said.payments
            ),
            off_minor=sum(self.off.values()),
        )


_SENTENCES: Final = {
    Untouched.POLICY: "the policy of this till leaves the sums alone",
    Untouched.ELECTRONIC: "the cash in this receipt does not cover the discount, and a card may have been charged",
    Untouched.STORED_VALUE: "an advance, a credit or another fixed payment would be more than what is left to pay",
    Untouched.NOTHING: "nothing is taken off",
    Untouched.DEVICE: "the device would refuse it",
}


def rewrite(task: Task, offer: InsideOffer, policy: InsidePolicy, *, before: Sequence[str] = ()) -> Outcome:
    """Carry an offer into a task; the given task is never changed.

    Args:
        task: as the till posted it.
        offer: minor units off by line, and the text lines for either case.
        policy: of this till; OFF touches nothing, ADVISE adds the text lines only.
        before: text lines to print above the receipt.
    """
    if policy is InsidePolicy.OFF or task.get("type") != "sell":
        return _left(task, Untouched.POLICY, "only sales are touched" if task.get("type") != "sell" else "")
    with_words = _with_texts(task, before, offer.lines_untouched)
    try:
        sums = read_sums(task)
        replaced = _replaced(task, sums, offer)
    except ValueError as error:
        return _left(with_words, Untouched.DEVICE, str(error))
    off = {number: _taken(sums, number, pieces) for number, pieces in replaced.items()}
    off = {number: minor for number, minor in off.items() if minor}
    taken = sum(off.values())
    untouched, reason = _why(sums, off, policy)
    if untouched is not None:
        return _left(with_words, untouched, reason, said=sums)
    payments = _payments(sums, taken)
    fiscal = _with_sums(_with_texts(task, before, offer.lines), sums, replaced, payments, taken)
    after = read_sums(fiscal)
    without_cash = sum(payment.minor for payment in after.payments if payment.kind is not TenderKind.CASH)
    if after.paid < after.total or without_cash > after.total:
        return _left(with_words, Untouched.DEVICE, "the payments cannot be made to fit", said=sums)
    differences = _differences(sums, off, payments, total=sums.total - taken)
    return Outcome(task=fiscal, off=off, said=sums, fiscal=after, differences=differences)


def rewrite_body(body: bytes, offer: InsideOffer, policy: InsidePolicy) -> tuple[bytes, Outcome | None]:
    """Do the same in a posted request; its other tasks and its uuid stay.

    None, and the body as it came, when it holds no sale or more than one.
    """
    try:
        value = read_json(body)
    except ValueError:
        return body, None
    request = value.get("request") if isinstance(value, dict) else None
    tasks: list[Any] = request if isinstance(request, list) else [request]
    places = [place for place, one in enumerate(tasks) if isinstance(one, dict) and one.get("type") == "sell"]
    if len(places) != 1:
        return body, None
    outcome = rewrite(tasks[places[0]], offer, policy)
    if outcome.task is tasks[places[0]]:
        return body, outcome
    if isinstance(request, list):
        changed: Any = [*request[: places[0]], outcome.task, *request[places[0] + 1 :]]
    else:
        changed = outcome.task
    return write_json({**value, "request": changed}), outcome


# ── Whether ─────────────────────────────────────────────────────────────────────────────────────


def _left(task: Task, untouched: Untouched, reason: str = "", *, said: Sums | None = None) -> Outcome:
    words = reason or _SENTENCES[untouched]
    return Outcome(task=task, untouched=untouched, reason=words, said=said, fiscal=said)


def _why(sums: Sums, off: dict[int, int], policy: InsidePolicy) -> tuple[Untouched | None, str]:
    taken = sum(off.values())
    odd = next((number for number in off if not sums.positions[number - 1].is_full), 0)
    if odd:
        return Untouched.STORED_VALUE, f"line {odd} is not paid in full and now: an advance or a credit stays as it is"
    if sums.paid < sums.total:
        return Untouched.DEVICE, f"payments of {sums.paid} minor units do not cover the total of {sums.total}"
    if not 0 <= sums.amount - sums.total < 100:
        return Untouched.DEVICE, f"a total of {sums.total} is no rounding of positions worth {sums.amount}"
    if taken >= sums.total:
        return Untouched.DEVICE, "nothing would be left to pay"
    # Rubles: why_untouched counts minor units and no currency.
    tenders = tuple(Tender(kind=_kind(one), amount=Money(one.minor, "RUB")) for one in sums.payments)
    return why_untouched(policy, tenders, total_minor=sums.total, off_minor=taken), ""


def _kind(payment: Payment) -> TenderKind:
    """Cash and cards as they are; what else there is stays as it is."""
    return payment.kind if payment.kind in (TenderKind.CASH, TenderKind.CARD) else TenderKind.CREDIT


# ── Positions ───────────────────────────────────────────────────────────────────────────────────


def _replaced(task: Task, sums: Sums, offer: InsideOffer) -> dict[int, tuple[Piece, ...]]:
    """What each line with a discount becomes; raises ValueError for an offer that does not fit the receipt."""
    replaced: dict[int, tuple[Piece, ...]] = {}
    for number, off in offer.off.items():
        if not off:
            continue
        if not 1 <= number <= len(sums.positions):
            raise ValueError(f"the receipt has no line {number}")
        position = sums.positions[number - 1]
        if not 0 < off <= position.amount:
            raise ValueError(f"line {number} costs {position.amount} minor units, {off} cannot be taken off")
        item = task["items"][position.place]
        replaced[number] = pieces_of(
            position.quantity, position.amount - off, may_split=not any(item.get(mark) for mark in _MARKS)
        )
    return replaced


def _taken(sums: Sums, number: int, pieces: Sequence[Piece]) -> int:
    # Never more than was on the line: a price that had to be rounded up may take nothing at all.
    return max(0, sums.positions[number - 1].amount - sum(piece.amount for piece in pieces))


def _with_sums(
    task: Task, sums: Sums, replaced: dict[int, tuple[Piece, ...]], payments: dict[int, int], taken: int
) -> Task:
    by_place = {sums.positions[number - 1].place: (number, pieces) for number, pieces in replaced.items()}
    items: list[Any] = []
    for place, item in enumerate(task["items"]):
        number, pieces = by_place.get(place, (0, ()))
        if not number or not _taken(sums, number, pieces):
            items.append(item)
            continue
        items += _items(item, sums.positions[number - 1], pieces)
    changed = {**task, "items": items}
    changed.pop("taxes", None)  # worked out from sums that are no more: the device does it by itself
    if sums.has_total:
        changed["total"] = amount_of(sums.total - taken)
    if _IMPLICIT not in payments:
        rows = [
            {**row, "sum": amount_of(payments[place])}
            for place, row in enumerate(task["payments"])
            if payments[place] or not sums.payments[place].minor
        ]
        changed["payments"] = rows
    return changed


def _items(item: Task, position: Position, pieces: Sequence[Piece]) -> list[Task]:
    """The position as the pieces that make up its new amount."""
    left = position.off + position.amount - sum(piece.amount for piece in pieces)
    made = []
    for index, piece in enumerate(pieces):
        share = left if index == len(pieces) - 1 else left * piece.quantity.steps // position.quantity.steps
        left -= share
        row = {
            **item,
            "price": amount_of(piece.price),
            "quantity": number_of(piece.quantity),
            "amount": amount_of(piece.amount),
            "infoDiscountAmount": amount_of(share),
        }
        tax = row.get("tax")
        if isinstance(tax, dict) and "sum" in tax:
            row["tax"] = {key: value for key, value in tax.items() if key != "sum"}
        made.append(row)
    return made


# ── Payments ────────────────────────────────────────────────────────────────────────────────────


def _payments(sums: Sums, taken: int) -> dict[int, int]:
    """Sums by place after the discount."""
    before: dict[int, int] = {payment.place: 0 for payment in sums.payments}
    cash = next((payment.place for payment in sums.payments if payment.kind is TenderKind.CASH), -2)
    for payment in sums.payments:
        before[cash if payment.kind is TenderKind.CASH else payment.place] += payment.minor
    fixed = frozenset(one.place for one in sums.payments if one.kind not in (TenderKind.CASH, TenderKind.CARD))
    return payments_left(before, cash=cash, fixed=fixed, total=sums.total, off=taken)


# ── Text ────────────────────────────────────────────────────────────────────────────────────────


def _with_texts(task: Task, before: Sequence[str], after: Sequence[str]) -> Task:
    changed = task
    for key, lines in (("preItems", before), ("postItems", after)):
        if lines:
            present = changed.get(key)
            rows = [{"type": "text", "text": line, "alignment": "left"} for line in lines[:LINES_MAX]]
            changed = {**changed, key: [*(present if isinstance(present, list) else ()), *rows]}
    return changed


def _differences(sums: Sums, off: dict[int, int], payments: dict[int, int], *, total: int) -> tuple[Difference, ...]:
    found = [
        Difference(f"line {number}", sums.positions[number - 1].amount, sums.positions[number - 1].amount - minor)
        for number, minor in sorted(off.items())
    ]
    found.append(Difference("total", sums.total, total))
    for payment in sums.payments:
        left = payments[payment.place] if payment.place != _IMPLICIT else total
        if left != payment.minor:
            found.append(Difference(f"payment {payment.name}", payment.minor, left))
    paid = sum(payments.values()) if _IMPLICIT not in payments else total
    if paid - total != sums.change:
        found.append(Difference("change", sums.change, paid - total))
    return tuple(found)
