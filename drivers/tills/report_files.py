"""What every report of transactions does that is lines of fields with ``;`` between them; a codec.

A room's file says what a line is (`_take`); here is what happens to bytes before that, and what is said of lines that
nobody understands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drivers.tills.report_lines import Lines
from drivers.tills.reports import Reported

__all__ = ["LineFile", "NotUnderstood", "fields_of"]

SENTENCES_MAX: Final = 1_000  # of lines that are no transactions; a file of another kind has more


class NotUnderstood:
    """Lines that are no transactions: the first in words, the others by their number."""

    def __init__(self) -> None:
        self._first = ""
        self._count = 0

    def add(self, sentence: str) -> None:
        """One more."""
        self._first = self._first or sentence
        self._count = min(self._count + 1, SENTENCES_MAX)

    def said(self, *, never_closed: str, count: int) -> str:
        """All of it, with the drafts that were thrown away; "" for nothing."""
        more = f", and {self._count - 1} more lines" if self._count > 1 else ""
        sentences = [f"{self._first}{more}" if self._first else "", f"{never_closed}: {count}" if count else ""]
        return "; ".join(filter(None, sentences))


class LineFile:
    """The part of a `drivers.tills.reports.ReportFile` that knows nothing of the room.

    Attributes:
        _ends: semicolons that a last line without an end must have to count; 0 counts none.
        _problem: why the file cannot be read on, as the room found.
    """

    def __init__(self, encoding: str, label: str, *, ends: int = 0) -> None:
        self._label = label
        self._lines = Lines(encoding, label)
        self._ends = ends
        self._problem = ""

    @property
    def held(self) -> int:
        """See `ReportFile`."""
        return self._lines.held

    @property
    def problem(self) -> str:
        """See `ReportFile`."""
        return self._problem or self._lines.problem

    def feed(self, data: bytes) -> Sequence[Reported]:
        """See `ReportFile`."""
        if self._problem:
            return ()
        before = self._lines.number
        return self._take(self._lines.feed(data), before)

    def end(self) -> Sequence[Reported]:
        """See `ReportFile`."""
        last = self._lines.last()
        if not self._ends or last.count(";") < self._ends:
            return ()
        before = self._lines.number
        self._lines.drop_last()
        return self._take([last], before)

    def _take(self, lines: Sequence[str], number: int) -> list[Reported]:
        """What these lines close, the first of them behind line `number`."""
        raise NotImplementedError


def fields_of(line: str) -> list[str]:
    """The fields of a line, without the blanks around them."""
    fields = line.split(";")
    return [field.strip() for field in fields] if " " in line else fields
