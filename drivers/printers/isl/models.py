"""The makers' families as rows over one core: frame, dialect of the data, letters of payment, ways to pull.

Where makers' manuals and devices disagree, the row says what is sent; whoever reads accepts both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.receipt import TenderKind

from .frames import LONG, SHORT, FrameFormat


class Dialect(Enum):
    """How the fields of DATA are written."""

    COMMA = "comma"  # text TAB tax and price; commas between fields
    TAB = "tab"  # every field ends with a TAB; an answer begins with an error code


class PullBy(Enum):
    """How a closed receipt is read back."""

    JOURNAL_ROWS = "77h W"  # Datecs P: structured rows of the electronic journal
    DOCUMENT_ROWS = "7Dh 5"  # Datecs C: structured rows of one document
    NONE = "none"  # no structured reading is known; the stream in line is the only source


class StatusMap(Enum):
    """Whose meaning the status bits have; see `status.py`."""

    DATECS = "datecs"
    DATECS_X = "datecs_x"
    DAISY = "daisy"
    ELTRADE = "eltrade"
    INCOTEX = "incotex"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One family.

    Attributes:
        name: how settings name it.
        title: the devices, for people.
        open_command: opens a sale.
        open_fields: what its DATA names, in order.
        storno_command: opens a return; the same as open_command where the data tell them apart.
        cancel_command: gives an open receipt up.
        cut_command: cuts the paper, 0 for none.
        discount_mark: before an absolute discount on a line, as sent; `;` and `$` are both read.
        subtotal_mark: the same with a subtotal (33h).
        tenders: letter or digit of a payment → what it is.
        amount_field: where the sum of the open receipt stands in the answer of 4Ch, from 0.
        columns: characters in a printed line.
        text_columns: characters of free text inside a fiscal receipt (36h), where the device prints `#` at both ends.
        operator_pin: what operator 1 identifies himself with, as shipped.
    """

    name: str
    title: str
    frame: FrameFormat
    dialect: Dialect
    status: StatusMap
    open_command: int = 0x30
    open_fields: tuple[str, ...] = ("operator", "password", "till", "unp")
    storno_command: int = 0x30
    cancel_command: int = 0x3C
    cut_command: int = 0x2D
    discount_mark: str = ";"
    subtotal_mark: str = ";"
    tenders: dict[str, TenderKind]
    pull: PullBy = PullBy.NONE
    amount_field: int = 2
    columns: int = 42
    text_columns: int = 40
    operator_pin: str = "1"


_CASH, _CARD, _OTHER = TenderKind.CASH, TenderKind.CARD, TenderKind.OTHER
_CREDIT, _PREPAID = TenderKind.CREDIT, TenderKind.PREPAID

_ROWS: Final = (
    Model(
        name="datecs-p",
        title="Datecs FP-800, FP-2000, FP-650, FMP-10, FP-550, SK1",
        frame=SHORT,
        dialect=Dialect.COMMA,
        status=StatusMap.DATECS,
        storno_command=0x2E,
        tenders={
            "P": _CASH, "N": _CREDIT, "C": _OTHER, "D": _CARD, "I": _OTHER, "J": _OTHER, "K": _OTHER, "L": _OTHER,
            "m": TenderKind.CERTIFICATE, "n": TenderKind.CERTIFICATE, "r": _OTHER, "s": _OTHER,
        },
        pull=PullBy.JOURNAL_ROWS,
        operator_pin="0000",
    ),
    Model(
        name="datecs-c",
        title="Datecs DP-05, DP-25, DP-35, DP-150, WP-50",
        frame=SHORT,
        dialect=Dialect.COMMA,
        status=StatusMap.DATECS,
        open_fields=("operator", "password", "unp", "till"),
        storno_command=0x2E,
        cut_command=0,
        # A real DP-150 takes L for a card; its C is coupons.
        tenders={"P": _CASH, "N": _CREDIT, "C": TenderKind.CERTIFICATE, "D": _CARD, "L": _CARD},
        pull=PullBy.DOCUMENT_ROWS,
        text_columns=36,
    ),
    Model(
        name="datecs-x",
        title="Datecs FP-700X, FMP-350X, FMP-55X, WP-500X, WP-50X, DP-25X, DP-150X and the PM series",
        frame=LONG,
        dialect=Dialect.TAB,
        status=StatusMap.DATECS_X,
        open_fields=("operator", "password", "unp", "till"),
        storno_command=0x2B,
        cut_command=0x2E,
        tenders={"0": _CASH, "1": _CARD, "2": _CARD, "3": _OTHER, "4": _OTHER, "5": _OTHER, "6": _CASH,
                 "12": TenderKind.POINTS},
    ),
    Model(
        name="daisy",
        title="Daisy Compact, eXpert, Perfect, FX",
        frame=SHORT,
        dialect=Dialect.COMMA,
        status=StatusMap.DAISY,
        open_fields=("operator", "password", "unp"),
        cancel_command=0x82,
        discount_mark="$",
        # Its manual knows a subtotal with a percent only; open drivers take sums off with `$`. The subtotal is asked
        # before and after, so a device that takes nothing is left as it is.
        subtotal_mark="$",
        tenders={"P": _CASH, "N": _CREDIT, "C": _CARD, "D": _OTHER},
        text_columns=28,
    ),
    Model(
        name="eltrade",
        title="Eltrade A, B and PRP series",
        frame=SHORT,
        dialect=Dialect.COMMA,
        status=StatusMap.ELTRADE,
        open_command=0x90,
        open_fields=("operator", "unp"),
        storno_command=0x90,
        discount_mark="$",
        tenders={"P": _CASH, "N": _OTHER, "C": _OTHER, "D": _OTHER, "L": _CARD},
    ),
    Model(
        name="incotex",
        title="Incotex 300, 777 and Mercury series",
        frame=SHORT,
        dialect=Dialect.COMMA,
        status=StatusMap.INCOTEX,
        open_fields=("operator", "unp", "base"),
        cancel_command=0x82,
        tenders={"P": _CASH, "N": _OTHER, "C": _CARD, "D": _OTHER},
        amount_field=3,
        text_columns=34,
        operator_pin="0",
    ),
)  # fmt: skip

MODELS: Final[dict[str, Model]] = {row.name: row for row in _ROWS}


def model_named(name: str) -> Model:
    """The row; raises SettingsError naming those there are."""
    try:
        return MODELS[name]
    except KeyError:
        raise SettingsError(f'no ISL model "{name}"; known are {", ".join(MODELS)}') from None
