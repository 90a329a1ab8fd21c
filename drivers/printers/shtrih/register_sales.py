"""What the twin does on paper: lines, shifts, receipts and their fiscal documents; see register.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from drivers.ffd.tlv import Tag
from drivers.vocabulary.money import divide_half_up

from .commands import COMPUTE
from .fiscal_memory import NUMBER, Stored
from .layout import CODEC
from .register_state import Answer, Refused, RegisterState
from .sold import OPERATIONS, TITLES, Position, SoldReceipt

_PAYMENT_TAGS: Final = {1: Tag.CASH, 14: Tag.PREPAID, 15: Tag.CREDIT, 16: Tag.COUNTER}


class RegisterSales(RegisterState):
    """Printing, shift and receipts."""

    # ── Printing ────────────────────────────────────────────────────────────────────────────────

    def _do_print_line(self, values: dict[str, Any]) -> Answer:
        self.print(values["text"][: self.model.columns])
        return {}

    _do_print_line_font = _do_print_bold = _do_print_line

    def _do_cut(self, _: dict[str, Any]) -> Answer:
        self.print("✂" + "-" * (self.model.columns - 1))
        return {}

    def _do_feed(self, values: dict[str, Any]) -> Answer:
        self.print(*[""] * values["lines"])
        return {}

    def _do_drawer(self, _: dict[str, Any]) -> Answer:
        return {}

    def _do_barcode(self, values: dict[str, Any]) -> Answer:
        self.print(f"[EAN-13 {values['number']:012d}]")
        return {}

    # ── Shift ───────────────────────────────────────────────────────────────────────────────────

    def _do_open_shift(self, _: dict[str, Any]) -> Answer:
        if self.is_shift_open:
            return 0x3C
        self._open_shift()
        return {}

    def _open_shift(self) -> None:
        self.is_shift_open, self.receipts_in_shift = True, 0
        self._store(2)
        self.print(f"СМЕНА {self.shift} ОТКРЫТА")

    def _do_report_x(self, _: dict[str, Any]) -> Answer:
        self.print("X-ОТЧЕТ")
        return {}

    def _do_report_z(self, _: dict[str, Any]) -> Answer:
        if self.receipt is not None:
            return 0x4A
        if not self.is_shift_open:
            return 0x3D
        self._store(5)
        self.print(f"СМЕНА {self.shift} ЗАКРЫТА")
        self.is_shift_open = self.is_over_24h = False
        self.shift += 1
        return {}

    def _do_shift_close(self, values: dict[str, Any]) -> Answer:
        refused = self._do_report_z(values)
        if isinstance(refused, int):
            return refused
        stored = self.memory.documents[self.memory.last]
        return {"shift": self.shift - 1, "document": stored.number, "sign": stored.sign}

    def _do_shift_close_begin(self, _: dict[str, Any]) -> Answer:
        return {}

    def _store(self, kind: int, items: Any = (), *, operation: int = 0, total: int = 0) -> Stored:
        self.moment += timedelta(seconds=1)
        return self.memory.store(
            kind, items, moment=self.moment, shift=self.shift, operation=operation, total=total
        )  # fmt: skip

    # ── Receipt ─────────────────────────────────────────────────────────────────────────────────

    def _open_receipt(self, operation: int) -> SoldReceipt:
        if self.is_over_24h:
            raise Refused(0x4E)
        if not self.is_shift_open:
            self._open_shift()
        self.receipt = SoldReceipt(operation)
        self.print(f"КАССОВЫЙ ЧЕК {TITLES[operation]}")
        return self.receipt

    def _do_open_receipt(self, values: dict[str, Any]) -> Answer:
        if self.receipt is not None:
            return 0x4A
        if values["type"] not in OPERATIONS:
            return 0x33
        self._open_receipt(OPERATIONS[values["type"]])
        return {}

    def _sell(self, operation: int, position: Position) -> Answer:
        receipt = self.receipt or self._open_receipt(operation)
        if receipt.operation != operation:
            return 0x49
        receipt.positions.append(position)
        receipt.is_after_position = True
        self.print(
            position.name, f"{position.steps / 1_000_000:g} x {_money(position.price)} ={_money(position.total)}"
        )
        return {}

    def _classic(self, operation: int, values: dict[str, Any]) -> Answer:
        steps = values["quantity"] * 1000
        total = divide_half_up(steps * values["price"], 1_000_000)
        return self._sell(operation, Position(values["text"], steps, values["price"], total))

    def _do_sale(self, values: dict[str, Any]) -> Answer:
        return self._classic(1, values)

    def _do_sale_return(self, values: dict[str, Any]) -> Answer:
        return self._classic(2, values)

    def _do_purchase(self, values: dict[str, Any]) -> Answer:
        return self._classic(3, values)

    def _do_purchase_return(self, values: dict[str, Any]) -> Answer:
        return self._classic(4, values)

    def _do_storno(self, values: dict[str, Any]) -> Answer:
        receipt = self._must_be_open()
        if not receipt.take_back(values["quantity"] * 1000, values["price"]):
            return 0x5E
        self.print(f"СТОРНО {values['text']}")
        return {}

    def _do_item_v2(self, values: dict[str, Any]) -> Answer:
        steps, price, total = values["quantity"], values["price"], values["sum"]
        if total == COMPUTE:
            total = divide_half_up(steps * price, 1_000_000)
        elif abs(total - divide_half_up(steps * price, 1_000_000)) > 1:
            return 0x36  # as real ones do; a public problem report of 2022
        name = values["name"].split(b"\0", 1)[0].decode(CODEC, "replace")
        return self._sell(values["type"], Position(name, steps, price, total, values["tax"] & 7))

    def _do_item_discounts(self, values: dict[str, Any]) -> Answer:
        steps, price = values["quantity"] * 1000, values["price"]
        total = divide_half_up(steps * price, 1_000_000) - values["discount"] + values["surcharge"]
        name = values["text"].split(b"\0", 1)[0].decode(CODEC, "replace")
        return self._sell(values["type"], Position(name, steps, price, total))

    def _change(self, sum_: int, text: str) -> Answer:
        receipt = self._must_be_open()
        if receipt.total + sum_ < 0:
            return 0x8B
        receipt.change(sum_)
        self.print(f"{'СКИДКА' if sum_ < 0 else 'НАДБАВКА'} {text} ={_money(abs(sum_))}")
        return {}

    def _do_discount(self, values: dict[str, Any]) -> Answer:
        return self._change(-values["sum"], values["text"])

    def _do_surcharge(self, values: dict[str, Any]) -> Answer:
        return self._change(values["sum"], values["text"])

    def _do_receipt_discount(self, values: dict[str, Any]) -> Answer:
        receipt = self._must_be_open()
        receipt.is_after_position = False
        return self._change(values["surcharge"] - values["discount"], values["text"])

    def _do_subtotal(self, _: dict[str, Any]) -> Answer:
        receipt = self._must_be_open()
        receipt.is_after_position = False
        return {"subtotal": receipt.total}

    def _do_cancel_receipt(self, _: dict[str, Any]) -> Answer:
        self._must_be_open()
        self.receipt = None
        self.print("ЧЕК АННУЛИРОВАН")
        return {}

    def _must_be_open(self) -> SoldReceipt:
        if self.receipt is None:
            raise Refused(0x55)
        return self.receipt

    def _do_close_receipt(self, values: dict[str, Any]) -> Answer:
        receipt = self._must_be_open()
        before = receipt.adjustment
        receipt.adjustment -= divide_half_up(receipt.total * values["percent"], 10_000)
        try:
            change, _ = self._close(values, rounding=0)
        except Refused:
            receipt.adjustment = before
            raise
        return {"change": change}

    _do_close_receipt_16 = _do_close_receipt

    def _do_close_receipt_v2(self, values: dict[str, Any]) -> Answer:
        self._must_be_open()
        change, stored = self._close(values, rounding=values["rounding"])
        return {"change": change, "document": stored.number, "sign": stored.sign}

    def _close(self, values: dict[str, Any], *, rounding: int) -> tuple[int, Stored]:
        receipt = self._must_be_open()
        payments: dict[Tag, int] = {}
        for number in range(1, 17):
            sum_ = values.get(f"payment{number}", 0)
            if sum_:
                tag = _PAYMENT_TAGS.get(number, Tag.ELECTRONIC)
                payments[tag] = payments.get(tag, 0) + sum_
        change = sum(payments.values()) - (receipt.total - rounding)
        if change < 0:
            raise Refused(0x45)
        if change > payments.get(Tag.CASH, 0):
            raise Refused(0x4D)
        given = dict(payments)
        if change:
            payments[Tag.CASH] -= change
        items = receipt.document(payments, rounding=rounding)
        stored = self._store(3, items, operation=receipt.operation, total=receipt.total - rounding)
        self.receipt, self.receipts_in_shift = None, self.receipts_in_shift + 1
        self.cash += payments.get(Tag.CASH, 0)
        self.print(f"ИТОГ ={_money(stored.total)}", *(f"{tag.name} ={_money(sum_)}" for tag, sum_ in given.items()))
        self.print(f"СДАЧА ={_money(change)}", f"ФД {stored.number} ФП {stored.sign:010d}", f"ФН {NUMBER}")
        return change, stored

    def _do_document_tlv(self, values: dict[str, Any]) -> Answer:
        self._must_be_open().extra += values["tlv"]
        return {}

    def _do_item_tlv(self, _: dict[str, Any]) -> Answer:
        self._must_be_open()
        return {}


def _money(kopecks: int) -> str:
    return f"{kopecks // 100}.{kopecks % 100:02d}"
