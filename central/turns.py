"""Lets so many transactions run at once, and the rest wait in order on the event loop: who waits takes no thread.

Who would wait too long is told so at once and not at the end of the wait: under a crowd, work that nobody waits for any
more would take the time of all others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool

__all__ = ["Turns"]

T = TypeVar("T")

WEIGHT = 0.05  # of the newest transaction in the mean: the last twenty or so decide


class Turns:
    """As many places as the database has connections for this kind of work.

    Args:
        places: how many run at once.
        wait_s: how long one waits for its turn.
    """

    def __init__(self, places: int, wait_s: float) -> None:
        self._places = asyncio.Semaphore(places)
        self._count = places
        self._wait_s = wait_s
        self._mean_s = 0.0
        self.waiting = 0

    @property
    def expected_wait_s(self) -> float:
        """How long somebody who comes now will wait."""
        return self.waiting * self._mean_s / self._count

    def require_room(self) -> None:
        """Refuse before anything was done for a request that would wait in vain.

        Raises:
            sqlalchemy.exc.TimeoutError: too many wait already.
        """
        if self.expected_wait_s > self._wait_s:
            raise PoolTimeout(f"{self.waiting} wait already")

    async def take(self, call: Callable[[], T]) -> T:
        """The answer of `call`, run in a worker thread.

        Raises:
            sqlalchemy.exc.TimeoutError: its turn did not come in time.
        """
        self.require_room()
        self.waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise PoolTimeout(f"no turn within {self._wait_s:.0f} s") from None
        finally:
            self.waiting -= 1
        began = time.monotonic()
        try:
            return await run_in_threadpool(call)
        finally:
            self._places.release()
            self._mean_s += WEIGHT * (time.monotonic() - began - self._mean_s)
