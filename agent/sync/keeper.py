"""The identity of a running agent: read by every sync thread, changed in one place, on disk before anybody uses it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from agent.sync.errors import NotEnrolled
from agent.sync.identity import Identity, load, save

__all__ = ["IdentityKeeper"]


class IdentityKeeper:
    """One identity and its file.

    Args:
        folder: the state folder.
        identity: as it was loaded.
    """

    def __init__(self, folder: Path, identity: Identity) -> None:
        self._folder = folder
        self._identity = identity
        # Three threads use it and two may change it.
        self._lock = threading.Lock()

    @property
    def current(self) -> Identity:
        """As it is now."""
        return self._identity

    def change(self, **fields: Any) -> Identity:
        """Change fields, on disk first.

        What a command wrote in the meantime (`tillpoint enrol`) is not written over: its fields are the base.

        Raises:
            IdentityError: the file cannot be read or written; nothing is changed.
        """
        with self._lock:
            changed = replace(self._base(), **fields)
            if changed != self._identity:
                save(self._folder, changed)
                self._identity = changed
            return changed

    def look_again(self, used: Identity) -> bool:
        """Whether there is another identity now than the one that was just used: in memory, or in the file.

        Raises:
            IdentityError: the file cannot be read.
        """
        with self._lock:
            self._identity = self._base()
            return self._identity != used

    def _base(self) -> Identity:
        """The file's identity when it is of this enrolment; one of another epoch waits for a restart."""
        mine = self._identity
        try:
            found = load(self._folder)
        except NotEnrolled:
            return mine
        return found if (found.url, found.till, found.epoch) == (mine.url, mine.till, mine.epoch) else mine
