"""Leases at the till: what may be spent without a line, by which clock, and what is given back."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agent.signatures import new_private_key, public_text, sign_with
from agent.snapshot import LinkState
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec, facts
from drivers.vocabulary.centre import HoldGrant
from drivers.vocabulary.leases import LEASE, HeldHold, Lease, LeaseAnswer, Place, SignedLease, held_digest
from drivers.vocabulary.signed import KeyRing

KEY = new_private_key()


@pytest.fixture
def till(rig: Any) -> Any:
    """A till that knows the centre's key, takes no risk of its own, and has no line."""
    rig.desk.programmes._ring = KeyRing(serial=1, keys=(public_text(KEY),))
    rig.desk.rules = dataclasses.replace(rig.desk.rules, points_cap=0)
    rig.desk.link_changed(LinkState.OFFLINE, "no line")
    return rig


def lease(rig: Any, points: int, *, key: str = KEY, days: int = 7, sequence: int = 1, **other: Any) -> SignedLease:
    now: datetime = rig.clock.now()
    made = Lease(
        **{
            "id": "lease-1",
            "till": "t1",
            "customer_id": "m-1",
            "unit": "bonus",
            "points": points,
            "sequence": sequence,
            "granted_at": now,
            "expires_at": now + timedelta(days=days),
            **other,
        }
    )
    return SignedLease(lease=made, signatures=(sign_with(codec.encode(made), LEASE, key),))


def give(rig: Any, *leases: SignedLease, recalled: tuple[str, ...] = (), again: bool = False) -> None:
    answer = LeaseAnswer(
        leases=leases, recalled=recalled, server_time=rig.clock.now(), stamp=f"at {rig.clock.now()}", again=again
    )
    rig.desk.take_leases(answer)


def spendable(rig: Any, uid: str = "r-1", price: str = "1000") -> int:
    quote = rig.desk.quote(contract.QuoteRequest(receipt=rig.sale(uid, price), points_max=True, customer_id="m-1"))
    return sum(effect.amount for effect in quote.decision.spent)


def sell(rig: Any, uid: str, points: int) -> facts.ReceiptConfirmed:
    """Sell 1000 with so many points spent; the fact that goes to the centre."""
    rig.desk.quote(contract.QuoteRequest(receipt=rig.sale(uid, "1000"), points=points, customer_id="m-1"))
    rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid(uid, "1000", str(50 + points))), source="api")
    confirmed = [fact for fact in told(rig) if isinstance(fact, facts.ReceiptConfirmed)]
    return next(fact for fact in confirmed if fact.receipt.uid == uid)


def told(rig: Any) -> list[Any]:
    """Every fact in the outbox."""
    rows = rig.desk.store._run("SELECT kind, body FROM envelope ORDER BY position", ())
    return [codec.decode(body, facts.FACTS[kind]) for kind, body in rows]


def test_without_a_lease_nothing_is_spent_where_no_risk_is_taken(till: Any) -> None:
    """The owner's cap is 0."""
    assert 0 == spendable(till)


def test_a_lease_is_spent_to_its_last_point_and_no_further(till: Any) -> None:
    """Two receipts share it; the fact names it."""
    give(till, lease(till, 120))
    first = sell(till, "r-1", 100)

    assert {"lease-1": 100} == first.leases
    kept = first.decision.earned[0].amount
    assert 20 + kept == spendable(till, "r-2")


def test_two_receipts_at_once_are_not_promised_the_same_points(till: Any) -> None:
    """What one quote has promised the other cannot."""
    give(till, lease(till, 120))

    assert (120, 0) == (spendable(till, "r-1"), spendable(till, "r-2"))


def test_a_lease_nobody_signed_is_worth_nothing(till: Any) -> None:
    """Made with another key, changed afterwards, or of another till."""
    forged = lease(till, 100, key=new_private_key())
    raised = lease(till, 10)
    raised = replace(raised, lease=replace(raised.lease, points=500))
    give(till, forged, raised, lease(till, 100, till="t2"))

    assert 0 == spendable(till)


def test_a_lease_changed_in_the_file_is_worth_nothing(till: Any) -> None:
    """Somebody who can write till.db cannot write the centre's signature."""
    give(till, lease(till, 100))
    with till.desk.store.transaction() as tx:
        data = till.desk.store.get("lease", "m-1/lease-1")
        tx.put("lease", "m-1/lease-1", data.replace(b'"points":100,"sequence"', b'"points":400,"sequence"'))

    assert 0 == spendable(till)


def test_a_lease_ends_by_the_centre_s_clock_whatever_the_wall_clock_says(till: Any) -> None:
    """Uptime goes on; somebody sets the clock three days back."""
    give(till, lease(till, 100, days=1))
    assert 100 == spendable(till)

    till.clock.forward(days=1)
    till.clock.wrong = timedelta(days=-3)
    assert 0 == spendable(till)


def test_after_a_start_of_the_machine_no_lease_counts_until_the_centre_is_met(till: Any) -> None:
    """No time can be trusted; the till's own points are another thing."""
    give(till, lease(till, 100))
    till.clock.machine_boot = "machine-2"
    assert 0 == spendable(till)

    give(till)
    assert 100 == spendable(till)


def test_points_given_without_a_line_may_be_spent_here(till: Any) -> None:
    """The fact tells until when they are kept, and the lease that keeps them is given up when the line is back."""
    first = sell(till, "r-1", 0)
    earned = first.decision.earned[0].amount

    assert first.kept_until is not None
    assert earned == spendable(till, "r-2")
    second = sell(till, "r-2", earned)
    assert [earned] == list(second.leases.values())

    till.desk.link_changed(LinkState.ONLINE, "")
    till.desk.lease_report()
    closed = [fact for fact in told(till) if isinstance(fact, facts.LeasesClosed)]
    assert 2 == sum(len(fact.leases) for fact in closed)


def test_a_recalled_lease_is_given_up_but_not_under_a_receipt_in_progress(till: Any) -> None:
    """What was promised to a customer is kept."""
    give(till, lease(till, 100))
    assert 100 == spendable(till, "r-1")
    give(till, recalled=("lease-1",))
    assert [] == [fact for fact in told(till) if isinstance(fact, facts.LeasesClosed)]

    till.desk.cancel(contract.CancelRequest(receipt_uid="r-1"))
    give(till, recalled=("lease-1",))
    assert [("lease-1",)] == [fact.leases for fact in told(till) if isinstance(fact, facts.LeasesClosed)]
    assert 0 == spendable(till, "r-2")


def test_a_later_word_of_a_lease_raises_it_and_forgets_nothing(till: Any) -> None:
    """What was spent stays spent."""
    give(till, lease(till, 100))
    sell(till, "r-1", 60)
    give(till, lease(till, 150, sequence=2), again=True)
    report = till.desk.lease_report()

    assert [150] == [one.lease.points for one in report.held]
    kept = [fact.decision.earned[0].amount for fact in told(till) if isinstance(fact, facts.ReceiptConfirmed)]
    assert 90 + sum(kept) == spendable(till, "r-2")


def test_with_a_line_the_centre_keeps_the_points_before_the_quote_is_told(till: Any) -> None:
    """Granted, the quote stands; refused, it spends what is in the till's own hand."""
    till.desk.link_changed(LinkState.ONLINE, "")
    give(till, lease(till, 30))
    request = contract.QuoteRequest(receipt=till.sale("r-1", "1000"), points=200, customer_id="m-1")
    answer, wanted = till.desk.quote_and_want(request, ())
    assert wanted is not None
    assert 170 == wanted.points

    granted = till.desk.secure(request, answer, (), HoldGrant(id="h-1", points=170))
    held = HeldHold(receipt_uid="r-1", id="h-1", customer_id="m-1", unit="bonus", points=170)
    assert (held,) == till.desk.lease_report().holds
    till.desk.cancel(contract.CancelRequest(receipt_uid="r-1"))
    answer, _ = till.desk.quote_and_want(request, ())
    refused = till.desk.secure(request, answer, (), HoldGrant(id="", points=0, reason="balance"))
    answer, _ = till.desk.quote_and_want(request, ())
    silent = till.desk.secure(request, answer, (), None)

    assert [200, 30, 30] == [sum(one.amount for one in each.decision.spent) for each in (granted, refused, silent)]


# ── With the centre ─────────────────────────────────────────────────────────────────────────────


def visited(rig: Any, count: int) -> list[str]:
    """So many customers were here, the last of them first."""
    names = [f"c-{number:03d}" for number in range(count)]
    with rig.desk.store.transaction() as tx:
        for number, name in enumerate(names):
            at = rig.clock.now() - timedelta(seconds=number)
            tx.put("lease_wanted", name, codec.encode({"at": at}))
    return names


def test_a_report_names_the_leases_only_when_it_is_asked_to(till: Any) -> None:
    """Otherwise a digest stands for them; the stamp of the last answer is shown again, after a start too."""
    one = lease(till, 100, customer_id="c-000")
    visited(till, 1)
    give(till, one)
    first = till.desk.lease_report()
    give(till, again=True)
    second = till.desk.lease_report()
    give(till)

    assert (None, (one,), None) == (first.held, second.held, till.desk.lease_report().held)
    assert held_digest([("lease-1", 1)]) == first.digest == second.digest
    assert f"at {till.clock.now()}" == second.stamp
    till.desk.close()
    till.open()
    assert f"at {till.clock.now()}" == till.desk.lease_report().stamp


def test_a_report_without_news_is_small(till: Any) -> None:
    """Five hundred leases: all of them would be a quarter of a megabyte each minute."""
    names = visited(till, 600)
    give(till, *(lease(till, 10, id=f"lease-{name}", customer_id=name) for name in names[:500]))
    report = till.desk.lease_report()

    assert () == report.wanted
    assert len(codec.encode(report)) < 500
    give(till, again=True)
    assert 500 == len(till.desk.lease_report().held)


def test_a_report_tells_the_hash_of_what_was_acknowledged(till: Any) -> None:
    """Another envelope with its number is not it; of an earlier epoch, while envelopes of it are kept."""
    give(till, lease(till, 120))
    sell(till, "r-1", 10)
    last = till.desk.store.by_mark("receipt:r-1")[0]
    before = till.desk.lease_report().acknowledged
    till.desk.store.settle(epoch=1, through=last.sequence)
    present = till.desk.lease_report()
    till.desk.store.start_epoch(2)
    later = till.desk.lease_report()

    assert Place(epoch=1, sequence=0) == before
    assert Place(epoch=1, sequence=last.sequence, hash=last.hash) == present.acknowledged
    assert () == present.earlier
    assert (present.acknowledged,) == later.earlier
    assert Place(epoch=2, sequence=0) == later.acknowledged


def test_nobody_is_asked_for_in_vain_each_minute(till: Any) -> None:
    """Only when a quarter of an hour has passed, when they came again, or when no answer came."""
    visited(till, 2)

    def wanted() -> list[str]:
        return [one.customer_id for one in till.desk.lease_report().wanted]

    assert [["c-000", "c-001"]] * 2 == [wanted(), wanted()]
    give(till)
    assert [] == wanted()
    till.clock.forward(minutes=5)
    visited(till, 1)
    assert ["c-000"] == wanted()
    give(till)
    till.clock.forward(minutes=11)
    assert ["c-001"] == wanted()
    give(till, again=True)
    assert ["c-000", "c-001"] == wanted()


def test_a_lease_is_asked_for_again_when_half_its_life_is_over(till: Any) -> None:
    """Then a till that is on line now and then never runs out of it."""
    visited(till, 1)
    give(till, lease(till, 100, customer_id="c-000", days=4))
    till.clock.forward(days=1)
    early = till.desk.lease_report().wanted
    till.clock.forward(days=2)

    assert () == early
    assert ["c-000"] == [one.customer_id for one in till.desk.lease_report().wanted]


def test_more_leases_than_a_report_can_name_are_given_up(till: Any) -> None:
    """Those of the customers who were here first."""
    names = visited(till, 510)
    give(till, *(lease(till, 10, id=f"lease-{name}", customer_id=name) for name in names), again=True)
    report = till.desk.lease_report()
    closed = [name for fact in told(till) if isinstance(fact, facts.LeasesClosed) for name in fact.leases]

    assert 500 == len(report.held)
    assert {f"lease-{name}" for name in names[500:]} == set(closed)
