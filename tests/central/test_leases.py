"""The lease keeper: nothing is promised twice, an end in time frees nothing, a restored centre promises nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from agent.signatures import check_any
from central import leases, schema
from central.changes import new_instance
from central.holds import grant_hold
from central.lease_reports import report_leases
from central.programme_keys import ring_of
from drivers.vocabulary import codec
from drivers.vocabulary.centre import HoldGrant, HoldWanted
from drivers.vocabulary.facts import HoldReleased, LeasesClosed
from drivers.vocabulary.leases import (
    LEASE,
    HeldHold,
    LeaseAnswer,
    LeaseReport,
    LeaseWanted,
    Place,
    SignedLease,
    held_digest,
    kept_lease,
)

DATABASES = ("sqlite", "postgresql")

HELD = HeldHold(receipt_uid="h-1", id="id-h-1", customer_id="anna", unit="bonus", points=80)
WANTED = (LeaseWanted(customer_id="anna", unit="bonus"),)


@dataclass
class Till:
    """One till's side of the conversation."""

    centre: Any
    pen: Any
    held: tuple[SignedLease, ...] = ()
    sent: int = field(default=0)
    stamp: str = ""

    def report(self, *, again: int = 3, **more: Any) -> LeaseAnswer:
        """As a till does it: a digest, and all it holds when the centre asks for it."""
        place = Place(epoch=1, sequence=self.sent)
        has = held_digest((one.lease.id, one.lease.sequence) for one in self.held)
        values = {"acknowledged": place, "last": place, "stamp": self.stamp, "digest": has, "wanted": WANTED} | more
        with self.centre.database.write() as connection:
            answer = report_leases(connection, LeaseReport(**values), till=self.pen.till, now=self.centre.now)
        known = {one.lease.id: one for one in (*self.held, *answer.leases)}
        self.held, self.stamp = tuple(known.values()), answer.stamp
        if answer.again and again:
            return self.report(again=again - 1, **more | {"held": self.held})
        return answer

    def lease(self) -> int:
        """Points under the lease it has after it asked; what it has already is not told again."""
        self.report()
        return self.held[0].lease.points if self.held else 0

    def tell(self, *facts: Any) -> list[str]:
        """Write and send; the reasons of the verdicts."""
        taken = self.centre.take(*(self.pen.write(fact) for fact in facts), till=self.pen.till)
        self.sent = taken.through
        return [verdict.reason for verdict in taken.verdicts]

    def close(self) -> None:
        self.tell(LeasesClosed(leases=tuple(one.lease.id for one in self.held)))
        self.held = ()


@pytest.fixture
def tills(centre: Any, words: Any) -> list[Till]:
    return [Till(centre, words.Pen(name)) for name in ("t1", "t2")]


def hold(centre: Any, points: int, *, till: str = "t2", uid: str = "h-1", ttl_s: int = 900) -> HoldGrant:
    wanted = HoldWanted(receipt_uid=uid, customer_id="anna", unit="bonus", points=points, ttl_s=ttl_s)
    with centre.database.write() as connection:
        return grant_hold(connection, wanted, till=till, new_id=f"id-{uid}", now=centre.now)


def balance(centre: Any) -> tuple[int, int]:
    """(points in lots, points owed)."""
    with centre.database.read() as connection:
        there = sum(connection.execute(select(schema.lot.c.amount)).scalars())
        owed = connection.scalar(select(schema.customer.c.deficits).where(schema.customer.c.id == "anna"))
    return there, sum(owed.values())


def test_half_of_what_is_free_is_leased_to_each_till_that_asks(centre: Any, tills: list[Till]) -> None:
    """100: 50, then 25 of the other 50; asking again gives the same."""
    first, second = tills

    assert [50, 25, 50, 25] == [first.lease(), second.lease(), first.lease(), second.lease()]
    assert 0 == hold(centre, 26).points
    assert 25 == hold(centre, 25).points


def test_a_lease_is_signed_by_a_key_the_tills_trust(centre: Any, tills: list[Till]) -> None:
    """Over its canonical JSON."""
    signed = tills[0].report().leases[0]
    with centre.database.read() as connection:
        keys = ring_of(connection).keys

    assert check_any(codec.encode(signed.lease), LEASE, signed.signatures, keys)
    assert ("t1", "anna") == (signed.lease.till, signed.lease.customer_id)


def test_an_end_in_time_frees_nothing(centre: Any, tills: list[Till]) -> None:
    """A month later the till may still tell of points spent on the first day."""
    first, _ = tills
    first.lease()
    centre.now += timedelta(days=30)

    assert 0 == hold(centre, 51).points
    first.close()
    assert 100 == hold(centre, 100).points


def test_what_was_spent_under_a_lease_is_spent_once(centre: Any, tills: list[Till], words: Any) -> None:
    """The till tells of 30 of its 50 and gives the rest back."""
    first, _ = tills
    first.lease()
    name = first.held[0].lease.id
    told = first.tell(replace(words.sale("r-1", spend=30), leases={name: 30}))

    assert [""] == told
    assert (70, 0) == balance(centre)
    assert 0 == hold(centre, 51).points
    first.close()
    assert 70 == hold(centre, 70).points


def test_more_than_its_lease_is_told_to_a_person(centre: Any, tills: list[Till], words: Any) -> None:
    """The receipt counts all the same."""
    first, _ = tills
    first.lease()
    name = first.held[0].lease.id

    assert ["spent 60 under a lease of 50"] == [
        reason.split(" (")[0] for reason in first.tell(replace(words.sale("r-1", spend=60), leases={name: 60}))
    ]
    assert (40, 0) == balance(centre)


def test_points_that_expire_before_the_lease_ends_are_not_leased(centre: Any, tills: list[Till], words: Any) -> None:
    """100 for ever, and 1000 for three days."""
    first, _ = tills
    soon: datetime = centre.now + timedelta(days=3)
    first.tell(words.sale("r-1", earn=1_000, expires_at=soon))

    assert 50 == first.lease()


def test_points_given_without_a_line_are_the_till_s_until_it_lets_go(
    centre: Any, tills: list[Till], words: Any
) -> None:
    """The centre learns of the points and of the keeping in one envelope."""
    first, _ = tills
    until = centre.now + timedelta(days=30)
    first.tell(replace(words.sale("r-1", earn=40), kept_until=until))
    name = kept_lease("r-1", "bonus", "base")

    assert [0, 100] == [hold(centre, 101).points, hold(centre, 100, uid="h-2").points]
    first.tell(replace(words.sale("r-2", spend=15), leases={name: 15}), LeasesClosed(leases=(name,)))
    assert 25 == hold(centre, 25, uid="h-3").points


def test_points_wanted_elsewhere_are_recalled(centre: Any, tills: list[Till]) -> None:
    """A hold that fails for the leases' sake asks for them back."""
    first, _ = tills
    first.lease()
    name = first.held[0].lease.id

    assert () == first.report().recalled
    assert 0 == hold(centre, 100).points
    assert (name,) == first.report().recalled
    first.close()
    assert 100 == hold(centre, 100).points


def test_a_hold_of_a_till_that_reports_ends_when_the_till_says_so(centre: Any, tills: list[Till]) -> None:
    """It may have been used without a line; one the till never heard of is freed by its report."""
    first, second = tills
    first.report(wanted=())
    second.report(wanted=())
    assert 80 == hold(centre, 80, till="t1").points
    centre.now += timedelta(hours=1)

    assert 0 == hold(centre, 80).points
    for _ in range(2):
        first.report(holds=(HELD,), wanted=())
    assert 0 == hold(centre, 80).points
    first.tell(HoldReleased(receipt_uid="h-1", hold="id-h-1"))
    assert 80 == hold(centre, 80, uid="h-2").points
    centre.now += timedelta(hours=1)
    second.report(wanted=())
    assert 0 == hold(centre, 80, till="t1", uid="h-3").points  # made before the hold was over, for all we know
    second.report(wanted=())
    assert 80 == hold(centre, 80, till="t1", uid="h-3").points


def test_a_restored_centre_promises_nothing_until_every_till_has_spoken(centre: Any, tills: list[Till]) -> None:
    """The leases of before the back-up are in the tills' hands; the centre learns them again."""
    first, second = tills
    first.lease()
    second.lease()
    with centre.database.write() as connection:
        connection.execute(schema.lease.delete())
        new_instance(connection)

    assert "restoring" == hold(centre, 1).reason
    assert () == first.report().leases
    assert "restoring" == hold(centre, 1).reason
    second.report()
    assert [0, 25] == [hold(centre, 26).points, hold(centre, 25).points]


def test_a_centre_that_lost_what_it_acknowledged_notices_by_itself(centre: Any, tills: list[Till], words: Any) -> None:
    """Nobody said that a back-up was put back; the first till that knows better does."""
    first, second = tills
    first.tell(words.sale("r-1", earn=1))
    first.report()
    second.report()
    lost = first.report(acknowledged=Place(epoch=1, sequence=3), last=Place(epoch=1, sequence=3))

    assert Place(epoch=1, sequence=2) == lost.send_from
    assert "restoring" == hold(centre, 1).reason
    first.tell(words.sale("r-2", earn=1), words.sale("r-3", earn=1))
    first.report(acknowledged=Place(epoch=1, sequence=3))
    second.report()
    assert "restoring" != hold(centre, 1).reason


def test_a_lease_the_centre_does_not_know_tells_of_a_restoration(centre: Any, tills: list[Till]) -> None:
    """Nothing was sold between back-up and restoration: no envelope is missing, a lease is."""
    first, second = tills
    second.report()
    first.lease()
    with centre.database.write() as connection:
        connection.execute(schema.lease.delete().where(schema.lease.c.till == "t1"))
    first.report()

    assert "restoring" == hold(centre, 1).reason
    second.report()
    assert "restoring" != hold(centre, 1).reason


def test_a_person_may_say_that_a_till_is_no_more(centre: Any, tills: list[Till]) -> None:
    """Its leases are free then, and it holds nobody up."""
    tills[0].lease()
    with centre.database.write() as connection:
        new_instance(connection)
        assert 1 == leases.release_leases(connection, "t1")

    assert 100 == hold(centre, 100).points


def test_leases_by_the_rules_that_are_set(centre: Any, tills: list[Till]) -> None:
    """A share, a life; days 0 leases nothing."""
    with centre.database.write() as connection:
        leases.set_lease_rules(connection, leases.LeaseRules(days=0, share=50))
    assert 0 == tills[0].lease()
    with centre.database.write() as connection:
        leases.set_lease_rules(connection, leases.LeaseRules(days=2, share=100))
    given = tills[0].report().leases[0].lease

    assert (100, timedelta(days=2)) == (given.points, given.expires_at - given.granted_at)
