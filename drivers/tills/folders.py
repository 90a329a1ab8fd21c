"""One thread that reads the reports of a folder: each document once, whatever happens to files, folder or agent.

The taker keeps a document and its number together, so after a kill the files are read again and what was taken is
passed over. A file is read from where the last look ended as long as its beginning and the bytes before that place are
what they were; otherwise it was replaced, and it is read from its beginning.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from drivers.backoff import reconnect_delay_s
from drivers.tills.files import TAKEN, delete_read, mark_read, write_whole
from drivers.tills.reports import Progress, ReportBook, Reported, ReportFile, Reports, ReportSettings
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import DeviceState, DeviceStateChanged

__all__ = ["ReportTaker", "ReportWorker"]

log = logging.getLogger(__name__)

READ_BYTES: Final = 65_536
KNOWN_BYTES: Final = 256  # at the beginning of a file, and before the place: by them it is known again
FILES_MAX: Final = 5_000  # of one folder; a folder with more was never cleared out, and the newest matter
_A_DAY: Final = timedelta(days=1)
OLD: Final = timedelta(days=1)  # a file not written to since so long before the counting begins has nothing to count
PROGRESS_EVERY_S: Final = 1.0
PROGRESS_FROM_BYTES: Final = 4 * 1_048_576  # what takes longer than a second is worth a sentence
RETRY_MAX_S: Final = 60.0  # a network folder that is away
RETRY_AFTER_FAULT_S: Final = 60.0
ABSENT_MAX: Final = timedelta(days=100)  # of an agent that was off: older days are asked for by a person
CATCH_UP_S: Final = 60.0  # between two days that are over; a server has written one of them by then
ASKED_IN_VAIN_S: Final = 600.0  # a request that a POS has not taken for so long


class ReportTaker(Protocol):
    """Who keeps the documents and the places; the agent, or a test.

    Each method raises CheckoutRefused when nothing can be kept now: the worker asks again with the same document.
    """

    def begin(self) -> tuple[datetime | None, Mapping[str, Progress]]:
        """(what is closed before is not counted, None counts all; how far each counter had come)."""
        ...

    def take(self, told: Sequence[Reported]) -> None:
        """Keep documents and their numbers, each once however often it is called.

        When it raises, those before the one that could not be kept may be kept already.
        """
        ...

    def settle(self, progress: Mapping[str, Progress]) -> None:
        """Everything up to here was taken or passed over."""
        ...


@dataclass(slots=True)
class _Known:
    """How far a file was read."""

    reader: ReportFile
    offset: int = 0
    head: bytes = b""
    tail: bytes = b""
    stamp: tuple[int, int] = (-1, -1)  # size and time of change when last looked at
    still_since_s: float = 0.0
    is_over: bool = False  # its last line was taken without an end
    is_done: bool = False


@dataclass(slots=True, kw_only=True)
class _Round:
    """What one look into the folder met."""

    troubles: list[str] = field(default_factory=list)
    told: bool = False


class ReportWorker:
    """The thread of one till system's reports.

    Args:
        name: carried by every event, and by the file of what is not closed.
        reports: what its room says of its files.
        settings: the room's table of them.
        book: makes the codec of the folder.
        taker: who keeps the documents.
        emit: takes events; must never wait.
        stop: the flag that ends the thread.
        today: the shop's day, for requests that name one.
        clock: seconds that only grow.
        jitter: 0 to 1, for the delays between attempts.
    """

    def __init__(
        self,
        *,
        name: str,
        reports: Reports,
        settings: ReportSettings,
        book: Callable[[], ReportBook],
        taker: ReportTaker,
        emit: Callable[[DeviceStateChanged], object],
        stop: threading.Event,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._reports = reports
        self._settings = settings
        self._folder = Path(settings.folder)
        self._pattern = settings.pattern or reports.pattern
        self._make_book = book
        self._taker = taker
        self._emit = emit
        self._stop = stop
        self._today = today
        self._clock = clock
        self._jitter = jitter
        self._thread = threading.Thread(target=self.run, name=f"reports-{name}", daemon=True)
        self._known: dict[str, _Known] = {}
        self._book: ReportBook | None = None
        self._since: datetime | None = None
        self._failures = 0
        self._said: tuple[DeviceState, str] | None = None
        self._told_at_s = 0.0
        self._asked_at_s: float | None = None
        self._asked_day: date | None = None
        self._asked_on = date.min
        self._read_through: date | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end, once `stop` is set; False when it has not in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def run(self) -> None:
        """Look, again and again, until `stop` is set; the body of the thread."""
        while not self._stop.is_set():
            try:
                self.look()
                self._failures = 0
                pause_s = self._settings.poll_s
            except OSError as error:
                self._failures += 1
                self._say(DeviceState.OFF, _cannot_read(self._folder, error))
                pause_s = reconnect_delay_s(self._failures, self._jitter(), max_s=RETRY_MAX_S)
            except CheckoutRefused as refused:
                self._forget()  # all is read again from the beginning, and what was taken is passed over
                self._say(DeviceState.ON, f"the documents wait: {refused}")
                pause_s = self._settings.poll_s
            except Exception as error:
                log.exception("reports.fault name=%s", self.name)
                self._forget()
                self._say(DeviceState.FAILED, f"{type(error).__name__} in reading reports; the log says where")
                pause_s = RETRY_AFTER_FAULT_S
            self._stop.wait(pause_s)

    # ── One look ────────────────────────────────────────────────────────────────────────────────

    def look(self) -> None:
        """Read what is new in the folder; raises OSError when the folder cannot be read."""
        book = self._book or self._begin()
        now = _Round()
        paths = self._paths()
        for gone in self._known.keys() - {path.name for path in paths}:
            del self._known[gone]
        for path in paths:
            if self._stop.is_set():
                return
            self._visit(path, book, now)
        self._taker.settle(book.progress())
        if self._settings.request_file:
            known = self._known.values()
            self._ask_for_more(now, has_unread=any(not one.is_done and not one.reader.problem for one in known))
        troubles = [*now.troubles, *filter(None, (book.complaint, _missing(book.progress())))]
        self._say(DeviceState.ON, "; ".join(troubles))

    def _begin(self) -> ReportBook:
        """A book that knows what was taken in an earlier life, and what was begun and is in no file any more."""
        since, progress = self._taker.begin()
        book = self._make_book()
        book.resume(progress)
        self._since = since
        newest = [one.newest_at for one in progress.values() if one.newest_at is not None]
        # What is sold after midnight is of the business day before.
        self._read_through = max(newest).date() - _A_DAY if newest else None
        for path in (self._left_over, *sorted(self._folder.glob(f"*{TAKEN}"))):
            if path.exists():
                self._read_left(path, book)
        self._book = book
        log.info("reports.begin name=%s folder=%s since=%s", self.name, self._folder, since)
        return book

    def _read_left(self, path: Path, book: ReportBook) -> None:
        """What an earlier life left: lines that are not closed, or a report that it was about to delete."""
        reader = book.file(path.name)
        with path.open("rb") as file:
            while data := file.read(READ_BYTES):
                self._taker.take(reader.feed(data))
        if path.name.endswith(TAKEN) and not reader.held:
            unfinished = book.unfinished()
            if unfinished:
                write_whole(self._left_over, unfinished)
            path.unlink()

    @property
    def _left_over(self) -> Path:
        """Lines of documents that are not closed, out of files that were given back to the POS as read."""
        return self._folder / f"tillpoint-{self.name}.unfinished"

    def _forget(self) -> None:
        self._book = None
        self._known.clear()

    def _paths(self) -> list[Path]:
        """The reports, oldest first."""
        found = []
        oldest = None if self._since is None else (self._since - OLD).timestamp()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if not fnmatch(entry.name.lower(), self._pattern.lower()) or not entry.is_file():
                    continue
                changed = entry.stat().st_mtime
                if oldest is None or changed >= oldest:
                    found.append((changed, entry.name))
        return [self._folder / name for _, name in sorted(found)[-FILES_MAX:]]

    def _visit(self, path: Path, book: ReportBook, now: _Round) -> None:
        try:
            self._read_new(path, book, now)
        except FileNotFoundError:
            self._known.pop(path.name, None)  # taken away between two looks
        except PermissionError as error:
            now.troubles.append(f"{path.name} is locked ({error.strerror}); it is tried again")

    def _read_new(self, path: Path, book: ReportBook, now: _Round) -> None:
        stat = path.stat()
        stamp = (stat.st_size, stat.st_mtime_ns)
        one = self._known.get(path.name)
        if one is not None and one.stamp == stamp:
            self._at_rest(path, one, now)
            return
        with path.open("rb") as file:
            if one is None or not _is_same(file, one):
                if one is not None:
                    log.info("reports.replaced name=%s file=%s", self.name, path.name)
                one = self._known[path.name] = _Known(reader=book.file(path.name))
            self._read(file, path, one)
        one.stamp, one.still_since_s, one.is_done = stamp, self._clock(), False
        if one.reader.problem:
            now.troubles.append(one.reader.problem)

    def _read(self, file: BinaryIO, path: Path, one: _Known) -> None:
        """From the place on to the end."""
        file.seek(one.offset)
        while not self._stop.is_set() and (data := file.read(READ_BYTES)):
            self._taker.take(one.reader.feed(data))
            one.offset += len(data)
            one.head = (one.head + data)[:KNOWN_BYTES] if len(one.head) < KNOWN_BYTES else one.head
            one.tail = (one.tail + data)[-KNOWN_BYTES:]
            if one.reader.problem:
                return
            self._tell_progress(path, one.offset)

    def _at_rest(self, path: Path, one: _Known, now: _Round) -> None:
        """A file that has not changed since the last look."""
        if one.reader.problem:
            now.troubles.append(one.reader.problem)
            return
        if one.is_done or self._clock() - one.still_since_s < self._settings.settle_s:
            return
        if one.reader.held and not one.is_over:
            one.is_over = True
            self._taker.take(one.reader.end())
        if one.reader.held:
            now.troubles.append(f"{path.name} ends in the middle of a line; the rest is waited for")
            return
        self._give_back(path, one)
        one.is_done = True

    # ── What the POS is told ────────────────────────────────────────────────────────────────────

    def _give_back(self, path: Path, one: _Known) -> None:
        """Say that a file was read; what it began and did not close is kept beside it first."""
        book, when_read = self._book, self._settings.when_read
        if when_read == "leave" or book is None:
            return
        self._taker.settle(book.progress())
        unfinished = book.unfinished()
        if unfinished:
            write_whole(self._left_over, unfinished)
        if when_read == "mark":
            one.head = mark_read(path, self._reports.mark, one.offset, one.head)
            stat = path.stat()
            one.stamp = (stat.st_size, stat.st_mtime_ns)
        elif delete_read(path, one.offset):
            self._known.pop(path.name, None)
        else:
            self._forget()  # something was appended; the next look begins with it
            return
        if not unfinished:
            self._left_over.unlink(missing_ok=True)

    def _ask_for_more(self, now: _Round, *, has_unread: bool) -> None:
        """Write the request flag; a POS takes it away when it has written the report."""
        flag = self._folder / self._settings.request_file
        at_s = self._clock()
        if flag.exists():
            if self._asked_at_s is None:
                self._asked_at_s = at_s
            if at_s - self._asked_at_s >= ASKED_IN_VAIN_S:
                minutes = int((at_s - self._asked_at_s) / 60)
                now.troubles.append(
                    f"the POS has not taken {flag.name} for {minutes} minutes: is it running, with its exchange on?"
                )
            return
        every_s = self._settings.request_every_s
        if self._asked_day is not None and self._asked_day < self._today() - _A_DAY:
            every_s = min(every_s, CATCH_UP_S)
        is_due = self._asked_at_s is None or at_s - self._asked_at_s >= every_s
        if is_due and not has_unread:
            write_whole(flag, self._reports.request.replace(b"{date}", f"{self._next_day():%d.%m.%Y}".encode()))
            self._asked_at_s = at_s

    def _next_day(self) -> date:
        """The days since an earlier life read the last one, the day before at least; each again when it was over."""
        today = self._today()
        if self._asked_day is None:
            self._asked_day = max(today - ABSENT_MAX, min(today - _A_DAY, self._read_through or today))
        elif self._asked_day < min(today, self._asked_on):
            self._asked_day += _A_DAY
        self._asked_on = today
        return self._asked_day

    # ── What is told ────────────────────────────────────────────────────────────────────────────

    def _tell_progress(self, path: Path, offset: int) -> None:
        now_s = self._clock()
        if now_s - self._told_at_s < PROGRESS_EVERY_S:
            return
        self._told_at_s = now_s
        size = path.stat().st_size
        if size >= PROGRESS_FROM_BYTES:
            self._say(DeviceState.ON, f"reading {path.name}: {min(100, 100 * offset // size)} %")

    def _say(self, state: DeviceState, detail: str) -> None:
        """Tell a change, once."""
        if self._said != (state, detail):
            self._said = (state, detail)
            self._emit(DeviceStateChanged(device=self.name, state=state, detail=detail))


def _is_same(file: BinaryIO, one: _Known) -> bool:
    """Whether a file begins, and goes on up to the place, as it did."""
    if file.read(len(one.head)) != one.head:
        return False
    file.seek(one.offset - len(one.tail))
    return file.read(len(one.tail)) == one.tail


def _missing(progress: Mapping[str, Progress]) -> str:
    """The gaps in a sentence, "" for none."""
    said = [
        f"transactions {first} to {last} of {counter or 'the POS'} are missing: ask the POS for them again"
        for counter, one in progress.items()
        for first, last in one.gaps[-1:]
    ]
    return "; ".join(said)


def _cannot_read(folder: Path, error: OSError) -> str:
    return f"cannot read {folder}: {error.strerror or error}; is the folder there, the network up, and may we read it?"
