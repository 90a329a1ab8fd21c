"""What a till asks of the centre: upload, changes, hold; each a call that returns an answer or raises a CentreError."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

from agent.sync.errors import CentreRefused, CentreUnavailable, IdentityError, Unauthorised
from agent.sync.line import Line
from agent.sync.wire import check_answer, squeeze, upload_bytes
from drivers.vocabulary import codec, proof
from drivers.vocabulary.centre import (
    ChangesPage,
    HoldGrant,
    HoldWanted,
    KeysAnswer,
    KeysRequest,
    LookupAnswer,
    LookupWanted,
    SnapshotManifest,
    SnapshotPart,
    UploadAnswer,
)
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.fleet import ReportTaken, TillReport
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport
from drivers.vocabulary.spend_codes import CodeSent, CodeTried, CodeVerdict, CodeWanted
from drivers.vocabulary.value_leases import CouponsGrant, CouponsWanted, ValueAnswer, ValueReport

if TYPE_CHECKING:
    from agent.sync.identity import Identity
    from offline_queue.envelope import Envelope

__all__ = ["CentreClient", "Vitals", "own_version"]

PART_DEADLINE_S: Final = 180.0  # a third of a megabyte over 64 kbit/s takes 45 s
UPLOAD_DEADLINE_S: Final = 60.0  # 1 MiB over a modem of 256 kbit/s, and the centre's work
REPORT_DEADLINE_S: Final = 30.0  # a few kilobytes
KEYS_DEADLINE_S: Final = 30.0  # a few hundred bytes
CHANGES_MARGIN_S: Final = 15.0  # on top of the wait: a page over a slow line

#: What the centre says of a batch whose signature it cannot take.
SIGNATURE_CODES: Final = frozenset({"signature_missing", "signature_wrong"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What the till tells of itself with every request."""

    queue_depth: int = 0
    oldest_age_s: int = 0


class CentreClient:
    """One conversation with the centre; used by one thread.

    Args:
        line: carries the requests.
        identity: who we are, or how to know at each request: a token may be replaced while we run.
        version: the agent's.
        vitals: how the queue is, asked at each request.
        now: the till's clock, told to the centre.
        look_again: whether there is another identity by now than the one just used; then the request is made once more.
        news_of_keys: told when the feed says that keys have changed; must not wait.
    """

    def __init__(
        self,
        line: Line,
        identity: Identity | Callable[[], Identity],
        *,
        version: str,
        vitals: Callable[[], Vitals] = Vitals,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        look_again: Callable[[Identity], bool] = lambda used: False,  # noqa: ARG005 - named for the reader
        news_of_keys: Callable[[], None] = lambda: None,
    ) -> None:
        self._line = line
        self._who: Callable[[], Identity] = identity if callable(identity) else lambda: identity
        self._look_again = look_again
        self._news_of_keys = news_of_keys
        self._path = f"/v1/tills/{quote(self._who().till, safe='')}"
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

        def ask(identity: Identity) -> bytes:
            return self._line.ask(
                "POST",
                f"{self._path}/envelopes",
                deadline_s=UPLOAD_DEADLINE_S,
                body=upload_bytes(envelopes, signature=_signature(identity, envelopes)),
                headers=self._headers(identity, gzipped=True),
            )

        return check_answer(_read(self._asked(ask), UploadAnswer), envelopes, self._who().till)

    def keys(self, request: KeysRequest) -> KeysAnswer:
        """Our public key against a fresh token and the tenant's keys of today.

        Raises:
            CentreError: as for upload.
        """

        def ask(identity: Identity) -> bytes:
            return self._line.ask(
                "POST",
                f"{self._path}/keys",
                deadline_s=KEYS_DEADLINE_S,
                body=squeeze(codec.encode(request)),
                headers=self._headers(identity, gzipped=True),
            )

        return _read(self._asked(ask), KeysAnswer)

    def changes(self, cursor: str, wait_s: int) -> ChangesPage:
        """What changed after `cursor` ("" for everything); the centre waits up to `wait_s` when there is nothing.

        Raises:
            CursorUnknown: forget the replica and begin with "".
            CentreError: as for upload.
        """
        query = {"wait": str(wait_s)}
        if cursor:
            query["cursor"] = cursor

        def ask(identity: Identity) -> bytes:
            return self._line.ask(
                "GET",
                f"{self._path}/changes",
                deadline_s=wait_s + CHANGES_MARGIN_S,
                headers=self._headers(identity),
                query=query,
            )

        page = _read(self._asked(ask), ChangesPage)
        if any(change.collection == "keys" for change in page.changes):
            self._news_of_keys()
        return page

    def leases(self, report: LeaseReport) -> LeaseAnswer:
        """Say what the till holds; be given what it may hold.

        Raises:
            SnapshotUnknown: a centre that knows no leases.
            CentreError: as for upload.
        """

        def ask(identity: Identity) -> bytes:
            return self._line.ask(
                "POST",
                f"{self._path}/leases",
                deadline_s=UPLOAD_DEADLINE_S,
                body=squeeze(codec.encode(report)),
                headers=self._headers(identity, gzipped=True),
            )

        return _read(self._asked(ask), LeaseAnswer)

    def values(self, report: ValueReport) -> ValueAnswer:
        """Say which coupons and certificates the till holds; be given which it may hold.

        Raises:
            SnapshotUnknown: a centre that leases none.
            CentreError: as for upload.
        """

        def ask(identity: Identity) -> bytes:
            return self._line.ask(
                "POST",
                f"{self._path}/values",
                deadline_s=UPLOAD_DEADLINE_S,
                body=squeeze(codec.encode(report)),
                headers=self._headers(identity, gzipped=True),
            )

        return _read(self._asked(ask), ValueAnswer)

    def report(self, report: TillReport) -> ReportTaken:
        """Say how the till is.

        Raises:
            SnapshotUnknown: a centre that takes no reports.
            CentreError: as for upload.
        """
        return _read(self._post("report", codec.encode(report), REPORT_DEADLINE_S), ReportTaken)

    def coupons(self, wanted: CouponsWanted, *, deadline_s: float) -> CouponsGrant:
        """Have coupons leased at once.

        Raises:
            CentreError: as for upload.
        """

        def ask(identity: Identity) -> bytes:
            return self._line.ask(
                "POST",
                f"{self._path}/coupons",
                deadline_s=deadline_s,
                body=squeeze(codec.encode(wanted)),
                headers=self._headers(identity, gzipped=True),
            )

        return _read(self._asked(ask), CouponsGrant)

    def snapshot(self) -> SnapshotManifest:
        """Which parts there are for a till that begins.

        Raises:
            SnapshotUnknown: read the changes from the beginning.
            CentreError: as for upload.
        """
        return _read(self._get(f"{self._path}/snapshot"), SnapshotManifest)

    def snapshot_part(self, manifest: SnapshotManifest, number: int) -> SnapshotPart:
        """One part, counted from 0, whole as the manifest says.

        Raises:
            SnapshotUnknown: it is not kept any more; ask for the newest.
            CentreUnavailable: likewise when it does not fit to its checksum; ask again.
            CentreError: as for upload.
        """
        path = f"{self._path}/snapshot/{quote(manifest.id, safe='')}/{number}"
        data = self._get(path)
        if hashlib.sha256(data).hexdigest() != manifest.parts[number].sha256:
            raise CentreUnavailable(f"part {number} of the snapshot is not what the manifest says; asked again")
        part = _read(data, SnapshotPart)
        if len(part.changes) != manifest.parts[number].documents:
            raise CentreUnavailable(f"part {number} of the snapshot has {len(part.changes)} documents, not as told")
        return part

    def hold(self, wanted: HoldWanted, *, deadline_s: float) -> HoldGrant:
        """Reserve points for a receipt, all or none.

        Raises:
            CentreError: as for upload.
        """

        def ask(identity: Identity) -> bytes:
            return self._line.ask(
                "POST",
                f"{self._path}/holds",
                deadline_s=deadline_s,
                body=squeeze(codec.encode(wanted)),
                headers=self._headers(identity, gzipped=True),
            )

        grant = _read(self._asked(ask), HoldGrant)
        if grant.points not in {0, wanted.points}:
            raise CentreUnavailable(f"asked for {wanted.points} points, the answer is about {grant.points}")
        return grant

    def certificate(self, wanted: CertificateWanted, *, deadline_s: float) -> CertificateGrant:
        """What a gift certificate pays, kept for a receipt.

        Raises:
            CentreError: as for upload.
        """

        def ask(identity: Identity) -> bytes:
            return self._line.ask(
                "POST",
                f"{self._path}/certificates",
                deadline_s=deadline_s,
                body=squeeze(codec.encode(wanted)),
                headers=self._headers(identity, gzipped=True),
            )

        return _read(self._asked(ask), CertificateGrant)

    def lookup(self, wanted: LookupWanted, *, deadline_s: float) -> LookupAnswer:
        """The documents of a customer whom we do not know; none when the centre does not either.

        Raises:
            CentreUnavailable: also when we ask for too many customers.
            CentreError: as for upload.
        """

        def ask(identity: Identity) -> bytes:
            return self._line.ask(
                "POST",
                f"{self._path}/lookup",
                deadline_s=deadline_s,
                body=squeeze(codec.encode(wanted)),
                headers=self._headers(identity, gzipped=True),
            )

        answer = _read(self._asked(ask), LookupAnswer)
        for change in answer.changes:
            if change.collection == "alias" and change.key not in wanted.aliases:
                raise CentreUnavailable("the answer is about somebody we did not ask for")
            if change.document is not None:
                _read(change.document, Customer if change.collection == "customer" else str)
        return answer

    def send_code(self, wanted: CodeWanted, *, deadline_s: float) -> CodeSent:
        """Have a one-time code sent to a customer.

        Raises:
            CentreError: as for upload.
        """
        return _read(self._post("codes", codec.encode(wanted), deadline_s), CodeSent)

    def check_code(self, tried: CodeTried, *, deadline_s: float) -> CodeVerdict:
        """Whether it is the code.

        Raises:
            CentreError: as for upload.
        """
        return _read(self._post("codes/check", codec.encode(tried), deadline_s), CodeVerdict)

    def _post(self, name: str, body: bytes, deadline_s: float) -> bytes:
        def ask(identity: Identity) -> bytes:
            return self._line.ask(
                "POST",
                f"{self._path}/{name}",
                deadline_s=deadline_s,
                body=squeeze(body),
                headers=self._headers(identity, gzipped=True),
            )

        return self._asked(ask)

    def _get(self, path: str) -> bytes:
        return self._asked(
            lambda identity: self._line.ask("GET", path, deadline_s=PART_DEADLINE_S, headers=self._headers(identity)),
        )

    def _asked(self, ask: Callable[[Identity], bytes]) -> bytes:
        """The answer; asked once more when the token or the key was replaced while the request was under way."""
        used = self._who()
        try:
            return ask(used)
        except CentreRefused as refused:
            stale = isinstance(refused, Unauthorised) or refused.problem.code in SIGNATURE_CODES
            if not stale or not self._is_replaced(used):
                raise
        return ask(self._who())

    def _is_replaced(self, used: Identity) -> bool:
        try:
            return self._look_again(used)
        except IdentityError:
            return False  # what the centre said is the better sentence

    def _headers(self, identity: Identity, *, gzipped: bool = False) -> dict[str, str]:
        vitals = self._vitals()
        headers = {
            "authorization": f"Bearer {identity.token}",
            "tillpoint-version": self._version,
            "tillpoint-queue-depth": str(vitals.queue_depth),
            "tillpoint-oldest-age-s": str(vitals.oldest_age_s),
            "tillpoint-clock": self._now().isoformat(timespec="milliseconds"),
        }
        if gzipped:
            headers["content-encoding"] = "gzip"
        return headers


def own_version() -> str:
    """The agent's, told to the centre with every request."""
    try:
        return version("tillpoint")
    except PackageNotFoundError:
        return "0"


def _signature(identity: Identity, envelopes: Sequence[Envelope]) -> str:
    """Who sends this batch, and which; "" for a till without a key."""
    if not identity.till_key:
        return ""
    first, last = envelopes[0], envelopes[-1]
    statement = proof.batch_statement(
        till=identity.till, epoch=first.epoch, first=first.sequence, last=last.sequence, head=last.hash
    )
    return proof.sign(identity.till_key, statement)


def _read(data: bytes, wanted: type[T]) -> T:
    try:
        return codec.decode(data, wanted)
    except codec.WireError as error:
        raise CentreUnavailable(f"the answer cannot be read: {error}") from None
