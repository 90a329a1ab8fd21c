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

    def is_due(self) -> bool:
        """Whether it is time."""
        return self.monotonic() >= self._next_s

    def take(self, client: LeaseClient) -> Place | None:
        """One report; from where to send again, when the centre lost what it had.

        Raises:
            CentreError: it could not be asked; it is due again at once.
        """
        try:
            answer = client.leases(self.report())
        except SnapshotUnknown as unknown:
            log.info("lease.none reason=%s", unknown)  # an older centre, or another maker's: the cap alone holds
            self._next_s = self.monotonic() + EVERY_S
            return None
        self.keep(answer)
        self._next_s = self.monotonic() + EVERY_S
        return answer.send_from
