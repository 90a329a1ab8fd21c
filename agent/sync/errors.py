"""What can become of a request to the centre; told apart by type, never by text.

CentreError(TillpointError)
├── CentreUnavailable   no answer, or none that can be believed: try again later
└── CentreRefused       the centre understood and said no, with its Problem
    ├── Unauthorised      401: the token is not valid
    ├── CentreGap         409: the centre wants an earlier envelope first
    ├── CentreFork        409: the centre knows another history of this till
    ├── CursorUnknown     410: the feed began anew
    └── SnapshotUnknown   404, 410: there is no snapshot, or not this one any more
IdentityError(SettingsError)   the identity file cannot be used
└── NotEnrolled                there is none
"""

from __future__ import annotations

from typing import Final

from drivers.vocabulary.centre import Problem
from drivers.vocabulary.errors import SettingsError, TillpointError

__all__ = [
    "CentreError",
    "CentreFork",
    "CentreGap",
    "CentreRefused",
    "CentreUnavailable",
    "CursorUnknown",
    "IdentityError",
    "NotEnrolled",
    "SnapshotUnknown",
    "Unauthorised",
    "refused",
]


class CentreError(TillpointError):
    """Everything a request to the centre may end in, answers aside."""


class CentreUnavailable(CentreError):  # noqa: N818 - a state of the world, named as the field names it
    """No answer, or none that can be believed; what became of the request is unknown, so it is sent again.

    Attributes:
        retry_after_s: when the centre asked us to come back, or None.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CentreRefused(CentreError):  # noqa: N818
    """The centre understood and said no.

    Attributes:
        status: HTTP status.
        problem: what it said; `code` may be branched on.
    """

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.message)
        self.status = status
        self.problem = problem


class Unauthorised(CentreRefused):
    """The token is not valid any more: the till was enrolled elsewhere, or removed."""


class CentreGap(CentreRefused):
    """The centre lacks earlier envelopes; it may have been restored from a back-up.

    Attributes:
        wanted: the sequence to send from.
    """

    def __init__(self, status: int, problem: Problem, *, wanted: int) -> None:
        super().__init__(status, problem)
        self.wanted = wanted


class CentreFork(CentreRefused):
    """The centre knows another history of this till's epoch: a clone, or a restored disk."""


class CursorUnknown(CentreRefused):
    """The centre does not know our place in its feed: begin again."""


class SnapshotUnknown(CentreRefused):
    """There is no snapshot to be had, or the one we were taking is not kept any more."""


class IdentityError(SettingsError):
    """The identity file cannot be used as it is."""


class NotEnrolled(IdentityError):  # noqa: N818
    """There is no identity file: this till was never enrolled."""


_BY_CODE: Final = {
    "unauthorised": Unauthorised,
    "fork": CentreFork,
    "cursor_unknown": CursorUnknown,
    "no_snapshot": SnapshotUnknown,
    "snapshot_gone": SnapshotUnknown,
    # A centre older than snapshots, or another maker's without them.
    "no_such_route": SnapshotUnknown,
}


def refused(status: int, problem: Problem) -> CentreRefused:
    """The refusal of the right kind, by its code."""
    if problem.code == "gap" and problem.wanted is not None and problem.wanted >= 1:
        return CentreGap(status, problem, wanted=problem.wanted)
    return _BY_CODE.get(problem.code, CentreRefused)(status, problem)
