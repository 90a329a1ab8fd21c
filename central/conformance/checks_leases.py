"""Checks of leases: what is in one till's hand is nobody else's until that till says that it is done with it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

from agent.signatures import SignatureError, check_any
from central.conformance.bench import Bench
from central.conformance.outcome import Failed, Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import Till
from drivers.vocabulary import codec
from drivers.vocabulary.facts import LeasesClosed
from drivers.vocabulary.leases import LEASE, LeaseAnswer, LeaseReport, LeaseWanted, Place, SignedLease, held_digest

__all__: list[str] = []

POINTS: Final = 100
MARGIN_S: Final = 0.3


def _report(till: Till, customer: str, unit: str, *held: SignedLease, **more: Any) -> LeaseAnswer:
    """Say what the till holds and whose points it would like."""
    till.settle()
    place = Place(epoch=till.epoch, sequence=till.taken)
    wanted = (LeaseWanted(customer_id=customer, unit=unit),)
    values = {"held": held, "stamp": till.stamp, "wanted": wanted} | more
    answer = till.post("leases", LeaseReport(acknowledged=place, last=place, **values))
    expect(answer.status == 200, "200 with leases", answer)
    try:
        read = codec.decode(answer.body, LeaseAnswer)
    except codec.WireError as error:
        raise Failed("an answer that tills can read", str(error)) from None
    till.stamp = read.stamp
    return read


def _held(bench: Bench) -> tuple[str, SignedLease]:
    """The customer and the lease of these checks, as the first till has it now."""
    customer, signed = bench.notes["lease"]
    return customer, signed


def _left(bench: Bench) -> int:
    """What is still to be spent under it."""
    left: int = bench.notes["lease left"]
    return left


def _expect_invariant(bench: Bench) -> None:
    customer, _ = _held(bench)
    there, left = bench.balance(customer), _left(bench)
    bench.expect_free(bench.b, customer, there - left, {"balance": there, "under the lease": left})


@check(
    "lease",
    "G3 G5",
    "a till that asks is given a signed lease on a part of a customer's points, for a time",
    step="grant from what is free, write it down before it is sent, sign it with a key of `programme_keys`",
    needs=("sale", "enrol-second"),
)
def lease(bench: Bench) -> str:
    """Its form, its signature, its bounds."""
    customer, till = bench.customer("lessee", points=POINTS), bench.a
    answer = _report(till, customer, bench.unit)
    mine = [one for one in answer.leases if one.lease.customer_id == bench.feed("a").owner(customer)]
    if not mine:
        raise Skipped("the server gave no lease; it need not lease anything")
    signed = mine[0]
    given = signed.lease
    expect_equal((till.name, bench.unit), (given.till, given.unit), "the lease's till and unit")
    there = bench.balance(customer)
    expect(0 < given.points <= there, f"1 to {there} points", given.points)
    expect(given.expires_at > answer.server_time, f"an end after {answer.server_time}", given.expires_at)
    keys = till.identity.programme_keys.keys
    if keys:
        try:
            check_any(codec.encode(given), LEASE, signed.signatures, keys)
        except SignatureError as error:
            raise Failed("a signature by a key of `programme_keys`", str(error)) from None
    bench.notes["lease"], bench.notes["lease left"] = (customer, signed), given.points
    bench.reports(till)
    days = (given.expires_at - answer.server_time).total_seconds() / 86_400
    return f"{given.points} of {there} points for {days:.3g} days{'' if keys else ', not signed'}"


@check(
    "lease-invariant",
    "G3",
    "what is free, held and leased is the balance together: another till gets the rest and not one point more",
    step="subtract what is left under every open lease from what holds and other leases may take",
    needs=("lease",),
)
def invariant(bench: Bench) -> None:
    """Measured from outside, by what can be held."""
    _expect_invariant(bench)


@check(
    "lease-again",
    "G2 G3",
    "asking again gives the same lease or a newer word of it, never a second one beside it, and never less",
    step="a till, a customer and a unit have one open lease; a newer word has a higher sequence and no fewer points",
    needs=("lease-invariant",),
)
def again(bench: Bench) -> None:
    """Repeated with and without what is held: the first answer may have been lost."""
    customer, signed = _held(bench)
    # Without a stamp nothing was heard yet: that it does not hold the lease says nothing of its end.
    for held, stamp in (((signed,), bench.a.stamp), ((), "")):
        for one in _report(bench.a, customer, bench.unit, *held, stamp=stamp).leases:
            new, old = one.lease, signed.lease
            if new.customer_id != old.customer_id:
                continue
            expect_equal(old.id, new.id, "the lease's id")
            expect(new.points >= old.points, f"{old.points} points or more", new.points)
            expect(new == old or new.sequence > old.sequence, "the same word, or a higher sequence", new)
            bench.notes["lease left"] += new.points - old.points
            signed = one
            bench.notes["lease"] = (customer, one)
    _expect_invariant(bench)


@check(
    "lease-digest",
    "G3",
    "a digest stands for the leases a till holds; a till whose digest is another than expected is asked to name them",
    step="answer `again` when `digest` is not that of what you wrote down; or, if you make no digests, whenever `held` "
    "is missing",
    needs=("lease-again",),
)
def digest(bench: Bench) -> str:
    """A wrong one, then the right one."""
    customer, signed = _held(bench)
    wrong = _report(bench.a, customer, bench.unit, held=None, digest=held_digest([("another", 1)]))
    expect(wrong.again, "`again`: what the till holds is not what the server has", "a content answer")
    expect_equal((), wrong.leases, "leases for a till of which nobody knows what it holds")
    right = held_digest([(signed.lease.id, signed.lease.sequence)])
    answer = _report(bench.a, customer, bench.unit, held=None, digest=right)
    _expect_invariant(bench)
    return "the list is wanted every time" if answer.again else ""


@check(
    "lease-spend",
    "G2 G3",
    "points spent under a lease leave balance and lease once",
    step="count `leases` of a sale against those leases in the transaction that applies it",
    needs=("lease-again",),
)
def spend(bench: Bench) -> None:
    """Ten of it."""
    customer, signed = _held(bench)
    before, points = bench.balance(customer), min(10, _left(bench))
    fact = bench.sell(bench.a, customer, spend=points, leases={signed.lease.id: points})
    bench.notes["lease left"] -= points
    expect_equal(before - points, bench.balance(customer), f"{before} - {points} =")
    _expect_invariant(bench)
    bench.a.settle(fact)
    expect_equal(before - points, bench.balance(customer), "points, when the sale came twice:")
    _expect_invariant(bench)


@check(
    "lease-recall",
    "",
    "when points are wanted where there is a line, the till that holds them is asked to give them up",
    step="name the lease in `recalled` of the till's next report; nobody has to, but the customer waits for the till",
    needs=("lease-invariant",),
)
def recall(bench: Bench) -> None:
    """The other till was refused a moment ago."""
    customer, signed = _held(bench)
    if signed.lease.id not in _report(bench.a, customer, bench.unit, signed).recalled:
        raise Skipped("the server recalls nothing; it need not")


@check(
    "lease-ends",
    "G3",
    "the end of a lease in time frees nothing: the till may have spent under it and not yet told",
    step="keep what is left under a lease reserved until the till has closed it, whatever the clock says",
    needs=("lease-spend",),
)
def ends(bench: Bench) -> None:
    """For servers whose leases are short."""
    _, signed = _held(bench)
    left_s = (signed.lease.expires_at - datetime.now(UTC)).total_seconds() + MARGIN_S
    if left_s > bench.wanted.wait_max_s:
        raise Skipped(f"the lease lives for {left_s:,.0f} s more; --wait-max allows {bench.wanted.wait_max_s:.0f}")
    bench.progress("waiting for the end of a lease")
    time.sleep(max(0.0, left_s))
    _expect_invariant(bench)


@check(
    "lease-closed",
    "G3",
    "what is left under a lease is free as soon as the till said that it is done with it",
    step="end the leases that `leases.closed` names when it is taken",
    needs=("lease-spend",),
)
def closed(bench: Bench) -> None:
    """Then everything is free again."""
    _, signed = _held(bench)
    verdict = bench.a.settle(LeasesClosed(leases=(signed.lease.id,)))[-1]
    expect(verdict.get("state") == "applied", "leases.closed is applied", verdict)
    bench.notes["lease left"] = 0
    _expect_invariant(bench)
