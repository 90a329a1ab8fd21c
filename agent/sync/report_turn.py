"""When the till says how it is: each few minutes, and soon after something changed, while there is nothing to send."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from agent.sync.errors import CentreFork, CentreRefused, SnapshotUnknown, Unauthorised
from agent.sync.parts import LeaseClient
from drivers.vocabulary.fleet import TillReport

__all__ = ["ReportTurn"]

EVERY_S: Final = 300.0  # until the centre says otherwise
SOON_S: Final = 30.0  # after the one before: a device that comes and goes is told of twice a minute at most
UNKNOWN_S: Final = 86_400.0  # to a centre that has no use for reports

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ReportTurn:
    """Used by the uploader, on its thread and line, after everything that a receipt needs.

    Attributes:
        report: how the till is now; may look at the disk.
        monotonic: seconds that never go back.
    """

    report: Callable[[], TillReport]
    monotonic: Callable[[], float] = time.monotonic
    _told: object = field(default=None, init=False)
    _soon_s: float = field(default=0.0, init=False)
    _next_s: float = field(default=0.0, init=False)
    _wanted: TillReport | None = field(default=None, init=False)

    def is_due(self) -> bool:
        """Whether there is something to say: it is time, or a warning or a device has changed."""
        now_s = self.monotonic()
        if now_s < self._soon_s:
            return False
        self._wanted = self.report()
        return now_s >= self._next_s or _news(self._wanted) != self._told

    def take(self, client: LeaseClient) -> None:
        """Say it; `is_due` was asked just before.

        Raises:
            CentreUnavailable: it could not be said; it is due again at once.
        CentreRefused: the till itself is not taken; not what it reports.
        """
        wanted = self._wanted or self.report()
        after_s = EVERY_S
        try:
            after_s = client.report(wanted).after_s
        except SnapshotUnknown as unknown:
            log.info("report.none reason=%s", unknown)  # an older centre, or another maker's
            after_s = UNKNOWN_S
        except (Unauthorised, CentreFork):
            raise
        except CentreRefused as refused:
            # Whatever it does not like about a report, receipts go on.
            log.warning("report.refused code=%s", refused.problem.code)
        now_s = self.monotonic()
        self._told = _news(wanted)
        self._next_s = now_s + after_s
        self._soon_s = now_s + (SOON_S if after_s < UNKNOWN_S else UNKNOWN_S)


def _news(report: TillReport) -> object:
    """What is worth telling at once; a disk and a process change all the time."""
    warnings = tuple((one.code, one.severity) for one in report.warnings)
    devices = tuple((one.name, one.state, one.is_well) for one in report.devices)
    return report.version, report.programme_version, bool(report.shelved), warnings, devices
