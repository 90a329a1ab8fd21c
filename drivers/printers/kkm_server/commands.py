"""Commands of KKM-Server's JSON interface and what it answers; values only, pure.

A command is one JSON object in the body of ``POST /Execute`` (or ``/Execute/sync``, ``/Execute/async``). An answer has
``Status`` 0 done, 1 running, 2 failed (``Error`` says why), 3 no such command or device, 4 not begun yet. 1 and 4 are
asked about by ``GetRezult`` with the same ``IdCommand``; its answer holds the command's own one in ``Rezult``.
Shapes: see README.md, sources.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from drivers.json_amounts import read_json, text_of, whole_of

Command = dict[str, Any]

DONE: Final = 0
RUNNING: Final = 1
FAILED: Final = 2
NOT_FOUND: Final = 3
WAITING: Final = 4
SALE: Final = 0
RETURN: Final = 1
ID_LENGTH_MAX: Final = 128  # the maker says 40; a POS that writes more is asked about all the same
_PATH: Final = re.compile(r"(?:https?://[^/]+)?/execute(?:/(?:a?sync))?/?(?:\?.*)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a command.

    Attributes:
        status: as the server counts.
        error: its own words, "" for none.
        answer: all of it.
    """

    status: int
    error: str
    answer: Command

    @property
    def is_open(self) -> bool:
        """Whether it may still happen."""
        return self.status in (RUNNING, WAITING)

    @property
    def number(self) -> int:
        """Of the fiscal document, 0 for none."""
        return whole_of(self.answer.get("CheckNumber"))

    @property
    def fiscal(self) -> tuple[str, int, int] | None:
        """Fiscal memory, document number and fiscal sign out of the QR code, or out of the address of the receipt."""
        for text in (text_of(self.answer.get("QRCode")), text_of(self.answer.get("URL")).partition("?")[2]):
            words = {key: values[-1].strip() for key, values in parse_qs(text).items()}
            memory, number, sign = words.get("fn", ""), whole_of(words.get("i")), whole_of(words.get("fp"))
            if memory.isascii() and memory.isdigit() and number and sign:
                return memory, number, sign
        return None

    @property
    def total(self) -> str:
        """The sum in the QR code (``119.58``), or ""."""
        return parse_qs(text_of(self.answer.get("QRCode"))).get("s", [""])[-1]

    @property
    def moment(self) -> str:
        """When, as the QR code writes it (``20260115T1230``), or ""."""
        return parse_qs(text_of(self.answer.get("QRCode"))).get("t", [""])[-1]


def is_execute(target: str) -> bool:
    """Whether commands are posted there."""
    return _PATH.fullmatch(target) is not None


def read_command(body: bytes) -> Command | None:
    """A posted command, None for a body that is none: the server will say what it thinks of it."""
    try:
        value = read_json(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("Command"), str) else None


def id_of(command: Command) -> str:
    """Its ``IdCommand``, "" for none that can be a name."""
    name = command.get("IdCommand")
    text = str(name) if isinstance(name, (str, int)) and not isinstance(name, bool) else ""
    return text if len(text) <= ID_LENGTH_MAX else ""


def is_receipt(command: Command) -> bool:
    """Whether it makes a fiscal document of a receipt or of a correction."""
    return command.get("Command") == "RegisterCheck" and command.get("IsFiscalCheck") is True


def type_of(command: Command) -> int:
    """``TypeCheck``; a receipt that says none is a sale."""
    value = command.get("TypeCheck")
    return SALE if value is None else whole_of(value) if str(value).strip().isdigit() else -1


def read_result(body: bytes, *, is_question: bool) -> Result | None:
    """An answer; None for a body that is none.

    Args:
        body: of the answer.
        is_question: whether it answers GetRezult, whose result lies in ``Rezult``.
    """
    value: Any = None
    try:
        value = read_json(body)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    inner = value.get("Rezult") if is_question else value
    if not isinstance(inner, dict):
        return None  # the question itself failed, which says nothing about the command
    status = inner.get("Status")
    if isinstance(status, bool) or not isinstance(status, int):
        return None
    return Result(status=status, error=text_of(inner.get("Error")), answer=inner)
