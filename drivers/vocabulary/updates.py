"""What a till and the centre say to one another about updates: what the till runs and tried, and what it may take."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.vocabulary.receipt import AwareTime
from drivers.vocabulary.release import SignedRelease

__all__ = [
    "AFTER_HEADER",
    "LastTry",
    "Package",
    "TryOutcome",
    "UpdateCheck",
    "UpdateOffer",
    "UpdateState",
]

#: Of the answer to a check, also of 204: in so many seconds the till is to ask again.
AFTER_HEADER: Final = "Tillpoint-Check-After-S"

VersionText = Annotated[str, Meta(max_length=40)]


class Package(Enum):
    """How Tillpoint came onto the till; a till whose package manager alone may change it is never offered anything."""

    DEB = "deb"
    MSI = "msi"
    EXE = "exe"
    ARCHIVE = "archive"
    UNKNOWN = "unknown"


class UpdateState(Enum):
    """How far a till is with an update.

    IDLE: it runs its version and nothing waits. STAGED: a version lies ready beside it. TRYING: a new version runs and
    is watched. ROLLED_BACK: it went back, and runs the old version. PINNED: its own settings hold it where it is. OFF:
    its own settings take no updates.
    """

    IDLE = "idle"
    FETCHING = "fetching"
    STAGED = "staged"
    TRYING = "trying"
    ROLLED_BACK = "rolled_back"
    PINNED = "pinned"
    OFF = "off"


class TryOutcome(Enum):
    """What became of a version at a till.

    HEALTHY: it runs and was well for the time it is watched. ROLLED_BACK: it was switched to, was not well, and the
    till went back. FAILED: it could not be made ready or switched to. REFUSED: its signature, its archive or its
    version is not to be taken.
    """

    HEALTHY = "healthy"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    REFUSED = "refused"


class LastTry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last version a till tried.

    Attributes:
        reason: a sentence for store IT; names nobody.
        at: by the till's clock.
    """

    version: VersionText
    outcome: TryOutcome
    reason: Annotated[str, Meta(max_length=500)] = ""
    at: AwareTime | None = None


class UpdateCheck(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``POST /v1/tills/{till}/updates/check``: what the till runs, and whether there is something for it.

    A till asks now and then, again right before it switches, and at once after it tried something. 204 is that nothing
    is wanted of it: what it has staged is not to be tried, because it was stopped or withdrawn.

    Attributes:
        version: what runs.
        platform: as a manifest names it (`linux-x86_64-cp311`, `win-amd64`).
        schema: of its `till.db`; 0 is not told.
        channel: what it takes: "stable", "beta" …
        staged: the version that lies ready; "" for none.
    """

    version: VersionText
    platform: Annotated[str, Meta(max_length=60)]
    package: Package = Package.UNKNOWN
    schema: Annotated[int, Meta(ge=0, le=10_000)] = 0
    channel: Annotated[str, Meta(max_length=20)] = "stable"
    state: UpdateState = UpdateState.IDLE
    staged: VersionText = ""
    last: LastTry | None = None


class UpdateOffer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the till may take.

    Attributes:
        release: as it was signed; the till believes nothing but what these signatures cover.
        ring: the till's ring, for its log and its page.
        not_before: when its shop is closed next, as the centre knows; the till's own hours hold besides.
        not_after: when the shop opens again: a switch that has not begun by then waits for the next offer.
        archive: where the archive of the till's platform is, below the centre's address.
        size: of it, in bytes.
    """

    release: SignedRelease
    ring: Annotated[str, Meta(max_length=40)]
    not_before: AwareTime
    archive: Annotated[str, Meta(max_length=300)]
    size: Annotated[int, Meta(ge=1)]
    not_after: AwareTime | None = None
