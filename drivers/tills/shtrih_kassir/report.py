"""The report of Штрих-М: Кассир: a codec from transactions to closed receipts, in whatever pieces they come.

Three lines of a header, then a transaction a line, ``;`` between its fields, decimals with a point: 1 number, 2 day,
3 time, 4 type, 5 till, 6 receipt, 7 cashier, 8 to 12 by type. The till appends to the file for ever; one file may hold
several tills, each with numbers of its own. A line of type 300 is followed by a document in XML, which is no receipt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from drivers.tills.report_files import LineFile, NotUnderstood, fields_of
from drivers.tills.report_lines import moment
from drivers.tills.reports import Progress, ReportContext, Reported, Reports, ReportSettings
from drivers.tills.shtrih_kassir.receipts import Draft, assemble

__all__ = ["KassirBook", "reports"]

PATTERN: Final = "*.txt"
FIELDS_MIN: Final = 7
DRAFTS_MAX: Final = 200  # one receipt is open at a till; more are left-overs

_CLOSE, _CANCEL, _Z_REPORT = "55", "56", "61"
_KEPT: Final = frozenset({"11", "12", "13", "37", "38", "40", "41", "70", "71", _CLOSE})
_DOCUMENT: Final = re.compile(r"<Document\b")
_DOCUMENT_END: Final = "</Document>"
_DOCUMENT_LINES_MAX: Final = 100_000

Key = tuple[str, str]


class KassirBook:
    """See `drivers.tills.reports.ReportBook`; one for all files of a folder."""

    def __init__(self, settings: ReportSettings, context: ReportContext) -> None:
        self.settings = settings
        self.context = context
        self._tills = frozenset(settings.tills)
        self._drafts: dict[Key, Draft] = {}
        self._lasts: dict[str, int] = {}
        self._shifts: dict[str, int] = {}
        self._not_understood = NotUnderstood()
        self._never_closed = 0

    def file(self, label: str) -> KassirFile:
        """Begin a file."""
        return KassirFile(self, label)

    def unfinished(self) -> bytes:
        """See `ReportBook`."""
        rows = [fields for draft in self._drafts.values() for _, fields in sorted(draft.lines.items())]
        return (
            "\r\n".join(["#", "1", "1", *(";".join(fields) for fields in rows), ""]).encode("utf-8-sig")
            if rows
            else b""
        )

    def progress(self) -> dict[str, Progress]:
        """See `ReportBook`: its numbers skip, so nothing is known to be missing."""
        return {till: Progress(last=last) for till, last in self._lasts.items()}

    def resume(self, progress: Mapping[str, Progress]) -> None:
        """See `ReportBook`."""
        self._lasts.update((till, one.last) for till, one in progress.items())

    @property
    def complaint(self) -> str:
        """See `ReportBook`."""
        return self._not_understood.said(
            never_closed="receipts that were begun and never closed", count=self._never_closed
        )

    # ── For its files ───────────────────────────────────────────────────────────────────────────

    def transaction(self, number: int, fields: list[str]) -> Reported | None:
        """Take one transaction."""
        till, kind = fields[4], fields[3]
        self._lasts[till] = max(number, self._lasts.get(till, 0))
        if kind == _Z_REPORT and len(fields) > 7 and fields[7].isdecimal():
            self._shifts[till] = int(fields[7]) + 1  # what follows a shift's Z report is in the next one
        key = (till, fields[5])
        if kind == _CANCEL:
            self._drafts.pop(key, None)
        if kind not in _KEPT or (self._tills and till not in self._tills):
            return None
        draft = self._drafts.get(key)
        if draft is None:
            draft = self._drafts[key] = Draft(shift=self._shifts.get(till))
            if len(self._drafts) > DRAFTS_MAX:
                self._drafts.pop(next(iter(self._drafts)))
                self._never_closed += 1
        draft.lines[number] = fields
        if kind != _CLOSE:
            return None
        del self._drafts[key]
        context = self.context
        return Reported(
            counter=till,
            number=number,
            closed_at=moment(fields[1], fields[2], context.zone),
            read=partial(assemble, draft, context, self.settings.tenders),
        )

    def not_understood(self, sentence: str) -> None:
        """A line that is no transaction."""
        self._not_understood.add(sentence)


class KassirFile(LineFile):
    """See `drivers.tills.reports.ReportFile`."""

    def __init__(self, book: KassirBook, label: str) -> None:
        super().__init__(book.settings.encoding, label)
        self._book = book
        self._header = 0
        self._inside = 0  # lines of a document in XML so far

    def _take(self, lines: Sequence[str], number: int) -> list[Reported]:
        found: list[Reported] = []
        for line in lines:
            number += 1
            if self._inside:
                self._in_document(line, number)
            elif self._header < 3:
                self._head(line.strip(), number)
            elif _DOCUMENT.match(line):
                self._inside = 1
                self._in_document(line, number)
            elif line.strip():
                closed = self._transaction(line, number)
                if closed is not None:
                    found.append(closed)
            if self._problem:
                break
        return found

    def _head(self, line: str, number: int) -> None:
        self._header += 1
        if line.count(";") >= FIELDS_MIN - 1 or (self._header == 1 and not line.startswith(("#", "@"))):
            self._problem = (
                f"{self._label}, line {number}: no report of Кассир, which begins with # and two more lines;"
                " set reports.pattern so that only reports fit, or reports.encoding"
            )

    def _in_document(self, line: str, number: int) -> None:
        """What follows a transaction 300: a document of goods, which is passed over to its end."""
        self._inside += 1
        if _DOCUMENT_END in line:
            self._inside = 0
        elif self._inside > _DOCUMENT_LINES_MAX:
            self._problem = f"{self._label}, line {number}: a <Document> has no end; the file is left as it is"

    def _transaction(self, line: str, number: int) -> Reported | None:
        fields = fields_of(line)
        if len(fields) < FIELDS_MIN or not fields[0].isdecimal() or not fields[3].isdecimal():
            self._book.not_understood(f"{self._label}, line {number} is no transaction")
            return None
        self._ends = len(fields) - 1
        return self._book.transaction(int(fields[0]), fields)


def _book(settings: Any, context: ReportContext) -> KassirBook:
    return KassirBook(settings.reports, context)


#: The field `reports` of the row `drivers.tills.shtrih_kassir.system`.
reports: Final = Reports(book=_book, pattern=PATTERN)
