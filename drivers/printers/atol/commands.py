"""Commands of the low-level protocols: one row each, read by the session and by the twin; the same in 2 and 3.

A request is ``[password:2] [code] [parameters]``. Most answers are ``55 error …``; 3F answers ``44 …``, 45 ``55 …``
without an error, A5 ``error …``. Codes and layouts: see README.md, sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.errors import LocalProtocolError, RemoteProtocolError

from .layout import Layout, Value, bcd, from_bcd, parse_layout

PASSWORD_SIZE: Final = 2
QUESTION_TIMEOUT_S: Final = 3.0  # answered within a tenth of a second, and asked again
ORDER_TIMEOUT_S: Final = 10.0  # T5 of the protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One row.

    Attributes:
        opcode: the code, and what is fixed behind it.
        head: first byte of the answer, 0 for none.
        has_error: whether an error byte follows.
        is_repeatable: asking twice does no harm: it neither sells, nor prints, nor moves a reading position.
        timeout_s: until the answer; closing a shift prints for minutes.
    """

    name: str
    title: str
    opcode: bytes
    request: Layout
    answer: Layout
    head: int = 0x55
    has_error: bool = True
    is_repeatable: bool = False
    timeout_s: float = ORDER_TIMEOUT_S

    def encode(self, password: int, /, **values: Value) -> bytes:
        """The bytes of a request; raises LocalProtocolError."""
        return bcd(password, PASSWORD_SIZE) + self.opcode + self.request.encode(values)

    def encode_answer(self, error: int = 0, /, **values: Value) -> bytes:
        """The bytes of an answer; with an error nothing else."""
        start = (bytes([self.head]) if self.head else b"") + (bytes([error]) if self.has_error else b"")
        return start + (b"\0" if error else self.answer.encode(values))

    def decode_answer(self, data: bytes) -> Answer:
        """Raises RemoteProtocolError for what is no answer to this command."""
        rest = data
        if self.head:
            if rest[:1] != bytes([self.head]):
                if rest[:1] == b"\x55" and len(rest) > 1 and rest[1]:
                    return Answer(self, rest[1], {})  # the usual answer to a command that failed
                raise RemoteProtocolError(f"{self.title}: {self.head:02X} is due, not {data[:8].hex(' ')}")
            rest = rest[1:]
        if self.has_error:
            if not rest:
                raise RemoteProtocolError(f"{self.title}: the error byte is missing")
            if rest[0]:
                return Answer(self, rest[0], {})
            rest = rest[1:]
        return Answer(self, 0, self.answer.decode(rest))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer taken apart; `values` is empty when `error` is not 0."""

    command: Command
    error: int
    values: dict[str, Value]

    def number(self, name: str) -> int:
        """A field that is a number."""
        value = self.values.get(name, 0)
        return value if isinstance(value, int) else 0

    def data(self, name: str) -> bytes:
        """A field of raw bytes."""
        value = self.values.get(name, b"")
        return value if isinstance(value, bytes) else b""

    def text(self, name: str) -> str:
        """A field of text."""
        value = self.values.get(name, "")
        return value if isinstance(value, str) else ""


def _row(
    name: str,
    title: str,
    opcode: str,
    request: str = "",
    answer: str = "",
    *,
    head: int = 0x55,
    has_error: bool = True,
    is_repeatable: bool = False,
    timeout_s: float = 0.0,
) -> Command:
    return Command(
        name=name,
        title=title,
        opcode=bytes.fromhex(opcode),
        request=parse_layout(request),
        answer=parse_layout(answer),
        head=head,
        has_error=has_error,
        is_repeatable=is_repeatable,
        timeout_s=timeout_s or (QUESTION_TIMEOUT_S if is_repeatable else ORDER_TIMEOUT_S),
    )


_STATE: Final = (
    "cashier:d1 place:u1 date:b3 time:b3 flags:u1 serial:d4 model:u1 version:b2 mode:u1 receipt:d2 shift:d2"
    " receipt_state:u1 receipt_sum:d5 decimals:u1 port:u1"
)
_ITEM: Final = (
    "flags:u1 price:d7 quantity:d5 sum:d7 rate:u1 tax_sum:d7 section:d1 subject:d1 method:d1 sign:u1 discount:d7"
    " reserved:b2 name:t"
)

TABLE: Final[tuple[Command, ...]] = (
    _row("state", "state of the register", "3F", "", _STATE, head=0x44, has_error=False, is_repeatable=True),
    _row("mode", "mode and printer", "45", "", "mode:u1 flags:u1", has_error=False, is_repeatable=True),
    _row("device_type", "type of the device", "A5", "",
         "protocol:u1 kind:u1 model:u1 modes:b2 version:b5 name:t", head=0, is_repeatable=True),
    _row("enter_mode", "enter a mode", "56", "mode:u1 password:d4"),
    _row("leave_mode", "leave the mode", "48"),
    _row("open_shift", "open the shift", "9A", "flags:u1 text:t", timeout_s=45.0),
    _row("close_shift", "close the shift", "5A", timeout_s=180.0),
    _row("open_receipt", "open a receipt", "92", "flags:u1 type:u1"),
    _row("begin_item", "begin a position", "EA", "flags:u1 kind:u1 reserved:u1"),
    _row("item", "position", "EB", _ITEM),
    _row("close_receipt", "close the receipt", "4A", "flags:u1 payment:d1 sum:d5", timeout_s=45.0),
    _row("cancel_receipt", "cancel the receipt", "59"),
    _row("print_line", "print a line", "4C", "text:t"),
    _row("print_header", "print the header", "6C"),
    _row("cut", "cut", "75", "type:u1"),
    _row("beep", "beep", "47"),
    _row("drawer", "open the drawer", "80"),
    _row("last_receipt", "last receipt", "91 33 00 00", "",
         "document:d5 type:u1 total:d7 moment:d5 sign:d5", is_repeatable=True),
    _row("last_document", "last fiscal document", "91 34 00 00", "", "document:d5", is_repeatable=True),
    _row("memory_number", "number of the fiscal memory", "A4 31", "", "number:t", is_repeatable=True),
    _row("find_document", "size of a fiscal document", "A4 45", "document:u4", "type:u2 size:u2", is_repeatable=True),
    _row("read_document", "next part of the document", "A4 46", "", "tlv:b"),
)  # fmt: skip

BY_NAME: Final = {command.name: command for command in TABLE}
_LONGEST_FIRST: Final = sorted(TABLE, key=lambda command: -len(command.opcode))


def named(name: str) -> Command:
    """A row; raises LocalProtocolError."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise LocalProtocolError(f"no command {name!r}") from None


def read_request(data: bytes) -> tuple[int, Command, dict[str, Value]] | None:
    """Password, command and parameters of a request, None for a command that is not in the table.

    Raises RemoteProtocolError for parameters that do not fit.
    """
    body = data[PASSWORD_SIZE:]
    for command in _LONGEST_FIRST:
        if body.startswith(command.opcode):
            return from_bcd(data[:PASSWORD_SIZE]), command, command.request.decode(body[len(command.opcode) :])
    return None
