"""The commands of Shtrih-M cash registers: one row each, read by the driver, by the proxy and by the simulator.

Codes and layouts: "Протокол работы ККТ (с ФН)" 1.17 and 1.16, older documents 1.12 and 2.0 for 84h, 86h, 87h, 8Ah, 8Bh;
time-outs as the maker's own Java driver has them. Every answer begins with an error byte, 0 is success; when it is
not 0 nothing else follows. Two-byte commands begin with FF; a device that does not know one answers ``FF error``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.errors import LocalProtocolError, RemoteProtocolError

from .layout import Layout, Value, parse_layout

EXTENDED: Final = 0xFF  # first byte of the two-byte commands
DEFAULT_TIMEOUT_S: Final = 30.0
TEXT_SIZE: Final = 40  # characters of a printed line in a request, whatever the paper has


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One row.

    Attributes:
        is_repeatable: asking twice does no harm: it neither sells, nor prints, nor moves a reading position.
        timeout_s: from the ACK to the answer; closing a shift prints for a minute.
    """

    code: int
    name: str
    title: str
    request: Layout
    answer: Layout
    is_repeatable: bool
    timeout_s: float

    @property
    def opcode(self) -> bytes:
        """One byte, or FF and one byte."""
        return bytes([EXTENDED, self.code & 0xFF]) if self.code > 0xFF else bytes([self.code])

    def encode(self, **values: Value) -> bytes:
        """The body of a request; raises LocalProtocolError."""
        return self.opcode + self.request.encode(values)

    def encode_answer(self, error: int = 0, **values: Value) -> bytes:
        """The body of an answer; with an error nothing else."""
        return self.opcode + bytes([error]) + (b"" if error else self.answer.encode(values))

    def decode(self, body: bytes) -> dict[str, Value]:
        """The parameters of a request; raises RemoteProtocolError."""
        return self.request.decode(body[len(self.opcode) :])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer taken apart; `values` is empty when `error` is not 0."""

    command: Command
    error: int
    values: dict[str, Value]

    def number(self, name: str) -> int:
        """A field that is a number; 0 when this firmware does not send it."""
        value = self.values.get(name, 0)
        return value if isinstance(value, int) else 0

    def data(self, name: str) -> bytes:
        """A field of raw bytes; b"" when this firmware does not send it."""
        value = self.values.get(name, b"")
        return value if isinstance(value, bytes) else b""


def _row(
    code: int, name: str, title: str, request: str, answer: str = "", *, safe: bool = False, timeout_s: float = 30.0
) -> Command:
    return Command(
        code=code,
        name=name,
        title=title,
        request=parse_layout(request),
        answer=parse_layout(answer),
        is_repeatable=safe,
        timeout_s=timeout_s,
    )


_WHO = "password:u4"
_OP = "operator:u1"
_TAXES = "tax1:u1 tax2:u1 tax3:u1 tax4:u1"
_ITEM = f"{_WHO} quantity:u5 price:u5 department:u1 {_TAXES} text:t40"
_SUM = f"{_WHO} sum:u5 {_TAXES} text:t40"
_SHORT_STATUS = (
    "operator:u1 flags:u2 mode:u1 submode:u1 operations:u1 battery:u1 power:u1 memory_error:u1 journal_error:u1"
    " operations_high:u1 reserved:b3 ? last_print:u1"
)
_FULL_STATUS = (
    "operator:u1 version:t2 build:u2 software_date:b3 place:u1 document:u2 flags:u2 mode:u1 submode:u1 port:u1"
    " memory_version:t2 memory_build:u2 memory_date:b3 date:b3 time:b3 memory_flags:u1 serial:u4 shift:u2"
    " records_left:u2 registrations:u1 registrations_left:u1 inn:u6 ? serial_high:u2"
)
_PAYMENTS = " ".join(f"payment{number}:u5" for number in range(1, 17))
_FISCAL = "document:u4 sign:u4 ? moment:b5"

TABLE: Final[tuple[Command, ...]] = (
    # Status
    _row(0x10, "short_status", "short status", _WHO, _SHORT_STATUS, safe=True, timeout_s=3),
    _row(0x11, "full_status", "full status", _WHO, _FULL_STATUS, safe=True, timeout_s=3),
    _row(0xFC, "device_type", "type of the device", "",
         "type:u1 subtype:u1 protocol:u1 protocol_sub:u1 model:u1 language:u1 name:t", safe=True, timeout_s=3),
    _row(0xF7, "parameters", "parameters of the model", "kind:u1", "bits:u8", safe=True, timeout_s=3),
    _row(0x6B, "error_text", "text of an error code", "error:u1", "text:t", safe=True, timeout_s=3),
    _row(0x1A, "cash_register", "cash register", f"{_WHO} register:u1", f"{_OP} value:u6", safe=True),
    _row(0x1B, "operation_register", "operation register", f"{_WHO} register:u1", f"{_OP} value:u2", safe=True),
    _row(0x1E, "write_table", "write a field of a table", f"{_WHO} table:u1 row:u2 field:u1 value:b"),
    _row(0x1F, "read_table", "read a field of a table", f"{_WHO} table:u1 row:u2 field:u1", "value:b", safe=True),
    _row(0x2D, "table_structure", "structure of a table", f"{_WHO} table:u1", "name:t40 rows:u2 fields:u1", safe=True),
    _row(0x2E, "field_structure", "structure of a field", f"{_WHO} table:u1 field:u1",
         "name:t40 type:u1 size:u1 limits:b", safe=True),
    _row(0x26, "font", "size of a font", f"{_WHO} font:u1", "dots:u2 width:u1 height:u1 fonts:u1", safe=True),
    _row(0x14, "set_exchange", "set speed and time-out of a port", f"{_WHO} port:u1 speed:u1 timeout:u1"),
    _row(0x15, "read_exchange", "read speed and time-out of a port", f"{_WHO} port:u1", "speed:u1 timeout:u1",
         safe=True),
    _row(0xB0, "continue_print", "continue printing", _WHO, _OP, timeout_s=60),
    # Printing
    _row(0x13, "beep", "beep", _WHO, _OP),
    _row(0x17, "print_line", "print a line", f"{_WHO} flags:u1 text:t40", _OP),
    _row(0x2F, "print_line_font", "print a line in a font", f"{_WHO} flags:u1 font:u1 text:t40", _OP),
    _row(0x12, "print_bold", "print a bold line", f"{_WHO} flags:u1 text:t20", _OP),
    _row(0x25, "cut", "cut", f"{_WHO} type:u1", _OP),
    _row(0x28, "drawer", "open the drawer", f"{_WHO} drawer:u1", _OP),
    _row(0x29, "feed", "feed lines", f"{_WHO} flags:u1 lines:u1", _OP),
    _row(0x8C, "repeat_document", "repeat the last document", _WHO, _OP),
    _row(0xC2, "barcode", "print EAN-13", f"{_WHO} number:u5", _OP),
    # Shift and reports
    _row(0x40, "report_x", "X report", _WHO, _OP),
    _row(0x41, "report_z", "Z report: close the shift", _WHO, _OP, timeout_s=65),
    _row(0xE0, "open_shift", "open the shift", _WHO, _OP, timeout_s=120),
    _row(0x50, "cash_in", "cash put in", f"{_WHO} sum:u5", f"{_OP} document:u2"),
    _row(0x51, "cash_out", "cash taken out", f"{_WHO} sum:u5", f"{_OP} document:u2"),
    # Receipt, classic
    _row(0x8D, "open_receipt", "open a receipt", f"{_WHO} type:u1", _OP),
    _row(0x80, "sale", "sale", _ITEM, _OP),
    _row(0x81, "purchase", "purchase from the customer", _ITEM, _OP),
    _row(0x82, "sale_return", "return of a sale", _ITEM, _OP),
    _row(0x83, "purchase_return", "return of a purchase", _ITEM, _OP),
    _row(0x84, "storno", "take a position back", _ITEM, _OP),
    _row(0x86, "discount", "discount", _SUM, _OP),
    _row(0x87, "surcharge", "surcharge", _SUM, _OP),
    _row(0x8A, "discount_storno", "take a discount back", _SUM, _OP),
    _row(0x8B, "surcharge_storno", "take a surcharge back", _SUM, _OP),
    _row(0x85, "close_receipt", "close the receipt",
         f"{_WHO} payment1:u5 payment2:u5 payment3:u5 payment4:u5 percent:s2 {_TAXES} text:t40",
         f"{_OP} change:u5 ? link:t"),
    _row(0x8E, "close_receipt_16", "close the receipt, 16 payments", f"{_WHO} {_PAYMENTS} percent:s2 {_TAXES} text:t40",
         f"{_OP} change:u5 ? link:t"),
    _row(0x88, "cancel_receipt", "cancel the receipt", _WHO, _OP),
    _row(0x89, "subtotal", "subtotal", _WHO, f"{_OP} subtotal:u5", safe=True),
    # Receipt, with fiscal memory
    _row(0xFF0C, "document_tlv", "TLV into the document", f"{_WHO} tlv:b"),
    _row(0xFF4D, "item_tlv", "TLV into the last position", f"{_WHO} tlv:b"),
    _row(0xFF0D, "item_discounts", "position with discounts",
         f"{_WHO} type:u1 quantity:u5 price:u5 discount:u5 surcharge:u5 department:u1 tax:u1 barcode:u5 text:b"),
    _row(0xFF46, "item_v2", "position",
         f"{_WHO} type:u1 quantity:u6 price:u5 sum:u5 tax_sum:u5 tax:u1 department:u1 method:u1 subject:u1 name:b"),
    _row(0xFF45, "close_receipt_v2", "close the receipt",
         f"{_WHO} {_PAYMENTS} rounding:u1 taxes:b30 tax_system:u1 text:b", f"change:u5 {_FISCAL}"),
    _row(0xFF4B, "receipt_discount", "discount on the receipt", f"{_WHO} discount:u5 surcharge:u5 tax:u1 text:t128"),
    _row(0xFF61, "check_mark", "check a marking code",
         f"{_WHO} status:u1 mode:u1 code_size:u1 tlv_size:u1 data:b", "local:u1 reason:u1 type:u1 more:b",
         safe=True, timeout_s=40),
    _row(0xFF67, "bind_mark", "bind a marking code to the position", f"{_WHO} size:u1 code:b", "codes:b",
         timeout_s=40),
    _row(0xFF69, "accept_mark", "accept or refuse a marking code", f"{_WHO} accept:u1", "result:u1"),
    # Fiscal memory
    _row(0xFF01, "memory_status", "status of the fiscal memory", _WHO,
         "phase:u1 open_document:u1 has_data:u1 shift_state:u1 warnings:u1 moment:b5 memory:t16 last_document:u4",
         safe=True, timeout_s=5),
    _row(0xFF02, "memory_number", "number of the fiscal memory", _WHO, "memory:t16", safe=True, timeout_s=5),
    _row(0xFF03, "memory_expiry", "expiry of the fiscal memory", _WHO, "date:b3 ? left:u1 done:u1", safe=True),
    _row(0xFF04, "memory_version", "version of the fiscal memory", _WHO, "version:t16 type:u1", safe=True),
    _row(0xFF08, "memory_cancel", "cancel the document in the fiscal memory", _WHO),
    _row(0xFF0A, "find_document", "find a fiscal document", f"{_WHO} document:u4", "type:u1 ticket:u1 data:b",
         safe=True),
    _row(0xFF39, "exchange_status", "exchange with the operator of fiscal data", _WHO,
         "status:u1 reading:u1 waiting:u2 first:u4 first_moment:b5", safe=True),
    _row(0xFF3A, "request_document", "ask for a document as TLV", f"{_WHO} document:u4", "type:u2 size:u2", safe=True),
    _row(0xFF3B, "read_document", "read the TLV asked for", _WHO, "tlv:b"),
    _row(0xFF3C, "operator_ticket", "ticket of the operator of fiscal data", f"{_WHO} document:u4", "ticket:b",
         safe=True),
    _row(0xFF3F, "unconfirmed", "documents not confirmed", _WHO, "count:u2", safe=True),
    _row(0xFF40, "shift_state", "state of the shift", _WHO, "state:u1 shift:u2 receipt:u2", safe=True),
    _row(0xFF41, "shift_open_begin", "begin to open the shift", _WHO),
    _row(0xFF42, "shift_close_begin", "begin to close the shift", _WHO),
    _row(0xFF43, "shift_close", "close the shift", _WHO, f"shift:u2 {_FISCAL}", timeout_s=65),
    _row(0xFF37, "state_report_begin", "begin the report of settlements", _WHO),
    _row(0xFF38, "state_report", "report of settlements", _WHO,
         "document:u4 sign:u4 waiting:u4 first_date:b3 ? moment:b5"),
)  # fmt: skip

BY_CODE: Final = {command.code: command for command in TABLE}
BY_NAME: Final = {command.name: command for command in TABLE}

COMPUTE: Final = 0xFF_FFFF_FFFF  # in FF46: the device multiplies, and computes the tax


def code_of(body: bytes) -> int:
    """The command code at the head of a request or an answer; raises RemoteProtocolError for an empty body."""
    if not body:
        raise RemoteProtocolError("an empty frame carries no command")
    if body[0] == EXTENDED and len(body) > 1:
        return (EXTENDED << 8) | body[1]
    return body[0]


def named(name: str) -> Command:
    """A row by its name; raises LocalProtocolError."""
    if name not in BY_NAME:
        raise LocalProtocolError(f"no command is called {name!r}")
    return BY_NAME[name]


def decode_answer(command: Command, body: bytes) -> Answer:
    """Take an answer to `command` apart; raises RemoteProtocolError when it is none."""
    size = len(command.opcode)
    if command.code > 0xFF and len(body) == 2 and body[0] == EXTENDED and body[1] != command.code & 0xFF:
        return Answer(command=command, error=body[1], values={})  # the device does not know FF-commands at all
    if not body.startswith(command.opcode) or len(body) <= size:
        raise RemoteProtocolError(f"not an answer to {command.title} ({command.code:02X}h): {body[:8].hex(' ')}")
    error = body[size]
    return Answer(command=command, error=error, values={} if error else command.answer.decode(body[size + 1 :]))


def is_answer_to(command: Command, body: bytes) -> bool:
    """Whether the head of a body fits this request."""
    if command.code > 0xFF and len(body) == 2 and body[:1] == bytes([EXTENDED]):
        return True
    return body.startswith(command.opcode)
