"""The real client, threads and files against the real centre, over real sockets that may be rude."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from agent.settings import CentralSettings
from agent.snapshot import LinkState
from agent.sync import errors
from agent.sync.client import CentreClient
from agent.sync.enrol import enrol
from agent.sync.identity import Identity, save
from agent.sync.line import Line
from agent.sync.service import SyncService
from agent.till_loop import LinkChanged, ReplicaLoading
from central import schema, snapshots
from central.accounts import imbalances
from central.app import build
from central.code_senders import CodeSender
from central.database import Database, open_database
from central.members import Member, load_members
from central.serve import listening_socket, make_server
from central.tills import make_code
from central.totals import Totals, read_totals
from drivers.vocabulary import checkout, codec
from drivers.vocabulary.certificates import CertificateWanted
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.decision import Decision, PointsEarned
from drivers.vocabulary.facts import ReceiptConfirmed
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport, Place
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Receipt
from drivers.vocabulary.receipt import Line as ReceiptLine
from drivers.vocabulary.value_leases import ValueAnswer, ValueReport
from offline_queue.replica import ReplicaReader
from offline_queue.store import TillStore

pytestmark = pytest.mark.net

PATIENCE_S = 20.0  # far longer than anything here takes; only a hang reaches it


def receipt_body(uid: str, *, earn: int = 1, customer: str | None = "anna") -> bytes:
    total = Money(1_000, "RUB")
    line = ReceiptLine(number=1, name="tea", quantity=Quantity.ONE, price=total, total=total)
    decision = Decision(
        programme_version=1,
        total=total,
        discount=Money(0, "RUB"),
        payable=total,
        effects=(PointsEarned(unit="bonus", amount=earn, rule="base"),),
    )
    return codec.encode(
        ReceiptConfirmed(
            receipt=Receipt(uid=uid, kind=DocumentKind.SALE, total=total, lines=(line,)),
            decision=decision,
            claim_code="7K4M22",
            source="api",
            customer_id=customer,
        )
    )


class Server:
    """The centre on a loopback port; it can be stopped and started on the same port."""

    def __init__(self, path: Path, sender: CodeSender | None = None) -> None:
        self.url = f"sqlite:///{path}"
        self.port = 0
        self.sender = sender
        self.start()

    def start(self) -> None:
        self.database: Database = open_database(self.url)
        self.socket = listening_socket(f"127.0.0.1:{self.port}")
        self.port = self.socket.getsockname()[1]
        ready = threading.Event()
        self.server = make_server(build(self.database, sender=self.sender), ready=ready.set)
        self.thread = threading.Thread(target=lambda: self.server.run(sockets=[self.socket]))
        self.thread.start()
        assert ready.wait(PATIENCE_S)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE_S)
        self.socket.close()
        self.database.close()

    def totals(self) -> Totals:
        with self.database.read() as connection:
            assert [] == imbalances(connection)
            return read_totals(connection)

    def code(self, till: str = "t1") -> str:
        with self.database.write() as connection:
            return make_code(connection, shop="s1", till=till, now=datetime.now(UTC))


class Rude:
    """A TCP proxy before the centre; `spoil` decides what becomes of each answer."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.spoil: Callable[[bytes], bytes | None] = lambda data: data
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            for source, sink, change in ((near, far, bytes), (far, near, self._spoiled)):
                threading.Thread(target=self._pump, args=(source, sink, change), daemon=True).start()

    def _spoiled(self, data: bytes) -> bytes | None:
        """Looked up at each answer: a test may change its mind."""
        return self.spoil(data)

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, change: Callable[[bytes], bytes | None]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sent = change(data)
                if sent is not None:
                    sink.sendall(sent)
                if sent is None or len(sent) < len(data):
                    break
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@dataclass
class SmallTill:
    """What the sync needs of a till, with a real outbox of its own; commands run on whichever thread asks."""

    store: TillStore
    events: queue.Queue[Any] = field(default_factory=queue.Queue)
    told: list[Callable[[Any], None]] = field(default_factory=list)
    turn: threading.RLock = field(default_factory=threading.RLock)
    settled: threading.Condition = field(default_factory=threading.Condition)
    number: int = 0
    knowledge: Any = field(default_factory=lambda: SimpleNamespace(replica=SimpleNamespace(close=lambda: None)))

    @property
    def snapshot(self) -> Any:
        with self.turn:
            depth = self.store.depth()
        return SimpleNamespace(waiting=depth.waiting, waiting_oldest_at=depth.waiting_oldest_at)

    def subscribe(self, changed: Callable[[Any], None]) -> Callable[[], None]:
        self.told.append(changed)
        return lambda: self.told.remove(changed)

    def emit(self, event: Any) -> None:
        self.events.put(event)

    def run_on_till(self, work: Callable[[Any], Any], *, timeout_s: float) -> Any:
        with self.turn:
            result = work(self)
        with self.settled:
            self.settled.notify_all()
        return result

    def lease_report(self) -> LeaseReport:
        depth = self.store.depth()
        *earlier, acknowledged = [
            Place(epoch=epoch, sequence=sequence, hash=hash_)
            for epoch, sequence, hash_ in self.store.acknowledged_places()
        ]
        return LeaseReport(
            acknowledged=acknowledged,
            earlier=tuple(earlier),
            last=Place(epoch=self.store.epoch, sequence=depth.last_sequence),
        )

    def take_leases(self, answer: LeaseAnswer) -> None:
        assert () == answer.leases

    def value_report(self) -> ValueReport:
        return ValueReport(last=Place(epoch=self.store.epoch, sequence=self.store.depth().last_sequence))

    def take_values(self, answer: ValueAnswer) -> None:
        assert () == answer.leases

    def sell(self, count: int = 1, **more: Any) -> None:
        for _ in range(count):
            self.number += 1
            with self.turn, self.store.transaction() as tx:
                tx.append(
                    id=f"e{self.number}",
                    kind="receipt.confirmed",
                    occurred_at=datetime.now(UTC).isoformat(),
                    boot_id="boot",
                    uptime_ms=self.number,
                    programme_version=1,
                    body=receipt_body(f"r{self.number}", **more),
                )
        for changed in self.told:
            changed(self.snapshot)

    def wait_drained(self) -> None:
        with self.settled:
            assert self.settled.wait_for(lambda: self.snapshot.waiting == 0, PATIENCE_S)

    def wait_for(self, wanted: Callable[[Any], bool]) -> Any:
        while True:
            event = self.events.get(timeout=PATIENCE_S)
            if wanted(event):
                return event

    def wait_link(self, state: LinkState) -> LinkChanged:
        return self.wait_for(lambda event: isinstance(event, LinkChanged) and event.state is state)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "central.db")
    member = Member(id="anna", name="Anna P", phone="", card="", tier="", spent_minor=0, points={"bonus": 100})
    load_members(made.database, [member], now=datetime.now(UTC), progress=lambda _: None)
    yield made
    made.stop()


@pytest.fixture
def rude(server: Server) -> Iterator[Rude]:
    made = Rude(server.port)
    yield made
    made.close()


@pytest.fixture
def identity(server: Server, rude: Rude, tmp_path: Path) -> Identity:
    return enrol(f"http://127.0.0.1:{rude.port}", server.code(), tmp_path / "state")


@pytest.fixture
def till(identity: Identity, tmp_path: Path) -> Iterator[SmallTill]:
    store = TillStore.open(tmp_path / "state" / "till.db", epoch=identity.epoch)
    yield SmallTill(store)
    store.close()


@contextlib.contextmanager
def syncing(tmp_path: Path, identity: Identity, till: SmallTill) -> Iterator[SyncService]:
    service = SyncService(tmp_path / "state", identity, CentralSettings(poll_wait_s=5), till)
    service.start()
    try:
        yield service
    finally:
        began = time.monotonic()
        service.stop(PATIENCE_S)
        assert time.monotonic() - began < PATIENCE_S / 2


def test_receipts_reach_the_centre_and_come_back_as_a_balance(
    server: Server, identity: Identity, till: SmallTill, tmp_path: Path
) -> None:
    """Commit, upload, effect, change, replica: the whole round."""
    till.sell(3, earn=7)
    with syncing(tmp_path, identity, till) as service:
        till.wait_drained()
        till.sell(2, earn=7)
        till.wait_drained()
        with ReplicaReader.open(tmp_path / "state" / "replica.db") as replica:
            while True:
                document = replica.get("customer", "anna")
                if document is not None and document.reflects == 5:
                    break
                till.events.get(timeout=PATIENCE_S)
        anna = codec.decode(document.body, Customer)
        grant = service.ask_hold(checkout.HoldRequest(receipt_uid="r9", customer_id="anna", unit="bonus", points=135))
        refused = service.ask_hold(checkout.HoldRequest(receipt_uid="r8", customer_id="anna", unit="bonus", points=1))
        certificate = service.ask_certificate(CertificateWanted(code="GIFT-0000-0001", receipt_uid="r9"))

    assert certificate is not None
    assert "certificate_unknown" == certificate.reason
    assert 135 == sum(lot.amount for lot in anna.lots)
    assert (5, 0) == (server.totals().receipts, server.totals().duplicates)
    assert grant is not None
    assert 135 == grant.points
    assert refused is not None
    assert (0, "balance") == (refused.points, refused.reason)


@pytest.mark.parametrize("keep", [0, 40, 300])
def test_an_answer_lost_after_the_commit_doubles_nothing(
    server: Server, identity: Identity, till: SmallTill, rude: Rude, tmp_path: Path, keep: int
) -> None:
    """The first answers to uploads are cut; the same envelopes come again and are duplicates."""
    cut = [3]

    def spoil(data: bytes) -> bytes | None:
        if b"verdicts" in data and cut[0]:
            cut[0] -= 1
            return data[:keep] or None
        return data

    rude.spoil = spoil
    till.sell(4)
    with syncing(tmp_path, identity, till) as service:
        service._upload._random = lambda: 0.0
        till.wait_drained()

    assert 0 == cut[0]
    assert (4, 4, 12) == (server.totals().envelopes, server.totals().receipts, server.totals().duplicates)


def test_an_outage_is_seen_and_what_waited_drains_when_it_is_over(
    server: Server, identity: Identity, till: SmallTill, tmp_path: Path
) -> None:
    """The sale goes on without the centre; nothing is lost, nothing doubled."""
    with syncing(tmp_path, identity, till) as service:
        service._upload._random = service._download._random = lambda: 0.05
        till.wait_link(LinkState.ONLINE)
        server.stop()
        till.sell(5)
        till.wait_link(LinkState.OFFLINE)
        assert (
            service.ask_hold(checkout.HoldRequest(receipt_uid="r9", customer_id="anna", unit="bonus", points=1)) is None
        )
        server.start()
        till.wait_drained()
        till.wait_link(LinkState.ONLINE)

    assert (5, 5) == (server.totals().envelopes, server.totals().receipts)


def test_a_centre_restored_from_yesterday_gets_again_what_it_lost(
    server: Server, identity: Identity, till: SmallTill, tmp_path: Path
) -> None:
    """It asks for the first sequence it lacks; the till still has it."""
    database = tmp_path / "central.db"
    till.sell(2)
    with syncing(tmp_path, identity, till):
        till.wait_drained()
    server.stop()
    yesterday = database.read_bytes()
    server.start()
    till.sell(3)
    with syncing(tmp_path, identity, till):
        till.wait_drained()
    server.stop()
    database.write_bytes(yesterday)
    server.start()
    till.sell(1)
    with syncing(tmp_path, identity, till):
        till.wait_drained()

    assert (6, 6, 6) == (server.totals().envelopes, server.totals().receipts, server.totals().tills[0].last_sequence)


def test_a_till_restored_from_yesterday_is_a_fork(
    server: Server, identity: Identity, till: SmallTill, tmp_path: Path
) -> None:
    """Nothing is overwritten, the person sees why, and after a new enrolment every receipt is at the centre once."""
    path = tmp_path / "state" / "till.db"
    till.sell(1)
    till.store.close()
    yesterday = path.read_bytes()
    till.store = TillStore.open(path, epoch=1)
    till.sell(2)
    with syncing(tmp_path, identity, till):
        till.wait_drained()
    till.store.close()
    path.write_bytes(yesterday)
    till.store = TillStore.open(path, epoch=1)
    till.sell(2)
    with syncing(tmp_path, identity, till):
        seen = till.wait_for(lambda event: isinstance(event, LinkChanged) and "two histories" in event.detail)

    assert LinkState.OFFLINE is seen.state
    assert (3, 3) == (server.totals().envelopes, server.totals().receipts)
    assert "cloned" in server.totals().tills[0].quarantined

    anew = enrol(identity.url, server.code(), tmp_path / "state")
    till.store.close()
    till.store = TillStore.open(path, epoch=anew.epoch)
    till.sell(1)
    with syncing(tmp_path, anew, till):
        till.wait_drained()

    assert (2, "") == (anew.epoch, server.totals().tills[0].quarantined)
    assert 6 == server.totals().receipts


def test_what_a_copy_took_the_numbers_of_in_a_restored_centre_comes_back(
    server: Server, identity: Identity, till: SmallTill, tmp_path: Path
) -> None:
    """The copy speaks first, the till has nothing to send: its report tells of the fork, and then it seals again."""
    path, database = tmp_path / "state" / "till.db", tmp_path / "central.db"
    till.sell(2)
    with syncing(tmp_path, identity, till):
        till.wait_drained()
    server.stop()
    backup = database.read_bytes()
    server.start()
    till.store.close()
    copied = path.read_bytes()
    till.store = TillStore.open(path, epoch=1)
    till.sell(3)
    with syncing(tmp_path, identity, till):
        till.wait_drained()
    server.stop()
    database.write_bytes(backup)
    server.start()

    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "till.db").write_bytes(copied)
    with TillStore.open(tmp_path / "copy" / "till.db", epoch=1) as store:
        copy = SmallTill(store, number=20)
        copy.sell(4)
        service = SyncService(tmp_path / "copy", identity, CentralSettings(poll_wait_s=5), copy)
        service.start()
        copy.wait_drained()
        service.stop(PATIENCE_S)
    with syncing(tmp_path, identity, till):
        till.wait_for(lambda event: isinstance(event, LinkChanged) and "two histories" in event.detail)

    anew = enrol(identity.url, server.code(), tmp_path / "state")
    till.store.close()
    till.store = TillStore.open(path, epoch=anew.epoch)
    with syncing(tmp_path, anew, till):
        with till.settled:
            is_sealed = till.settled.wait_for(lambda: till.store.acknowledged_places()[-1][1] == 3, PATIENCE_S)
        till.wait_drained()
    with server.database.read() as connection:
        receipts = set(connection.scalars(select(schema.receipt.c.uid)))

    assert is_sealed
    assert {f"r{number}" for number in (1, 2, 3, 4, 5, 21, 22, 23, 24)} == receipts
    assert (9, 9) == (server.totals().receipts, server.totals().envelopes)


def test_a_token_that_ended_is_a_sentence(server: Server, identity: Identity, till: SmallTill, tmp_path: Path) -> None:
    """Another machine was enrolled in our name."""
    till.sell(1)
    stale = replace(identity, token="old")
    save(tmp_path / "state", stale)
    with syncing(tmp_path, stale, till):
        seen = till.wait_link(LinkState.OFFLINE)

    assert "tillpoint enrol URL CODE" in seen.detail
    assert 0 == server.totals().envelopes


def test_two_enrolled_tills_share_a_customer(
    server: Server, identity: Identity, till: SmallTill, tmp_path: Path
) -> None:
    """What one till earned the other sees."""
    other = enrol(identity.url, server.code("t2"), tmp_path / "other")
    till.sell(1, earn=50)
    with syncing(tmp_path, identity, till):
        till.wait_drained()
    line = Line(other.url)
    client = CentreClient(line, other, version="0")
    page = client.changes("", 0)
    client.close()
    bodies = {change.key: change.document for change in page.changes}

    assert (1, 0) == (page.epoch, page.reflects)
    assert 150 == sum(lot.amount for lot in codec.decode(bodies["anna"] or b"", Customer).lots)


def test_a_new_till_takes_a_snapshot_over_a_line_that_breaks(
    server: Server, identity: Identity, till: SmallTill, rude: Rude, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gzipped parts over a real socket; two answers are cut short, and the till tells how far it is."""
    monkeypatch.setattr(snapshots, "PART_BYTES", 2_000)
    members = [
        Member(id=f"m{number}", name=f"N{number}", phone="", card="", tier="", spent_minor=0, points={})
        for number in range(60)
    ]
    load_members(server.database, members, now=datetime.now(UTC), progress=lambda _: None)
    snapshots.build_snapshot(server.database, now=lambda: datetime.now(UTC))
    cut = [2]

    def spoil(data: bytes) -> bytes | None:
        if b"content-encoding: gzip" in data and cut[0]:
            cut[0] -= 1
            return data[:250]
        return data

    rude.spoil = spoil
    with syncing(tmp_path, identity, till) as service:
        service._download._random = lambda: 0.0
        half = till.wait_for(lambda event: isinstance(event, ReplicaLoading) and 0 < event.done < event.of)
        till.wait_for(lambda event: isinstance(event, ReplicaLoading) and event.of == 0)
        with ReplicaReader.open(tmp_path / "state" / "replica.db") as replica:
            document = replica.get("customer", "m59")
            assert 61 == replica.count("customer")
            assert document is not None
            assert "N59" == codec.decode(document.body, Customer).name

    assert 61 == half.of
    assert 0 == cut[0]


class Drip:
    """A server that answers one byte now and then, for ever."""

    def __init__(self, head: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._head = head
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(PATIENCE_S)
        self._listener.close()

    def _serve(self) -> None:
        near, _ = self._listener.accept()
        near.recv(65_536)
        with contextlib.suppress(OSError):
            near.sendall(self._head)
            while not self._over.wait(0.05):
                near.sendall(b"x")
        near.close()


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nx-a: ", b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n", b""]
)
def test_a_dripping_server_ends_at_our_own_deadline(head: bytes) -> None:
    """The library's time-outs are per read; a byte now and then would hold the thread for ever."""
    drip = Drip(head)
    line = Line(drip.url)
    began = time.monotonic()
    try:
        with pytest.raises(errors.CentreUnavailable):
            line.ask("GET", "/", deadline_s=0.4)
    finally:
        line.close()
        drip.close()

    assert time.monotonic() - began < 3


def test_a_stop_cuts_the_request_that_is_under_way(identity: Identity) -> None:
    """A service stops within seconds, not within a long poll."""
    line = Line(identity.url)
    client = CentreClient(line, identity, version="0")
    cursor = client.changes("", 0).cursor
    ended: list[BaseException] = []

    def poll() -> None:
        try:
            client.changes(cursor, 25)
        except errors.CentreUnavailable as error:
            ended.append(error)

    polling = threading.Thread(target=poll)
    began = time.monotonic()
    polling.start()
    while polling.is_alive() and time.monotonic() - began < PATIENCE_S:
        client.abort()
        polling.join(0.05)
    client.close()

    assert 1 == len(ended)
    assert time.monotonic() - began < 5
