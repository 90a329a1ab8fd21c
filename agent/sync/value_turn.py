"""When the till says which coupons and certificates it holds, and takes what it is given: after it did so of points."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from agent.sync.errors import SnapshotUnknown
from agent.sync.parts import LeaseClient
from drivers.vocabulary.value_leases import ValueAnswer, ValueReport

__all__ = ["ValueTurn"]

AT_ONCE_MAX: Final = 3  # in a row; a centre that is never satisfied is asked each minute like any other
EVERY_S: Final = 60.0  # how long somebody may have to wait for what this till is asked to give up

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ValueTurn:
    """Used by the uploader, on its thread and line.

    What is given up for a report is sent after it, and free at the centre then; an answer that was made before brings
    nothing back (`agent.checkout.in_hand.value_leases.keep_leases`).

    Attributes:
        report: what the till has, from its thread.
        keep: hands the answer to the till.
        monotonic: seconds that never go back.
    """

    report: Callable[[], ValueReport]
    keep: Callable[[ValueAnswer], None]
    monotonic: Callable[[], float] = time.monotonic
    _next_s: float = field(default=0.0, init=False)
    _at_once: int = field(default=0, init=False)

    def is_due(self) -> bool:
        """Whether it is time."""
        return self.monotonic() >= self._next_s

    def take(self, client: LeaseClient) -> None:
        """One report and its answer.

        Raises:
            CentreError: it could not be asked; it is due again at once.
        """
        try:
            answer = client.values(self.report())
        except SnapshotUnknown as unknown:
            log.info("values.none reason=%s", unknown)  # an older centre, or another maker's
            self._next_s = self.monotonic() + EVERY_S
            return
        self.keep(answer)
        self._at_once = self._at_once + 1 if answer.again else 0
        if self._at_once % AT_ONCE_MAX == 0:
            self._next_s = self.monotonic() + EVERY_S
