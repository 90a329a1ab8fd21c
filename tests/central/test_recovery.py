"""A centre that was restored from a back-up gets back what it had, whatever epoch it was of, and notices by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, select, update

from central import restoration, schema
from central.changes import new_instance
from central.errors import Refusal
from central.holds import grant_hold
from central.lease_reports import report_leases
from drivers.vocabulary.centre import HoldWanted
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport, LeaseWanted, Place, held_digest

ANNA = LeaseWanted(customer_id="anna", unit="bonus")
NOTHING = Place(epoch=2, sequence=0)


def report(centre: Any, till: str = "t1", **more: Any) -> LeaseAnswer:
    """Of a till that knows of no restoration; it names what it holds."""
    values: dict[str, Any] = {"acknowledged": NOTHING, "last": NOTHING, "wanted": (ANNA,), "held": ()} | more
    stamp = restoration.make_stamp(instance(centre), centre.now)
    with centre.database.write() as connection:
        return report_leases(connection, LeaseReport(**{"stamp": stamp} | values), till=till, now=centre.now)


def hold(centre: Any, points: int) -> str:
    wanted = HoldWanted(receipt_uid="h-1", customer_id="anna", unit="bonus", points=points, ttl_s=900)
    with centre.database.write() as connection:
        return grant_hold(connection, wanted, till="t2", new_id="id-1", now=centre.now).reason


def instance(centre: Any) -> str:
    with centre.database.read() as connection:
        return str(connection.scalar(select(schema.feed.c.instance)))


def test_what_is_lacking_of_an_earlier_epoch_is_asked_for_again(centre: Any, words: Any) -> None:
    """The till was enrolled again after the back-up; its receipts of before are only on its disk."""
    pen = words.Pen("t1")
    written = [pen.write(words.sale(f"r-{number}", earn=1)) for number in (1, 2, 3)]
    centre.take(written[0])
    had = Place(epoch=1, sequence=3)
    lacking = report(centre, earlier=(had,))
    centre.take(*written[1:])
    whole = report(centre, earlier=(had,))

    assert Place(epoch=1, sequence=2) == lacking.send_from
    assert whole.send_from is None


def test_a_quarantined_epoch_is_passed_over(centre: Any, words: Any) -> None:
    """What the till had in it, it has sealed again in its present epoch; asking for it would go in circles."""
    centre.take(words.Pen("t1").write(words.sale("r-1", earn=1)))
    with centre.database.write() as connection:
        connection.execute(update(schema.till_cursor).values(fork="two histories"))

    assert report(centre, earlier=(Place(epoch=1, sequence=3),)).send_from is None


def test_a_till_that_was_enrolled_again_holds_nobody_up(centre: Any, words: Any) -> None:
    """It has said everything although it has not written a single envelope in its new epoch."""
    centre.take(words.Pen("t1").write(words.sale("r-1", earn=1)))
    had = Place(epoch=1, sequence=1)
    report(centre, earlier=(had,))
    with centre.database.write() as connection:
        new_instance(connection)
    before = hold(centre, 1)
    report(centre, earlier=(had,))

    assert "restoring" == before
    assert "" == hold(centre, 1)


def test_an_upload_that_leaves_a_gap_is_noticed_as_a_restore_once(centre: Any, words: Any) -> None:
    """The till heals the gap before it next reports: without this nobody would fetch the feed anew."""
    pen = words.Pen("t1")
    first, _, third = (pen.write(words.sale(f"r-{number}", earn=1)) for number in (1, 2, 3))
    centre.take(first)
    place = Place(epoch=1, sequence=1)
    report(centre, acknowledged=place, last=place)
    before = instance(centre)
    with pytest.raises(Refusal) as gap:
        centre.take(third)
    names = []
    for _ in range(2):
        with centre.database.write() as connection:
            restoration.notice_restoration(connection, "t1", why="a gap", now=centre.now)
        names.append(instance(centre))

    assert "gap" == gap.value.problem.code
    assert before != names[0] == names[1]
    assert "restoring" == hold(centre, 1)


def test_a_lease_counts_under_the_customers_own_name(centre: Any) -> None:
    """A till may still use the name it gave to somebody whom the centre knew."""
    with centre.database.write() as connection:
        connection.execute(schema.merged.insert().values(id="nn", customer="anna", at=centre.now))
    other_name = LeaseWanted(customer_id="nn", unit="bonus")
    given = [report(centre, wanted=(other_name, ANNA)).leases for _ in range(2)]  # it shows none the second time

    assert [1, 1] == [len(one) for one in given]
    assert "anna" == given[0][0].lease.customer_id
    assert given[0][0].lease.id == given[1][0].lease.id
    assert "balance" == hold(centre, 51)


@pytest.fixture
def statements(centre: Any) -> Iterator[list[str]]:
    """What is asked of the database."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(centre.database.writer, "before_cursor_execute", note)
    yield asked
    event.remove(centre.database.writer, "before_cursor_execute", note)


def test_a_report_of_many_customers_asks_few_questions(centre: Any, statements: list[str]) -> None:
    """Every till reports each minute: a question for each of its customers would be all the database does.

    Nor is it told again what it has.
    """
    for number in range(120):
        centre.member(f"p{number:03d}", bonus=100)
    wanted = tuple(LeaseWanted(customer_id=f"p{number:03d}", unit="bonus") for number in range(120))
    held = report(centre, wanted=wanted).leases
    statements.clear()
    digest = held_digest((one.lease.id, one.lease.sequence) for one in held)
    again = report(centre, wanted=wanted, held=None, digest=digest).leases

    assert (120, 0) == (len(held), len(again))
    assert len(statements) < 30
