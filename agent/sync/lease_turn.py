"""When the till says what it holds, and takes what it is given: now and then, while there is nothing to send."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from agent.sync.errors import SnapshotUnknown
from agent.sync.parts import LeaseClient
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport, Place

__all__ = ["LeaseTurn"]

EVERY_S: Final = 60.0
AT_ONCE_MAX: Final = 3  # in a row; a centre that is never satisfied is asked each minute like any other

log = logging.getLogger(__name__)


@dataclass(slots=True)
class LeaseTurn:
    """Used by the uploader, on its thread and line: what was sent before is known to the centre when it asks.

    Attributes:
        report: what the till has, from its thread.
        keep: hands the answer to the till.
        monotonic: seconds that never go back.
    """

    report: Callable[[], LeaseReport]
    keep: Callable[[LeaseAnswer], None]
    monotonic: Callable[[], float] = time.monotonic
    _next_s: float = field(default=0.0, init=False)
    _at_once: int = field(default=0, init=False)

    def is_due(self) -> bool:
        """Whether it is time."""
        return self.monotonic() >= self._next_s

    def take(self, client: LeaseClient) -> tuple[bool, Place | None]:
        """One report: (whether the centre answered, from where to send again when it lost what it had).

        What was given up for the report has to be sent first: then nothing is asked, and it is due again at once.

        Raises:
            CentreError: it could not be asked; it is due again at once.
        """
        report = self.report()
        waits = (report.last.epoch, report.last.sequence) != (report.acknowledged.epoch, report.acknowledged.sequence)
        if waits and self._is_early():
            return False, None
        try:
            answer = client.leases(report)
        except SnapshotUnknown as unknown:
            log.info("lease.none reason=%s", unknown)  # an older centre, or another maker's: the cap alone holds
            self._next_s = self.monotonic() + EVERY_S
            return True, None
        self.keep(answer)
        if not answer.again or not self._is_early():
            self._at_once = 0
            self._next_s = self.monotonic() + EVERY_S
        return True, answer.send_from

    def _is_early(self) -> bool:
        """Whether one more may follow at once."""
        self._at_once += 1
        return self._at_once < AT_ONCE_MAX
