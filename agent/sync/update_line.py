"""What a till asks of the centre about updates: is there one, and its archive, a stretch at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from agent.sync.errors import CentreRefused, CentreUnavailable
from agent.sync.line import Line
from agent.sync.wire import squeeze
from drivers.vocabulary import codec
from drivers.vocabulary.updates import AFTER_HEADER, UpdateCheck, UpdateOffer

if TYPE_CHECKING:
    from agent.sync.identity import Identity

__all__ = ["ArchiveChanged", "UpdateLine"]

CHECK_DEADLINE_S: Final = 30.0  # a page over a slow line
STRETCH_DEADLINE_S: Final = 180.0  # of STRETCH_BYTES over 64 kbit/s
STRETCH_BYTES: Final = 1 << 18  # short enough that a receipt on its way to the centre waits for a second at most
AFTER_DEFAULT_S: Final = 3_600.0
AFTER_MIN_S: Final = 60.0
AFTER_MAX_S: Final = 86_400.0  # a centre that knows no updates is asked once a day

#: What a centre says that knows no updates.
_NO_ROUTE: Final = frozenset({"no_such_route", "method_not_allowed"})


class ArchiveChanged(CentreUnavailable):
    """What was fetched so far is of another archive."""


class UpdateLine:
    """One conversation about updates; used by one thread.

    Args:
        line: carries the requests.
        identity: who we are.
        version: the agent's.
    """

    def __init__(self, line: Line, identity: Identity, *, version: str) -> None:
        self._line = line
        self._identity = identity
        self._version = version

    def check(self, check: UpdateCheck) -> tuple[UpdateOffer | None, float]:
        """What there is for this till, and in how many seconds to ask again.

        Raises:
            CentreUnavailable: ask later.
            CentreRefused: the centre understood and said no.
        """
        path = f"/v1/tills/{quote(self._identity.till, safe='')}/updates/check"
        headers = {**self._headers(), "content-encoding": "gzip"}
        body = squeeze(codec.encode(check))
        answer = self._line.exchange("POST", path, deadline_s=CHECK_DEADLINE_S, body=body, headers=headers)
        if answer.status not in {200, 204}:
            refusal = self._line.refusal(answer)
            if isinstance(refusal, CentreRefused) and refusal.problem.code in _NO_ROUTE:
                return None, AFTER_MAX_S
            raise refusal
        after_s = _after(answer.headers.get(AFTER_HEADER.lower(), ""))
        if answer.status == 204:
            return None, after_s
        try:
            return codec.decode(answer.data, UpdateOffer), after_s
        except codec.WireError as error:
            raise CentreUnavailable(f"the offer of an update cannot be read: {error}") from None

    def stretch(self, path: str, *, sha256: str, begin: int, size: int, take: Callable[[bytes], None]) -> None:
        """Fetch the next stretch of an archive from `begin` on.

        Raises:
            ArchiveChanged: the centre has another one there, or cannot begin in the middle: begin with 0.
            CentreUnavailable: go on later from where it got to.
            CentreRefused: the archive is not there any more.
        """
        end = min(begin + STRETCH_BYTES, size) - 1
        headers = {**self._headers(), "accept-encoding": "identity", "range": f"bytes={begin}-{end}"}
        headers["if-range"] = f'"{sha256}"'
        left = [size - begin]

        def passed(status: int, chunk: bytes) -> None:
            left[0] -= len(chunk)
            if left[0] < 0 or (status == 200 and begin > 0):
                raise ArchiveChanged("the centre's archive is another one by now; it is fetched from the beginning")
            take(chunk)

        answer = self._line.exchange("GET", path, deadline_s=STRETCH_DEADLINE_S, headers=headers, take=passed)
        told = answer.headers.get("content-range", "")
        if answer.status == 416 or (answer.status == 206 and not told.startswith(f"bytes {begin}-")):
            raise ArchiveChanged(f"asked for bytes from {begin}, the answer is about {told[:60]!r}")
        if answer.status not in {200, 206}:
            raise self._line.refusal(answer)

    def close(self) -> None:
        """Let the connection go."""
        self._line.close()

    def abort(self) -> None:
        """End the request that is under way on another thread."""
        self._line.abort()

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._identity.token}", "tillpoint-version": self._version}


def _after(text: str) -> float:
    try:
        return min(AFTER_MAX_S, max(AFTER_MIN_S, float(text)))
    except ValueError:
        return AFTER_DEFAULT_S
