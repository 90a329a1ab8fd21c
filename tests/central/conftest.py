"""A database on a real file, a till's pen that writes chained envelopes, and small receipts of invented people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from central.database import Database, open_database
from central.ingest import ingest
from central.members import Member, load_members
from central.tills import enrol, make_code
from drivers.vocabulary import codec
from drivers.vocabulary.centre import EnrolAnswer, EnrolRequest, UploadAnswer, WireEnvelope
from drivers.vocabulary.decision import Decision, PointsEarned, PointsSpent
from drivers.vocabulary.facts import FACTS, ReceiptConfirmed, ReceiptRefunded
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from offline_queue.envelope import GENESIS, chain_hash
from tests.postgresql import PostgreSQL, missing

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KINDS = {fact: kind for kind, fact in FACTS.items()}


def rub(minor: int) -> Money:
    return Money(minor, "RUB")


def receipt(
    uid: str, minor: int = 10_000, *, kind: DocumentKind = DocumentKind.SALE, base: str | None = None
) -> Receipt:
    line = Line(number=1, name="bread", quantity=Quantity.ONE, price=rub(minor), total=rub(minor))
    return Receipt(uid=uid, kind=kind, total=rub(minor), lines=(line,), base_uid=base)


def sale(
    uid: str,
    *,
    customer: str | None = "anna",
    minor: int = 10_000,
    spend: int = 0,
    earn: int = 0,
    expires_at: datetime | None = None,
    hold: str = "",
) -> ReceiptConfirmed:
    effects: list[Any] = []
    if spend:
        effects.append(PointsSpent(unit="bonus", amount=spend, worth=rub(spend * 100)))
    if earn:
        effects.append(PointsEarned(unit="bonus", amount=earn, rule="base", expires_at=expires_at))
    decision = Decision(
        programme_version=1, total=rub(minor), discount=rub(0), payable=rub(minor), effects=tuple(effects)
    )
    return ReceiptConfirmed(
        receipt=receipt(uid, minor),
        decision=decision,
        claim_code="7K4M22",
        source="api",
        customer_id=customer,
        hold=hold,
    )


def refund(
    uid: str,
    base: str | None,
    *,
    minor: int = 10_000,
    customer: str | None = None,
    by_centre: bool = True,
    **stated: Any,
) -> ReceiptRefunded:
    return ReceiptRefunded(
        receipt=receipt(uid, minor, kind=DocumentKind.RETURN, base=base),
        claim_code="7K4M23",
        source="api",
        customer_id=customer,
        base_uid=base,
        settled_by_centre=by_centre,
        **stated,
    )


@dataclass
class Pen:
    """One till's outbox: seals facts into a chain."""

    till: str = "t1"
    epoch: int = 1
    head: str = GENESIS
    written: list[WireEnvelope] = field(default_factory=list)

    def seal(self, kind: str, body: bytes, *, occurred_at: datetime = NOON) -> WireEnvelope:
        values: dict[str, Any] = {
            "id": f"{self.till}-{self.epoch}-{len(self.written) + 1}",
            "epoch": self.epoch,
            "sequence": len(self.written) + 1,
            "kind": kind,
            "occurred_at": occurred_at.isoformat(),
            "boot_id": "boot",
            "uptime_ms": 1,
            "programme_version": 1,
        }
        digest = chain_hash(self.head, **values, body=body)
        envelope = WireEnvelope(previous=self.head, hash=digest, body=Raw(body), **values)
        self.head = digest
        self.written.append(envelope)
        return envelope

    def write(self, fact: Any, **more: Any) -> WireEnvelope:
        return self.seal(KINDS[type(fact)], codec.encode(fact), **more)

    def fork(self, keep: int) -> Pen:
        """The same till restored from a back-up taken after `keep` envelopes."""
        head = self.written[keep - 1].hash if keep else GENESIS
        return Pen(till=self.till, epoch=self.epoch, head=head, written=self.written[:keep])


@dataclass
class Centre:
    """The server's core over a real file, without HTTP."""

    database: Database
    now: datetime = NOON + timedelta(minutes=1)

    def take(self, *envelopes: WireEnvelope, till: str = "t1", epoch_max: int = 9) -> UploadAnswer:
        with self.database.write() as connection:
            return ingest(connection, envelopes, till=till, epoch_max=epoch_max, currency="RUB", now=self.now)

    def member(self, name: str, **points: int) -> None:
        member = Member(id=name, name="", phone="", card="", tier="", spent_minor=0, points=points)
        load_members(self.database, [member], now=self.now, progress=lambda _: None)

    def enrol(self, till: str, machine: str = "") -> EnrolAnswer:
        with self.database.write() as connection:
            code = make_code(connection, shop="s1", till=till, now=self.now)
            request = EnrolRequest(code=code, machine=machine)
            return enrol(connection, request, currency="RUB", now=self.now)


#: What a module's tests run on unless it says otherwise. `DATABASES = ("sqlite",)` is for tests that are not about data,
#: `DATABASES = ("sqlite", "postgresql")` for those where the two could differ: locks, conflicts, copies, the ledger.
DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.thorough))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that has a database runs on both, the second time with `dev.py test --all`."""
    if "database_url" in metafunc.fixturenames:
        wanted = getattr(metafunc.module, "DATABASES", DATABASES)
        metafunc.parametrize("database_url", wanted, indirect=True, scope="function")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for the session, with a migrated database `centre_1` to copy."""
    why = missing()
    if why:
        pytest.skip(why)
    server = PostgreSQL()
    try:
        open_database(server.address(server.create())).close()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sqlite_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: making all tables and indexes anew would be a third of a test."""
    path = tmp_path_factory.mktemp("made") / "central.db"
    open_database(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database that nobody else uses."""
    if request.param == "sqlite":
        path = tmp_path / "central.db"
        shutil.copyfile(request.getfixturevalue("sqlite_made"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = server.create(template="centre_1")
    yield server.address(name)
    server.drop(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    if database_url.startswith("sqlite"):
        # As the PostgreSQL of the tests: no test cuts the power, and waiting for the disk is most of their time. Said to
        # the driver's own connection, because it may not be said in a transaction.
        with opened.writer.connect() as connection:
            connection.connection.execute("PRAGMA synchronous=OFF")
    yield opened
    opened.close()


@pytest.fixture
def centre(database: Database) -> Centre:
    made = Centre(database)
    made.member("anna", bonus=100)
    made.enrol("t1")
    made.enrol("t2")
    return made


@pytest.fixture
def words() -> Any:
    """The helpers above, for test modules that cannot import a conftest."""
    import types

    return types.SimpleNamespace(
        **{name: globals()[name] for name in ("Pen", "Centre", "NOON", "receipt", "sale", "refund", "rub")}
    )


class Served:
    """The real application on a real loopback socket, in a thread."""

    def __init__(self, database: Database) -> None:
        import threading

        from central.app import build
        from central.serve import listening_socket, make_server

        self.socket = listening_socket("127.0.0.1:0")
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        ready = threading.Event()
        self.server = make_server(build(database), ready=ready.set)
        self.thread = threading.Thread(target=lambda: self.server.run(sockets=[self.socket]))
        self.thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.socket.close()
        assert not self.thread.is_alive()


@pytest.fixture
def served(centre: Centre) -> Iterator[Served]:
    made = Served(centre.database)
    yield made
    made.stop()
