"""The updates' part of an agent put together: settings and identity to a thread that runs, or the sentence why not."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from agent.updating.places import Places, own_folder, own_platform, places_of
from offline_queue.migrations import TILL

if TYPE_CHECKING:
    from agent.settings import Settings
    from agent.sync.identity import Identity
    from agent.sync.update_line import UpdateLine
    from agent.till import Till
    from agent.updating.turn import UpdateTurn
    from drivers.vocabulary.updates import Package

__all__ = ["start_updates"]

_DPKG: Final = Path("/var/lib/dpkg/info/tillpoint.list")


def start_updates(
    settings: Settings, identity: Identity, till: Till, *, zone: ZoneInfo, wished: Callable[[], None]
) -> UpdateTurn | None:
    """Start the thread; None where this version was not installed, or updates are off.

    Args:
        settings: of the whole agent.
        identity: who we are.
        till: how it is used decides when it may change over.
        zone: the shop's.
        wished: told when there is work for the updater.

    Raises:
        SettingsError: the keys cannot be used.
    """
    if settings.updates.install == "off" or own_folder() is None:
        return None
    from agent.sync.client import own_version
    from agent.updating.trust import trust_of
    from agent.updating.turn import UpdateTurn
    from agent.updating.usage import TillUsage

    places = places_of(settings)
    turn = UpdateTurn(
        settings=settings.updates,
        places=places,
        trust=trust_of(settings.updates),
        connect=_connector(settings, identity),
        usage=TillUsage(till),
        running=own_version(),
        platform=own_platform(),
        schema=TILL.version,
        zone_now=lambda: datetime.now(UTC).astimezone(zone),
        uptime_s=time.monotonic,
        package=_package(places),
        wished=wished,
    )
    turn.start()
    return turn


def _connector(settings: Settings, identity: Identity) -> Callable[[], UpdateLine]:
    """A line of its own for each check: between two checks, which are hours apart, it holds nothing."""

    def connect() -> UpdateLine:
        from agent.sync.client import own_version
        from agent.sync.errors import IdentityError
        from agent.sync.identity import load
        from agent.sync.line import Line
        from agent.sync.tls import tls_of
        from agent.sync.update_line import UpdateLine

        try:
            now = load(settings.state_folder)  # its token may have been replaced since the start
        except IdentityError:
            now = identity
        line = Line(now.url, tls=tls_of(settings.central), proxy=settings.central.proxy)
        return UpdateLine(line, now, version=own_version())

    return connect


def _package(places: Places) -> Package:
    """How Tillpoint came here, as far as it can be seen."""
    from drivers.vocabulary.updates import Package

    try:
        return Package((places.pointers / "package").read_text("utf-8").strip())  # an installer of Windows says so
    except (OSError, ValueError):
        return Package.DEB if _DPKG.exists() else Package.ARCHIVE
