"""Checks of coupons and certificates under lease: in one till's hand at a time, and used once."""

from __future__ import annotations

import secrets
from typing import Final, TypeVar

from msgspec.structs import replace

from agent.signatures import SignatureError, check_any
from central.conformance.bench import Bench
from central.conformance.goods import new_uid, sold
from central.conformance.outcome import Failed, Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import Till
from central.conformance.wire import Answer
from drivers.vocabulary import codec
from drivers.vocabulary.decision import CouponUsed
from drivers.vocabulary.facts import LeasesClosed, ReceiptConfirmed
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport, Place, held_digest
from drivers.vocabulary.value_leases import (
    VALUE_LEASE,
    CouponsGrant,
    CouponsWanted,
    CouponWanted,
    SignedValueLease,
    ValueAnswer,
    ValueReport,
)

__all__: list[str] = []

AGAIN_MAX: Final = 3
T = TypeVar("T")

COUPON: Final = "conformance"  # no programme has to know it: a till knows what its coupons do


def _points(till: Till) -> None:
    """A till reports on points first; it holds none now."""
    till.settle()
    place = Place(epoch=till.epoch, sequence=till.taken)
    for _ in range(AGAIN_MAX):
        report = LeaseReport(acknowledged=place, last=place, stamp=till.stamp, digest=held_digest(()), held=())
        answer = till.post("leases", report)
        expect(answer.status == 200, "200 with leases", answer)
        read = _read(answer, LeaseAnswer)
        till.stamp = read.stamp
        if not read.again:
            return


def _report(till: Till, *held: SignedValueLease) -> ValueAnswer:
    """Say what the till holds; it wants nothing ahead."""
    till.settle()
    place = Place(epoch=till.epoch, sequence=till.taken)
    stamp = ""
    for _ in range(AGAIN_MAX):
        answer = till.post("values", ValueReport(last=place, held=held, stamp=stamp, wants=()))
        if answer.status == 404:
            raise Skipped("the server leases no coupons and no certificates; it need not")
        expect(answer.status == 200, "200 with leases", answer)
        read = _read(answer, ValueAnswer)
        stamp = read.stamp
        if not read.again:
            break
    return read


def _read(answer: Answer, wanted: type[T]) -> T:
    try:
        return codec.decode(answer.body, wanted)
    except codec.WireError as error:
        raise Failed("an answer that tills can read", str(error)) from None


def _ask(till: Till, serial: str) -> CouponsGrant:
    wanted = CouponsWanted(receipt_uid=new_uid(), coupons=(CouponWanted(serial=serial, coupon=COUPON),))
    answer = till.post("coupons", wanted)
    expect(answer.status == 200, "200 with a grant", answer)
    return _read(answer, CouponsGrant)


def _used(till: Till, serial: str, lease: str) -> ReceiptConfirmed:
    """A sale with a coupon, under its lease."""
    fact = sold(None, currency=till.identity.currency)
    effect = CouponUsed(code=serial, coupon=COUPON, rules=("conformance",), uses=1)
    return replace(fact, decision=replace(fact.decision, effects=(effect,)), values={lease: 1})


@check(
    "value-lease",
    "G3 G5",
    "a coupon of one use is leased to the till where it is shown, signed, and to no other till",
    step="write the lease down before it is sent, sign it as programmes are; `coupon_elsewhere` for everybody else",
    needs=("lease-closed", "enrol-second"),
)
def lease(bench: Bench) -> None:
    """Both tills want the same one."""
    for till in (bench.a, bench.b):
        _points(till)
        _report(till)
    serial = f"conformance-{secrets.token_hex(8)}"
    grant = _ask(bench.a, serial)
    if not grant.leased:
        raise Skipped("the server says that it leases no coupons; it need not")
    expect_equal(({}, 1), (grant.refused, len(grant.leases)), "refused, leases:")
    signed = grant.leases[0]
    expect_equal((bench.a.name, serial, 1), (signed.lease.till, signed.lease.thing, signed.lease.amount), "the lease:")
    keys = bench.a.identity.programme_keys.keys
    if keys:
        try:
            check_any(codec.encode(signed.lease), VALUE_LEASE, signed.signatures, keys)
        except SignatureError as error:
            raise Failed("a signature by a key of `programme_keys`", str(error)) from None
    bench.notes["value lease"] = (serial, signed)
    bench.reports(bench.a)
    bench.reports(bench.b)
    other = _ask(bench.b, serial)
    expect_equal(({serial: "coupon_elsewhere"}, ()), (other.refused, other.leases), "for the other till:")


@check(
    "value-recall",
    "",
    "a coupon that is shown elsewhere is asked back from the till that holds it",
    step="name the lease in `recalled` of the till's next report; nobody has to, but the customer waits for the till",
    needs=("value-lease",),
)
def recall(bench: Bench) -> None:
    """The other till was refused a moment ago."""
    _, signed = bench.notes["value lease"]
    if signed.lease.id not in _report(bench.a, signed).recalled:
        raise Skipped("the server recalls nothing; it need not")


@check(
    "value-closed",
    "G3",
    "what a till has let go another one gets, and a use under a lease is the only one",
    step="end the leases that `leases.closed` names; count `values` of a sale against its leases; then `coupon_used`",
    needs=("value-lease",),
)
def closed(bench: Bench) -> None:
    """Given up by the first, used by the second."""
    serial, signed = bench.notes["value lease"]
    bench.a.settle(LeasesClosed(leases=(signed.lease.id,)))
    grant = _ask(bench.b, serial)
    expect_equal(({}, 1), (grant.refused, len(grant.leases)), "refused, leases of the other till:")
    bench.tell(bench.b, _used(bench.b, serial, grant.leases[0].lease.id))
    expect_equal({serial: "coupon_used"}, _ask(bench.a, serial).refused, "for the first till:")
