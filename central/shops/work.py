"""What follows the answers: deliveries that were kept are done and clouds are read, one after another."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, cast

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from central.database import Database
from central.errors import CentralStartError
from central.shops import inbox
from central.shops.checkout import ShopCheckout
from central.shops.clouds import CloudVisits, Fetch, fetch
from central.shops.rooms import context_of, room_of, settings_of
from central.shops.shop import Shop, shops
from central.shops.values import end_stale_keeps, has_stale_keeps, prune_open
from drivers.tills.clouds import QueuedDoor, Worked
from drivers.tills.contract import TillDoor, TillSystem
from drivers.vocabulary.errors import CheckoutRefused

__all__ = ["KnownDoors", "ShopWork"]

EVERY_S: Final = 5.0
WORK_S: Final = 60.0  # nobody waits for it
PRUNE_EVERY: Final = timedelta(days=1)

_log = logging.getLogger(__name__)


class KnownDoors:
    """The doors of shops, each built once and again when its shop changes."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._doors: dict[str, tuple[Any, TillSystem, TillDoor]] = {}

    def door(self, shop: Shop) -> tuple[TillSystem, TillDoor]:
        """The room and the door of a shop.

        Raises:
            CentralStartError: it cannot be answered as it is set up.
        """
        mark = (shop.system, shop.key, shop.token, shop.zone, shop.region, shop.settings)
        known = self._doors.get(shop.name)
        if known is not None and known[0] == mark:
            return known[1], known[2]
        room = room_of(shop.system)
        if room.door is None:
            raise CentralStartError(f"{room.title} never calls; its cloud is read")
        door = room.door(settings_of(room, shop.settings), context_of(shop, self._currency))
        self._doors[shop.name] = (mark, room, door)
        return room, door


class ShopWork:
    """The two workers of one process; others may do the same on the same database.

    Args:
        told: called on the loop after each change.
        fetch: brings answers of clouds that are read.
    """

    def __init__(
        self,
        database: Database,
        doors: KnownDoors,
        *,
        now: Callable[[], datetime],
        told: Callable[[], None],
        fetch: Fetch = fetch,
    ) -> None:
        self._database = database
        self._doors = doors
        self._now = now
        self._told = told
        self._visits = CloudVisits(database, now, self.tell, fetch=fetch)
        self._stopping = asyncio.Event()
        self._wanted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pruned_at: datetime | None = None

    def hurry(self) -> None:
        """A delivery was kept; called on the loop."""
        self._wanted.set()

    def tell(self) -> None:
        """Waiting tills are told on the loop, whichever thread made the change."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended; nobody waits any more
                self._loop.call_soon_threadsafe(self._told)

    def start(self) -> None:
        """Begin to work, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._tasks = [
            self._loop.create_task(self._run(self.drain, self._wanted), name="shop-inbox"),
            self._loop.create_task(self._run(self.visit, asyncio.Event()), name="shop-clouds"),
        ]

    async def stop(self) -> None:
        """Begin no more; what is under way is done again after the next start."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, work: Callable[[], object], wanted: asyncio.Event) -> None:
        while not self._stopping.is_set():
            try:
                await run_in_threadpool(work)
            except (SQLAlchemyError, CheckoutRefused) as error:
                _log.warning("shops.put_off reason=%s", type(error).__name__)
            except Exception:  # noqa: BLE001 - the top of a task: the next turn tries again
                _log.exception("shops.fault")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await wanted.wait()
            wanted.clear()

    def drain(self) -> int:
        """Do what was kept, in the order in which it came; how many deliveries were looked at."""
        done = 0
        if self._database.reading(partial(has_stale_keeps, now=self._now())):
            while self._database.writing(partial(end_stale_keeps, now=self._now())):
                pass
        while rows := self._database.reading(partial(inbox.due, now=self._now())):
            known = {shop.till: shop for shop in self._database.reading(shops)}
            for row in rows:
                shop = known.get(row.till)
                worked = self._work(shop, row) if shop is not None else Worked(refused="the shop was removed")
                self._database.writing(partial(inbox.settle, row=row, worked=worked, now=self._now()))
                done += 1
            if self._stopping.is_set():
                break
        self._prune()
        return done

    def _prune(self) -> None:
        now = self._now()
        if self._pruned_at is not None and now - self._pruned_at < PRUNE_EVERY:
            return
        for prune in (inbox.prune, prune_open):
            while self._database.writing(partial(prune, now=now)):
                pass
        self._pruned_at = now

    def _work(self, shop: Shop, row: Any) -> Worked:
        try:
            room, door = self._doors.door(shop)
            checkout = ShopCheckout(self._database, shop, self._now, self.tell, room.keep_s)
            worked = cast("QueuedDoor", door).work(inbox.request_of(row), checkout, now=self._now(), timeout_s=WORK_S)
        except (CheckoutRefused, CentralStartError, SQLAlchemyError) as error:
            return Worked(again=str(error) or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - whatever a room raises, the delivery stays
            _log.exception("shop.fault shop=%s delivery=%s", shop.name, row.delivery)
            return Worked(again=f"{type(error).__name__}: {error}")
        if worked.refused:
            _log.warning("shop.refused shop=%s delivery=%s reason=%s", shop.name, row.delivery, worked.refused)
        return worked

    def visit(self) -> None:
        """Read every cloud that is due."""
        self._visits.run_due(self._database.reading(shops))
