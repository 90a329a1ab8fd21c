"""Our own commands on an open receipt and their answers, and the till's payment with another sum, as each maker has it.

Layouts: 33h, 35h and 36h of Datecs P protocol 1.00, C 2.04 and X 2.02, Daisy 1.0, Eltrade 1.1.1 and Incotex, by facts;
the `$` of Daisy by an open driver, for its manual knows a percent only.
"""

from __future__ import annotations

from decimal import Decimal

from drivers.vocabulary.money import Money

from .fields import Modifier, bytes_of, fields_of, number_of, write_subtotal
from .frames import Frame
from .models import Dialect, Model
from .status import condition_of


def write_question(model: Model) -> bytes:
    """33h that only asks: nothing printed, nothing shown."""
    return b"0\t0\t\t\t" if model.dialect is Dialect.TAB else b"00"


def read_subtotal_answer(model: Model, data: bytes, currency: str) -> int | None:
    """Minor units of the subtotal in the answer of 33h; None when it is not there."""
    fields = fields_of(model, data)
    at = 2 if model.dialect is Dialect.TAB else 0
    return stated_minor(model, fields[at], currency) if len(fields) > at else None


def is_refusal(model: Model, answer: Frame) -> bool:
    """Whether the device did not carry out what it answers."""
    if condition_of(answer.status or b"", model.status).refused:
        return True
    return model.dialect is Dialect.TAB and fields_of(model, answer.data)[0] not in ("", "0")


def stated_minor(model: Model, text: str, currency: str) -> int | None:
    """A sum in an answer: with a point whole units, without one minor units, but on Datecs X always units."""
    number = number_of(text)
    if number is None:
        return None
    if "." not in text and model.dialect is Dialect.COMMA:
        return int(number)
    try:
        return Money.of(number, currency).minor
    except ValueError:
        return None


def write_off(model: Model, off: Money) -> bytes:
    """33h that takes so much off the receipt; below zero puts it on."""
    return write_subtotal(model, Modifier(value=-Decimal(off.amount), is_percent=False))


def write_line(model: Model, line: str) -> bytes:
    """36h: one line of text inside the receipt; the device frames it with `#`."""
    text = line[: model.text_columns].replace("\t", " ").replace("\n", " ") or " "
    return bytes_of(text + "\t" * 6 if model.dialect is Dialect.TAB else text)


def with_amount(model: Model, data: bytes, amount: Money) -> bytes:
    """35h of the till with another sum; its texts, its letter and what is behind the sum stay."""
    if model.dialect is Dialect.TAB:
        fields = data.split(b"\t")
        fields[1] = amount.amount.encode()
        return b"\t".join(fields)
    head, tab, payment = data.rpartition(b"\t")
    letter = payment.strip()[:1]
    return head + tab + (letter if letter.isalpha() else b"") + amount.amount.encode()
