"""Purchases of Set Retail 10 in XML files: a codec that gives each purchase as its element ends, so memory stays flat.

The shop's server writes ``purchases_*.xml`` for a query file of two lines (``date:``, ``report: purchases``). A day
asked for again tells all its purchases again. Shift and number count within one cash of one shop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, cast
from xml.etree import ElementTree as ET

from drivers.tills.reports import Progress, ReportContext, Reported, Reports, ReportSettings
from drivers.tills.set_retail.purchases import assemble, sold_at

__all__ = ["PurchasesBook", "reports"]

PATTERN: Final = "purchases*.xml"
REQUEST: Final = b"date: {date}\r\nreport: purchases\r\n"
NUMBERS_OF_SHIFT: Final = 1_000_000  # a cash closes some thousand purchases in a shift
DEPTH: Final = 2  # <purchases> and <purchase>
_HEAD_BYTES: Final = 4_096
_DOCTYPE: Final = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


class PurchasesBook:
    """See `drivers.tills.reports.ReportBook`; a purchase is whole in its file, so nothing is carried over."""

    def __init__(self, settings: ReportSettings, context: ReportContext) -> None:
        self.settings = settings
        self.context = context
        self._tills = frozenset(settings.tills)
        self._lasts: dict[str, int] = {}
        self._not_understood = 0

    def file(self, label: str) -> PurchasesFile:
        """Begin a file."""
        return PurchasesFile(self, label)

    def unfinished(self) -> bytes:
        """See `ReportBook`."""
        return b""

    def progress(self) -> dict[str, Progress]:
        """See `ReportBook`: not every number is a purchase, so nothing is known to be missing."""
        return {counter: Progress(last=last) for counter, last in self._lasts.items()}

    def resume(self, progress: Mapping[str, Progress]) -> None:
        """See `ReportBook`."""
        self._lasts.update((counter, one.last) for counter, one in progress.items())

    @property
    def complaint(self) -> str:
        """See `ReportBook`."""
        return f"purchases without cash, shift and number: {self._not_understood}" if self._not_understood else ""

    def purchase(self, element: ET.Element) -> Reported | None:
        """Take one purchase."""
        cash, shift, number = (element.get(name, "") for name in ("cash", "shift", "number"))
        if not (cash and shift.isdecimal() and number.isdecimal()):
            self._not_understood += 1
            return None
        if self._tills and cash not in self._tills:
            return None
        counter = f"{element.get('shop', '')}.{cash}"
        place = int(shift) * NUMBERS_OF_SHIFT + int(number)
        self._lasts[counter] = max(place, self._lasts.get(counter, 0))
        at: datetime | None = sold_at(element, self.context.zone)
        read = partial(assemble, element, self.context, self.settings.tenders)
        return Reported(counter=counter, number=place, closed_at=at, read=read)


class PurchasesFile:
    """See `drivers.tills.reports.ReportFile`; its encoding is what its own first line says."""

    def __init__(self, book: PurchasesBook, label: str) -> None:
        self._book = book
        self._label = label
        self._parser: ET.XMLPullParser[Any] = ET.XMLPullParser(("start", "end"))
        self._root: ET.Element | None = None
        self._depth = 0
        self._fed = 0
        self._head = b""
        self._problem = ""
        self._is_whole = False

    @property
    def held(self) -> int:
        """Bytes of a file whose last element is not closed."""
        return 0 if self._is_whole else self._fed

    @property
    def problem(self) -> str:
        """See `ReportFile`."""
        return self._problem

    def feed(self, data: bytes) -> Sequence[Reported]:
        """See `ReportFile`."""
        if self._problem:
            return ()
        self._fed += len(data)
        if len(self._head) < _HEAD_BYTES:
            self._head = (self._head + data)[:_HEAD_BYTES]
            if _DOCTYPE.search(self._head.replace(b"\0", b"")):
                self._refuse("it declares entities, which no report needs")
                return ()
        found: list[Reported] = []
        try:
            self._parser.feed(data)
            self._take(found)
            if not self._problem:
                self._hurry(found)
        except ET.ParseError as error:  # comes behind what was before it
            self._refuse(f"it is no XML at {error.position[0]}:{error.position[1]}")
        return found

    def _hurry(self, found: list[Reported]) -> None:
        """Expat from 2.6 on holds the last bytes back until more come, and to a whole file nothing more comes.

        Python has `flush` from 3.11.9 on, which brings that Expat. On Windows the libraries may be newer than the
        standard library above them (docs/windows.md, The runtime): then only the parser below has it.
        """
        below = getattr(self._parser, "_parser", None)
        flush = getattr(self._parser, "flush", None) or getattr(below, "flush", None)
        if flush is None:
            return
        try:
            flush()  # says itself what is wrong, before what was right has been taken
        finally:
            self._take(found)

    def end(self) -> Sequence[Reported]:
        """See `ReportFile`: nothing counts before its element is closed."""
        return ()

    def _take(self, found: list[Reported]) -> None:
        for event, element in cast("Iterator[tuple[str, ET.Element]]", self._parser.read_events()):
            if event == "start":
                self._begin(element)
            else:
                self._depth -= 1
                if self._depth == DEPTH - 1 and element.tag == "purchase":
                    closed = self._book.purchase(element)
                    if closed is not None:
                        found.append(closed)
                    if self._root is not None:
                        self._root.clear()  # the purchase itself stays as long as somebody holds it
                self._is_whole = self._depth == 0
            if self._problem:
                return

    def _begin(self, element: ET.Element) -> None:
        self._depth += 1
        if self._root is None:
            self._root = element
            if element.tag != "purchases":
                self._refuse(f"it begins with <{element.tag[:40]}> and not with <purchases>")

    def _refuse(self, why: str) -> None:
        self._problem = f"{self._label}, line 1: {why}; set reports.pattern so that only purchases fit"


def _book(settings: Any, context: ReportContext) -> PurchasesBook:
    return PurchasesBook(settings.reports, context)


#: The field `reports` of the row `drivers.tills.set_retail.system`.
reports: Final = Reports(book=_book, pattern=PATTERN, request=REQUEST, whole_files=True)
