"""Checks of holds: all or none, named by till and receipt, ended by sale, release or time, never by accident."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from central.conformance.bench import Bench
from central.conformance.goods import new_uid
from central.conformance.outcome import Failed, Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import Till
from central.conformance.wire import Answer
from drivers.vocabulary.facts import HoldReleased
from drivers.vocabulary.leases import HeldHold, LeaseReport, Place

__all__: list[str] = []

POINTS = 100
MARGIN_S = 0.3  # after a hold's time: the two clocks need not be the same to the millisecond


def _granted(answer: Answer, points: int) -> str:
    """The id of a hold that was granted."""
    expect(answer.status == 200 and answer.get("points") == points, f"a grant of {points} points", answer)
    expect(answer.get("id") and answer.get("expires_at"), "a grant with id and expires_at", answer)
    return str(answer.get("id"))


def _refused(answer: Answer) -> None:
    expect(answer.status == 200 and answer.get("points") == 0, "a grant of 0 points", answer)
    expect(answer.get("reason"), "a reason why none", answer)


@check(
    "hold",
    "G3",
    "a hold is given whole or not at all, and what one till holds another cannot have",
    step="reserve under a lock on the customer; count open holds of all tills and what is left under leases",
    needs=("sale", "enrol-second"),
)
def hold(bench: Bench) -> None:
    """More than there is, all but ten, and the rest."""
    customer = bench.customer("holder", points=POINTS)
    there, uid = bench.balance(customer), new_uid()
    _refused(bench.hold(bench.a, customer, there + 1, uid=uid))
    name = _granted(bench.hold(bench.a, customer, there - 10, uid=uid), there - 10)
    _refused(bench.hold(bench.b, customer, 11, uid=new_uid()))
    other = new_uid()
    _granted(bench.hold(bench.b, customer, 10, uid=other), 10)
    bench.b.settle(HoldReleased(receipt_uid=other, hold=""))
    bench.notes["hold"] = (customer, uid, name, there)


@check(
    "hold-again",
    "G2 G3",
    "asking again answers the same hold; other points change it if they are there and leave it if they are not",
    step="name a hold by till and receipt uid; repeating a request must not reserve twice",
    needs=("hold",),
)
def again(bench: Bench) -> None:
    """The answer was lost; then the basket changed."""
    customer, uid, name, there = bench.notes["hold"]
    expect_equal(name, _granted(bench.hold(bench.a, customer, there - 10, uid=uid), there - 10), "the hold's id")
    _refused(bench.hold(bench.a, customer, there + 1, uid=uid))
    bench.expect_free(bench.b, customer, 10, {"balance": there, "held": there - 10})
    expect_equal(name, _granted(bench.hold(bench.a, customer, there - 40, uid=uid), there - 40), "the hold's id")
    bench.expect_free(bench.b, customer, 40, {"balance": there, "held": there - 40})


@check(
    "hold-release",
    "G3",
    "a hold that is given back is free for others at once",
    step="end the hold of till and receipt when `hold.released` is taken",
    needs=("hold-again",),
)
def release(bench: Bench) -> None:
    """The sale did not happen."""
    customer, uid, name, there = bench.notes["hold"]
    bench.a.settle(HoldReleased(receipt_uid=uid, hold=name))
    bench.expect_free(bench.b, customer, there, {"balance": there})


@check(
    "hold-capture",
    "G2 G3",
    "the sale of a hold uses it up: the points go once, and nothing of the hold remains",
    step="capture the hold in the transaction that applies the sale",
    needs=("hold",),
)
def capture(bench: Bench) -> None:
    """Hold, sell, look."""
    customer = bench.customer("second holder", points=POINTS)
    there, uid = bench.balance(customer), new_uid()
    name = _granted(bench.hold(bench.a, customer, 60, uid=uid), 60)
    bench.sell(bench.a, customer, uid=uid, spend=60, hold=name)
    expect_equal(there - 60, bench.balance(customer), f"{there} - 60 =")
    bench.expect_free(bench.b, customer, there - 60, {"balance": there - 60})
    bench.notes["captured"] = (customer, uid)


@check(
    "hold-closed",
    "G2",
    "nothing is held for a receipt that is closed: 409 already_closed",
    step="answer 409 `already_closed` when the receipt's hold was captured",
    needs=("hold-capture",),
)
def closed(bench: Bench) -> None:
    """A late request."""
    customer, uid = bench.notes["captured"]
    answer = bench.hold(bench.a, customer, 10, uid=uid)
    expect((answer.status, answer.code) == (409, "already_closed"), "409 already_closed", answer)


@check(
    "hold-nobody",
    "G6",
    "a hold on the points of nobody is refused: 404 customer_unknown",
    step="answer 404 `customer_unknown`",
    needs=("token",),
)
def nobody(bench: Bench) -> None:
    """No such customer."""
    answer = bench.hold(bench.a, f"nobody-{new_uid()}"[:64], 10, uid=new_uid())
    expect((answer.status, answer.code) == (404, "customer_unknown"), "404 customer_unknown", answer)


@check(
    "hold-ends",
    "G3",
    "a hold the till never heard of is free when its time is over, at the latest when the till says so",
    step="let open holds end by their `expires_at`, or by a lease report whose `holds` does not name them and whose "
    "`stamp` is of an answer after their end",
    needs=("hold-capture",),
)
def ends(bench: Bench) -> str:
    """A short one whose answer was lost."""
    customer = bench.customer("second holder", points=POINTS)
    there, uid = bench.balance(customer), new_uid()
    grant = bench.hold(bench.a, customer, there, uid=uid, ttl_s=1)
    _granted(grant, there)
    _wait(bench, str(grant.get("expires_at")))
    if bench.may_hold(bench.b, customer, there):
        return "free by itself"
    for _ in range(2):  # the first is of before the end of the hold, for all the server knows
        _report(bench, bench.a)
    bench.expect_free(bench.b, customer, there, {"balance": there})
    return "free when the till had reported"


@check(
    "hold-known-stays",
    "G3",
    "a hold that the till still knows of stays after its time: it may have been used without a line",
    step="from its first lease report on, let a till's holds end only when its report says so",
    needs=("hold-ends",),
)
def known_stays(bench: Bench) -> None:
    """The till says that it has it; then that it has not."""
    customer = bench.customer("second holder", points=POINTS)
    there, uid = bench.balance(customer), new_uid()
    _report(bench, bench.a)
    before = _report(bench, bench.a)  # what was over before the first is over now
    grant = bench.hold(bench.a, customer, there, uid=uid, ttl_s=1)
    held = HeldHold(receipt_uid=uid, id=_granted(grant, there), customer_id=customer, unit=bench.unit, points=there)
    _wait(bench, str(grant.get("expires_at")))
    _report(bench, bench.a, held)
    if bench.may_hold(bench.b, customer, 1):
        raise Failed(f"nothing free: till {bench.a.name} reported that it knows the hold", "1 point and more")
    bench.notes["hold known"] = (customer, there, held, before)


@check(
    "hold-late-report",
    "G3",
    "a report that was long on its way ends no hold that was granted after it was made",
    step="know by the report's `stamp` when the till last heard an answer; end only holds whose time was over then",
    needs=("hold-known-stays",),
)
def late_report(bench: Bench) -> None:
    """It shows the stamp of before the hold; then the till says that it has none."""
    customer, there, held, before = bench.notes["hold known"]
    now = bench.a.stamp
    bench.a.stamp = before
    _report(bench, bench.a)
    if bench.may_hold(bench.b, customer, 1):
        raise Failed("nothing free: the report without the hold was made before the hold", "1 point and more")
    bench.a.stamp = now
    _report(bench, bench.a, held)
    for _ in range(2):  # the first is of before the end of the hold, for all the server knows
        _report(bench, bench.a)
    bench.expect_free(bench.b, customer, there, {"balance": there})


def _report(bench: Bench, till: Till, *holds: HeldHold) -> str:
    """Say which holds the till knows; the stamp it showed."""
    bench.reports(till)
    till.settle()
    shown, place = till.stamp, Place(epoch=till.epoch, sequence=till.taken)
    report = LeaseReport(acknowledged=place, last=place, stamp=shown, held=(), holds=holds)
    answer = till.post("leases", report)
    expect(answer.status == 200, "200 for a lease report", answer)
    till.stamp = str(answer.get("stamp") or "")
    return shown


def _wait(bench: Bench, expires_at: str) -> None:
    """Until a moment of the server's clock is over."""
    server, own = datetime.fromisoformat(bench.clock[-1]), datetime.now(UTC)
    left_s = (datetime.fromisoformat(expires_at) - min(server, own)).total_seconds() + MARGIN_S
    if left_s > bench.wanted.wait_max_s:
        raise Skipped(f"would have to wait {left_s:.0f} s; --wait-max allows {bench.wanted.wait_max_s:.0f}")
    bench.progress("waiting for the end of a hold")
    time.sleep(max(0.0, left_s))
