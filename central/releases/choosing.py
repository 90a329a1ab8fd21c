"""Which release a till may take now; pure, from what the centre holds and what the till said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from central.releases.rings import ReleaseState
from drivers.vocabulary.release import SignedRelease, version_order
from drivers.vocabulary.updates import UpdateCheck, UpdateState

__all__ = ["Archive", "Candidate", "Held", "choose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What a release brings for one platform."""

    sha256: str
    size: int
    schema: int
    readable_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A release that tills might be given.

    Attributes:
        rings: those it was opened for.
        archives: by platform.
    """

    version: str
    channel: str
    oldest_from: str
    state: ReleaseState
    signed: SignedRelease
    rings: frozenset[str]
    archives: Mapping[str, Archive]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a person said of one till: no other version than this, or nothing at all."""

    pinned: str = ""
    is_off: bool = False


def choose(
    candidates: Iterable[Candidate], check: UpdateCheck, *, ring: str, held: Held, failed: Collection[str] = ()
) -> Candidate | None:
    """The newest release that fits.

    A till is never given a version that it has tried in vain, nor an older one than it runs: the way back is its own,
    and only ever to the version before. One that is too old for the newest release gets the one on the way there.

    Args:
        candidates: all releases.
        check: what the till said.
        ring: the till's ring, "" when there are none.
        held: what a person said.
        failed: versions the till has tried in vain.
    """
    if held.is_off or check.state in {UpdateState.OFF, UpdateState.PINNED}:
        return None
    try:
        runs = version_order(check.version)
    except ValueError:
        return None  # a till that runs from a working copy
    fitting = [
        one
        for one in candidates
        if _is_meant(one, check, ring=ring, held=held)
        and one.version not in failed
        and version_order(one.version) > runs
        and (not one.oldest_from or version_order(one.oldest_from) <= runs)
        and _can_read(one.archives.get(check.platform), check.schema)
    ]
    return max(fitting, key=lambda one: version_order(one.version), default=None)


def _is_meant(one: Candidate, check: UpdateCheck, *, ring: str, held: Held) -> bool:
    """Whether rings, gates and people want this till to have it."""
    if held.pinned:
        # Somebody named this version for this till: before its ring's turn, and also when it is stopped for others.
        return one.version == held.pinned and one.state is not ReleaseState.WITHDRAWN
    return one.state is ReleaseState.ROLLING and ring in one.rings and one.channel == check.channel


def _can_read(archive: Archive | None, schema: int) -> bool:
    """Whether there is one for the platform, and the till could go back from its tables (0 is not told)."""
    return archive is not None and (schema == 0 or archive.readable_from <= schema <= archive.schema)
