"""Frontol's sales report: a codec from files of transactions to closed documents, in whatever pieces they come.

Line 1 is ``#`` (new) or ``@`` (read before), line 2 names the database, line 3 numbers the report; then a transaction
a line, ``;`` between 36 (Frontol 5) or 44 (Frontol 6) fields. A document begins with a transaction 42 and is closed by
55, a return whose money went another way by 58, maybe in a later file; 56 cancels it. Fields are counted from 1, as in
the makers' guide for integrators (§17.2.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from drivers.tills.frontol.report_documents import Draft, assemble
from drivers.tills.report_files import LineFile, NotUnderstood, fields_of
from drivers.tills.report_lines import moment
from drivers.tills.reports import Counted, Progress, ReportContext, Reported, Reports, ReportSettings

__all__ = ["MARK", "REQUEST", "FrontolBook", "reports"]

MARK: Final = (b"#", b"@")
REQUEST: Final = b"$$$NEWTRANSACTIONS\r\n"  # what the request flag file says (public exchange scripts)
PATTERN: Final = "*report*.txt"
FIELDS_MIN: Final = 14  # up to the shift; what is shorter is no transaction
DRAFTS_MAX: Final = 1_000  # a restaurant keeps some dozens of tables open; more are left-overs
CLOSED_REMEMBERED: Final = 1_000

_OPEN, _CLOSE, _CLOSE_WITHOUT_MONEY, _CANCEL = "42", "55", "58", "56"
#: What tells of goods, money or the customer; other transactions are counted and passed over.
_KEPT: Final = frozenset(
    "1 2 11 12 15 17 27 32 33 34 35 36 37 38 40 42 43 45 55 56 58 65 82 83 84 85 86 87".split()  # noqa: SIM905 - as in the guide
)
_RETURN: Final = "1"
_RECEIPTS: Final = frozenset({"0", _RETURN})  # operations: a sale, a return

Key = tuple[str, str]


class FrontolBook:
    """See `drivers.tills.reports.ReportBook`; one for all files of a folder."""

    def __init__(self, settings: ReportSettings, context: ReportContext) -> None:
        self.settings = settings
        self.context = context
        self._tills = frozenset(settings.tills)
        self._drafts: dict[Key, Draft] = {}
        self._closed: dict[Key, None] = {}
        self._counters: dict[str, Counted] = {}
        self._not_understood = NotUnderstood()
        self._never_closed = 0

    def file(self, label: str) -> FrontolFile:
        """Begin a file."""
        return FrontolFile(self, label)

    def unfinished(self) -> bytes:
        """See `ReportBook`."""
        parts: list[str] = []
        for (counter, _), draft in self._drafts.items():
            lines = (";".join(one.replace(";", "¤") for one in fields) for _, fields in sorted(draft.lines.items()))
            parts += ["#", counter, "0", *lines]
        return "".join(f"{part}\r\n" for part in parts).encode("utf-8-sig") if parts else b""

    def progress(self) -> dict[str, Progress]:
        """See `ReportBook`."""
        return {name: Progress(last=one.last, gaps=tuple(one.gaps)) for name, one in self._counters.items()}

    def resume(self, progress: Mapping[str, Progress]) -> None:
        """See `ReportBook`."""
        for name, one in progress.items():
            self._counters[name] = Counted(last=one.last, gaps=list(one.gaps))

    @property
    def complaint(self) -> str:
        """See `ReportBook`."""
        return self._not_understood.said(
            never_closed="documents that were opened and never closed", count=self._never_closed
        )

    # ── For its files ───────────────────────────────────────────────────────────────────────────

    def transaction(self, counter: str, number: int, fields: list[str]) -> Reported | None:
        """Take one transaction."""
        counted = self._counters.get(counter)
        if counted is None:
            counted = self._counters[counter] = Counted(last=number)
        was_missing = counted.met(number)
        kind = fields[3]
        if kind not in _KEPT or (self._tills and fields[4] not in self._tills):
            return None
        key = (counter, "/".join((fields[4], fields[13], fields[5])))
        if kind == _CANCEL:
            self._drafts.pop(key, None)
            self._shut(key)
            return None
        draft = self._drafts.get(key)
        if draft is None or (kind == _OPEN and number not in draft.lines):
            if kind != _OPEN and key in self._closed:
                return None  # what comes behind the closing says nothing that is needed
            draft = self._begin(key, counter)
        draft.lines[number] = fields
        if kind not in {_CLOSE, _CLOSE_WITHOUT_MONEY}:
            return None
        del self._drafts[key]
        self._shut(key)
        if fields[12] not in _RECEIPTS or (kind == _CLOSE_WITHOUT_MONEY and fields[12] != _RETURN):
            return None
        context = self.context
        return Reported(
            counter=counter,
            number=number,
            closed_at=moment(fields[1], fields[2], context.zone),
            read=partial(assemble, draft, context, self.settings.tenders),
            is_late=was_missing,
        )

    def not_understood(self, sentence: str) -> None:
        """A line that is no transaction."""
        self._not_understood.add(sentence)

    def _begin(self, key: Key, counter: str) -> Draft:
        self._closed.pop(key, None)
        draft = self._drafts[key] = Draft(counter=counter)
        if len(self._drafts) > DRAFTS_MAX:
            self._drafts.pop(next(iter(self._drafts)))
            self._never_closed += 1
        return draft

    def _shut(self, key: Key) -> None:
        self._closed[key] = None
        if len(self._closed) > CLOSED_REMEMBERED:
            del self._closed[next(iter(self._closed))]


class FrontolFile(LineFile):
    """See `drivers.tills.reports.ReportFile`."""

    def __init__(self, book: FrontolBook, label: str) -> None:
        super().__init__(book.settings.encoding, label, ends=FIELDS_MIN)
        self._book = book
        self._header: list[str] = []

    def _take(self, lines: Sequence[str], number: int) -> list[Reported]:
        found: list[Reported] = []
        for line in lines:
            number += 1
            if line.count(";") >= FIELDS_MIN - 1:
                closed = self._transaction(line, number)
                if closed is not None:
                    found.append(closed)
            elif line.strip():
                self._other(line.strip(), number)
            if self._problem:
                break
        return found

    def _transaction(self, line: str, number: int) -> Reported | None:
        if len(self._header) < 3:
            self._refuse(number)
            return None
        fields = fields_of(line)
        if "¤" in line:  # how a value writes a semicolon
            fields = [field.replace("¤", ";") for field in fields]
        try:
            place = int(fields[0])
        except ValueError:
            place = 0
        if place <= 0 or not fields[3].isdecimal():
            self._book.not_understood(f"{self._label}, line {number} is no transaction")
            return None
        self._ends = max(FIELDS_MIN, len(fields) - 1)
        return self._book.transaction(self._header[1], place, fields)

    def _other(self, line: str, number: int) -> None:
        """A line of a header: at the beginning, or of a report that was appended."""
        if line in {"#", "@"}:
            self._header = [line]
        elif not self._header:
            self._refuse(number)
        elif len(self._header) < 3:
            self._header.append(line)
        else:
            self._book.not_understood(f"{self._label}, line {number} is no transaction")

    def _refuse(self, number: int) -> None:
        self._problem = (
            f"{self._label}, line {number}: no Frontol report, which begins with #, its database and its number, a line"
            " each; set reports.pattern so that only reports fit, or reports.encoding"
        )


def _book(settings: Any, context: ReportContext) -> FrontolBook:
    return FrontolBook(settings.reports, context)


#: The field `reports` of the row `drivers.tills.frontol.system`.
reports: Final = Reports(book=_book, pattern=PATTERN, request=REQUEST, mark=MARK)
