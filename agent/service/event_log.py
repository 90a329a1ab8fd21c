"""Warnings and worse into the event log of Windows (Application, source Tillpoint), where store IT's tools look.

Sources: Microsoft, ReportEventW and "Event Sources" (winbase). Without a registered source the event viewer says that
it cannot find the description and shows the text all the same. Under Wine calls are accepted and kept nowhere.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from agent.service.logs import LineFormatter

__all__ = ["SOURCE", "EventLog", "install_source", "remove_source"]

SOURCE: Final = "Tillpoint"
REPEAT_S: Final = 600.0  # the same event again only after so long: a disk that fails every second fills no log
EVENTS_KEPT: Final = 200
TEXT_MAX: Final = 30_000  # ReportEvent takes 31,839 characters a string
_ERROR: Final = 0x0001  # EVENTLOG_ERROR_TYPE
_WARNING: Final = 0x0002  # EVENTLOG_WARNING_TYPE
#: Event ids, as the launcher's table of messages has them (installer/build/launcher/messages.mc).
_WARNED: Final = 2
_FAILED: Final = 3

_NUMBERED: Final = re.compile(r"\S*\d\S*")

#: (type, event id, text) → written.
Report = Callable[[int, int, str], None]


class EventLog(logging.Handler):
    """A handler for WARNING and above; what it cannot write is missed.

    Args:
        report: writes one event; the real one by default.
        monotonic: seconds that only grow.
    """

    def __init__(self, report: Report | None = None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(LineFormatter(has_time=False))
        self._report = report or _report
        self._monotonic = monotonic
        self._told: OrderedDict[tuple[str, str], float] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        """Report it, unless the same was reported a moment ago."""
        now_s, key = self._monotonic(), (record.name, _gist(record))
        told_s = self._told.get(key)
        if told_s is not None and now_s - told_s < REPEAT_S:
            return
        self._told[key] = now_s
        self._told.move_to_end(key)
        while len(self._told) > EVENTS_KEPT:
            self._told.popitem(last=False)
        is_error = record.levelno >= logging.ERROR
        try:
            kind, number = (_ERROR, _FAILED) if is_error else (_WARNING, _WARNED)
            self._report(kind, number, self.format(record)[:TEXT_MAX])
        except Exception:  # noqa: BLE001 - pywintypes.error is no OSError; a log that fails stops nothing
            return


def _gist(record: logging.LogRecord) -> str:
    """What makes a line the same as another one: all of its words but those with a number in them."""
    try:
        text = record.getMessage()
    except (TypeError, ValueError):  # a log call with wrong arguments must not cost the line
        text = str(record.msg)
    return _NUMBERED.sub("#", text)


def _report(kind: int, number: int, text: str) -> None:
    import win32evtlogutil

    win32evtlogutil.ReportEvent(SOURCE, number, eventType=kind, strings=[text])


def install_source(messages: str = "") -> None:
    """Name the source in the registry, so that the event viewer has no complaint; wants an administrator.

    Args:
        messages: the program that carries the texts; the launcher, which stays when versions go. "" takes pywin32's.
    """
    import win32evtlogutil

    win32evtlogutil.AddSourceToRegistry(SOURCE, messages or None)


def remove_source() -> None:
    """Take the name out again; wants an administrator."""
    import win32evtlogutil

    win32evtlogutil.RemoveSourceFromRegistry(SOURCE)
