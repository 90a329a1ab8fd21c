"""A centre that was restored from a back-up gets back what it had, whatever epoch it was of, and notices by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update

from central import restoration, schema
from central.changes import new_instance
from central.errors import Fork, Refusal
from central.holds import grant_hold
from central.lease_reports import report_leases
from drivers.vocabulary.centre import HoldWanted, WireEnvelope
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
    """An older till, which tells no hash, has sealed again what waited in it; asking it for more goes in circles."""
    centre.take(words.Pen("t1").write(words.sale("r-1", earn=1)))
    with centre.database.write() as connection:
        connection.execute(update(schema.till_cursor).values(fork="two histories"))

    assert report(centre, earlier=(Place(epoch=1, sequence=3),)).send_from is None


@dataclass
class Forked:
    """Till t1 was copied after two envelopes and wrote two more; the copy took their numbers in a centre put back."""

    mine: list[WireEnvelope]
    clones: list[WireEnvelope]

    def place(self, number: int, *, of_clone: bool = False) -> Place:
        """What was acknowledged, by the till's word."""
        one = (self.clones if of_clone else self.mine)[number - 1]
        return Place(epoch=1, sequence=number, hash=one.hash)


@pytest.fixture
def forked(centre: Any, words: Any) -> Forked:
    """Nobody has noticed yet."""
    pen = words.Pen("t1")
    for number in (1, 2):
        pen.write(words.sale(f"r-{number}", earn=1))
    clone = pen.fork(2)
    for number in (3, 4):
        pen.write(words.sale(f"r-{number}", earn=1))
    for number in (3, 4, 5):
        clone.write(words.sale(f"c-{number}", earn=1))
    centre.take(*clone.written)
    return Forked(pen.written, clone.written)


def test_an_acknowledged_envelope_whose_number_another_one_has_is_a_fork(centre: Any, forked: Forked) -> None:
    """Before the till writes its next one: until then nobody would know of the copy. Its own history is none."""
    last = {"last": forked.place(4)}
    with pytest.raises(Fork, match="cloned") as caught:
        report(centre, acknowledged=forked.place(4), **last)

    assert ("t1", 1) == (caught.value.till, caught.value.epoch)
    report(centre, acknowledged=forked.place(2), **last)
    report(centre, acknowledged=forked.place(4, of_clone=True), **last)
    report(centre, acknowledged=Place(epoch=1, sequence=4), **last)


@pytest.mark.parametrize("is_quarantined", [True, False])
def test_what_a_copy_took_the_number_of_is_asked_for_after_the_new_enrolment(
    centre: Any, forked: Forked, is_quarantined: bool
) -> None:
    """The till sends it, meets the fork, and seals it again; whether or not the fork was seen before."""
    centre.enrol("t1")
    if is_quarantined:
        with centre.database.write() as connection:
            connection.execute(update(schema.till_cursor).values(fork="two histories"))
    before = instance(centre)
    wanted = [report(centre, earlier=(forked.place(number),)).send_from for number in (4, 3, 2, 1)]

    assert [Place(epoch=1, sequence=4), Place(epoch=1, sequence=3), None, None] == wanted
    assert before == instance(centre)


def test_what_a_quarantined_epoch_never_had_is_asked_for(centre: Any, words: Any) -> None:
    """The copy wrote less than the till had sent. An older till, which tells no hash, would be refused for ever."""
    pen = words.Pen("t1")
    written = [pen.write(words.sale(f"r-{number}", earn=1)) for number in (1, 2, 3)]
    centre.take(written[0])
    centre.enrol("t1")
    with centre.database.write() as connection:
        connection.execute(update(schema.till_cursor).values(fork="two histories"))
    had = Place(epoch=1, sequence=3, hash=written[2].hash)

    assert Place(epoch=1, sequence=3) == report(centre, earlier=(had,)).send_from
    assert report(centre, earlier=(Place(epoch=1, sequence=3),)).send_from is None


def test_while_something_of_a_forked_epoch_is_lacking_nothing_is_taken_from_the_till(
    centre: Any, forked: Forked
) -> None:
    """What was spent under a lease may be in it: the lease the till holds no more stays until all is here."""
    centre.enrol("t1")
    here = {"earlier": (forked.place(4),)}
    given = report(centre, **here).leases
    centre.now += timedelta(days=30)
    for _ in range(3):
        report(centre, wanted=(), **here)
    lacking = states(centre)
    for _ in range(3):
        report(centre, wanted=(), earlier=(forked.place(2),))

    assert 1 == len(given)
    assert (["open"], ["closed"]) == (lacking, states(centre))


def states(centre: Any) -> list[str]:
    with centre.database.read() as connection:
        return list(connection.scalars(select(schema.lease.c.state)))


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
