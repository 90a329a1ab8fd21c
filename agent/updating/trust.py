"""Whose releases this till takes, and what time it is for them.

A till's clock may be wrong. Behind is the common case (a dead battery: 2015), and it is dangerous in one way only: a
signing key that has expired would count again. So it is never earlier here than the newest thing known to be signed:
the version that runs was built, and each release verified before was signed, at a time that is past. A clock that is
ahead makes good keys look expired; that refuses an update, in a sentence that names the clock, and never takes one.
The centre's time is not asked: it comes through the agent, and the updater believes the agent nothing.
"""

from __future__ import annotations

import os
import stat
import sys
import tomllib
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct

from agent.settings import UpdatesSettings
from drivers.vocabulary import codec
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.release import ReleaseRefused, Verified, open_release
from drivers.vocabulary.signed import PublicKey

__all__ = ["Trust", "not_before_now", "require_own_file", "trust_of"]

ROOTS_MAX: Final = 8
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


class Trust(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Root keys, and keys that count no more."""

    roots: Annotated[tuple[PublicKey, ...], Meta(max_length=ROOTS_MAX)] = ()
    revoked: Annotated[tuple[str, ...], Meta(max_length=100)] = ()

    def open(self, data: bytes, *, now: datetime) -> Verified:
        """Verify a signed release; raises ReleaseRefused."""
        return open_release(data, roots=self.roots, revoked=self.revoked, now=now)


def trust_of(settings: UpdatesSettings) -> Trust:
    """The keys this version was built with, and those of the settings; raises SettingsError."""
    text = (resources.files("agent.updating") / "roots.toml").read_text("utf-8")
    try:
        shipped = codec.convert(tomllib.loads(text), Trust)
    except (tomllib.TOMLDecodeError, codec.WireError) as error:
        raise SettingsError(f"agent/updating/roots.toml of this version cannot be used: {error}") from None
    return Trust(
        roots=tuple(dict.fromkeys((*shipped.roots, *settings.root_keys)))[:ROOTS_MAX],
        revoked=(*shipped.revoked, *settings.revoked_keys),
    )


def not_before_now(clock: datetime, *known: datetime | None) -> datetime:
    """What time it is at the earliest: the clock's, or the newest moment that is known to be past."""
    return max([clock, *(one.astimezone(UTC) for one in known if one is not None)])


def require_own_file(path: Path) -> None:
    """See that nobody but us could have written the settings the updater goes by: they name keys that it trusts.

    On Windows the installer's ACL sees to it; modes tell nothing there.

    Raises:
        ReleaseRefused: the file or its folder belongs to somebody else, or others may write it.
    """
    if sys.platform == "win32":
        return
    for one in (path, path.parent):
        found = one.stat()
        sticky = one.is_dir() and found.st_mode & stat.S_ISVTX
        if found.st_uid not in {0, os.geteuid()} or (found.st_mode & _OTHERS and not sticky):
            raise ReleaseRefused(
                "settings", f"others than {os.geteuid()} may write {one}: give it to root, mode 0644, and try again"
            )
