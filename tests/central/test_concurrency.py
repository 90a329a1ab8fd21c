"""Several processes on one PostgreSQL: at the same moment, in each other's way, and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from central import changes, schema, snapshots
from central.accounts import customer_documents
from central.bulk import insert_many
from central.changes import publish, read_page
from central.chores import Chores
from central.database import ATTEMPTS_MAX, Database, open_database
from central.holds import grant_hold
from central.totals import read_totals
from drivers.vocabulary.centre import HoldWanted
from tests.central.fleet_load import Fleet, Load, Process, measure

DATABASES = ("sqlite", "postgresql")

pytestmark = pytest.mark.net


@pytest.fixture
def other(database_url: str, database: Database) -> Iterator[Database]:
    """A second process' view of the same database."""
    opened = open_database(database_url)
    yield opened
    opened.close()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run them all from one starting line; what each gave back."""
    line = threading.Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        line.wait(30)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(60) for future in [pool.submit(one, work) for work in works]]


def test_processes_may_start_at_once_on_nothing(project: Path, tmp_path: Path, request: Any) -> None:
    """One migrates, the others wait for it; all have the same key."""
    server = request.getfixturevalue("postgresql")
    words = "import sys; from central.database import open_database as o; print(o(sys.argv[1]).tenant_key.hex())"
    for url in (server.address(server.create()), f"sqlite:///{tmp_path / 'new.db'}"):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", words, url],
                cwd=project,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        said = [child.communicate(timeout=60) for child in children]

        assert [0, 0, 0] == [child.returncode for child in children], said
        assert 1 == len({out for out, _ in said})


def test_a_sale_and_its_return_from_two_tills_at_once(centre: Any, other: Database, words: Any) -> None:
    """Whichever comes first, the return has its effect once and waits no more."""
    for number in range(6):
        sales, returns = words.Pen(till="t1", epoch=number + 1), words.Pen(till="t2", epoch=number + 1)
        sale = sales.write(words.sale(f"r{number}", spend=3, earn=5))
        back = returns.write(words.refund(f"x{number}", f"r{number}"))
        at_once(
            lambda one=sale: centre.database.writing(lambda c: _take(c, one, "t1", centre)),
            lambda one=back: other.writing(lambda c: _take(c, one, "t2", centre)),
        )
    totals = centre.database.reading(read_totals)

    assert (6, 6, 0) == (totals.sales, totals.returns, totals.waiting)
    assert {"earned": 30, "given_back": 18, "opening": 100, "spent": -18, "taken_back": -30} == totals.points["bonus"]
    assert () == totals.imbalances


def _take(connection: Any, envelope: Any, till: str, centre: Any) -> Any:
    from central.ingest import ingest

    return ingest(connection, (envelope,), till=till, epoch_max=9, currency="RUB", now=centre.now)


def test_one_receipt_from_two_tills_at_once(centre: Any, other: Database, words: Any) -> None:
    """One has the effect, the other is a duplicate; neither is an error."""
    for number in range(6):
        first = words.Pen(till="t1", epoch=number + 1).write(words.sale(f"r{number}", earn=5))
        second = words.Pen(till="t2", epoch=number + 1).write(words.sale(f"r{number}", earn=5))
        answers = at_once(
            lambda one=first: centre.database.writing(lambda c: _take(c, one, "t1", centre)),
            lambda one=second: other.writing(lambda c: _take(c, one, "t2", centre)),
        )

        assert ["applied", "duplicate"] == sorted(answer.verdicts[0].state.value for answer in answers)
    totals = centre.database.reading(read_totals)

    assert (6, 30, ()) == (totals.receipts, totals.points["bonus"]["earned"], totals.imbalances)


def test_one_batch_sent_twice_at_once(centre: Any, other: Database, words: Any) -> None:
    """The second waits for the first and finds it done, also when it is the first batch of an epoch."""
    for epoch in range(1, 5):
        sale = words.Pen(epoch=epoch).write(words.sale(f"r{epoch}", earn=5))
        answers = at_once(
            lambda one=sale: centre.database.writing(lambda c: _take(c, one, "t1", centre)),
            lambda one=sale: other.writing(lambda c: _take(c, one, "t1", centre)),
        )

        assert ["applied", "duplicate"] == sorted(answer.verdicts[0].state.value for answer in answers)


def test_holds_at_once_never_exceed_what_is_there(centre: Any, other: Database) -> None:
    """100 points, eight tills that want 30 each: three get them."""

    def ask(number: int) -> int:
        wanted = HoldWanted(receipt_uid=f"h{number}", customer_id="anna", unit="bonus", points=30)
        database = (centre.database, other)[number % 2]
        grant = database.writing(
            lambda c: grant_hold(c, wanted, till=f"t{number}", new_id=f"hold-{number}", now=centre.now)
        )
        return int(grant.points)

    granted = at_once(*(lambda number=number: ask(number) for number in range(8)))

    assert 90 == sum(granted)


PEOPLE = [f"c{number:02d}" for number in range(12)]


def rename(connection: Any, people: Any, name: str) -> None:
    """Change documents and say so, in one transaction, as every change here is made."""
    for person in people:
        connection.execute(update(schema.customer).where(schema.customer.c.id == person).values(name=name))
    publish(connection, [("customer", person) for person in people])


def read_on(database: Database, replica: dict[str, bytes], cursor: str, now: Any) -> tuple[str, bool]:
    """One page into a replica, as a till takes it: the cursor behind it, and whether it brought anything."""
    page = database.reading(lambda c: read_page(c, till="t1", cursor=cursor, now=now))
    replica.update({change.key: bytes(change.body) for change in page.changes if change.collection == "customer"})
    return page.cursor, bool(page.changes)


def customers_now(database: Database) -> dict[str, bytes]:
    """Not through the feed: the documents of the rows that there are."""
    names = database.reading(lambda c: c.scalars(select(schema.customer.c.id)).all())
    return database.reading(lambda c: dict(customer_documents(c, names)))


def test_nobody_who_reads_the_feed_misses_a_change(
    centre: Any, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers page all the while four writers in two processes commit; each ends with the newest body of everybody."""
    monkeypatch.setattr(changes, "PAGE_CHANGES_MAX", 5)
    for person in PEOPLE:
        centre.member(person)
    writing = threading.Event()
    writing.set()

    def write(database: Database, number: int) -> None:
        for turn in range(12):
            # Overlapping groups, so that each document is written by all writers and the last one counts.
            people = sorted(PEOPLE[(number * 3 + turn + step) % len(PEOPLE)] for step in range(4))
            database.writing(lambda c, people=people, turn=turn: rename(c, people, f"w{number}-{turn}"))

    def read(database: Database) -> tuple[dict[str, bytes], int]:
        replica: dict[str, bytes] = {}
        cursor, pages, there_is_more = "", 0, True
        while there_is_more:
            # Asked before the page is read: an empty page after the last commit is the end.
            going_on = writing.is_set()
            cursor, news = read_on(database, replica, cursor, centre.now)
            pages += news
            there_is_more = going_on or news
        return replica, pages

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read, database) for database in (centre.database, other)]
        try:
            at_once(*(partial(write, (centre.database, other)[number % 2], number) for number in range(4)))
        finally:
            writing.clear()
        ends = [reader.result(60) for reader in readers]
    newest = customers_now(centre.database)

    assert {*PEOPLE, "anna"} == set(newest)
    for replica, pages in ends:
        assert newest == replica
        assert pages > 2


def test_a_later_change_is_not_seen_before_an_earlier_one(centre: Any, other: Database) -> None:
    """One writer has its place in the feed and has not committed: the next one waits, or a reader would pass it by."""
    for person in PEOPLE[:2]:
        centre.member(person)
    replica: dict[str, bytes] = {}
    cursor, _ = read_on(centre.database, replica, "", centre.now)
    begun, may_commit = threading.Event(), threading.Event()

    def slow(connection: Any) -> None:
        rename(connection, PEOPLE[:1], "slow")
        begun.set()
        assert may_commit.wait(30)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(centre.database.writing, slow)
        assert begun.wait(30)
        second = pool.submit(other.writing, lambda c: rename(c, PEOPLE[1:2], "quick"))
        try:
            done, _ = wait([second], timeout=0.3)
            cursor, saw_any = read_on(other, replica, cursor, centre.now)
        finally:
            may_commit.set()
        first.result(30)
        second.result(30)
    read_on(centre.database, replica, cursor, centre.now)

    assert (set(), False) == (done, saw_any)
    assert customers_now(centre.database) == replica


def test_two_processes_that_renew_a_snapshot_make_one(
    centre: Any, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find it due; the one that comes second leaves it to the other, and that is no trouble to log."""
    monkeypatch.setattr(snapshots, "WORTH_IT", 1)
    both_saw, one_is_back = threading.Barrier(2), threading.Event()

    def build(chores: Any, scope: str) -> None:
        both_saw.wait(30)
        build_as_before(chores, scope)

    def write_part(*words: Any) -> None:
        assert one_is_back.wait(30)  # it is being made until the other one has found that it is
        write_as_before(*words)

    def renew(database: Database) -> None:
        try:
            Chores(database, lambda: centre.now).renew_snapshot()
        finally:
            one_is_back.set()

    build_as_before, write_as_before = Chores._build_snapshot, snapshots._write_part
    monkeypatch.setattr(Chores, "_build_snapshot", build)
    monkeypatch.setattr(snapshots, "_write_part", write_part)
    at_once(lambda: renew(centre.database), lambda: renew(other))

    assert ["ready"] == centre.database.reading(lambda c: list(c.scalars(select(schema.snapshot.c.state))))


@pytest.mark.parametrize("state", ["40001", "40P01", "23505", "55P03"])
def test_what_passes_is_tried_again(database: Database, state: str) -> None:
    """From the beginning, with nothing of the first attempt left; not for ever."""
    if database.writer.dialect.name == "sqlite":
        return
    tries: list[int] = []

    def work(connection: Any, until: int) -> int:
        tries.append(1)
        insert_many(connection, schema.meta, [{"name": f"try{len(tries)}", "value": ""}])
        if len(tries) < until:
            connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = '{state}'; END $$"))
        return len(tries)

    assert 3 == database.writing(lambda c: work(c, 3))
    left = database.reading(lambda c: [row.name for row in c.execute(schema.meta.select()) if row.name[:3] == "try"])
    assert ["try3"] == left
    with pytest.raises(DBAPIError):
        database.writing(lambda c: work(c, 99))
    assert 3 + ATTEMPTS_MAX == len(tries)


def test_a_lost_connection_is_no_error_for_a_till(centre: Any, words: Any, request: Any) -> None:
    """The server was restarted, or a proxy cut the line: the next transaction opens another one."""
    database = centre.database
    if database.writer.dialect.name == "sqlite":
        return
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    request.getfixturevalue("postgresql").execute(cut, database=database.writer.url.database)
    sale = words.Pen().write(words.sale("r1", earn=5))

    assert "applied" == database.writing(lambda c: _take(c, sale, "t1", centre)).verdicts[0].state.value
    assert 1 == database.reading(read_totals).receipts


def test_a_copy_that_meets_a_row_is_an_integrity_error(database: Database) -> None:
    """The fast way to insert fails as the plain one does."""
    row = {"name": "twice", "value": ""}
    database.writing(lambda c: insert_many(c, schema.meta, [row]))
    with pytest.raises(IntegrityError), database.write() as connection:
        insert_many(connection, schema.meta, [row])


@pytest.mark.skipif(sys.platform == "win32", reason="the centre's load is measured on Linux, where it runs")
def test_forty_tills_and_a_process_that_is_killed(database_url: str) -> None:
    """0 lost, 0 doubled, the ledger adds up; the long version is `dev.py bench central`."""
    sqlite = database_url.startswith("sqlite")
    load = Load(tills=40, batches=3, size=5, customers=30, processes=1 if sqlite else 2)
    outcome = measure(database_url, Fleet(load).seal())
    totals = outcome.totals

    assert (0, 0, 0) == (outcome.lost, outcome.doubled, outcome.earned_wrong)
    assert totals is not None
    assert (load.envelopes, load.envelopes, 0, ()) == (
        totals.envelopes,
        totals.receipts,
        totals.refused,
        totals.imbalances,
    )
    assert 120 == len(outcome.latencies)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that ends a server so")
def test_a_server_that_falls_by_itself_ends_the_measurement(tmp_path: Path) -> None:
    """A load that nobody answers any more is a result, and not a wait for ever."""
    process = Process(f"sqlite:///{tmp_path / 'central.db'}")
    assert process.fell == ""
    os.kill(process.pid, signal.SIGKILL)
    process.stop()
    assert "-9" in process.fell
    killed = Process(f"sqlite:///{tmp_path / 'central.db'}")
    killed.kill()
    assert killed.fell == ""
