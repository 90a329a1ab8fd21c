"""Closed receipts read back from the device, in order, each once, with progress; whoever asks moves the bytes.

Only Datecs P (77h, class W) and Datecs C (7Dh, option 5) read receipts back by fields. Each document is asked for by
its own number, so a pull that was cut goes on after the last one that was handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.vocabulary.errors import RemoteProtocolError, SettingsError
from drivers.vocabulary.events import Document

from .fields import bytes_of, number_of, text_of
from .models import Model, PullBy
from .rows import ROWS_MAX, RowReader

_JOURNAL: Final = 0x77
_DOCUMENT: Final = 0x7D
_LAST_NUMBER: Final = 0x71


class Ask(Protocol):
    """Sends one command and waits for its answer."""

    def __call__(self, code: int, data: bytes = b"") -> bytes:
        """The data of the answer; raises a TransportError or DeviceRefused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """One document of the device.

    Attributes:
        number: the device's own number; hand it back as `after` to go on behind it.
        done: how many were read in this pull, this one included.
        wanted: how many this pull will read.
    """

    number: int
    document: Document
    done: int
    wanted: int


def pull(ask: Ask, model: Model, reader: RowReader, *, after: int = 0) -> Iterator[Pulled]:
    """The documents with numbers above `after`, oldest first.

    What the journal does not hold any more is left out. Raises SettingsError for a model that cannot read receipts
    back, RemoteProtocolError when an answer makes no sense, and whatever `ask` raises.
    """
    if model.pull is PullBy.NONE:
        raise SettingsError(refusal(model))
    first, last = kept_range(ask, model)
    first = max(first, after + 1)
    for done, number in enumerate(range(first, last + 1), 1):
        document = pull_one(ask, model, reader, number)
        if document is not None:
            yield Pulled(number=number, document=document, done=done, wanted=last + 1 - first)


def refusal(model: Model) -> str:
    """Why receipts cannot be read back by fields, or ""."""
    if model.pull is not PullBy.NONE:
        return ""
    return f"{model.name} does not read receipts back; put the agent in line between till and printer"


def pull_one(ask: Ask, model: Model, reader: RowReader, number: int) -> Document | None:
    """One document, None for one that the device does not hold; raises as `pull`."""
    read = _journal_document if model.pull is PullBy.JOURNAL_ROWS else _single_document
    return read(ask, reader, number)


def kept_range(ask: Ask, model: Model) -> tuple[int, int]:
    """The first and the last document there is."""
    if model.pull is PullBy.JOURNAL_ROWS:
        fields = text_of(ask(_JOURNAL, b"I")).split(",")
        if len(fields) < 7:
            raise RemoteProtocolError(f"77h I: seven fields are due, not {fields!r}; check the model in the settings")
        return _whole(fields[5], "77h I"), _whole(fields[6], "77h I")
    return 1, _whole(text_of(ask(_LAST_NUMBER)).split(",")[0], "71h")


def _whole(text: str, where: str) -> int:
    number = number_of(text)
    if number is None or number < 0:
        raise RemoteProtocolError(
            f"{where}: a document number is due, not {text[:40]!r}; check the model in the settings"
        )
    return int(number)


def _rows(ask_next: Callable[[], str], first: str) -> list[str]:
    """Rows up to the F or the `*,` that ends them."""
    rows: list[str] = []
    row = first
    while row not in ("F", "*,", "*"):
        if not row or len(rows) >= ROWS_MAX:
            raise RemoteProtocolError(f"a document has no end after {len(rows)} rows; read it again")
        rows.append(row)
        row = ask_next()
    return rows


def _journal_document(ask: Ask, reader: RowReader, number: int) -> Document | None:
    first = text_of(ask(_JOURNAL, bytes_of(f"W,{number},{number}")))
    rows = _rows(lambda: text_of(ask(_JOURNAL, b"w")), first)
    return reader.journal(number, rows) if rows else None


def _single_document(ask: Ask, reader: RowReader, number: int) -> Document | None:
    head = text_of(ask(_DOCUMENT, bytes_of(f"0,{number},0")))
    if not head.startswith("P"):
        return None
    rows = _rows(lambda: text_of(ask(_DOCUMENT, b"5")), text_of(ask(_DOCUMENT, b"5")))
    return reader.document(number, head, rows)
