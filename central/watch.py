"""Wakes long polls when the feed grows: at once for what this process wrote, soon for what others did."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from central.scope_feed import FeedPlaces

__all__ = ["FeedWatch"]

POLL_S: Final = 0.5  # one cheap query per process, not per till; how late another process's change may be noticed

_log = logging.getLogger(__name__)


class FeedWatch:
    """Knows how far the feed of each scope is, and lets others wait for more.

    Args:
        read_places: where each scope's newest change is, from the database; called in a worker thread.
    """

    def __init__(self, read_places: Callable[[], FeedPlaces]) -> None:
        self._read_places = read_places
        self._places = FeedPlaces(-1)
        self._grown = asyncio.Event()
        self._poke = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.closed = False

    def start(self) -> None:
        """Begin to watch, on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="feed-watch")

    async def stop(self) -> None:
        """Let every waiting poll answer now, and watch no more."""
        self.close()
        self._poke.set()
        if self._task is not None:
            # Not cancelled: a query that is under way gives its connection back first.
            await self._task

    def close(self) -> None:
        """Let every waiting poll answer now; nobody waits from here on."""
        self.closed = True
        self._release()

    def poke(self) -> None:
        """This process has just written: look now."""
        self._poke.set()

    async def wait(self, *, scope: str, beyond: int, timeout_s: float) -> bool:
        """Wait until a scope has news beyond a place; False when it had none in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self.closed and self._places.of(scope) <= beyond:
                    await self._grown.wait()
        except TimeoutError:
            return False
        return not self.closed

    async def _watch(self) -> None:
        while not self.closed:
            try:
                async with asyncio.timeout(POLL_S):
                    await self._poke.wait()
            except TimeoutError:
                pass
            self._poke.clear()
            try:
                places = await run_in_threadpool(self._read_places)
            except SQLAlchemyError as error:
                _log.warning("feed.unreadable error=%s", type(error).__name__)
                continue
            if places != self._places:
                self._places = places
                self._release()

    def _release(self) -> None:
        """Wake everybody who waits, and give those who come later a new event."""
        self._grown.set()
        self._grown = asyncio.Event()
