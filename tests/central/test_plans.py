"""No request and no load reads a whole table that grows with the members or the receipts: SQLite's own plans are asked.

A centre with a million members is too slow to make for a test, and a scan of a small table costs nothing; so what each
statement would do is read from the plan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from central import schema
from central.changes import bodies_of, publish, read_page
from central.holds import grant_hold
from central.members import Member, load_members
from central.scope_feed import feed_places
from central.scopes import enter
from drivers.vocabulary.centre import HoldWanted

DATABASES = ("sqlite",)

#: What a chain has few of, however many members it has.
SMALL = {"meta", "feed", "scope", "programme", "till", "till_cursor", "snapshot", "lookup", "fund", "gift"}
LARGE = set(schema.metadata.tables) - SMALL
#: A plan's way to say that all rows are read one after another, of the table or of an index of it.
SCAN = re.compile(r"^SCAN (\w+)")


@contextmanager
def plans(engine: Engine) -> Iterator[list[tuple[str, str]]]:
    """(statement, step of its plan) of everything that is executed meanwhile."""
    said: list[tuple[str, Any]] = []
    steps: list[tuple[str, str]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        said.append((statement, parameters[0] if many else parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield steps
    finally:
        event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        for statement, parameters in said:
            if statement.partition(" ")[0] in {"SELECT", "UPDATE", "DELETE"}:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                steps.extend((statement, row[3]) for row in plan)


def scans(steps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(step, said[:200]) for said, step in steps if (found := SCAN.match(step)) and found[1] in LARGE]


def people(first: int, count: int) -> list[Member]:
    return [
        Member(
            id=f"p{number}",
            name="Vera",
            phone=f"+7900{number:07d}",
            card=f"20000{number}",
            tier="",
            spent_minor=0,
            points={"bonus": 5},
            scope="north" if number % 2 else "",
        )
        for number in range(first, first + count)
    ]


def load(centre: Any) -> None:
    load_members(centre.database, people(0, 20), now=centre.now, progress=lambda _: None)


def test_a_load_scans_nothing(centre: Any) -> None:
    """New members, the same ones again, and changed ones."""
    load(centre)
    with plans(centre.database.writer) as steps:
        load_members(centre.database, people(10, 20), now=centre.now, progress=lambda _: None)

    assert len(steps) > 5
    assert [] == scans(steps)


def _batch(centre: Any, words: Any) -> Callable[[], object]:
    pen = words.Pen()
    sales = [pen.write(words.sale(f"r{number}", customer=f"p{number}", spend=1, earn=5)) for number in range(4)]
    back = pen.write(words.refund("x1", "r1"))
    return lambda: centre.take(*sales, back)


def _feed(centre: Any, words: Any) -> Callable[[], object]:
    del words
    keys = [("customer", "p1"), ("alias", "0" * 32), ("merged", "m1"), ("coupon", "k1")]
    return lambda: centre.database.writing(lambda c: publish(c, keys))


def _scope(centre: Any, words: Any) -> Callable[[], object]:
    del words
    return lambda: centre.database.writing(lambda c: enter(c, "north", ["p2", "p4"], centre.now))


def _hold(centre: Any, words: Any) -> Callable[[], object]:
    del words
    wanted = HoldWanted(receipt_uid="h1", customer_id="p1", unit="bonus", points=1)
    return lambda: centre.database.writing(lambda c: grant_hold(c, wanted, till="t1", new_id="h", now=centre.now))


@pytest.mark.parametrize("make", [_batch, _feed, _scope, _hold], ids=lambda one: one.__name__[1:])
def test_a_writing_request_scans_nothing(centre: Any, words: Any, make: Any) -> None:
    """What a till waits for while others wait for it."""
    load(centre)
    work = make(centre, words)
    with plans(centre.database.writer) as steps:
        work()

    assert len(steps) > 1
    assert [] == scans(steps)


def test_a_page_scans_nothing(centre: Any) -> None:
    """The feed of everybody and of a scope, the documents of a page, and what wakes those who wait."""
    load(centre)
    database = centre.database
    instance = database.reading(lambda c: read_page(c, till="t1", cursor="", now=centre.now)).cursor.split(".")[0]
    with plans(database.reader) as steps:
        for scope in ("", "north"):
            cursor = f"{instance}.5" + (f".{scope}" if scope else "")
            database.reading(
                lambda c, cursor=cursor, scope=scope: read_page(
                    c, till="t1", cursor=cursor, now=centre.now, scope=scope
                )
            )
        for collection in ("alias", "customer", "merged"):
            database.reading(lambda c, collection=collection: bodies_of(c, collection, ["p1", "p2"]))
        database.reading(feed_places)

    assert len(steps) > 5
    assert [] == scans(steps)
