"""The data folder of a till on Windows: made, given to whom it belongs, and set aside when a stranger made it before.

Anybody may make folders in %ProgramData%. One that lay there before us, with a config.toml and keys of somebody's
choosing, would be believed by a service with rights; so whose it is counts, not what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from agent.service.rights import TRUSTED, sddl
from drivers.vocabulary.errors import TillpointError

__all__ = ["Access", "DataFolder", "DataFolderError"]

LOOKED_AT_MAX: Final = 20_000  # a till has hundreds of files; more is somebody else's doing, and is set aside too
PANEL: Final = "panel"


class DataFolderError(TillpointError):
    """The folder cannot be made safe; the message says what to do."""


class Access(Protocol):
    """What Windows is asked; `agent.service.access` is the real one. OSError when it refuses."""

    def owner_of(self, path: Path) -> str:
        """SID of the owner."""
        ...

    def is_link(self, path: Path) -> bool:
        """Whether it leads elsewhere (symbolic link, junction)."""
        ...

    def protect(self, path: Path, text: str) -> None:
        """Set owner and access list; what lies below inherits it."""
        ...

    def is_protected(self, path: Path) -> bool:
        """Whether nothing is inherited from above."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolder:
    """The folders of one till.

    Attributes:
        root: `Tillpoint` in %ProgramData%.
        state: databases and keys; in the root or elsewhere.
        service: SID of the service's account.
        access: asks Windows.
        program: whoever owns this folder is believed as well: what lies there runs anyway.
    """

    root: Path
    state: Path
    service: str
    access: Access
    program: Path

    def prepare(self, now: datetime) -> list[str]:
        """Make the folders and give them their access lists; sentences on what was out of the ordinary.

        Raises:
            DataFolderError: Windows would not.
        """
        said = []
        try:
            for folder in dict.fromkeys((self.root, self.state)):
                stranger = self._stranger(folder)
                if stranger:
                    aside = folder.with_name(f"{folder.name}.insecure-{now:%Y%m%d-%H%M%S}")
                    folder.rename(aside)
                    said.append(
                        f"{stranger}; anybody could have put it there, so it was moved to {aside} and is not read. "
                        "If it is yours, copy config.toml back as an administrator"
                    )
            self.root.mkdir(parents=True, exist_ok=True)
            self.access.protect(self.root, sddl("root", self.service))
            for folder, kind in ((self.state, "state"), (self.root / PANEL, "panel")):
                folder.mkdir(parents=True, exist_ok=True)
                self.access.protect(folder, sddl(kind, self.service))
            # Nobody else may write there any more; whoever was quicker than we has left something of his.
            for folder in dict.fromkeys((self.root, self.state)):
                stranger = self._stranger(folder)
                if stranger:
                    raise DataFolderError(f"{stranger}: it came while {self.root} was made safe; run this again")
        except OSError as error:
            raise DataFolderError(
                f"cannot make {error.filename or self.root} safe: {error.strerror or error}; "
                "run this as an administrator"
            ) from None
        return said

    def review(self) -> list[str]:
        """At each start: put right what may be put right, and say what is wrong all the same."""
        said = []
        for folder, kind in ((self.root, "root"), (self.state, "state")):
            try:
                stranger = self._stranger(folder, is_deep=False)
                if not stranger and not self.access.is_protected(folder):
                    self.access.protect(folder, sddl(kind, self.service))
            except OSError as error:
                stranger = f"the rights of {folder} cannot be set: {error.strerror or error}"
            if stranger:
                said.append(f"{stranger}; run `tillpoint service install` as an administrator")
        return said

    def _stranger(self, folder: Path, *, is_deep: bool = True) -> str:
        """Who owns something there that nobody but us should; "" when all is in order, or nothing is there."""
        if not folder.exists() and not self.access.is_link(folder):
            return ""
        trusted = TRUSTED | {self.service, self.access.owner_of(self.program)}
        for count, path in enumerate(self._all_of(folder) if is_deep else iter([folder])):
            if self.access.is_link(path):
                return f"{path} leads elsewhere"
            if count >= LOOKED_AT_MAX:
                return f"{folder} holds more than {LOOKED_AT_MAX} files"
            owner = self.access.owner_of(path)
            if owner not in trusted:
                return f"{path} belongs to {owner}, who is no administrator"
        return ""

    def _all_of(self, folder: Path) -> Iterator[Path]:
        """The folder and everything in it; links are named and not followed."""
        waiting = [folder]
        while waiting:
            path = waiting.pop()
            yield path
            if path.is_dir() and not self.access.is_link(path):
                waiting += sorted(path.iterdir())
