"""What the centre does by itself each minute: shows that it is up, keeps snapshots fresh, passes gates, forgets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from central.database import Database
from central.errors import Refusal
from central.leases import prune_leases
from central.releases.gates import pass_gates
from central.restoration import note_alive
from central.scopes import scopes_in_use
from central.snapshots import build_snapshot, forget_unused, is_due
from central.spend_codes import prune_codes
from central.upkeep import Upkeep
from central.value_leases import prune_values

__all__ = ["Chores"]

PRUNE_EVERY: Final = timedelta(days=1)

_log = logging.getLogger(__name__)


class Chores:
    """One process's; others may do the same on the same database."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._pruned_at: datetime | None = None
        self._upkeep = Upkeep([self.show_life, self.renew_snapshot, self.forget_leases, self.open_rings])

    async def start(self) -> None:
        """Before the first request: was the centre away for so long that the database may be an older one?"""
        try:
            await run_in_threadpool(self.show_life)
        except SQLAlchemyError as error:
            _log.warning("store.away error=%s", type(error).__name__)  # each minute it is tried again
        self._upkeep.start()

    async def stop(self) -> None:
        """Begin no more of them."""
        await self._upkeep.stop()

    def show_life(self) -> None:
        """Tell the other processes, and our next start, that the centre is up."""
        self._database.writing(partial(note_alive, now=self._now()))

    def renew_snapshot(self) -> None:
        """Make a new snapshot for each scope that tills have, when it is time."""
        scopes = self._database.reading(scopes_in_use)
        self._database.writing(partial(forget_unused, scopes=scopes, now=self._now()))
        for scope in scopes:
            if self._database.reading(partial(is_due, now=self._now(), scope=scope)):
                self._build_snapshot(scope)

    def forget_leases(self) -> None:
        """Once in a day, those that are over for long; one-time codes too."""
        now = self._now()
        if self._pruned_at is None or now - self._pruned_at >= PRUNE_EVERY:
            for prune in (prune_leases, prune_values, prune_codes):
                while self._database.writing(partial(prune, now=now)):
                    pass
            self._pruned_at = now

    def open_rings(self) -> None:
        """Give releases to the next ring when the one before was well for long enough."""
        self._database.writing(partial(pass_gates, now=self._now()))

    def _build_snapshot(self, scope: str) -> None:
        try:
            build_snapshot(self._database, now=self._now, scope=scope)
        except Refusal as refusal:
            # Two processes found it due at one moment: the other one is at it, and the next scope is still ours to do.
            if refusal.problem.code != "snapshot_busy":
                raise
            _log.debug("snapshot.made_by_another scope=%s", scope)
