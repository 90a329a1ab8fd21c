"""What a room promises that reads reports: files in which a POS tells its closed documents; nothing here opens a file.

A POS numbers what it tells: a database or a till counts its transactions, and the closing one names its document. So a
report is much like a fiscal memory: a counter, numbers that grow, documents that may be told more than once. The book
of a folder keeps what is not closed yet, because a document may begin in one file and end in the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import PurePath
from typing import Annotated, Any, Final, Literal, Protocol

from msgspec import Meta, Struct

from drivers.vocabulary.events import Document

__all__ = [
    "Counted",
    "Progress",
    "ReportBook",
    "ReportContext",
    "ReportFile",
    "ReportSettings",
    "ReportTwin",
    "Reported",
    "Reports",
]

Tender = Literal["cash", "card", "points", "certificate", "prepaid", "credit", "other"]


class ReportSettings(Struct, frozen=True, kw_only=True):
    """[till_systems.settings.reports]: where a POS writes its reports, and what is done with them.

    Attributes:
        folder: where they appear; "" reads none.
        pattern: names of the files, with * and ?; "" is the room's own. Files of other names are left alone.
        encoding: "auto" tells Windows-1251, UTF-8 and UTF-16 apart by themselves, line by line.
        poll_s: seconds between two looks into the folder.
        settle_s: a file that has not grown for so long is whole.
        read_from: "now" counts what is closed from the first start on; "all" what the files hold; a day
            ("2026-03-01") what was closed since it began.
        when_read: what becomes of a file that was read: "leave" it (another program reads it too), "mark" it as read
            in its first line, or "delete" it.
        request_file: the flag file that asks the POS for a report; "" asks for none. A bare name is in `folder`.
        request_every_s: seconds between two requests.
        tills: which of the POS's tills are counted here, by the numbers it gives them; () counts all.
        tenders: what the POS's own kinds of payment are, by their codes: ``{ "4" = "points" }``.
    """

    folder: Annotated[str, Meta(max_length=400)] = ""
    pattern: Annotated[str, Meta(max_length=100)] = ""
    encoding: Literal["auto", "cp1251", "cp866", "utf-8", "utf-16"] = "auto"
    poll_s: Annotated[float, Meta(ge=0.2, le=3600)] = 2.0
    settle_s: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    read_from: Annotated[str, Meta(pattern=r"^(now|all|\d{4}-\d\d-\d\d)$")] = "now"
    when_read: Literal["leave", "mark", "delete"] = "leave"
    request_file: Annotated[str, Meta(max_length=400)] = ""
    request_every_s: Annotated[float, Meta(ge=5, le=86400)] = 300.0
    tills: tuple[Annotated[str, Meta(max_length=40)], ...] = ()
    tenders: dict[Annotated[str, Meta(max_length=40)], Tender] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContext:
    """What a book knows of its place.

    Attributes:
        zone: of the shop: times in reports are in it.
        currency: three letters.
    """

    zone: tzinfo
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One sale or return that a POS has closed.

    Attributes:
        counter: what counts its number (a database, a till); in another one the numbers begin anew.
        number: of the transaction that closed it.
        closed_at: by the POS's clock; None when that cannot be read.
        read: puts the document together, once it is known that it is wanted; its receipt is None, with problems, when
            it does not add up.
        is_late: its number was missing among those told before (`Progress.gaps`).
    """

    counter: str
    number: int
    closed_at: datetime | None
    read: Callable[[], Document]
    is_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a counter has come.

    Attributes:
        last: its newest transaction.
        gaps: first and last of what is missing before it; () where a POS does not tell every transaction.
        newest_at: when the newest document was closed that an earlier life counted; None when that is not known.
    """

    last: int
    gaps: tuple[tuple[int, int], ...] = ()
    newest_at: datetime | None = None


GAPS_MAX: Final = 100  # of one counter; a POS that leaves out more numbers does not tell all of them


@dataclass(slots=True, kw_only=True)
class Counted:
    """The transactions of one counter that were seen: the newest, and what is missing before it."""

    last: int
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def met(self, number: int) -> bool:
        """Note a transaction; True when it was missing until now."""
        if number == self.last + 1:
            self.last = number
            return False
        if number > self.last:
            self.gaps = [*self.gaps, (self.last + 1, number - 1)][-GAPS_MAX:]
            self.last = number
            return False
        for place, (first, last) in enumerate(self.gaps):
            if first <= number <= last:
                rest = [(first, number - 1), (number + 1, last)]
                self.gaps[place : place + 1] = [(low, high) for low, high in rest if low <= high]
                return True
        return False


class ReportFile(Protocol):
    """One file, from its first byte on; a codec."""

    def feed(self, data: bytes) -> Sequence[Reported]:
        """What these bytes close."""
        ...

    def end(self) -> Sequence[Reported]:
        """The file has not grown for a while: a last line that is as long as the others counts without its end."""
        ...

    @property
    def held(self) -> int:
        """Bytes of a line that is not ended."""
        ...

    @property
    def problem(self) -> str:
        """Why this file cannot be read on, with line and next step; "" while it can."""
        ...


class ReportBook(Protocol):
    """All files of one folder; holds what they have not closed yet."""

    def file(self, label: str) -> ReportFile:
        """Begin a file; `label` is what sentences call it."""
        ...

    def unfinished(self) -> bytes:
        """A report of the lines of all documents that are not closed; fed to another book it is where this one is."""
        ...

    def progress(self) -> Mapping[str, Progress]:
        """How far each counter has come."""
        ...

    def resume(self, progress: Mapping[str, Progress]) -> None:
        """How far they had come in an earlier life; before the first file."""
        ...

    @property
    def complaint(self) -> str:
        """Lines that nobody understands, in a sentence; "" for none."""
        ...


def _own(settings: Any) -> ReportSettings:
    given: ReportSettings = settings.reports
    return given


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """The field `reports` of a till system's row.

    Attributes:
        book: builds the reader of one folder from the room's settings.
        pattern: names of the files when the settings name none.
        request: what a request file says, ``{date}`` the day that is asked for; b"" for a POS that takes no request.
        mark: (first line of a fresh file, first line of one that was read), both of one length; empty where there is
            no such mark.
        settings: finds the table among the room's own.
        whole_files: a file is written once, and no document goes on in another one; it says its encoding itself.
    """

    book: Callable[[Any, ReportContext], ReportBook]
    pattern: str
    request: bytes = b""
    mark: tuple[bytes, bytes] = (b"", b"")
    settings: Callable[[Any], ReportSettings] = field(default=_own)
    whole_files: bool = False

    def refusal(self, own: Any) -> str:
        """Why reports cannot be read with these settings, "" when they can; opens nothing."""
        said = self.settings(own)
        if said.folder and not PurePath(said.folder).is_absolute():
            return f"reports.folder: {said.folder!r} is not a whole path; write it from the drive or the root on"
        if said.request_file and not self.request:
            return "reports.request_file is of no use here: this POS takes no request for a report"
        if said.when_read == "mark" and not self.mark[0]:
            return 'reports.when_read = "mark": this POS\'s reports have no such mark; leave or delete them'
        return ""


class ReportTwin(Protocol):
    """The POS's side of a report: what it appends to which file."""

    def header(self) -> bytes:
        """The first lines of a new file."""
        ...

    def footer(self) -> bytes:
        """The end of a file that has one."""
        ...

    def go_on(self, report: bytes) -> None:
        """Number what comes behind what a file holds already."""
        ...

    def play(self, story: Any) -> bytes:
        """The lines of a `drivers.tills.contract.Story`: a sale, and the return of a part of it."""
        ...
