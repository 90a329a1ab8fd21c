"""What tills report of their leases: late, lost, false and claimed without proof; small when nothing is new."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import delete, select, update

from agent.signatures import new_private_key, sign_with
from central import leases, restoration, schema
from central.changes import CursorAhead, cursor_of, new_instance, read_page
from central.holds import grant_hold
from central.lease_reports import report_leases
from central.tills import enrol, make_code
from central.totals import read_totals
from drivers.vocabulary import codec
from drivers.vocabulary.centre import EnrolRequest, HoldWanted
from drivers.vocabulary.facts import LeasesClosed
from drivers.vocabulary.leases import (
    LEASE,
    HeldHold,
    LeaseAnswer,
    LeaseReport,
    LeaseWanted,
    Place,
    SignedLease,
    held_digest,
)

ANNA = LeaseWanted(customer_id="anna", unit="bonus")
START = Place(epoch=1, sequence=0)
HOLD = HeldHold(receipt_uid="r-1", id="id-r-1", customer_id="anna", unit="bonus", points=80)


def digest(held: tuple[SignedLease, ...]) -> str:
    return held_digest((one.lease.id, one.lease.sequence) for one in held)


def report(centre: Any, till: str = "t1", held: tuple[SignedLease, ...] | None = (), **more: Any) -> LeaseAnswer:
    """Of a till that has sent everything it wrote; `held` None leaves it at a digest."""
    values = {"acknowledged": START, "last": START, "held": held} | more
    with centre.database.write() as connection:
        return report_leases(connection, LeaseReport(**values), till=till, now=centre.now)


def hold(centre: Any, points: int, *, till: str = "t2", uid: str = "r-9") -> str:
    """Why the hold was refused, "" when it was granted."""
    wanted = HoldWanted(receipt_uid=uid, customer_id="anna", unit="bonus", points=points, ttl_s=900)
    with centre.database.write() as connection:
        return grant_hold(connection, wanted, till=till, new_id=f"id-{uid}", now=centre.now).reason


def states(centre: Any) -> list[str]:
    with centre.database.read() as connection:
        return list(connection.scalars(select(schema.lease.c.state).order_by(schema.lease.c.granted_at)))


def instance(centre: Any) -> str:
    with centre.database.read() as connection:
        return restoration.instance_of(connection)


def trouble(centre: Any, till: str = "t1") -> str:
    with centre.database.read() as connection:
        return next(one.lease_trouble for one in read_totals(connection).tills if one.till == till)


def forget(centre: Any, table: Any) -> None:
    """As a database does that was put back."""
    with centre.database.write() as connection:
        connection.execute(delete(table))


@pytest.fixture
def leased(centre: Any) -> tuple[SignedLease, str]:
    """The lease of till t1 on 50 of Anna's 100 points, and the stamp of an answer a little later."""
    given = report(centre, wanted=(ANNA,))
    return given.leases[0], report(centre, held=given.leases, stamp=given.stamp).stamp


# ── Small when nothing is new ───────────────────────────────────────────────────────────────────


def test_a_digest_is_enough_while_it_is_the_right_one(centre: Any, leased: tuple[SignedLease, str]) -> None:
    """Another one is asked for the leases, and given nothing before it named them."""
    lease, stamp = leased
    right = report(centre, held=None, digest=digest((lease,)), stamp=stamp, wanted=(ANNA,))
    wrong = report(centre, held=None, digest=digest(()), stamp=stamp, wanted=(ANNA,))
    named = report(centre, held=(), stamp=stamp, wanted=(ANNA,))

    assert (False, ()) == (right.again, right.leases)
    assert (True, ()) == (wrong.again, wrong.leases)
    assert [(lease.lease.id, 2, 50)] == [(one.lease.id, one.lease.sequence, one.lease.points) for one in named.leases]


# ── Late and lost ───────────────────────────────────────────────────────────────────────────────


def test_a_late_report_ends_no_hold(centre: Any) -> None:
    """It was made before the hold; the till has the hold, its time is over, and its receipt goes on."""
    stamp = report(centre).stamp
    report(centre, "t2")
    assert "" == hold(centre, 80, till="t1", uid="r-1")
    centre.now += timedelta(hours=1)
    report(centre, stamp=stamp)

    assert "balance" == hold(centre, 80)
    present = report(centre, stamp=stamp, holds=(HOLD,)).stamp
    assert "balance" == hold(centre, 80)
    report(centre, stamp=present)
    assert "" == hold(centre, 80)


def test_a_lease_whose_answer_was_lost_is_free_again(centre: Any, leased: tuple[SignedLease, str]) -> None:
    """The till does not hold it and asks for it no more. It says so after it has heard a later answer."""
    _, stamp = leased
    report(centre, stamp=stamp)
    assert ["open"] == states(centre)
    centre.now += timedelta(minutes=2)
    present = report(centre, stamp=stamp).stamp
    assert ["open"] == states(centre)
    report(centre, stamp=present)

    assert ["closed"] == states(centre)
    assert "" == hold(centre, 100)


def test_a_late_report_ends_no_lease_that_was_told_again(centre: Any, leased: tuple[SignedLease, str]) -> None:
    """Its first answer was lost, the second one arrived, and then a report of between the two."""
    _, stamp = leased
    centre.now += timedelta(minutes=5)
    between = report(centre, stamp=stamp).stamp
    again = report(centre, stamp=stamp, wanted=(ANNA,)).leases
    report(centre, stamp=between)

    assert 1 == len(again)
    assert ["open"] == states(centre)


def test_an_envelope_that_is_still_on_its_way_keeps_the_lease(centre: Any, leased: tuple[SignedLease, str]) -> None:
    """What was spent under it may be in it."""
    _, stamp = leased
    centre.now += timedelta(minutes=2)
    present = report(centre, stamp=stamp).stamp
    report(centre, stamp=present, last=Place(epoch=1, sequence=1))

    assert ["open"] == states(centre)


def test_the_lease_of_a_machine_that_was_replaced_ends_in_time_first(
    centre: Any, leased: tuple[SignedLease, str]
) -> None:
    """The old one may still be selling."""
    del leased
    centre.now += timedelta(minutes=5)
    with centre.database.write() as connection:
        code = make_code(connection, shop="s1", till="t1", now=centre.now)
        enrol(connection, EnrolRequest(code=code), currency="RUB", now=centre.now)
    for _ in range(2):
        centre.now += timedelta(minutes=5)
        stamp = restoration.make_stamp(instance(centre), centre.now)
        report(centre, stamp=stamp)
    assert ["open"] == states(centre)

    centre.now += timedelta(days=8)
    report(centre, stamp=stamp)
    assert ["closed"] == states(centre)


# ── Over here, held there ───────────────────────────────────────────────────────────────────────


def test_a_lease_that_is_none_any_more_is_called_back(centre: Any, leased: tuple[SignedLease, str], words: Any) -> None:
    """A person released it; the till comes back and is told to give it up, which it says in its chain."""
    lease, stamp = leased
    with centre.database.write() as connection:
        leases.release_leases(connection, "t1")
    unasked = report(centre, held=None, digest=digest((lease,)), stamp=stamp)
    told = report(centre, held=(lease,), stamp=stamp)
    centre.take(words.Pen("t1").write(LeasesClosed(leases=(lease.lease.id,))))
    last = Place(epoch=1, sequence=1)
    after = report(centre, held=None, digest=digest(()), stamp=stamp, last=last, acknowledged=last)

    assert unasked.again
    assert (lease.lease.id,) == told.recalled
    assert (False, ()) == (after.again, after.recalled)


# ── What a restored centre learns ───────────────────────────────────────────────────────────────


def test_a_hold_of_after_the_back_up_is_known_again(centre: Any) -> None:
    """With its points: others cannot have them. It tells of the restoration, too."""
    stamp = report(centre).stamp
    other = report(centre, "t2").stamp
    hold(centre, 80, till="t1", uid="r-1")
    forget(centre, schema.hold)
    before = instance(centre)
    present = report(centre, stamp=stamp, holds=(HOLD,)).stamp
    assert before != instance(centre)
    assert "restoring" == hold(centre, 1)
    for till, shown, holds in (("t1", present, (HOLD,)), ("t2", other, ()), ("t2", present, ())):
        report(centre, till, stamp=shown, holds=holds)

    assert ["balance", ""] == [hold(centre, 21), hold(centre, 20)]


def test_a_hold_of_a_receipt_that_is_here_is_learned_no_more(centre: Any, words: Any) -> None:
    """The report was made before the receipt was closed, and came after it."""
    stamp = report(centre).stamp
    centre.take(words.Pen("t1").write(words.sale("r-1", spend=80)))
    report(centre, stamp=stamp, holds=(HOLD,), last=Place(epoch=1, sequence=1))

    with centre.database.read() as connection:
        assert [] == connection.execute(select(schema.hold)).all()
    assert "" == hold(centre, 20)


def test_a_report_of_before_the_restoration_says_nothing_of_now(centre: Any, leased: tuple[SignedLease, str]) -> None:
    """What the till was given since then is not in it."""
    lease, stamp = leased
    forget(centre, schema.lease)
    with centre.database.write() as connection:
        new_instance(connection)
    late = report(centre, held=(), stamp=stamp)

    assert late.again
    assert "restoring" == hold(centre, 1)
    report(centre, held=(lease,), stamp=late.stamp)
    assert ["balance", ""] == [hold(centre, 51), hold(centre, 50)]


def test_a_lease_this_centre_did_not_sign_is_nobodys(centre: Any, leased: tuple[SignedLease, str]) -> None:
    """Neither an invented one nor more points under a real one; the operator is told whose till shows such things."""
    lease, stamp = leased
    key = new_private_key()
    invented = replace(lease.lease, id="invented", points=1_000_000)
    raised = replace(lease.lease, points=100, sequence=9)
    before = instance(centre)
    for one in (invented, raised):
        signed = SignedLease(lease=one, signatures=(sign_with(codec.encode(one), LEASE, key),))
        answer = report(centre, held=(signed,), stamp=stamp)
        assert (one.id,) == answer.recalled
        assert "has not signed" in trouble(centre)

    assert before == instance(centre)
    assert "" == hold(centre, 50)


def test_an_envelope_that_never_was_makes_nobody_wait_for_long(centre: Any) -> None:
    """One new beginning, one hour; then the till is named to the operator and believed no more."""
    stamp = report(centre).stamp
    other = report(centre, "t2").stamp
    claim = Place(epoch=1, sequence=1_000)
    names = [instance(centre)]
    for minutes in (0, 30, 31):
        centre.now += timedelta(minutes=minutes)
        for till, shown, had in (("t1", stamp, claim), ("t2", other, START), ("t2", stamp, START)):
            stamp = report(centre, till, stamp=shown, acknowledged=had, last=had).stamp
        names.append(instance(centre))
        waits = hold(centre, 1, uid=f"after-{minutes}")
        assert waits == ("restoring" if minutes < 31 else "")

    assert 2 == len(set(names))
    assert "envelope 1 of epoch 1" in trouble(centre)
    report(centre, stamp=stamp, acknowledged=claim, last=claim)
    assert names[-1] == instance(centre)


def test_a_till_makes_everybody_begin_anew_once_in_a_day(centre: Any) -> None:
    """By what it cannot prove; when it is well for a day the complaint goes."""
    report(centre)
    names = []
    for _ in range(3):
        with centre.database.write() as connection:
            restoration.notice_restoration(connection, "t1", why="a gap", now=centre.now)
        report(centre, stamp=restoration.make_stamp(instance(centre), centre.now))
        names.append(instance(centre))
    assert 1 == len(set(names))
    assert "a gap" in trouble(centre)

    centre.now += timedelta(days=2)
    report(centre, stamp=restoration.make_stamp(instance(centre), centre.now))
    assert "" == trouble(centre)


# ── Before any till that lacks something has spoken ─────────────────────────────────────────────


def test_a_cursor_ahead_of_the_feed_tells_of_a_restoration(centre: Any) -> None:
    """The first till that polls knows it, before anybody asks for points."""
    report(centre)
    before = instance(centre)
    with centre.database.read() as connection, pytest.raises(CursorAhead) as ahead:
        read_page(connection, till="t1", cursor=cursor_of(before, 10**6, ""), now=centre.now)
    told = ahead.value.instance
    for till in ("t1", "t2"):
        with centre.database.write() as connection:
            restoration.notice_restoration(connection, till, why="its cursor", now=centre.now, of=told)

    assert (410, "cursor_unknown") == (ahead.value.status, ahead.value.problem.code)
    assert before == told != instance(centre)
    assert "restoring" == hold(centre, 1)


def test_after_a_stop_nothing_is_promised_before_the_tills_had_time_to_speak(centre: Any) -> None:
    """Meanwhile the database may have been exchanged for an older one."""
    stamp = report(centre).stamp
    with centre.database.write() as connection:
        connection.execute(update(schema.till).values(seen_at=centre.now))
        restoration.note_alive(connection, centre.now)

    def start_after(minutes: int) -> str:
        centre.now += timedelta(minutes=minutes)
        with centre.database.write() as connection:
            restoration.note_alive(connection, centre.now)
        return hold(centre, 1)

    assert ["", "restoring"] == [start_after(2), start_after(30)]
    centre.now += restoration.DOUBT
    assert "" == hold(centre, 1)
    assert "restoring" == start_after(30)
    report(centre, stamp=stamp)  # every till that takes leases has said what it holds
    assert "" == hold(centre, 1)


# ── Old rows ────────────────────────────────────────────────────────────────────────────────────


def test_leases_that_are_over_for_long_are_forgotten(centre: Any, leased: tuple[SignedLease, str], words: Any) -> None:
    """Not before a late envelope cannot name them any more, and not while points are under them."""
    lease, stamp = leased

    def prune() -> int:
        with centre.database.write() as connection:
            return leases.prune_leases(connection, centre.now)

    centre.now = lease.lease.expires_at + leases.KEPT_CLOSED + timedelta(days=1)
    assert 0 == prune()
    centre.take(words.Pen("t1").write(LeasesClosed(leases=(lease.lease.id,))))
    centre.now -= timedelta(days=2)
    assert 0 == prune()
    centre.now += timedelta(days=2)
    assert (1, 0) == (prune(), prune())
    # A till that shows it after all is told to drop it; nobody takes it for the sign of a restoration.
    before = instance(centre)
    assert (lease.lease.id,) == report(centre, held=(lease,), stamp=stamp).recalled
    assert (before, []) == (instance(centre), states(centre))


def test_a_first_lease_of_after_the_back_up_tells_of_the_restoration(
    centre: Any, leased: tuple[SignedLease, str]
) -> None:
    """The restored database does not even know that the till takes leases; others promised nothing meanwhile."""
    lease, stamp = leased
    report(centre, "t2")
    forget(centre, schema.lease)
    with centre.database.write() as connection:
        connection.execute(update(schema.till).where(schema.till.c.id == "t1").values(settled_instance=""))
    before = instance(centre)
    report(centre, held=(lease,), stamp=stamp)

    assert before != instance(centre)
    assert "restoring" == hold(centre, 1)
