"""What a till asks of the centre: upload, changes, hold; each a call that returns an answer or raises a CentreError."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeVar
from urllib.parse import quote

from agent.sync.errors import CentreUnavailable
from agent.sync.line import Line
from agent.sync.wire import check_answer, squeeze, upload_bytes
from drivers.vocabulary import codec
from drivers.vocabulary.centre import ChangesPage, HoldGrant, HoldWanted, UploadAnswer

if TYPE_CHECKING:
    from agent.sync.identity import Identity
    from offline_queue.envelope import Envelope

__all__ = ["CentreClient", "ChangesClient", "UploadClient", "Vitals"]

UPLOAD_DEADLINE_S: Final = 60.0  # 1 MiB over a modem of 256 kbit/s, and the centre's work
CHANGES_MARGIN_S: Final = 15.0  # on top of the wait: a page over a slow line

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What the till tells of itself with every request."""

    queue_depth: int = 0
    oldest_age_s: int = 0


class _Client(Protocol):
    def abort(self) -> None:
        """End the request that is under way on another thread."""
        ...

    def close(self) -> None:
        """Let the connection go."""
        ...


class UploadClient(_Client, Protocol):
    """The part of the client the uploader uses."""

    def upload(self, envelopes: Sequence[Envelope]) -> UploadAnswer:
        """Hand over a contiguous run of envelopes of one epoch."""
        ...


class ChangesClient(_Client, Protocol):
    """The part of the client the downloader uses."""

    def changes(self, cursor: str, wait_s: int) -> ChangesPage:
        """One page of the feed."""
        ...


class CentreClient:
    """One conversation with the centre; used by one thread.

    Args:
        line: carries the requests.
        identity: who we are.
        version: the agent's.
        vitals: how the queue is, asked at each request.
        now: the till's clock, told to the centre.
    """

    def __init__(
        self,
        line: Line,
        identity: Identity,
        *,
        version: str,
        vitals: Callable[[], Vitals] = Vitals,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._line = line
        self._identity = identity
        self._path = f"/v1/tills/{quote(identity.till, safe='')}"
        self._version = version
        self._vitals = vitals
        self._now = now

    def abort(self) -> None:
        """End the request that is under way on another thread; it raises CentreUnavailable there."""
        self._line.abort()

    def close(self) -> None:
        """Let the connection go."""
        self._line.close()

    def upload(self, envelopes: Sequence[Envelope]) -> UploadAnswer:
        """Hand over a contiguous run of envelopes of one epoch; the answer is about exactly these.

        Raises:
            CentreUnavailable: the outcome is unknown; send the same again.
            CentreGap: send from `wanted`.
            CentreFork: the centre knows another history.
            Unauthorised: the token is not valid.
            CentreRefused: anything else.
        """
        data = self._line.ask(
            "POST",
            f"{self._path}/envelopes",
            deadline_s=UPLOAD_DEADLINE_S,
            body=upload_bytes(envelopes),
            headers=self._headers(gzipped=True),
        )
        return check_answer(_read(data, UploadAnswer), envelopes, self._identity.till)

    def changes(self, cursor: str, wait_s: int) -> ChangesPage:
        """What changed after `cursor` ("" for everything); the centre waits up to `wait_s` when there is nothing.

        Raises:
            CursorUnknown: forget the replica and begin with "".
            CentreError: as for upload.
        """
        query = {"wait": str(wait_s)}
        if cursor:
            query["cursor"] = cursor
        data = self._line.ask(
            "GET",
            f"{self._path}/changes",
            deadline_s=wait_s + CHANGES_MARGIN_S,
            headers=self._headers(),
            query=query,
        )
        return _read(data, ChangesPage)

    def hold(self, wanted: HoldWanted, *, deadline_s: float) -> HoldGrant:
        """Reserve points for a receipt, all or none.

        Raises:
            CentreError: as for upload.
        """
        data = self._line.ask(
            "POST",
            f"{self._path}/holds",
            deadline_s=deadline_s,
            body=squeeze(codec.encode(wanted)),
            headers=self._headers(gzipped=True),
        )
        grant = _read(data, HoldGrant)
        if grant.points not in {0, wanted.points}:
            raise CentreUnavailable(f"asked for {wanted.points} points, the answer is about {grant.points}")
        return grant

    def _headers(self, *, gzipped: bool = False) -> dict[str, str]:
        vitals = self._vitals()
        headers = {
            "authorization": f"Bearer {self._identity.token}",
            "tillpoint-version": self._version,
            "tillpoint-queue-depth": str(vitals.queue_depth),
            "tillpoint-oldest-age-s": str(vitals.oldest_age_s),
            "tillpoint-clock": self._now().isoformat(timespec="milliseconds"),
        }
        if gzipped:
            headers["content-encoding"] = "gzip"
        return headers


def _read(data: bytes, wanted: type[T]) -> T:
    try:
        return codec.decode(data, wanted)
    except codec.WireError as error:
        raise CentreUnavailable(f"the answer cannot be read: {error}") from None
