"""What the centre does by itself beside answering: chores that are due now and then, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from central.errors import Refusal

__all__ = ["Upkeep"]

EVERY_S: Final = 60.0
STOP_S: Final = 5.0  # what a chore needs to end its transaction; a longer one is done again after the start

_log = logging.getLogger(__name__)


class Upkeep:
    """Runs each chore every minute for as long as the server lives; a chore itself knows when it is due.

    Several processes may do so on one database: a chore that another process is at finds nothing to do.
    """

    def __init__(self, chores: Sequence[Callable[[], object]], *, every_s: float = EVERY_S) -> None:
        self._chores = chores
        self._every_s = every_s
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="upkeep")

    async def stop(self) -> None:
        """Begin no more chores; one that is under way gets a moment to end."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=STOP_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            for chore in self._chores:
                try:
                    await run_in_threadpool(chore)
                except (SQLAlchemyError, Refusal) as error:
                    _log.warning("upkeep.put_off chore=%s reason=%s", chore.__name__, type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._stopping.wait()
