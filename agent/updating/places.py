"""Where versions, pointers and the updater's own notes lie on this machine; paths and nothing that is in them.

Two sides that do not trust each other equally: the *inbox* belongs to the service's account, the *versions folder* and
everything in it to root (SYSTEM). What crosses from the inbox counts by its signatures alone.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drivers.vocabulary.release import platform_of

if TYPE_CHECKING:
    from agent.settings import Settings

__all__ = ["Places", "has_work", "own_folder", "own_platform", "places_of"]

_LINUX_BROUGHT: Final = Path("/var/lib/tillpoint-versions")
_LINUX_PACKAGED: Final = Path("/usr/lib/tillpoint/versions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders of updates.

    Attributes:
        versions: folder of the versions that updates brought.
        packaged: folder of those that the package brought; None where it is the same.
        pointers: folder of `current` and `good`.
        inbox: where the agent puts what it fetched.
        state: the till's state folder.
    """

    versions: Path
    packaged: Path | None
    pointers: Path
    inbox: Path
    state: Path

    @property
    def current(self) -> Path:
        """The pointer: which version folder runs."""
        return self.pointers / "current"

    @property
    def good(self) -> Path:
        """Which version folder was well last; the updater itself runs from there."""
        return self.pointers / "good"

    @property
    def work(self) -> Path:
        """What the updater keeps for itself."""
        return self.versions / ".work"

    @property
    def journal(self) -> Path:
        """How far a switch is; there only while one is under way."""
        return self.work / "journal.json"

    @property
    def record(self) -> Path:
        """What the updater remembers between switches."""
        return self.work / "record.json"

    @property
    def status(self) -> Path:
        """The updater's word for everybody."""
        return self.versions / "status.json"

    @property
    def wish(self) -> Path:
        """The agent's word for the updater."""
        return self.inbox / "wish.json"

    @property
    def waiting(self) -> Path:
        """Why the agent waits, for people."""
        return self.inbox / "waiting.json"

    @property
    def asked_now(self) -> Path:
        """Laid by `tillpoint update now`: look at once."""
        return self.versions / "now"

    @property
    def hearing(self) -> Path:
        """What the agent says to `tillpoint update now`."""
        return self.inbox / "hearing.json"


def own_folder() -> Path | None:
    """The version folder that this process runs from; None in a development tree."""
    started = getattr(sys.modules.get("__main__"), "__file__", None)
    path = Path(started).resolve() if started else None
    return path.parent if path is not None and path.name == "start.py" else None


def own_platform() -> str:
    """This machine's name in a manifest."""
    return platform_of(system=sys.platform, machine=platform.machine(), python=sys.version_info[:2])


def places_of(settings: Settings) -> Places:
    """As the system has them, or below `updates.versions_folder`."""
    state = settings.state_folder
    inbox = state / "updates"
    named = settings.updates.versions_folder
    if named:
        folder = Path(named)
        return Places(versions=folder, packaged=None, pointers=folder, inbox=inbox, state=state)
    if sys.platform == "win32":
        import os

        own = own_folder()
        default = Path(os.environ.get("PROGRAMFILES", r"C:\Program Files")) / "Tillpoint" / "versions"
        folder = own.parent if own is not None else default
        return Places(versions=folder, packaged=None, pointers=folder.parent, inbox=inbox, state=state)
    return Places(versions=_LINUX_BROUGHT, packaged=_LINUX_PACKAGED, pointers=_LINUX_BROUGHT, inbox=inbox, state=state)


def has_work(places: Places) -> bool:
    """Whether the updater should be started: a switch was cut, or the agent wishes something since the last answer."""
    if places.journal.exists():
        return True
    try:
        wished = places.wish.stat().st_mtime_ns
    except OSError:
        return False
    try:
        return wished > places.status.stat().st_mtime_ns
    except OSError:
        return True
