"""The twin behind the low-level protocols: carries out their commands on the same register; knows no wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from drivers.twins import CUT
from drivers.vocabulary.errors import ProtocolError
from drivers.vocabulary.money import Quantity
from drivers.vocabulary.receipt import TenderKind

from .commands import Command, read_request
from .fiscal_memory import NUMBER
from .layout import Value, bcd
from .positions import Payment, Position, Sums
from .register import Refused, Register, check_sums, money
from .status import Flag, Mode

_OPERATIONS: Final = {1: 1, 2: 2, 4: 3, 5: 4}  # of command 92 → FFD 1054
_PAYMENTS: Final = {1: TenderKind.CASH, 2: TenderKind.CARD, 3: TenderKind.PREPAID, 4: TenderKind.CREDIT}
#: Driver errors of the register inside → bytes of the low level.
_ERRORS: Final = {44: 0x67, 45: 0x67, 16: 0x08, 52: 0x08, 66: 0x08, 68: 0x88, 73: 0x9C, 83: 0x9C, 123: 0x0A}
_PART_SIZE: Final = 120
_UNKNOWN: Final = 0x7A
_WRONG_MODE: Final = 0x66
_WRONG_PASSWORD: Final = 0x8C
_CLOSED: Final = 0x9A
_OPEN: Final = 0x9B

Values = dict[str, Any]


class _Error(Exception):
    """Private to the twin."""

    def __init__(self, error: int) -> None:
        super().__init__(f"{error:02X}h")
        self.error = error


class LowRegister:
    """Executes one command after the other.

    Args:
        register: what is inside.
        access_password: that must stand before every command.
        mode_password: of the modes.

    Attributes:
        needs_memory_mode: documents are read in the mode of the fiscal memory only.
    """

    def __init__(self, register: Register, *, access_password: int = 0, mode_password: int = 30) -> None:
        self.register = register
        self.mode = Mode.CHOICE
        self.needs_memory_mode = False
        self._passwords = (access_password, mode_password)
        self._operation = 0
        self._positions: list[Position] = []
        self._reading = b""

    def execute(self, payload: bytes) -> bytes:
        """A request → its answer; a command that is not known is 7A."""
        try:
            found = read_request(payload)
        except ProtocolError:
            return b"\x55\x7a\x00"
        if found is None:
            return bytes([0x55, _UNKNOWN, 0])
        password, command, values = found
        if password != self._passwords[0]:
            return bytes([0x55, _WRONG_PASSWORD, 0])
        try:
            answer = self._carry_out(command, values)
        except Refused as refused:
            return bytes([0x55, _ERRORS.get(refused.error, 0xFF), 0])
        except _Error as error:
            return bytes([0x55, error.error, 0])
        return command.encode_answer(0, **answer)

    def _carry_out(self, command: Command, values: Values) -> dict[str, Value]:
        handler: Callable[[Values], dict[str, Value] | None] | None = getattr(self, f"_do_{command.name}", None)
        if handler is None:
            raise _Error(_UNKNOWN)
        return handler(values) or {}

    # ── State ───────────────────────────────────────────────────────────────────────────────────

    def _do_state(self, _: Values) -> dict[str, Value]:
        register, moment = self.register, self.register.moment
        flags = Flag.FISCAL | Flag.MEMORY_ACTIVE
        flags |= Flag.SHIFT_OPEN if register.is_shift_open else Flag(0)
        flags |= Flag.COVER_OPEN if register.is_cover_open else Flag(0)
        flags |= Flag(0) if register.is_out_of_paper else Flag.PAPER
        kinds = {operation: kind for kind, operation in _OPERATIONS.items()}
        return {
            "cashier": 30, "place": 1, "date": _digits(moment.year % 100, moment.month, moment.day),
            "time": _digits(moment.hour, moment.minute, moment.second), "flags": int(flags),
            "serial": 7777, "model": 57,
            "version": b"\x03\x00", "mode": int(self.mode), "receipt": register.receipts_in_shift,
            "shift": register.shift - 1, "receipt_state": kinds.get(self._operation, 0),
            "receipt_sum": sum(one.amount for one in self._positions), "decimals": 2, "port": 4,
        }  # fmt: skip

    def _do_mode(self, _: Values) -> dict[str, Value]:
        return {"mode": int(self.mode), "flags": int(self.register.is_out_of_paper)}

    def _do_device_type(self, _: Values) -> dict[str, Value]:
        return {"protocol": 1, "kind": 1, "model": 57, "modes": b"\0\0", "version": b"\x03\0\0\0\0", "name": "TWIN"}

    def _do_enter_mode(self, values: Values) -> None:
        if values["password"] != self._passwords[1]:
            raise _Error(_WRONG_PASSWORD)
        if self._operation:
            raise _Error(_OPEN)
        self.mode = Mode(values["mode"])

    def _do_leave_mode(self, _: Values) -> None:
        if self._operation:
            raise _Error(_OPEN)
        self.mode = Mode.CHOICE

    # ── Shift and paper ─────────────────────────────────────────────────────────────────────────

    def _do_open_shift(self, _: Values) -> None:
        self.register.execute({"type": "openShift"})

    def _do_close_shift(self, _: Values) -> None:
        if self._operation:
            raise _Error(_OPEN)
        self.register.execute({"type": "closeShift"})

    def _do_print_line(self, values: Values) -> None:
        if self.mode is Mode.CHOICE:
            raise _Error(_WRONG_MODE)
        self.register.must_print()
        self.register.print(values["text"])

    def _do_cut(self, _: Values) -> None:
        self.register.must_print()
        self.register.print(CUT + "-" * (self.register.model.columns - 1))

    def _do_print_header(self, _: Values) -> None:
        self.register.must_print()

    def _do_beep(self, _: Values) -> None:
        return

    _do_drawer = _do_beep

    # ── Receipt ─────────────────────────────────────────────────────────────────────────────────

    def _do_open_receipt(self, values: Values) -> None:
        if self.mode is not Mode.SALE:
            raise _Error(_WRONG_MODE)
        if self._operation:
            raise _Error(_OPEN)
        if self.register.is_over_24h:
            raise _Error(0x88)
        if values["type"] not in _OPERATIONS:
            raise _Error(0x0A)
        self.register.must_print()
        if not self.register.is_shift_open:
            self.register.open_shift()
        self._operation, self._positions = _OPERATIONS[values["type"]], []

    def _do_begin_item(self, _: Values) -> None:
        self._must_be_open()

    def _do_item(self, values: Values) -> None:
        self._must_be_open()
        position = Position(
            place=len(self._positions), name=values["name"], quantity=Quantity(values["quantity"] * 1000),
            price=values["price"], amount=values["sum"], off=values["discount"], barcode="", is_full=True,
        )  # fmt: skip
        self._positions.append(position)
        self.register.print(position.name, f"{position.quantity} x {money(position.price)} ={money(position.amount)}")

    def _do_cancel_receipt(self, _: Values) -> None:
        self._must_be_open()
        self._operation, self._positions = 0, []
        self.register.print("ЧЕК АННУЛИРОВАН")

    def _do_close_receipt(self, values: Values) -> None:
        self._must_be_open()
        self.register.must_print()
        total = sum(one.amount for one in self._positions)
        kind = _PAYMENTS.get(values["payment"], TenderKind.OTHER)
        payment = Payment(place=0, kind=kind, name=kind.value, minor=values["sum"] or total)
        sums = Sums(positions=tuple(self._positions), payments=(payment,), total=total, has_total=True)
        check_sums(sums)
        stored = self.register.close_receipt(self._operation, sums)
        self.register.print(f"ИТОГ ={money(total)}", f"ФД {stored.number} ФП {stored.sign}")
        self._operation, self._positions = 0, []

    def _must_be_open(self) -> None:
        if not self._operation:
            raise _Error(_CLOSED)

    # ── Fiscal memory ───────────────────────────────────────────────────────────────────────────

    def _do_memory_number(self, _: Values) -> dict[str, Value]:
        return {"number": NUMBER}

    def _do_last_document(self, _: Values) -> dict[str, Value]:
        return {"document": self.register.memory.last}

    def _do_last_receipt(self, _: Values) -> dict[str, Value]:
        receipts = self.register.memory.receipts
        if not receipts:
            return {"document": 0, "type": 0, "total": 0, "moment": 0, "sign": 0}
        last = receipts[-1]
        moment = int(f"{last.moment:%d%m%y%H%M}")
        return {"document": last.number, "type": last.operation, "total": last.total, "moment": moment,
                "sign": last.sign}  # fmt: skip

    def _do_find_document(self, values: Values) -> dict[str, Value]:
        if self.needs_memory_mode and self.mode is not Mode.MEMORY:
            raise _Error(_WRONG_MODE)
        stored = self.register.memory.documents.get(values["document"])
        if stored is None:
            raise Refused(123)
        self._reading = stored.content
        return {"type": stored.kind, "size": len(stored.content)}

    def _do_read_document(self, _: Values) -> dict[str, Value]:
        if not self._reading:
            raise Refused(123)
        part, self._reading = self._reading[:_PART_SIZE], self._reading[_PART_SIZE:]
        return {"tlv": part}


def _digits(*numbers: int) -> bytes:
    return b"".join(bcd(number, 1) for number in numbers)
