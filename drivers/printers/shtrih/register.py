"""The twin's inside: a register with a shift, receipts, fiscal memory and paper; takes commands, knows no wire."""

from __future__ import annotations

from typing import Any, Final

from drivers.vocabulary.errors import ProtocolError

from .basket import CLOSES
from .commands import BY_CODE, EXTENDED, Command, code_of
from .fiscal_memory import NO_DATA, NUMBER, stamp
from .layout import Value
from .positions import SELLS
from .register_sales import RegisterSales
from .register_state import Answer, Handler, Refused
from .taking_off import DISCOUNTS

#: What moves paper: refused without paper, with an open cover, or while printing waits to be continued.
PRINTING: Final = frozenset({
    "print_line", "print_line_font", "print_bold", "cut", "feed", "repeat_document", "barcode", "report_x", "report_z",
    "open_shift", "cash_in", "cash_out", "open_receipt", "sale", "purchase", "sale_return", "purchase_return",
    "storno", "discount", "surcharge", "close_receipt", "close_receipt_16", "cancel_receipt", "item_v2",
    "item_discounts", "close_receipt_v2", "receipt_discount", "shift_close",
})  # fmt: skip


#: What only the operator may do who has opened the receipt.
_OWNERS: Final = frozenset({*SELLS, *CLOSES, *DISCOUNTS, "storno", "cancel_receipt"})


class Register(RegisterSales):
    """Executes one command after the other; see the module."""

    def execute(self, body: bytes) -> bytes:
        """The body of a request → the body of the answer; a command that is not known is 37h."""
        code = code_of(body)
        command = BY_CODE.get(code)
        if command is None or (code > 0xFF and not self.model.has_memory):
            return bytes([EXTENDED, 0x37]) if code > 0xFF else bytes([code & 0xFF, 0x37])
        handler: Handler | None = getattr(self, f"_do_{command.name}", None)
        if handler is None or code in self.refuses:
            return command.encode_answer(self.refuses.get(code, 0x37))
        try:
            values = command.decode(body)
            if command.name in PRINTING:
                self._must_print()
            answer = self._owned(command.name, values, handler)
        except Refused as refused:
            return command.encode_answer(refused.error)
        except ProtocolError:
            return command.encode_answer(0x33)
        if isinstance(answer, int):
            return command.encode_answer(answer)
        return self._encode(command, answer)

    def _owned(self, name: str, values: dict[str, Any], handler: Handler) -> Answer:
        """A receipt belongs to the operator who has opened it."""
        receipt, password = self.receipt, values.get("password")
        if receipt is not None and name in _OWNERS and receipt.password not in (None, password):
            return 0x59
        answer = handler(values)
        if receipt is None and self.receipt is not None:
            self.receipt.password = password
        return answer

    def _encode(self, command: Command, answer: dict[str, Value]) -> bytes:
        names = [field.name for field in command.answer.fields]
        values: dict[str, Value] = {"operator": 1, **answer} if "operator" in names else answer
        return command.encode_answer(0, **values)

    # ── Fiscal memory ───────────────────────────────────────────────────────────────────────────

    def _do_memory_status(self, _: dict[str, Any]) -> Answer:
        is_open = self.receipt is not None
        return {
            "phase": 3, "open_document": 4 if is_open else 0, "has_data": int(is_open),
            "shift_state": int(self.is_shift_open), "warnings": self.warnings, "moment": stamp(self.moment),
            "memory": NUMBER, "last_document": self.memory.last,
        }  # fmt: skip

    def _do_memory_number(self, _: dict[str, Any]) -> Answer:
        return {"memory": NUMBER}

    def _do_memory_expiry(self, _: dict[str, Any]) -> Answer:
        return {"date": bytes([27, 1, 15]), "left": 15, "done": 1}

    def _do_find_document(self, values: dict[str, Any]) -> Answer:
        stored = self.memory.documents.get(values["document"])
        return NO_DATA if stored is None else {"type": stored.kind, "ticket": 0, "data": stored.summary}

    def _do_request_document(self, values: dict[str, Any]) -> Answer:
        if self.waits_continue or self.receipt is not None:
            return 0x73
        stored = self.memory.request(values["document"])
        return NO_DATA if stored is None else {"type": stored.kind, "size": len(stored.content)}

    def _do_read_document(self, _: dict[str, Any]) -> Answer:
        if self.waits_continue:
            return 0x73
        block = self.memory.read(self.model.block_size_max)
        return NO_DATA if block is None else {"tlv": block}

    def _do_exchange_status(self, _: dict[str, Any]) -> Answer:
        return {"status": 0, "reading": 0, "waiting": 0, "first": 0, "first_moment": bytes(5)}

    def _do_unconfirmed(self, _: dict[str, Any]) -> Answer:
        return {"count": 0}

    def _do_shift_state(self, _: dict[str, Any]) -> Answer:
        return {"state": int(self.is_shift_open), "shift": self.shift, "receipt": self.receipts_in_shift}
