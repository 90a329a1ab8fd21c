"""The till inside the twin: an open receipt, the fiscal memory and journal, and the paper, by one row of the models.

It is told commands and answers data and troubles; frames and rudeness are the simulator's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.twins import Roll
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import TenderKind

from .commands import Effect, command_of
from .drafts import Draft
from .fields import Payment, bytes_of, number_of, read_opening, read_payment, read_sale, read_subtotal, text_of
from .journal import CLOSED_AT, ClosedReceipt, document_rows, journal_rows
from .models import Dialect, Model, PullBy
from .status import Trouble

DOCUMENTS_MAX: Final = 5_000  # a demo runs for days; the oldest is thrown away


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What came of a command: data of the answer, or what was wrong."""

    data: bytes = b""
    troubles: frozenset[Trouble] = frozenset()


NOT_NOW: Final = Carried(troubles=frozenset({Trouble.NOT_NOW, Trouble.ERROR}))
SYNTAX: Final = Carried(troubles=frozenset({Trouble.SYNTAX, Trouble.ERROR}))
UNKNOWN_COMMAND: Final = Carried(troubles=frozenset({Trouble.UNKNOWN_COMMAND, Trouble.ERROR}))


class FiscalTill:
    """Carries commands out one by one; what it printed is in `paper`, one tuple of lines for each piece."""

    def __init__(self, model: Model, *, currency: str) -> None:
        self._model = model
        self._currency = currency
        self.open: ClosedReceipt | None = None
        self.slip: list[str] | None = None
        self.journal: list[ClosedReceipt] = []
        self.paper: list[tuple[str, ...]] = []
        self.roll = Roll()
        self.is_shift_expired = False
        self.cuts = 0
        self.drawer_pulses = 0
        self._hanging: list[str] = []
        self._count = 0
        self._reading: list[str] = []

    @property
    def fiscal_count(self) -> int:
        """Receipts that are in the fiscal memory; a cancelled one is not."""
        return sum(not closed.is_cancelled for closed in self.journal)

    def carry_out(self, code: int, data: bytes) -> Carried:
        """One command."""
        effect = command_of(self._model, code).effect
        if code == self._model.cut_command or effect is Effect.PAPER:
            return self._cut(code)
        if effect in (Effect.OPEN, Effect.RETURN):
            return self._begin(code, data)
        if effect in _SERVICE:
            return self._service(effect, data)
        if effect in _FISCAL:
            return self._fiscal(effect, data)
        return self._other(effect, code, data)

    # ── Receipts ────────────────────────────────────────────────────────────────────────────────

    def _begin(self, code: int, data: bytes) -> Carried:
        model = self._model
        if code not in (model.open_command, model.storno_command):
            return UNKNOWN_COMMAND
        if self.open is not None or self.slip is not None or self.is_shift_expired:
            return NOT_NOW
        opening = read_opening(model, code, data)
        if not opening.operator:
            return SYNTAX
        self.open = ClosedReceipt(number=self._count + 1, opening=opening, draft=Draft(currency=self._currency))
        self._print("СТОРНО" if opening.is_return else "ФИСКАЛЕН БОН", f"op {opening.operator} {opening.unp}".rstrip())
        return self._numbers()

    def _fiscal(self, effect: Effect, data: bytes) -> Carried:
        if self.open is None:
            return NOT_NOW
        if effect is Effect.TEXT:
            self._print(text_of(data).strip("\t"))
            return self._numbers(short=True)
        if effect in (Effect.CANCEL, Effect.CLOSE):
            return self._close(self.open.draft, is_cancelled=effect is Effect.CANCEL)
        carry = {Effect.SALE: self._sell, Effect.SUBTOTAL: self._subtotal, Effect.PAY: self._pay}[effect]
        return carry(self.open, data)

    def _close(self, draft: Draft, *, is_cancelled: bool) -> Carried:
        is_paid = bool(draft.paid) and draft.due_minor + draft.change_minor == 0
        may_end = not draft.paid if is_cancelled else is_paid and bool(draft.items)
        return self._end(is_cancelled=is_cancelled) if may_end else NOT_NOW

    def _sell(self, opened: ClosedReceipt, data: bytes) -> Carried:
        draft = opened.draft
        sale = read_sale(self._model, data)
        if sale is None:
            return SYNTAX
        if draft.paid:
            return NOT_NOW
        draft.sell(sale)
        if draft.problems:
            draft.problems.clear()
            return SYNTAX
        self._print(f"{sale.name} {sale.quantity:f} x {sale.price:f}")
        if sale.modifier is not None:
            self._print(f"  {sale.modifier.value:+f}{'%' if sale.modifier.is_percent else ''}")
        return self._numbers(short=True)

    def _subtotal(self, opened: ClosedReceipt, data: bytes) -> Carried:
        modifier = read_subtotal(self._model, data)
        if modifier is not None and opened.draft.paid:
            return NOT_NOW
        minor = opened.draft.subtotal(modifier)
        if minor:
            opened.subtotals.append(minor)
            self._print(f"{'отстъпка' if minor < 0 else 'надбавка'} {self._units(minor)}")
        total = opened.draft.total_minor
        if self._model.dialect is Dialect.TAB:
            return Carried(data=bytes_of(f"0\t{opened.number}\t{self._units(total)}\t" + "0.00\t" * 8))
        return Carried(data=bytes_of(",".join([str(total), *["0"] * 8])))

    def _pay(self, opened: ClosedReceipt, data: bytes) -> Carried:
        draft = opened.draft
        payment = read_payment(self._model, data)
        if payment is None or (payment.letter and payment.letter not in self._model.tenders):
            return SYNTAX
        if not draft.items or draft.change_minor or (draft.paid and draft.due_minor <= 0):
            return NOT_NOW
        draft.pay(payment.letter, None if payment.amount is None else draft.minor_of(payment.amount))
        self._print(f"{self._tender(payment)} {self._units(draft.paid[-1][1])}")
        due = draft.due_minor
        letter, minor = ("D", due) if due > 0 else ("R", -due)
        if self._model.dialect is Dialect.TAB:
            return Carried(data=bytes_of(f"0\t{letter}\t{self._units(minor)}\t"))
        return Carried(data=bytes_of(f"{letter}{minor}"))

    def _tender(self, payment: Payment) -> str:
        return self._model.tenders.get(payment.letter, TenderKind.CASH).value

    def _end(self, *, is_cancelled: bool) -> Carried:
        opened, self.open = self.open, None
        if opened is None:
            return NOT_NOW
        self._count += 1
        opened.is_cancelled = is_cancelled
        self.journal.append(opened)
        del self.journal[:-DOCUMENTS_MAX]
        self._print(
            "АНУЛИРАН" if is_cancelled else f"ВСИЧКО {self._units(opened.draft.total_minor)}", f"№ {self._count:07d}"
        )
        self._tear()
        return self._numbers()

    def _numbers(self, *, short: bool = False) -> Carried:
        if self._model.dialect is Dialect.TAB:
            return Carried(data=bytes_of(f"0\t{self._count}\t"))
        return Carried() if short else Carried(data=bytes_of(f"{self._count:04d},{self.fiscal_count:04d}"))

    # ── Paper ───────────────────────────────────────────────────────────────────────────────────

    def _service(self, effect: Effect, data: bytes) -> Carried:
        if effect is Effect.SLIP_OPEN:
            if self.slip is not None or self.open is not None:
                return NOT_NOW
            self.slip = []
        elif self.slip is None:
            return NOT_NOW
        elif effect is Effect.SLIP_TEXT:
            line = text_of(data).partition("\t")[0]
            self.slip.append(line)
            self._print(line)
        else:
            self.slip = None
            self._tear()
        return self._numbers(short=effect is Effect.SLIP_TEXT)

    def _cut(self, code: int) -> Carried:
        if code == self._model.cut_command:
            self.cuts += 1
            self._tear()
        elif code == 0x2D:
            return UNKNOWN_COMMAND
        return self._numbers(short=True)

    def _print(self, *lines: str) -> None:
        self._hanging += lines
        self.roll.put(*lines)

    def _tear(self) -> None:
        if self._hanging:
            self.paper.append(tuple(self._hanging))
            self.roll.cut(self._model.columns)
            self._hanging = []
            del self.paper[:-DOCUMENTS_MAX]

    # ── The rest ────────────────────────────────────────────────────────────────────────────────

    def _other(self, effect: Effect, code: int, data: bytes) -> Carried:
        model = self._model
        error = "0\t" if model.dialect is Dialect.TAB else ""
        if effect is Effect.REPORT:
            return self._report(text_of(data), error)
        if code == 0x77 and model.pull is PullBy.JOURNAL_ROWS:
            return self._journal(text_of(data))
        if code == 0x7D and model.pull is PullBy.DOCUMENT_ROWS:
            return self._document(text_of(data))
        self.drawer_pulses += effect is Effect.DRAWER
        answers = {
            0x3D: error,
            0x3E: f"{error}{CLOSED_AT[:6]}{CLOSED_AT[8:]}",
            0x46: error,
            0x4A: error,
            0x4C: self._receipt_state(),
            0x5A: f"{error}Tillpoint twin 1.0,0000,DT000001,02000001",
            0x67: error,
            0x6A: error,
            0x71: f"{error}{self._count:07d}",
        }
        return Carried(data=bytes_of(answers[code])) if code in answers else UNKNOWN_COMMAND

    def _report(self, option: str, error: str) -> Carried:
        if self.open is not None:
            return NOT_NOW
        is_z = option[:1] in ("", "0", "Z")
        if is_z:
            self.is_shift_expired = False
        self._print("Z" if is_z else "X", f"{self.fiscal_count}")
        self._tear()
        return Carried(data=bytes_of(error + "0001"))

    def _receipt_state(self) -> str:
        opened = self.open
        items = len(opened.draft.items) if opened is not None else 0
        total = opened.draft.total_minor if opened is not None else 0
        paid = total - opened.draft.due_minor if opened is not None else 0
        is_open = int(opened is not None)
        if self._model.dialect is Dialect.TAB:
            return f"0\t{is_open}\t{self._count}\t{items}\t{self._units(total)}\t{self._units(paid)}\t"
        extra = ["0"] * (self._model.amount_field - 2)
        return ",".join([str(is_open), *extra, str(items), f"{total:+d}", f"{paid:+d}"])

    def _journal(self, text: str) -> Carried:
        if text == "I":
            first = self.journal[0].number if self.journal else 0
            return Carried(data=bytes_of(f"P,100000,{self._count},1,1,{first},{self._count}"))
        if text.startswith("W,"):
            first, last = ([int(n) for n in text.split(",")[1:] if n.isdigit()] * 2)[:2] or (0, 0)
            self._reading = [
                row
                for closed in self.journal
                if first <= closed.number <= last
                for row in journal_rows(closed, self._model)
            ]
            self._reading.append("F")
        elif text != "w" or not self._reading:
            return SYNTAX
        return Carried(data=bytes_of(self._reading.pop(0)))

    def _document(self, text: str) -> Carried:
        option, _, rest = text.partition(",")
        if option == "0":
            number = number_of(rest.split(",")[0])
            found = [closed for closed in self.journal if closed.number == number]
            self._reading = [row for closed in found for row in document_rows(closed)]
            if not found:
                return Carried(data=b"F")
            kind = 8 if found[0].opening.is_return else 1
            return Carried(data=bytes_of(f"P,{found[0].number},{CLOSED_AT},{kind},1"))
        if option != "5":
            return SYNTAX
        return Carried(data=bytes_of(self._reading.pop(0) if self._reading else "F"))

    def _units(self, minor: int) -> str:
        return Money(minor, self._currency).amount


_SERVICE: Final = frozenset({Effect.SLIP_OPEN, Effect.SLIP_TEXT, Effect.SLIP_CLOSE})
_FISCAL: Final = frozenset({Effect.SALE, Effect.SUBTOTAL, Effect.PAY, Effect.TEXT, Effect.CLOSE, Effect.CANCEL})
