"""Carries calls from the event loop to the till and back: the till blocks, the loop never does, and every call ends.

At most so many calls are under way; a call that finds no free place in its time is refused, and one whose till does
not keep its own deadline is answered without it, while its place stays taken until the till lets go.
"""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from agent.doors.problems import DoorRefused, of_checkout
from drivers.vocabulary.errors import CheckoutRefused

__all__ = ["TillCalls"]

T = TypeVar("T")

GRACE_S: Final = 0.25  # the till's own refusal is better than ours: it is given this long to arrive


class TillCalls:
    """A bounded number of places, shared by those who call for one purpose."""

    def __init__(self, *, places: int, timeout_s: float) -> None:
        self._places = anyio.CapacityLimiter(places)
        self._threads = anyio.CapacityLimiter(math.inf)  # the places are the bound
        self._timeout_s = timeout_s

    async def run(self, call: Callable[[float], T]) -> T:
        """Run `call(timeout_s)` on a thread; raises DoorRefused, with 503 when it does not answer in time."""
        deadline_s = time.monotonic() + self._timeout_s
        place = object()
        with anyio.move_on_after(self._timeout_s) as waiting:
            await self._places.acquire_on_behalf_of(place)
        if waiting.cancelled_caught:
            raise self._too_late()
        release = functools.partial(self._release, asyncio.get_running_loop(), place)

        def work() -> T:
            try:
                return call(max(0.001, deadline_s - time.monotonic()))
            finally:
                release()

        try:
            with anyio.fail_after(deadline_s + GRACE_S - time.monotonic()):
                return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)
        except TimeoutError:
            raise self._too_late() from None
        except CheckoutRefused as refused:
            raise of_checkout(refused) from None

    def _release(self, loop: asyncio.AbstractEventLoop, place: object) -> None:
        """On the worker thread: give the place back, on the loop; a loop that has ended needs none."""
        try:
            loop.call_soon_threadsafe(self._places.release_on_behalf_of, place)
        except RuntimeError:
            return

    def _too_late(self) -> DoorRefused:
        sentence = f"the till did not answer within {self._timeout_s:g} s; the sale goes on, ask again"
        return of_checkout(CheckoutRefused(sentence, code="timeout"))
