"""Tillpoint as the register's host: ask how it is, print a slip beside receipts, continue what was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from drivers.vocabulary.errors import DeviceRefused

from .commands import TEXT_SIZE
from .layout import CODEC
from .models import Model
from .session import AnswerLost, Ask, insist
from .status import SENTENCES, Condition, SubMode, Trouble, status_condition

SLIP_LINES_MAX: Final = 200  # more than a metre of paper
_RECEIPT_ROLL: Final = 0x02  # flags of 17h
_BUSY: Final = frozenset({0x50, 0x72})
BUSY_TRIES_MAX: Final = 50
BUSY_WAIT_S: Final = 0.1
_PARTIAL: Final = 1


def condition(ask: Ask, *, password: int) -> Condition:
    """How the register is; one that does not answer is E305."""
    try:
        return status_condition(ask("short_status", password=password))
    except AnswerLost as lost:
        return Condition(code=Trouble.OFFLINE.value, sentence=SENTENCES[Trouble.OFFLINE], maker_code=str(lost))


def print_slip(
    ask: Ask, lines: Sequence[str], *, model: Model, password: int, wait: Callable[[float], object], cut: bool = True
) -> None:
    """Print text lines and cut.

    A line that is wider than the paper goes on in the next one. Call it between receipts only: inside one the lines
    become part of the receipt.

    Raises:
        DeviceRefused: with our code, and what the cashier can do.
        AnswerLost: the line broke; a line whose answer was lost is not printed a second time.
    """
    for line in [part for text in lines[:SLIP_LINES_MAX] for part in _wrapped(text, min(model.columns, TEXT_SIZE))]:
        _patiently(ask, wait, "print_line", password=password, flags=_RECEIPT_ROLL, text=line)
    if cut:
        _patiently(ask, wait, "cut", password=password, type=_PARTIAL)


def continue_printing(ask: Ask, *, password: int) -> bool:
    """Send B0h when the register waits for it; whether it did."""
    status = insist(ask("short_status", password=password))
    if status.number("submode") != SubMode.WAITS_CONTINUE:
        return False
    insist(ask("continue_print", password=password))
    return True


def _patiently(ask: Ask, wait: Callable[[float], object], name: str, **values: int | str) -> None:
    """Ask again while the register prints the command before, for 5 s."""
    for _ in range(BUSY_TRIES_MAX):
        answer = ask(name, **values)
        if answer.error not in _BUSY:
            insist(answer)
            return
        wait(BUSY_WAIT_S)
    raise DeviceRefused(SENTENCES[Trouble.STILL_PRINTING], code=Trouble.STILL_PRINTING.value, maker_code="50h")


def _wrapped(text: str, width: int) -> list[str]:
    """The line in pieces of `width`; what CP1251 has not becomes a question mark."""
    plain = text.encode(CODEC, "replace").decode(CODEC).replace("\0", " ")
    return [plain[at : at + width] for at in range(0, len(plain), width)] or [" "]
