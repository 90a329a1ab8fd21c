"""The receipt as it is being sold, rebuilt from the commands a register has carried out; pure.

It is told only of commands whose answer was "done". When the answer to a close was lost, it waits for evidence: a
register that has no document open any more has closed it, one whose receipt is still open has not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from drivers.ffd.lines import fiscal_uid, make_line
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import WhatTillBelieves
from drivers.vocabulary.money import Money, Quantity, divide_half_up
from drivers.vocabulary.receipt import LINES_MAX, DocumentKind, Receipt, Tender, TenderKind

from .commands import COMPUTE, TEXT_SIZE, Answer
from .layout import CODEC, Value
from .status import Mode

RAW_SIZE_MAX: Final = 262_144  # kept of a receipt as evidence; the longest have some 50 KB
TEXT_LINES_MAX: Final = 2_000
CLOSES: Final = frozenset({"close_receipt", "close_receipt_16", "close_receipt_v2"})
_OPENS: Final = {0: 1, 1: 3, 2: 2, 3: 4}  # type of 8Dh → operation as FFD 1054 numbers it
_SALES: Final = {"sale": 1, "sale_return": 2, "purchase": 3, "purchase_return": 4}
_KINDS: Final = {1: DocumentKind.SALE, 2: DocumentKind.RETURN}
_TENDERS: Final = {
    1: TenderKind.CASH,
    14: TenderKind.PREPAID,
    15: TenderKind.CREDIT,
    16: TenderKind.OTHER,
}  # 2 to 13 are electronic
_RECEIPT_CLOSED: Final = 0x55


@dataclass(slots=True)
class _Position:
    name: str
    steps: int
    price: int
    total: int


@dataclass(slots=True)
class _Open:
    operation: int
    positions: list[_Position] = field(default_factory=list)
    adjustment: int = 0
    is_after_position: bool = False
    text: list[str] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)
    problems: list[str] = field(default_factory=list)
    unknown_close: dict[str, Value] | None = None
    uid: str = ""
    loyalty: int = 0
    quoted: str = ""
    believed: WhatTillBelieves | None = None

    @property
    def total(self) -> int:
        return sum(position.total for position in self.positions) + self.adjustment

    def due(self, values: dict[str, Value]) -> int:
        """What a close asks for: with its own discount in percent and its rounding."""
        percent = divide_half_up(self.total * _int(values, "percent"), 10_000)
        return self.total - _int(values, "rounding") - percent


class Basket:
    """One register's receipt in progress.

    Args:
        currency: of every amount.
        columns: of the paper, for whoever prints.
        new_uid: names a receipt whose fiscal number does not pass by; must never repeat.
    """

    def __init__(self, *, currency: str, columns: int, new_uid: Callable[[], str]) -> None:
        self._currency = currency
        self._columns = columns
        self._new_uid = new_uid
        self._open: _Open | None = None
        self._memory = ""

    @property
    def is_open(self) -> bool:
        """Whether a receipt with positions is in progress."""
        return self._open is not None and bool(self._open.positions)

    def done(self, answer: Answer, values: dict[str, Value], body: bytes) -> Document | None:
        """A request and its answer; the document when this ended one."""
        name = answer.command.name
        if answer.error:
            if name in CLOSES and answer.error == _RECEIPT_CLOSED:
                return self._settle_unknown()
            return None
        ended = self._evidence(name, answer)
        if name in CLOSES:
            return self._close(values, answer)
        self._carry_out(name, values, body)
        return ended

    def close_lost(self, values: dict[str, Value]) -> None:
        """The answer to a close never came; what became of it is seen from what follows."""
        if self._open is not None:
            self._open.unknown_close = values

    def abandon(self) -> Document | None:
        """The till is gone in the middle of a receipt: what was seen of it, without a receipt."""
        found, self._open = self._open, None
        if found is None or not found.positions:
            return None
        problem = "the till left while the receipt was open; the fiscal memory has it if it was closed"
        return self._document(DocumentKind.OTHER, found, problems=(*found.problems, problem))

    # ── before the close ────────────────────────────────────────────────────────────────────────

    @property
    def subtotal(self) -> int:
        """What the register must say when it is asked for the subtotal, minor units."""
        return self._open.total if self._open is not None else 0

    def due(self, values: dict[str, Value]) -> int:
        """What this close asks the customer for, minor units."""
        return self._open.due(values) if self._open is not None else 0

    def preview(self, values: dict[str, Value]) -> Document | None:
        """The receipt as the till is about to close it, without what we took off; None when it is no sale we know."""
        found = self._open
        if (
            found is None
            or not found.positions
            or found.problems
            or _KINDS.get(found.operation) is not DocumentKind.SALE
        ):
            return None
        found.uid = found.uid or self._new_uid()
        tenders = self.tenders(values)
        adjustment = found.due(values) - found.total + found.adjustment + found.loyalty
        change = sum(tender.amount.minor for tender in tenders) - found.due(values) - found.loyalty
        if change < 0:
            return None
        try:
            receipt = self._receipt(
                DocumentKind.SALE, found, tenders, adjustment=adjustment, change=change, answer=None
            )
        except ValueError:
            return None
        document = self._document(DocumentKind.SALE, found, receipt=receipt)
        return replace(document, columns=min(document.columns, TEXT_SIZE))

    def take_off_receipt(self, off: int) -> None:
        """The register took so much off the receipt for us, minor units."""
        if self._open is not None:
            self._open.adjustment -= off
            self._open.loyalty += off
            self._open.is_after_position = False

    def note_offer(self, quoted: str, believed: WhatTillBelieves | None) -> None:
        """Which quote this receipt carries, and what the till takes it for."""
        if self._open is not None:
            self._open.quoted, self._open.believed = quoted, believed

    # ── evidence ────────────────────────────────────────────────────────────────────────────────

    def _evidence(self, name: str, answer: Answer) -> Document | None:
        if name in ("memory_status", "memory_number"):
            self._memory = str(answer.values.get("memory", ""))
        found = self._open
        if found is None or found.unknown_close is None:
            return None
        if name in ("short_status", "full_status"):
            mode = answer.number("mode") & 0x0F
            if mode == Mode.DOCUMENT_OPEN:
                found.unknown_close = None
            elif mode != Mode.DATA_OUTPUT:
                return self._settle_unknown()
        elif name == "open_receipt":  # a register opens none while one is open
            return self._settle_unknown()
        return None

    def _settle_unknown(self) -> Document | None:
        found = self._open
        if found is None or found.unknown_close is None:
            return None
        return self._close(found.unknown_close, None)

    # ── commands ────────────────────────────────────────────────────────────────────────────────

    def _carry_out(self, name: str, values: dict[str, Value], body: bytes) -> None:
        if name == "open_receipt":
            self._open = _Open(_OPENS.get(_int(values, "type"), 0))
        elif name == "cancel_receipt":
            self._open = None
        elif name in _SALES:
            self._sell(_SALES[name], _classic(values))
        elif name == "item_v2":
            self._sell(_int(values, "type"), _item_v2(values))
        elif name == "item_discounts":
            position = _discounted(values)
            self._sell(_int(values, "type"), position)
            if self._open is not None:
                self._open.adjustment += _int(values, "surcharge")
        found = self._open
        if found is None:
            return
        if len(found.raw) + len(body) <= RAW_SIZE_MAX:
            found.raw += body
        self._change(found, name, values)
        text = values.get("text")
        if isinstance(text, str) and text and len(found.text) < TEXT_LINES_MAX:
            found.text.append(text)

    def _sell(self, operation: int, position: _Position) -> None:
        found = self._open = self._open or _Open(operation)
        if len(found.positions) >= LINES_MAX:
            found.problems.append(f"more than {LINES_MAX} positions")
            return
        found.positions.append(position)
        found.is_after_position = True

    def _change(self, found: _Open, name: str, values: dict[str, Value]) -> None:
        if name == "discount":
            self._take_off(found, _int(values, "sum"))
        elif name in ("surcharge", "discount_storno"):
            found.adjustment += _int(values, "sum")
        elif name == "surcharge_storno":
            found.adjustment -= _int(values, "sum")
        elif name == "receipt_discount":
            found.adjustment += _int(values, "surcharge") - _int(values, "discount")
        elif name == "subtotal":
            found.is_after_position = False
        elif name == "storno":
            self._take_back(found, _int(values, "quantity") * 1000, _int(values, "price"))

    def _take_off(self, found: _Open, sum_: int) -> None:
        last = found.positions[-1] if found.positions else None
        if found.is_after_position and last is not None and last.total >= sum_:
            last.total -= sum_
        else:
            found.adjustment -= sum_

    def _take_back(self, found: _Open, steps: int, price: int) -> None:
        for position in reversed(found.positions):
            if position.price == price and position.steps >= steps:
                position.steps -= steps
                position.total -= divide_half_up(price * steps, 1_000_000)
                found.positions = [kept for kept in found.positions if kept.steps]
                return
        found.problems.append("a position was taken back that was not seen")

    # ── the end ─────────────────────────────────────────────────────────────────────────────────

    def _close(self, values: dict[str, Value], answer: Answer | None) -> Document | None:
        found, self._open = self._open, None
        if found is None or not found.positions:
            return None  # its beginning passed before we were there
        total = found.due(values)
        adjustment = total - found.total + found.adjustment
        tenders = self.tenders(values)
        paid = sum(tender.amount.minor for tender in tenders)
        change = answer.number("change") if answer is not None else paid - total
        if found.operation not in _KINDS:
            problem = f"a purchase from the customer (operation {found.operation}): nothing was sold"
            return self._document(DocumentKind.OTHER, found, problems=(problem,))
        kind = _KINDS[found.operation]
        if found.problems or paid - change != total or total < 0:
            sums = f"positions make {total / 100:.2f}, paid less change is {(paid - change) / 100:.2f}"
            return self._document(kind, found, problems=(*found.problems, sums))
        try:
            receipt = self._receipt(kind, found, tenders, adjustment=adjustment, change=change, answer=answer)
        except ValueError as error:
            return self._document(kind, found, problems=(str(error),))
        return self._document(kind, found, receipt=receipt)

    def _receipt(
        self,
        kind: DocumentKind,
        found: _Open,
        tenders: tuple[Tender, ...],
        *,
        adjustment: int,
        change: int,
        answer: Answer | None,
    ) -> Receipt:
        total = sum(position.total for position in found.positions) + adjustment
        number = answer.number("document") if answer is not None else 0
        sign = answer.number("sign") if answer is not None else 0
        is_named = bool(self._memory and number and sign)
        lines = tuple(
            make_line(
                index, position.name, Quantity(position.steps), self.money(position.price), self.money(position.total)
            )
            for index, position in enumerate(found.positions, start=1)
        )
        return Receipt(
            uid=fiscal_uid(self._memory, number, sign) if is_named else found.uid or self._new_uid(),
            kind=kind,
            total=self.money(total),
            lines=lines,
            tenders=tenders,
            change=self.money(change) if change else None,
            adjustment=self.money(adjustment) if adjustment else None,
            number=str(number) if number else "",
        )

    def tenders(self, values: dict[str, Value]) -> tuple[Tender, ...]:
        """The ways of paying of a close."""
        return tuple(
            Tender(
                kind=_TENDERS.get(number, TenderKind.CARD), amount=self.money(_int(values, f"payment{number}"))
            )
            for number in range(1, 17)
            if _int(values, f"payment{number}")
        )  # fmt: skip

    def _document(
        self, kind: DocumentKind, found: _Open, *, receipt: Receipt | None = None, problems: tuple[str, ...] = ()
    ) -> Document:
        return Document(
            kind=kind,
            raw=bytes(found.raw),
            text=tuple(found.text),
            receipt=receipt,
            problems=problems,
            layout="shtrih" if receipt is not None else "",
            columns=self._columns,
            quoted=found.quoted,
            believed=found.believed,
        )

    def money(self, minor: int) -> Money:
        """So many minor units."""
        return Money(minor, self._currency)


# ── Requests as positions ───────────────────────────────────────────────────────────────────────


def _int(values: dict[str, Value], name: str) -> int:
    value = values.get(name, 0)
    return value if isinstance(value, int) else 0


def _text(values: dict[str, Value], name: str) -> str:
    value = values.get(name, b"")
    return value.split(b"\0", 1)[0].decode(CODEC, "replace") if isinstance(value, bytes) else str(value)


def _classic(values: dict[str, Value]) -> _Position:
    steps, price = _int(values, "quantity") * 1000, _int(values, "price")
    return _Position(_text(values, "text"), steps, price, divide_half_up(steps * price, 1_000_000))


def _item_v2(values: dict[str, Value]) -> _Position:
    steps, price, total = _int(values, "quantity"), _int(values, "price"), _int(values, "sum")
    if total == COMPUTE:
        total = divide_half_up(steps * price, 1_000_000)
    # A name that begins with // is not printed and goes into the fiscal memory all the same.
    return _Position(_text(values, "name").removeprefix("//"), steps, price, total)


def _discounted(values: dict[str, Value]) -> _Position:
    position = _classic(values)
    position.total -= _int(values, "discount")
    return position
