"""The sync of one till put together: files, clients, two threads, and what the till thread is told."""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from agent.clock import uuid7
from agent.snapshot import LinkState, Snapshot
from agent.sync.client import CentreClient, Vitals, own_version
from agent.sync.downloader import Downloader
from agent.sync.errors import CentreRefused, CentreUnavailable
from agent.sync.identity import Identity
from agent.sync.keeper import IdentityKeeper
from agent.sync.keys import Renewal, WithKeys
from agent.sync.lease_turn import LeaseTurn
from agent.sync.line import Line
from agent.sync.link import Link
from agent.sync.loop import Loop
from agent.sync.replica_file import ReplicaFile
from agent.sync.report_turn import ReportTurn
from agent.sync.tls import tls_of
from agent.sync.uploader import Settlement, Uploader
from agent.sync.value_turn import ValueTurn
from agent.till_loop import LinkChanged, ReplicaChanged, ReplicaLoading
from drivers.vocabulary.centre import HoldGrant, HoldWanted, LookupAnswer, LookupWanted
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.checkout import HoldRequest
from drivers.vocabulary.fleet import TillReport
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport
from drivers.vocabulary.spend_codes import CodeSent, CodeTried, CodeVerdict, CodeWanted
from drivers.vocabulary.value_leases import CouponsGrant, CouponsWanted, ValueAnswer, ValueReport
from offline_queue.reader import OutboxReader

if TYPE_CHECKING:
    import httpx

    from agent.settings import CentralSettings
    from agent.sync.uploader import EnvelopeSource
    from offline_queue.envelope import Envelope

__all__ = ["SyncService", "TillSide"]

SETTLE_TIMEOUT_S: Final = 20.0  # one commit on a disk that is very busy
CODE_DEADLINE_S: Final = 8.0  # the centre gives whoever sends messages five seconds
HOLD_TTL_S: Final = 900  # a receipt is paid or given up within a quarter of an hour

#: What a centre says that knows no such question.
_NO_ROUTE: Final = frozenset({"no_such_route", "method_not_allowed"})

log = logging.getLogger(__name__)
T = TypeVar("T")


class TillSide(Protocol):
    """What the sync needs of the till (`agent.till.Till`)."""

    @property
    def snapshot(self) -> Snapshot:
        """How the queue is; never waits."""
        ...

    def subscribe(self, changed: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Be told of each change, on the till thread; returns how to stop."""
        ...

    def emit(self, event: LinkChanged | ReplicaChanged | ReplicaLoading) -> None:
        """Take an event; never waits."""
        ...

    def run_on_till(self, work: Callable[[Any], object], *, timeout_s: float) -> Any:
        """Run `work` with the desk on the till thread and wait for it."""
        ...


class SyncService:
    """The sync of one till: an upload thread, a download thread, and holds asked from the doors' threads.

    Args:
        folder: the state folder, with `till.db` (made by the till before) and `replica.db`.
        identity: who we are.
        settings: the table ``[central]``.
        till: whom to tell, and who settles.
        hold_ttl_s: how long the centre keeps a hold that is neither captured nor released.
        keys_changed: told who we are whenever the centre was asked for keys; may wait for the till.
        transport: instead of sockets, for tests.
        now: the wall clock.
        told_time: told what time it is at the centre, with each good answer; must not wait.
        report: how the till is, for whoever looks after many; None says nothing.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        settings: CentralSettings,
        till: TillSide,
        *,
        hold_ttl_s: int = HOLD_TTL_S,
        keys_changed: Callable[[Identity], None] = lambda identity: None,  # noqa: ARG005 - named for the reader
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        told_time: Callable[[datetime], None] = lambda moment: None,  # noqa: ARG005 - named for the reader
        report: Callable[[], TillReport] | None = None,
    ) -> None:
        self._folder = folder
        self._told_time = told_time
        self._keeper = IdentityKeeper(folder, identity)
        self._settings = settings
        self._till = till
        self._hold_ttl_s = hold_ttl_s
        self._transport = transport
        self._now = now
        self._version = own_version()
        # Making it takes 20 to 90 ms and reads the machine's authorities: once, and not before a thread needs it.
        self._tls = _Once(lambda: tls_of(settings))
        self.link = Link(lambda state, detail: till.emit(LinkChanged(state=state, detail=detail)))
        self._renewal = Renewal(self._keeper, self.link, keys_changed)
        self._upload = Loop(
            Uploader(
                connect=self._connect,
                open_source=self._open_outbox,
                settle=self._settle,
                epoch=identity.epoch,
                lose=self._lose,
                reseal=self._reseal,
                leases=LeaseTurn(report=self._lease_report, keep=self._keep_leases),
                values=ValueTurn(report=self._value_report, keep=self._keep_values),
                reports=ReportTurn(report=report) if report is not None else None,
            ),
            self.link,
        )
        self._download = Loop(
            WithKeys(
                Downloader(
                    connect=self._connect,
                    open_replica=self._open_replica,
                    changed=lambda: till.emit(ReplicaChanged()),
                    loading=lambda done, of: till.emit(ReplicaLoading(done=done, of=of)),
                    wait_s=settings.poll_wait_s,
                ),
                connect=self._connect,
                renewal=self._renewal,
            ),
            self.link,
        )
        self._unsubscribe: Callable[[], None] = lambda: None
        self._hold_client: CentreClient | None = None
        # Doors have several threads and a line carries one request: the second hold waits its turn, or goes without.
        self._hold_turn = threading.Lock()
        self._code_client: CentreClient | None = None
        self._code_turn = threading.Lock()

    @property
    def turns(self) -> dict[str, float | None]:
        """Name of each thread → when it last came round, in seconds of a monotonic clock."""
        return {"sync-upload": self._upload.came_round_s, "sync-download": self._download.came_round_s}

    def start(self) -> None:
        """Start both threads; whatever waits is sent at once."""
        self._unsubscribe = self._till.subscribe(self._till_changed)
        self._upload.start()
        self._download.start()

    def stop(self, timeout_s: float) -> None:
        """Stop both threads; a request that is under way is cut, its outcome is asked again after the next start."""
        self._unsubscribe()
        for loop in (self._upload, self._download):
            loop.ask_stop()
        for loop in (self._upload, self._download):
            if not loop.stop(timeout_s):
                log.warning("sync.stop thread=busy")
        for client in (self._hold_client, self._code_client):
            if client is not None:
                client.close()

    def ask_hold(self, request: HoldRequest) -> HoldGrant | None:
        """The centre's word on a hold, or None when it cannot be had in time; runs on the asking thread."""
        wanted = HoldWanted(
            receipt_uid=request.receipt_uid,
            customer_id=request.customer_id,
            unit=request.unit,
            points=request.points,
            ttl_s=self._hold_ttl_s,
        )
        return self._ask_now(
            lambda client, deadline_s: client.hold(wanted, deadline_s=deadline_s),
            lambda code: HoldGrant(id="", points=0, reason=code),
        )

    def ask_certificate(self, wanted: CertificateWanted) -> CertificateGrant | None:
        """What the centre says of a gift certificate, or None when it cannot be had in time; on the asking thread."""
        return self._ask_now(
            lambda client, deadline_s: client.certificate(wanted, deadline_s=deadline_s),
            lambda code: CertificateGrant(reason=code),
        )

    def ask_coupons(self, wanted: CouponsWanted) -> CouponsGrant | None:
        """Which coupons are in this till's hand now, or None when it cannot be asked in time; on the asking thread."""
        return self._ask_now(
            lambda client, deadline_s: client.coupons(wanted, deadline_s=deadline_s),
            # A centre that leases no coupons: they count as far as this till knows.
            lambda code: CouponsGrant(server_time=self._now(), leased=False) if code in _NO_ROUTE else None,
        )

    def ask_lookup(self, wanted: LookupWanted) -> LookupAnswer | None:
        """Whom the centre knows by a keyed hash, or None when it cannot be asked in time; on the asking thread."""
        return self._ask_now(
            lambda client, deadline_s: client.lookup(wanted, deadline_s=deadline_s),
            lambda code: None,  # noqa: ARG005 - an older centre, a quarantine: as without a line
        )

    def ask_code(self, asked: CodeWanted | CodeTried) -> CodeSent | CodeVerdict | None:
        """The centre's word on a one-time code, or None when it cannot be had; on a thread of its own.

        On a line of its own too: a message may take seconds to be taken, and no other customer waits for that.
        """
        if self.link.state is not LinkState.ONLINE or not self._code_turn.acquire(timeout=CODE_DEADLINE_S):
            return None
        try:
            if self._code_client is None:
                self._code_client = self._connect()
            if isinstance(asked, CodeWanted):
                return self._code_client.send_code(asked, deadline_s=CODE_DEADLINE_S)
            return self._code_client.check_code(asked, deadline_s=CODE_DEADLINE_S)
        except CentreRefused as refused:
            code = refused.problem.code
            return CodeSent(reason=code) if isinstance(asked, CodeWanted) else CodeVerdict(reason="unknown")
        except CentreUnavailable as error:
            log.info("code.unanswered reason=%s", error)
            return None
        finally:
            self._code_turn.release()

    def _ask_now(self, ask: Callable[[CentreClient, float], T], say_no: Callable[[str], T | None]) -> T | None:
        """The answer while a customer waits; `say_no` makes one of the centre's refusal, by its code."""
        if self.link.state is not LinkState.ONLINE:
            return None
        deadline_s = self._settings.hold_timeout_s
        if not self._hold_turn.acquire(timeout=deadline_s):
            return None
        try:
            if self._hold_client is None:
                self._hold_client = self._connect()
            return ask(self._hold_client, deadline_s)
        except CentreRefused as refused:
            return say_no(refused.problem.code)
        except CentreUnavailable as error:
            log.info("hold.unanswered reason=%s", error)
            return None
        finally:
            self._hold_turn.release()

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────

    def _connect(self) -> CentreClient:
        line = Line(
            self._keeper.current.url,
            tls=self._tls.get(),
            proxy=self._settings.proxy,
            transport=self._transport,
            now=self._now,
            told_time=self._told_time,
        )
        return CentreClient(
            line,
            lambda: self._keeper.current,
            version=self._version,
            vitals=self._vitals,
            now=self._now,
            look_again=self._keeper.look_again,
            news_of_keys=self._renewal.wanted.set,
        )

    def _open_outbox(self) -> EnvelopeSource:
        return OutboxReader.open(self._folder / "till.db")

    def _open_replica(self) -> ReplicaFile:
        return ReplicaFile.open(self._folder / "replica.db", self._now, while_unread=self._while_unread)

    def _while_unread(self, exchange: Callable[[], None]) -> None:
        """On the till thread, whose reader is the one that could have the file open."""

        def work(desk: Any) -> None:
            desk.knowledge.replica.close()
            exchange()

        self._till.run_on_till(work, timeout_s=SETTLE_TIMEOUT_S)

    def _settle(self, settlement: Settlement) -> None:
        """On the till thread, which owns the outbox; waits until it is on disk."""

        def work(desk: Any) -> None:
            desk.store.settle(epoch=settlement.epoch, through=settlement.through, refused=settlement.refused)

        self._till.run_on_till(work, timeout_s=SETTLE_TIMEOUT_S)

    def _lose(self, epoch: int, sequence: int) -> None:
        """On the till thread: what the centre had acknowledged of that waits again."""

        def work(desk: Any) -> None:
            with desk.store.transaction() as transaction:
                transaction.lose(epoch=epoch, sequence=sequence)

        self._till.run_on_till(work, timeout_s=SETTLE_TIMEOUT_S)

    def _reseal(self, envelopes: Sequence[Envelope]) -> None:
        """On the till thread, in one commit: the same facts as new envelopes of the present epoch."""
        now = self._now()

        def work(desk: Any) -> None:
            with desk.store.transaction() as transaction:
                for old in envelopes:
                    transaction.seal_again(old, id=uuid7(now, os.urandom(10)))

        self._till.run_on_till(work, timeout_s=SETTLE_TIMEOUT_S)

    def _lease_report(self) -> LeaseReport:
        report: LeaseReport = self._till.run_on_till(lambda desk: desk.lease_report(), timeout_s=SETTLE_TIMEOUT_S)
        return report

    def _keep_leases(self, answer: LeaseAnswer) -> None:
        self._till.run_on_till(lambda desk: desk.take_leases(answer), timeout_s=SETTLE_TIMEOUT_S)

    def _value_report(self) -> ValueReport:
        report: ValueReport = self._till.run_on_till(lambda desk: desk.value_report(), timeout_s=SETTLE_TIMEOUT_S)
        return report

    def _keep_values(self, answer: ValueAnswer) -> None:
        self._till.run_on_till(lambda desk: desk.take_values(answer), timeout_s=SETTLE_TIMEOUT_S)

    def _till_changed(self, snapshot: Snapshot) -> None:
        if snapshot.waiting:
            self._upload.wake()

    def _vitals(self) -> Vitals:
        snapshot = self._till.snapshot
        age_s = 0
        if snapshot.waiting_oldest_at:
            born = datetime.fromisoformat(snapshot.waiting_oldest_at)
            age_s = max(0, int((self._now() - born).total_seconds()))
        return Vitals(queue_depth=snapshot.waiting, oldest_age_s=age_s)


class _Once:
    """Makes a TLS context at the first need, whichever thread has it."""

    def __init__(self, make: Callable[[], ssl.SSLContext]) -> None:
        self._make = make
        self._made: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def get(self) -> ssl.SSLContext:
        """The one context."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made
