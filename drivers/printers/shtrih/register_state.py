"""The twin's state and what it says of it: shift, paper, modes and flags, tables; see register.py."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from drivers.twins import Roll

from .fiscal_memory import FiscalMemory
from .layout import Value
from .models import Model
from .register_tables import Tables
from .sold import OPERATIONS, SoldReceipt
from .status import ERRORS, Flag, Mode, SubMode

PAPER_LINES_MAX: Final = 20_000  # a demo runs for days; the oldest paper is thrown away
BEGINNING: Final = datetime(2026, 1, 15, 12, 0)  # noqa: DTZ001 - the register's wall clock has no zone
_NORMAL_FLAGS: Final = Flag.PAPER_PRESENT | Flag.PAPER_SENSOR | Flag.PAPER_LEVER
_DATE: Final = bytes([15, 1, 26])

Answer = dict[str, Value] | int
Handler = Callable[[dict[str, Any]], Answer]


class Refused(Exception):  # noqa: N818 - an answer with an error byte
    """Private to the twin: the maker's error code."""

    def __init__(self, error: int) -> None:
        super().__init__(f"{error:02X}h")
        self.error = error


class RegisterState:
    """What a register has, and its answers to questions about it.

    Args:
        model: what differs between families.

    Attributes:
        paper: the lines printed; a line of dashes with a pair of scissors is a cut.
        is_out_of_paper, is_cover_open, is_over_24h: what can be wrong.
        waits_continue: printing was interrupted; everything that prints answers 58h until B0h.
        warnings: of the fiscal memory, as FF01 says them.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.memory = FiscalMemory()
        self.tables = Tables()
        self.paper: list[str] = []
        self.roll = Roll()
        self.moment = BEGINNING
        self.shift = 1
        self.is_shift_open = False
        self.receipt: SoldReceipt | None = None
        self.receipts_in_shift = 0
        self.refuses: dict[int, int] = {}  # commands this one answers with an error: 37h for one it does not know
        self.cash = 0
        self.warnings = 0
        self.is_out_of_paper = self.is_cover_open = self.is_over_24h = self.waits_continue = False

    def _must_print(self) -> None:
        if self.is_out_of_paper:
            raise Refused(0x6B)
        if self.is_cover_open:
            raise Refused(0x77)
        if self.waits_continue:
            raise Refused(0x58)

    def print(self, *lines: str) -> None:
        """Put lines on the paper."""
        self.paper += lines
        self.roll.put(*lines)
        del self.paper[:-PAPER_LINES_MAX]

    # ── Status ──────────────────────────────────────────────────────────────────────────────────

    @property
    def mode(self) -> int:
        """The mode byte."""
        if self.memory.is_reading:
            return Mode.DATA_OUTPUT
        if self.receipt is not None:
            kinds = {operation: kind for kind, operation in OPERATIONS.items()}
            return Mode.DOCUMENT_OPEN | kinds[self.receipt.operation] << 4
        if not self.is_shift_open:
            return Mode.SHIFT_CLOSED
        return Mode.SHIFT_OVER_24H if self.is_over_24h else Mode.SHIFT_OPEN

    @property
    def submode(self) -> int:
        """The submode byte."""
        if self.is_out_of_paper:
            return SubMode.ACTIVE_NO_PAPER if self.receipt is not None else SubMode.PASSIVE_NO_PAPER
        return SubMode.WAITS_CONTINUE if self.waits_continue else SubMode.READY

    @property
    def flags(self) -> int:
        """The flags word."""
        flags = Flag(0) if self.is_out_of_paper else _NORMAL_FLAGS
        return int(flags | Flag.COVER_OPEN if self.is_cover_open else flags)

    def _do_short_status(self, _: dict[str, Any]) -> Answer:
        operations = len(self.receipt.positions) if self.receipt is not None else 0
        values: dict[str, Value] = {
            "flags": self.flags, "mode": self.mode, "submode": self.submode, "operations": operations & 0xFF,
            "battery": 0x33, "power": 0x25, "memory_error": 0, "journal_error": 0, "operations_high": operations >> 8,
            "reserved": b"\xff\xff\xff",
        }  # fmt: skip
        if self.model.short_status_size > 16:
            values["last_print"] = 0
        return values

    def _do_full_status(self, _: dict[str, Any]) -> Answer:
        clock = bytes([self.moment.hour, self.moment.minute, self.moment.second])
        date = bytes([self.moment.day, self.moment.month, self.moment.year % 100])
        values: dict[str, Value] = {
            "version": "C1", "build": 1, "software_date": _DATE, "place": 1, "document": self.memory.last & 0xFFFF,
            "flags": self.flags, "mode": self.mode, "submode": self.submode, "port": 0, "memory_version": "NA",
            "memory_build": 0, "memory_date": _DATE, "date": date, "time": clock, "memory_flags": 0, "serial": 5555,
            "shift": self.shift - 1, "records_left": 2000, "registrations": 1, "registrations_left": 15,
            "inn": 7_700_000_000,
        }  # fmt: skip
        if self.model.full_status_size > 48:
            values["serial_high"] = 0
        return values

    def _do_device_type(self, _: dict[str, Any]) -> Answer:
        return {"type": 0, "subtype": 0, "protocol": 1, "protocol_sub": 17, "model": 250, "language": 0,
                "name": "TILLPOINT TWIN"}  # fmt: skip

    def _do_parameters(self, _: dict[str, Any]) -> Answer:
        return {"bits": (1 << 28 if 2 in self.model.protocols else 0) | 1 << 36}

    def _do_error_text(self, values: dict[str, Any]) -> Answer:
        return {"text": ERRORS.get(values["error"], ("unknown error",))[0]}

    def _do_cash_register(self, values: dict[str, Any]) -> Answer:
        return {"value": self.cash if values["register"] == 241 else 0}

    def _do_operation_register(self, values: dict[str, Any]) -> Answer:
        return {"value": self.memory.last & 0xFFFF if values["register"] == 152 else 0}

    def _do_read_table(self, values: dict[str, Any]) -> Answer:
        return {"value": self.tables.read(values["table"], values["row"], values["field"])}

    def _do_write_table(self, values: dict[str, Any]) -> Answer:
        self.tables.write(values["table"], values["row"], values["field"], values["value"])
        return {}

    def _do_font(self, _: dict[str, Any]) -> Answer:
        return {"dots": self.model.columns * 12, "width": 12, "height": 25, "fonts": 6}

    def _do_read_exchange(self, _: dict[str, Any]) -> Answer:
        return {"speed": 6, "timeout": 50}

    def _do_set_exchange(self, _: dict[str, Any]) -> Answer:
        return {}

    def _do_beep(self, _: dict[str, Any]) -> Answer:
        return {}

    def _do_continue_print(self, _: dict[str, Any]) -> Answer:
        if self.is_out_of_paper:
            return 0x6B
        self.waits_continue = False
        return {}
