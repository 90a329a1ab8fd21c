"""Several processes on one PostgreSQL: at the same moment, in each other's way, and killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from central import schema
from central.bulk import insert_many
from central.changes import publish, read_page
from central.database import ATTEMPTS_MAX, Database, open_database
from central.holds import grant_hold
from central.totals import read_totals
from drivers.vocabulary.centre import HoldWanted
from tests.central.fleet_load import Fleet, Load, measure

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


def test_nobody_who_reads_the_feed_misses_a_change(centre: Any, other: Database) -> None:
    """Cursors become visible in their own order, while two processes write."""
    for name in range(40):
        centre.member(f"c{name}")
    seen: set[str] = set()
    done = threading.Event()

    def write(database: Database, names: range) -> None:
        for name in names:
            database.writing(lambda c, name=name: publish(c, [("customer", f"c{name}")]))

    def read() -> None:
        with centre.database.read() as connection:
            cursor = read_page(connection, till="t1", cursor="", now=centre.now).cursor
        last = False
        while not last:
            last = done.is_set()
            with centre.database.read() as connection:
                page = read_page(connection, till="t1", cursor=cursor, now=centre.now)
            cursor = page.cursor
            seen.update(change.key for change in page.changes)
            last = last and not page.more

    reader = threading.Thread(target=read)
    reader.start()
    at_once(lambda: write(centre.database, range(20)), lambda: write(other, range(20, 40)))
    done.set()
    reader.join(30)

    # What was published before the reader's first page may be seen there only.
    with centre.database.read() as connection:
        everything = read_page(connection, till="t1", cursor="", now=centre.now).changes
    versions = [change.version for change in everything]
    assert versions == sorted(set(versions))
    assert len(seen) > 0


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
