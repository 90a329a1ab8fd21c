"""Keeps the replica fresh: asks what changed, waits at the centre until something does, applies it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from agent.sync.bootstrap import Bootstrap, Build, Outcome
from agent.sync.errors import CentreUnavailable, CursorUnknown
from agent.sync.loop import Done
from agent.sync.parts import ChangesClient
from drivers.vocabulary.centre import ChangesPage
from offline_queue.errors import StoreCorrupt

__all__ = ["Downloader", "Replica"]

POLL_S: Final = 5.0  # between two polls of a centre that answers an empty page without waiting

log = logging.getLogger(__name__)


class Replica(Protocol):
    """The till's copy of the centre's documents; used by the downloader's thread alone."""

    def cursor(self) -> str:
        """Where to go on; "" for the beginning."""
        ...

    def apply(self, page: ChangesPage) -> None:
        """Take a page over, with its cursor, all or nothing."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...

    def build_is_begun(self) -> bool:
        """Whether a snapshot was being loaded when the agent stopped."""
        ...

    def build(self) -> Build:
        """Go on loading a snapshot, or begin."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


@dataclass(slots=True)
class Downloader:
    """A step of a `Loop`: one long poll, one page applied.

    Attributes:
        connect: makes the client, on the thread that uses it.
        open_replica: opens the replica, likewise.
        changed: told after a page with changes was applied; must not wait.
        loading: told how much of a snapshot is in: documents, of so many; (0, 0) when it is over. Must not wait.
        wait_s: how long the centre may let us wait for news.
        monotonic: seconds that never go back.
    """

    connect: Callable[[], ChangesClient]
    open_replica: Callable[[], Replica]
    changed: Callable[[], None]
    loading: Callable[[int, int], None]
    wait_s: int = 25
    monotonic: Callable[[], float] = time.monotonic
    name: str = "download"
    _client: ChangesClient | None = field(default=None, init=False)
    _replica: Replica | None = field(default=None, init=False)
    #: False until the centre has answered once: the first poll does not wait, so that the link is known at once.
    _met: bool = field(default=False, init=False)
    _bootstrap: Bootstrap | None = field(default=None, init=False)
    #: The centre has no snapshot, or said that our place in its feed is of another history.
    _without_snapshot: bool = field(default=False, init=False)
    _starts_over: bool = field(default=False, init=False)

    def open(self) -> None:
        """Open the replica and the line."""
        self._replica = self.open_replica()
        self._client = self.connect()
        self._met = self._without_snapshot = False

    def step(self) -> Done:
        """One page, or one part of a snapshot."""
        if self._client is None or self._replica is None:
            raise RuntimeError("the downloader is not open")
        bootstrap = self._needs_bootstrap(self._client, self._replica)
        if bootstrap is not None:
            return self._fill(bootstrap)
        cursor = self._replica.cursor()
        wait_s = self.wait_s if self._met else 0
        asked_at = self.monotonic()
        try:
            page = self._client.changes(cursor, wait_s)
        except CursorUnknown as unknown:
            return self._begin_again(cursor, unknown)
        except CentreUnavailable:
            self._met = False
            raise
        self._replica.apply(page)
        if page.changes:
            log.info("sync.changes count=%d more=%s", len(page.changes), page.more)
            self.changed()
        first, self._met = not self._met, True
        if page.changes or page.more or first:
            return Done(pause_s=0, answered=True)
        waited = self.monotonic() - asked_at
        return Done(pause_s=POLL_S if waited < min(wait_s, POLL_S) else 0, answered=True)

    def abort(self) -> None:
        """End the request that is under way."""
        client = self._client
        if client is not None:
            client.abort()

    def close(self) -> None:
        """Let go of both."""
        self._forget_bootstrap()
        replica, client, self._replica, self._client = self._replica, self._client, None, None
        if replica is not None:
            replica.close()
        if client is not None:
            client.close()

    def _needs_bootstrap(self, client: ChangesClient, replica: Replica) -> Bootstrap | None:
        if self._bootstrap is None and not self._without_snapshot:
            is_wanted = self._starts_over or not replica.cursor() or replica.build_is_begun()
            self._bootstrap = Bootstrap(client, replica.build(), self.loading) if is_wanted else None
        return self._bootstrap

    def _fill(self, bootstrap: Bootstrap) -> Done:
        try:
            outcome = bootstrap.step()
        except StoreCorrupt as error:
            # It was put aside: the parts come once more.
            log.warning("snapshot.damaged reason=%s", error)
            self._forget_bootstrap()
            return Done(pause_s=0, answered=False)
        if outcome is not Outcome.GOES_ON:
            self._bootstrap = None
            self._without_snapshot = outcome is Outcome.NONE
            if self._starts_over and outcome is Outcome.NONE and self._replica is not None:
                self._replica.reset()
            self._starts_over = False
            self.loading(0, 0)
            self.changed()
        return Done(pause_s=0, answered=True)

    def _forget_bootstrap(self) -> None:
        bootstrap, self._bootstrap = self._bootstrap, None
        if bootstrap is not None:
            bootstrap.build.close()

    def _begin_again(self, cursor: str, unknown: CursorUnknown) -> Done:
        """The centre's feed began anew: fetch everything; what is here serves until that is done, if it comes whole."""
        if not cursor:
            raise CentreUnavailable("the centre does not know the beginning of its own feed") from unknown
        log.warning("sync.reset reason=%s", unknown)
        self._without_snapshot = False
        self._starts_over = True
        return Done(pause_s=0, answered=True)
