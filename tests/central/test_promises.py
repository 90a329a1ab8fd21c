"""G1 and G2 as properties: whatever is lost, repeated, reordered or restarted, each receipt counts exactly once."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.accounts import imbalances
from central.changes import read_page
from central.database import Database, open_database
from central.errors import Refusal
from central.ingest import ingest
from central.totals import Totals, read_totals
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer

FACT = st.tuples(
    st.sampled_from(["sale", "sale", "sale", "return"]),
    st.integers(0, 1),  # which till
    st.integers(0, 9),  # which receipt: few, so that uids meet again on both tills
    st.integers(0, 60),  # spent
    st.integers(0, 30),  # earned
    st.sampled_from(["anna", "boris", None]),
)
#: How the line behaves: which till sends, how many envelopes from which place, whether the answer or all is lost.
SEND = st.tuples(st.integers(0, 1), st.integers(0, 12), st.integers(1, 6), st.sampled_from(["ok", "crash", "restart"]))


class CrashError(Exception):
    """The server dies inside the transaction."""


def write(words: Any, facts: list[Any]) -> list[Any]:
    pens = [words.Pen(till="t1"), words.Pen(till="t2")]
    for kind, till, number, spent, earned, customer in facts:
        minor = 1_000 + number
        if kind == "sale":
            fact = words.sale(f"r{number}", customer=customer, minor=minor, spend=spent if customer else 0, earn=earned)
        else:
            fact = words.refund(f"x{number}-{spent}", f"r{number}", minor=minor // 2 + spent)
        pens[till].write(fact)
    return pens


def totals(centre: Any) -> Totals:
    with centre.database.read() as connection:
        assert [] == imbalances(connection)
        return read_totals(connection)


def effects(shown: Totals) -> Any:
    """Everything but how often it was asked."""
    return (shown.envelopes, shown.receipts, shown.sales, shown.returns, shown.refused, shown.waiting, shown.points)


def take(centre: Any, pen: Any, first: int, count: int, fate: str) -> None:
    run = pen.written[first : first + count]
    if not run:
        return
    try:
        if fate == "crash":
            crash(centre, pen.till, run)
        else:
            centre.take(*run, till=pen.till)
    except Refusal as gap:
        wanted = gap.problem.wanted
    else:
        return
    assert wanted is not None
    assert wanted <= first


def crash(centre: Any, till: str, run: list[Any]) -> None:
    """The server dies with everything done and nothing committed."""
    with contextlib.suppress(CrashError), centre.database.write() as connection:
        ingest(connection, run, till=till, epoch_max=1, currency="RUB", now=centre.now)
        raise CrashError


def fresh(folder: Path, words: Any, name: str) -> Any:
    """A centre with two members and two tills; made once, copied for each example."""
    template = folder.parent / f"{folder.name}-template.db"
    if not template.exists():
        centre = words.Centre(open_database(f"sqlite:///{template}"))
        for customer in ("anna", "boris"):
            centre.member(customer, bonus=50)
        centre.enrol("t1")
        centre.enrol("t2")
        centre.database.close()
    shutil.copyfile(template, folder / name)
    return words.Centre(reopened(folder / name))


def reopened(path: Path) -> Database:
    """Open a file without waiting for the disk: power cuts are not what is tested here."""
    database = open_database(f"sqlite:///{path}")
    with database.writer.connect() as connection:
        connection.connection.execute("PRAGMA synchronous=OFF")
        connection.connection.execute("PRAGMA journal_mode=MEMORY")
    return database


def play(folder: Path, words: Any, facts: list[Any], line: list[Any]) -> None:
    """A broken line must end where a perfect one does, when the order between the tills was the same."""
    for old in folder.iterdir():
        old.unlink()
    centre = fresh(folder, words, "broken.db")
    pens = write(words, facts)
    order: list[tuple[int, int]] = []
    marks = [0, 0]
    try:
        drain = [(till, 0, len(pens[till].written), "ok") for till in (0, 1)]
        for till, first, count, fate in [*line, *drain]:
            take(centre, pens[till], first, count, fate)
            if fate == "restart":
                centre.database.close()
                centre.database = reopened(folder / "broken.db")
            now = mark(centre, pens[till].till)
            order += [(till, place) for place in range(marks[till], now)]
            marks[till] = now
        broken = effects(totals(centre))
    finally:
        centre.database.close()

    perfect = fresh(folder, words, "perfect.db")
    try:
        for till, place in order:
            perfect.take(pens[till].written[place], till=pens[till].till)

        assert effects(totals(perfect)) == broken
        assert len(facts) == broken[0]
    finally:
        perfect.database.close()


def mark(centre: Any, till: str) -> int:
    with centre.database.read() as connection:
        return next(one.last_sequence for one in read_totals(connection).tills if one.till == till)


@given(facts=st.lists(FACT, max_size=12), line=st.lists(SEND, max_size=8))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_broken_line_ends_where_a_perfect_one_does(
    tmp_path: Path, words: Any, facts: list[Any], line: list[Any]
) -> None:
    """Duplicates, gaps, crashes and restarts change nothing but the count of questions; the ledger always adds up."""
    play(tmp_path, words, facts, line)


@pytest.mark.soak
@given(facts=st.lists(FACT, max_size=40), line=st.lists(SEND, max_size=30))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_broken_line_ends_where_a_perfect_one_does_for_long(
    tmp_path: Path, words: Any, facts: list[Any], line: list[Any]
) -> None:
    """The same, longer."""
    play(tmp_path, words, facts, line)


@given(facts=st.lists(FACT, min_size=1, max_size=12), cuts=st.lists(st.integers(1, 5), max_size=6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_replica_fed_by_pages_converges(tmp_path: Path, words: Any, facts: list[Any], cuts: list[int]) -> None:
    """Last value per key, in order, whatever was sent between two pages; the mark never runs ahead of the documents."""
    for old in tmp_path.iterdir():
        old.unlink()
    centre = fresh(tmp_path, words, "feed.db")
    pens = write(words, facts)
    replica: dict[tuple[str, str], bytes | None] = {}
    cursor = ""
    try:
        for count in [*cuts, 12, 12]:
            for pen in pens:
                first = mark(centre, pen.till)
                if pen.written[first : first + count]:
                    centre.take(*pen.written[first : first + count], till=pen.till)
            for page in pages(centre, cursor):
                for change in page.changes:
                    replica[change.collection, change.key] = change.document
                cursor = page.cursor
                assert (1, mark(centre, "t1")) == (page.epoch, page.reflects) or (1, 0) == (page.epoch, page.reflects)
        assert replica == {
            (change.collection, change.key): change.document for page in pages(centre, "") for change in page.changes
        }
        anna = codec.decode(replica["customer", "anna"], Customer)
        assert "anna" == anna.id
    finally:
        centre.database.close()


def pages(centre: Any, cursor: str) -> Iterator[Any]:
    while True:
        with centre.database.read() as connection:
            page = read_page(connection, till="t1", cursor=cursor, now=centre.now)
        yield page
        cursor = page.cursor
        if not page.more:
            return
