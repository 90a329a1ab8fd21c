"""Where the agent's log goes: a file of its own, systemd's journal or the terminal, and Windows's event log.

One event is one line, also with a traceback; nobody's name is in it (`masks`). Nothing else sets logging up: uvicorn is
told not to, because in a Windows service there is no console to ask for colours.

Sources: sd-daemon(3) (priority prefixes), systemd.exec(5) (JOURNAL_STREAM, LOGS_DIRECTORY).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TextIO

from agent.service.log_file import LogFile
from agent.service.masks import masked

if TYPE_CHECKING:
    from agent.settings import LogSettings

__all__ = ["FILE_NAME", "Counts", "LineFormatter", "is_journal", "log_file", "log_folder", "set_up"]

FILE_NAME: Final = "tillpoint"
SERVICE_FOLDER: Final = Path("/var/log/tillpoint")  # LogsDirectory=tillpoint of our unit, seen from outside of it
MEBIBYTE: Final = 1_048_576
#: Libraries that tell at INFO what only their developers want.
CHATTY: Final = ("httpx", "httpcore", "uvicorn", "asyncio")
#: syslog(3): a line on standard error that begins so has this priority in the journal.
_PRIORITIES: Final = {
    logging.DEBUG: "<7>",
    logging.INFO: "<6>",
    logging.WARNING: "<4>",
    logging.ERROR: "<3>",
    logging.CRITICAL: "<2>",
}

log = logging.getLogger(__name__)


class LineFormatter(logging.Formatter):
    """One line an event: time with zone, level, module, message; a traceback stands in the same line.

    Args:
        has_time: False where whoever takes the line writes the time beside it.
        has_priority: begin with the journal's priority.
    """

    def __init__(self, *, has_time: bool = True, has_priority: bool = False) -> None:
        super().__init__()
        self._has_time = has_time
        self._has_priority = has_priority

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # a log call with wrong arguments must not cost the line
            text = str(record.msg)
        if record.exc_info:
            text = f"{text} {self.formatException(record.exc_info)}"
        text = masked(" | ".join(line.strip() for line in text.splitlines() if line.strip()))
        head = f"{record.levelname} {record.name}"
        if self._has_time:
            moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(record.created))
            zone = time.strftime("%z", time.localtime(record.created))
            head = f"{moment}.{int(record.msecs):03d}{zone} {head}"
        prefix = _PRIORITIES.get(record.levelno, "<6>") if self._has_priority else ""
        return f"{prefix}{head} {text}"


class Counts(logging.Handler):
    """How many lines of each level there were, for whoever watches the till."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.warnings = 0
        self.errors = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        if record.levelno >= logging.ERROR:
            self.errors += 1
        else:
            self.warnings += 1


class Terminal(logging.StreamHandler[TextIO]):
    """Standard error; a reader that has gone costs the lines and says nothing."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Nowhere is left to say it."""


def set_up(
    settings: LogSettings,
    state_folder: Path,
    *,
    level: str = "",
    name: str = FILE_NAME,
    environment: Mapping[str, str] | None = None,
) -> Counts:
    """Take logging over, for the whole process; called once by whoever is the process.

    Args:
        settings: ``[log]``.
        state_folder: below which the files lie when the settings name no folder.
        level: instead of the settings' ("" for those).
        name: of the file; each process has one of its own.
        environment: of the process.
    """
    given = os.environ if environment is None else environment
    counts = Counts()
    handlers: list[logging.Handler] = [counts]
    if settings.files:
        path = log_folder(settings, state_folder, given) / f"{name}.log"
        handlers.append(LogFile(path, bytes_max=settings.file_mb * MEBIBYTE, count=settings.files))
        handlers[-1].setFormatter(LineFormatter())
    stream: TextIO | None = sys.stderr  # None in a Windows service
    if stream is not None:
        handlers.append(Terminal(stream))
        in_journal = is_journal(stream, given)
        handlers[-1].setFormatter(LineFormatter(has_time=not in_journal, has_priority=in_journal))
    if sys.platform == "win32" and settings.event_log:
        from agent.service.event_log import EventLog

        handlers.append(EventLog())
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel((level or settings.level).upper())
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    _hear_of_the_unforeseen()
    return counts


def log_folder(settings: LogSettings, state_folder: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Where the files lie: as set, else where systemd says (LogsDirectory=), else below the state folder."""
    given = os.environ if environment is None else environment
    if settings.folder:
        return Path(settings.folder).expanduser()
    told = given.get("LOGS_DIRECTORY", "").split(":")[0]
    return Path(told) if told else state_folder / "log"


def log_file(settings: LogSettings, state_folder: Path) -> Path:
    """The agent's newest file, as whoever is not its service finds it."""
    path = log_folder(settings, state_folder) / f"{FILE_NAME}.log"
    of_service = SERVICE_FOLDER / path.name
    return of_service if not settings.folder and not path.exists() and of_service.exists() else path


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether this stream ends in systemd's journal: JOURNAL_STREAM names its device and inode."""
    told = environment.get("JOURNAL_STREAM", "")
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return told == f"{status.st_dev}:{status.st_ino}"


def _hear_of_the_unforeseen() -> None:
    """What ends a thread or the process is in the log, not only on a screen that nobody sees."""

    def of_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("process.failed", exc_info=(kind, error, trace))

    def of_thread(told: Any) -> None:
        if not issubclass(told.exc_type, SystemExit):
            name = told.thread.name if told.thread is not None else "?"
            error = told.exc_value or told.exc_type()
            log.critical("thread.failed name=%s", name, exc_info=(told.exc_type, error, told.exc_traceback))

    sys.excepthook = of_process
    threading.excepthook = of_thread
