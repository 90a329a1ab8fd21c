"""Coupons and certificates under lease: one till at a time, nothing twice, and time alone frees nothing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import delete, insert, select, update

from agent.signatures import check_any
from central import schema
from central.certificate_desk import block_certificate, make_certificate, show_certificate
from central.certificate_holds import PIN_FAILURES_MAX, ask_certificate
from central.changes import new_instance
from central.cli import main
from central.coupons import coupon_row, overspent_coupons
from central.lease_reports import report_leases
from central.leases import LeaseRules, set_lease_rules
from central.operator.pages import overspend_page
from central.operator.queries import overused_leases
from central.programme_keys import ring_of
from central.value_leases import prune_values, release_values, values_of, values_promise_nothing
from central.value_reports import ask_coupons, report_values
from drivers.vocabulary import codec
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.decision import CertificateUsed, CouponUsed
from drivers.vocabulary.facts import CertificatePinWrong, HoldReleased, LeasesClosed
from drivers.vocabulary.leases import LeaseReport, Place
from drivers.vocabulary.value_leases import (
    VALUE_LEASE,
    CouponsGrant,
    CouponsWanted,
    CouponWanted,
    HeldMoney,
    SignedValueLease,
    ValueAnswer,
    ValueKind,
    ValueReport,
    slow_matches,
)

DATABASES = ("sqlite", "postgresql")

CODE = "GIFT-0000-0001"
NAMES = (f"value:{number}" for number in itertools.count())


@dataclass
class Till:
    """One till's side of the conversation."""

    centre: Any
    pen: Any
    held: dict[str, SignedValueLease] = field(default_factory=dict)
    sent: int = 0
    stamp: str = ""
    heard: str = ""

    @property
    def name(self) -> str:
        return str(self.pen.till)

    def settle(self) -> None:
        """Its points come first."""
        place = Place(epoch=1, sequence=self.sent)
        for _ in range(3):
            report = LeaseReport(acknowledged=place, last=place, stamp=self.stamp, held=())
            with self.centre.database.write() as connection:
                answer = report_leases(connection, report, till=self.name, now=self.centre.now)
            self.stamp = answer.stamp

    def report(self, *, lost: bool = False, last: int | None = None, again: int = 2, **more: Any) -> ValueAnswer:
        """Say what it holds and take what it is given; an answer may be lost."""
        values = {
            "last": Place(epoch=1, sequence=self.sent if last is None else last),
            "stamp": self.heard,
            "held": tuple(self.held.values()),
            "customers": ("anna",),
        } | more
        with self.centre.database.write() as connection:
            answer = report_values(
                connection, ValueReport(**values), till=self.name, new_id=lambda: next(NAMES), now=self.centre.now
            )
        if not lost:
            self.held |= {one.lease.id: one for one in answer.leases}
            self.heard = answer.stamp
        if answer.again and again:
            return self.report(lost=lost, last=last, again=again - 1, **more)
        return answer

    def coupons(self, *serials: str, coupon: str = "tea") -> CouponsGrant:
        """A customer waits."""
        wanted = CouponsWanted(
            receipt_uid="r-ask", coupons=tuple(CouponWanted(serial=one, coupon=coupon) for one in serials)
        )
        with self.centre.database.write() as connection:
            grant = ask_coupons(connection, wanted, till=self.name, new_id=lambda: next(NAMES), now=self.centre.now)
        self.held |= {one.lease.id: one for one in grant.leases}
        return grant

    def certificate(self, *, uid: str | None = "r1", pin: str = "", code: str = CODE) -> CertificateGrant:
        wanted = CertificateWanted(code=code, pin=pin, receipt_uid=uid)
        with self.centre.database.write() as connection:
            return ask_certificate(
                connection, wanted, till=self.name, new_id=f"h-{self.name}-{uid}", now=self.centre.now
            )

    def of(self, kind: ValueKind) -> list[tuple[str, int]]:
        """(thing, amount) of what it holds."""
        return sorted((one.lease.thing, one.lease.amount) for one in self.held.values() if one.lease.kind is kind)

    def tell(self, *facts: Any) -> list[str]:
        taken = self.centre.take(*(self.pen.write(fact) for fact in facts), till=self.name)
        self.sent = taken.through
        return [verdict.reason for verdict in taken.verdicts]

    def close(self) -> None:
        self.tell(LeasesClosed(leases=tuple(self.held)))
        self.held = {}


@pytest.fixture
def tills(centre: Any, words: Any) -> list[Till]:
    made = [Till(centre, words.Pen(name)) for name in ("t1", "t2")]
    for one in made:
        one.settle()
        one.report(customers=())
    return made


def give_anna(centre: Any, *serials: str, **more: Any) -> None:
    values = {"customer": "anna", "uses": 1} | more
    with centre.database.write() as connection:
        connection.execute(insert(schema.coupon), [coupon_row(serial, "tea", **values) for serial in serials])


def make(centre: Any, words: Any, minor: int = 10_000, **more: Any) -> str:
    with centre.database.write() as connection:
        return make_certificate(connection, CODE, words.rub(minor), now=centre.now, **more).id


def certificate(centre: Any) -> Any:
    with centre.database.read() as connection:
        return show_certificate(connection, CODE, now=centre.now)[0]


def used(words: Any, uid: str, serial: str, lease: str = "") -> Any:
    """A sale with a coupon."""
    sale = words.sale(uid, customer="anna")
    effect = CouponUsed(code=serial, coupon="tea", rules=("tea",), uses=1, back_on_return=True)
    values = {lease: 1} if lease else {}
    return replace(sale, decision=replace(sale.decision, effects=(effect,)), values=values)


def paid(words: Any, uid: str, name: str, amount: int, *, lease: str = "", part: int | None = None) -> Any:
    """A sale that a certificate paid, so much of it under a lease."""
    effect = CertificateUsed(code=name, amount=words.rub(amount), left=words.rub(0), burned=words.rub(0))
    sale = words.sale(uid, customer=None)
    values = {lease: amount if part is None else part} if lease else {}
    return replace(sale, decision=replace(sale.decision, effects=(effect,)), values=values)


# ── Coupons ─────────────────────────────────────────────────────────────────────────────────────


def test_a_coupon_is_leased_to_one_till(centre: Any, tills: list[Till]) -> None:
    """To the first that wants its customer; asking again gives nothing more."""
    first, second = tills
    give_anna(centre, "A-1", "A-2")
    first.report()
    second.report()

    assert [("A-1", 1), ("A-2", 1)] == first.of(ValueKind.COUPON)
    assert [] == second.of(ValueKind.COUPON)
    assert () == first.report().leases


def test_a_lease_is_signed_by_a_key_the_tills_trust(centre: Any, tills: list[Till]) -> None:
    """Over its canonical JSON."""
    give_anna(centre, "A-1")
    signed = tills[0].report().leases[0]
    with centre.database.read() as connection:
        keys = ring_of(connection).keys

    assert check_any(codec.encode(signed.lease), VALUE_LEASE, signed.signatures, keys)


@pytest.mark.parametrize(
    "more",
    [{"uses": 2}, {"used": 1}, {"withdrawn": True}, {"uses": None}, {"customer": None}],
    ids=["of two uses", "used", "withdrawn", "as no programme says", "nobody's"],
)
def test_only_a_good_coupon_of_one_use_is_leased_ahead(centre: Any, tills: list[Till], more: Any) -> None:
    """Of every other one a lease would promise what it cannot keep, or keep it from those who may use it."""
    give_anna(centre, "A-1", **more)

    assert () == tills[0].report().leases


def test_a_coupon_shown_elsewhere_is_asked_back_and_comes(centre: Any, tills: list[Till]) -> None:
    """The other till gives it up at its next turn; it is not leased to it again while the customer waits."""
    first, second = tills
    give_anna(centre, "A-1")
    first.report()
    name = next(iter(first.held))
    asked = second.coupons("A-1")

    assert ({"A-1": "coupon_elsewhere"}, ()) == (asked.refused, asked.leases)
    assert (name,) == first.report().recalled
    first.close()
    assert () == first.report().leases
    assert [("A-1", 1)] == [(one.lease.thing, one.lease.amount) for one in second.coupons("A-1").leases]


def test_two_tills_that_ask_at_once_get_a_signed_coupon_once(centre: Any, tills: list[Till]) -> None:
    """The centre first hears of it when it is shown; the one that asks first has it."""
    first, second = tills

    assert 1 == len(first.coupons("S-1").leases)
    assert {"S-1": "coupon_elsewhere"} == second.coupons("S-1").refused
    assert {"S-1": "coupon_elsewhere"} == first.coupons("S-1").refused


def test_a_use_under_a_lease_settles_it(centre: Any, tills: list[Till], words: Any) -> None:
    """Once, also when the envelope comes twice; then nobody gets it any more."""
    first, second = tills
    give_anna(centre, "A-1")
    first.report()
    name = next(iter(first.held))
    envelope = first.pen.write(used(words, "r-1", "A-1", name))
    told = [centre.take(envelope, till="t1").verdicts[0].reason for _ in range(2)]

    assert ["", ""] == told
    assert {"A-1": "coupon_used"} == second.coupons("A-1").refused
    with centre.database.read() as connection:
        assert ([], ()) == (list(values_of(connection)), overspent_coupons(connection))


def test_a_returned_sale_makes_the_coupon_good_and_free_again(centre: Any, tills: list[Till], words: Any) -> None:
    """Another till may have it then."""
    first, second = tills
    give_anna(centre, "A-1")
    first.report()
    first.tell(used(words, "r-1", "A-1", next(iter(first.held))), words.refund("b-1", "r-1", customer="anna"))

    assert 1 == len(second.coupons("A-1").leases)


def test_an_end_in_time_frees_nothing(centre: Any, tills: list[Till], words: Any) -> None:
    """A month later the till may still tell of a use on the first day."""
    first, second = tills
    give_anna(centre, "A-1")
    make(centre, words)
    first.certificate(uid=None)
    first.report()
    centre.now += timedelta(days=30)

    assert {"A-1": "coupon_elsewhere"} == second.coupons("A-1").refused
    grant = second.certificate()
    assert grant.certificate is not None
    assert (5_000, 5_000) == (grant.certificate.balance.minor, grant.elsewhere.minor if grant.elsewhere else 0)
    first.close()
    assert 1 == len(second.coupons("A-1").leases)


def test_a_use_without_a_lease_is_told_and_calls_the_lease_back(centre: Any, tills: list[Till], words: Any) -> None:
    """A till whose owner takes the risk used what another one holds; when that one uses it too, a person sees it."""
    first, second = tills
    give_anna(centre, "A-1")
    first.report()
    name = next(iter(first.held))
    second.tell(used(words, "r-2", "A-1"))

    assert (name,) == first.report().recalled
    assert ["coupon A-1 was used once too often"] == first.tell(used(words, "r-1", "A-1", name))


@pytest.mark.parametrize("name", ["value:nobody", "own"])
def test_odd_uses_are_told_to_a_person(centre: Any, tills: list[Till], words: Any, name: str) -> None:
    """Under a lease nobody gave, and a second time under one."""
    first, _ = tills
    give_anna(centre, "A-1")
    first.report()
    own = next(iter(first.held))
    first.tell(used(words, "r-1", "A-1", own))
    reason = first.tell(used(words, "r-2", "A-1", own if name == "own" else name))[0]

    assert "used once too often" in reason
    assert ("used 2 under a lease of 1 on a coupon" if name == "own" else "not known here") in reason


# ── Certificates ────────────────────────────────────────────────────────────────────────────────


def test_a_part_of_a_certificate_shown_here_is_leased(centre: Any, tills: list[Till], words: Any) -> None:
    """Half by the rules; what is leased, held and free is the balance together, whoever asks."""
    first, second = tills
    name = make(centre, words)
    assert () == first.report().leases
    first.certificate(uid=None)
    first.report()

    assert [(name, 5_000)] == first.of(ValueKind.CERTIFICATE)
    assert (0, 5_000) == (certificate(centre).held.minor, certificate(centre).leased.minor)
    grant = second.certificate()
    assert grant.certificate is not None
    assert 5_000 == grant.certificate.balance.minor
    assert 0 == certificate(centre).balance.minor - certificate(centre).held.minor - certificate(centre).leased.minor


def test_a_till_with_a_line_gets_the_rest_on_top_of_its_lease(centre: Any, tills: list[Till], words: Any) -> None:
    """Its own lease is named, and stays its own."""
    first, _ = tills
    name = make(centre, words)
    first.certificate(uid=None)
    first.report()
    lease = next(iter(first.held))
    grant = first.certificate()

    assert grant.certificate is not None
    assert (5_000, lease, None) == (grant.certificate.balance.minor, grant.lease, grant.elsewhere)
    told = first.tell(paid(words, "r1", name, 8_000, lease=lease, part=3_000))
    assert [""] == told
    assert (2_000, 0, 2_000) == tuple(
        one.minor for one in (certificate(centre).balance, certificate(centre).held, certificate(centre).leased)
    )


def test_money_wanted_elsewhere_is_asked_back(centre: Any, tills: list[Till], words: Any) -> None:
    """By a receipt, not by a look; the till that gave it up is not leased it again at once."""
    first, second = tills
    make(centre, words)
    first.certificate(uid=None)
    first.report()
    second.certificate(uid=None)
    assert () == first.report().recalled
    second.certificate()

    assert tuple(first.held) == first.report().recalled
    first.close()
    assert () == first.report().leases
    grant = second.certificate()
    assert grant.certificate is not None
    assert (10_000, None) == (grant.certificate.balance.minor, grant.elsewhere)


def test_a_certificate_whose_rest_is_lost_is_leased_whole(centre: Any, tills: list[Till], words: Any) -> None:
    """Or not at all: elsewhere it is all or nothing too."""
    first, second = tills
    name = make(centre, words, burns=True)
    first.certificate(uid=None)
    first.report()

    assert [(name, 10_000)] == first.of(ValueKind.CERTIFICATE)
    assert "certificate_elsewhere" == second.certificate().reason
    first.close()
    second.certificate()
    first.certificate(uid=None)
    assert () == first.report().leases


def test_a_till_can_know_the_code_and_the_pin_again(centre: Any, tills: list[Till], words: Any) -> None:
    """By slow hashes; the code itself is nowhere."""
    first, _ = tills
    make(centre, words, pin="2580")
    first.certificate(uid=None, pin="1111")
    first.certificate(uid=None, pin="2580")
    signed = first.report().leases[0]
    terms = signed.lease.terms

    assert terms is not None
    assert ("****0001", PIN_FAILURES_MAX) == (terms.mask, terms.pin_tries)
    assert [True, False, True] == [
        slow_matches("GIFT00000001", terms.check),
        slow_matches("GIFT00000002", terms.check),
        slow_matches("2580", terms.pin),
    ]
    assert "00000001" not in codec.encode(signed).decode()


def test_wrong_pins_told_without_a_line_count(centre: Any, tills: list[Till], words: Any) -> None:
    """Three there and two here are five."""
    first, second = tills
    make(centre, words, pin="2580")
    first.certificate(uid=None, pin="2580")
    first.report()
    lease = next(iter(first.held))
    first.tell(*(CertificatePinWrong(lease=lease) for _ in range(3)))
    for _ in range(2):
        second.certificate(pin="1111")

    assert "certificate_locked" == second.certificate(pin="2580").reason
    assert ["a wrong PIN under a lease that is not known here (x)"] == first.tell(CertificatePinWrong(lease="x"))
    assert (lease,) == first.report().recalled


def test_a_blocked_certificate_is_asked_back(centre: Any, tills: list[Till], words: Any) -> None:
    """And not leased again."""
    first, _ = tills
    make(centre, words)
    first.certificate(uid=None)
    first.report()
    with centre.database.write() as connection:
        block_certificate(connection, CODE, blocked=True, now=centre.now)

    assert tuple(first.held) == first.report().recalled
    first.close()
    centre.now += timedelta(days=1)
    assert () == first.report().leases


def test_a_hold_of_a_till_that_reports_ends_when_the_till_says_so(centre: Any, tills: list[Till], words: Any) -> None:
    """Without a line it may still be paid with; one the till never heard of is freed by a later report."""
    first, second = tills
    make(centre, words)
    first.report()
    first.certificate()
    centre.now += timedelta(hours=1)
    first.report(holds=(HeldMoney(receipt_uid="r1", certificate=certificate(centre).id, amount=10_000),))
    first.report(holds=(HeldMoney(receipt_uid="r1", certificate=certificate(centre).id, amount=10_000),))
    assert "certificate_held" == second.certificate().reason
    first.tell(HoldReleased(receipt_uid="r1", hold="h-t1-r1"))
    assert second.certificate().certificate is not None

    second.report()
    centre.now += timedelta(hours=1)
    second.report()
    assert "certificate_held" == first.certificate(uid="r2").reason
    second.report()
    assert first.certificate(uid="r2").certificate is not None


# ── Answers that are lost, tills that come back, centres that were restored ────────────────────


def test_a_lost_answer_is_made_good_by_the_next_report(centre: Any, tills: list[Till]) -> None:
    """As long as the till has all sent: what is on its way may say that the lease is over."""
    first, _ = tills
    give_anna(centre, "A-1")
    first.report(lost=True)

    assert () == first.report(last=first.sent + 1).leases
    assert [("A-1", 1)] == [(one.lease.thing, one.lease.amount) for one in first.report().leases]


def test_what_a_till_that_was_installed_anew_held_is_free_in_time(centre: Any, tills: list[Till], words: Any) -> None:
    """It holds nothing, all it wrote is here, and an hour has passed: nothing is still on its way."""
    first, second = tills
    give_anna(centre, "A-1")
    make(centre, words)
    first.certificate(uid=None)
    first.report()
    name = next(one.lease.id for one in first.held.values() if one.lease.kind is ValueKind.CERTIFICATE)
    first.tell(paid(words, "r-1", certificate(centre).id, 1_000, lease=name))
    first.held = {}
    centre.now += timedelta(hours=2)
    # What is left of the certificate's lease is not what its word says, so it is not told a second time.
    assert [ValueKind.COUPON] == [one.lease.kind for one in first.report(customers=()).leases]
    first.held = {}
    first.report(customers=(), wants=())

    assert 1 == len(second.coupons("A-1").leases)
    assert 4_000 == certificate(centre).leased.minor or certificate(centre).leased.minor == 0


def test_a_lease_lives_on_while_it_is_wanted(centre: Any, tills: list[Till]) -> None:
    """The same id, the same amount, a later end; half a life before its end."""
    first, _ = tills
    give_anna(centre, "A-1")
    before = first.report().leases[0].lease
    centre.now += timedelta(days=4)
    after = first.report().leases[0].lease

    assert (before.id, before.amount, 2) == (after.id, after.amount, after.sequence)
    assert before.expires_at + timedelta(days=4) == after.expires_at
    centre.now += timedelta(days=4)
    assert () == first.report(customers=()).leases


def test_a_restored_centre_promises_nothing_until_every_till_has_spoken(
    centre: Any, tills: list[Till], words: Any
) -> None:
    """The leases of after the back-up are in the tills' hands; the centre learns them from their signatures."""
    first, second = tills
    give_anna(centre, "A-1", "A-2")
    make(centre, words)
    first.certificate(uid=None)
    first.report()
    second.report()
    with centre.database.write() as connection:
        connection.execute(delete(schema.value_lease))
        new_instance(connection)

    assert {"A-1": "coupon_restoring"} == second.coupons("A-1").refused
    assert "certificate_restoring" == second.certificate().reason
    second.settle()
    second.report()
    assert {"A-1": "coupon_restoring"} == second.coupons("A-1").refused
    first.settle()
    assert () == first.report().leases
    assert {"A-1": "coupon_elsewhere"} == second.coupons("A-1").refused
    grant = second.certificate()
    assert grant.certificate is not None
    assert 5_000 == grant.certificate.balance.minor


def test_a_restored_centre_learns_what_it_keeps_for_receipts(centre: Any, tills: list[Till], words: Any) -> None:
    """The hold was made after the back-up; the receipt may be closed without a line."""
    first, second = tills
    name = make(centre, words)
    first.certificate()
    with centre.database.write() as connection:
        connection.execute(delete(schema.certificate_hold))
        new_instance(connection)
    second.settle()
    second.report()
    first.settle()
    held = HeldMoney(receipt_uid="r1", certificate=name, amount=10_000)
    first.report(holds=(held,))

    assert "certificate_held" == second.certificate(uid="r2").reason
    first.tell(paid(words, "r1", name, 10_000))
    first.report(holds=(held,))
    assert "certificate_empty" == second.certificate(uid="r2").reason


def test_a_centre_learns_by_itself_that_it_was_restored(centre: Any, tills: list[Till]) -> None:
    """A till holds what is not here; from then on every till is waited for."""
    first, second = tills
    give_anna(centre, "A-1")
    first.report()
    second.report()
    with centre.database.write() as connection:
        connection.execute(delete(schema.value_lease))
    first.report()
    with centre.database.read() as connection:
        assert values_promise_nothing(connection, centre.now)

    assert {"A-1": "coupon_restoring"} == second.coupons("A-1").refused


def test_a_lease_nobody_signed_is_not_learned(centre: Any, tills: list[Till]) -> None:
    """It is asked back, and nobody waits for anything."""
    first, _ = tills
    give_anna(centre, "A-1")
    first.report()
    signed = next(iter(first.held.values()))
    forged = replace(signed, lease=replace(signed.lease, id="value:mine", amount=3))
    answer = first.report(held=(signed, forged))

    assert ("value:mine",) == answer.recalled
    with centre.database.read() as connection:
        assert not values_promise_nothing(connection, centre.now)


def test_a_person_lets_go_of_a_till_that_is_no_more(centre: Any, tills: list[Till], words: Any) -> None:
    """What it held is free; should it come back, it is told to give it up."""
    first, second = tills
    give_anna(centre, "A-1")
    make(centre, words)
    first.certificate(uid=None)
    first.report()
    with centre.database.write() as connection:
        assert 2 == release_values(connection, "t1")

    assert 1 == len(second.coupons("A-1").leases)
    assert 0 == certificate(centre).leased.minor
    assert set(first.held) == set(first.report().recalled)


def test_without_leases_ahead_a_coupon_is_leased_while_a_customer_waits(centre: Any, tills: list[Till]) -> None:
    """The rules say 0 days; on line two tills must not use one coupon all the same."""
    first, second = tills
    with centre.database.write() as connection:
        set_lease_rules(connection, LeaseRules(0, 50))
    give_anna(centre, "A-1")

    assert () == first.report().leases
    assert 1 == len(first.coupons("A-1").leases)
    assert {"A-1": "coupon_elsewhere"} == second.coupons("A-1").refused


def test_a_till_that_never_said_what_it_holds_waits(centre: Any, words: Any) -> None:
    """Its first report is a minute away; a centre restored meanwhile would not know to wait for it."""
    stranger = Till(centre, words.Pen("t2"))

    assert {"A-1": "coupon_restoring"} == stranger.coupons("A-1").refused


def test_leases_that_are_over_for_long_are_forgotten(centre: Any, tills: list[Till]) -> None:
    """Open ones never are: the till may still tell of a use."""
    first, _ = tills
    give_anna(centre, "A-1", "A-2")
    first.report()
    first.tell(LeasesClosed(leases=(next(iter(first.held)),)))

    def left(days: int) -> int:
        with centre.database.write() as connection:
            assert not prune_values(connection, centre.now + timedelta(days=days))
            return len(connection.execute(select(schema.value_lease)).all())

    assert [2, 1] == [left(90), left(365)]


def test_who_a_certificate_belongs_to_is_where_it_may_be_wanted(centre: Any, tills: list[Till], words: Any) -> None:
    """Whoever paid with it last; a till that anna comes to leases it though it was never shown there."""
    first, second = tills
    name = make(centre, words)
    sale = replace(paid(words, "r-1", name, 2_000), customer_id="anna")
    first.tell(sale)
    second.report()

    assert [(name, 4_000)] == second.of(ValueKind.CERTIFICATE)


def test_an_older_certificate_can_be_leased_once_it_was_shown(centre: Any, tills: list[Till], words: Any) -> None:
    """The centre does not have its code until then."""
    first, _ = tills
    make(centre, words)
    table = schema.certificate
    with centre.database.write() as connection:
        connection.execute(update(table).values(check_hash=None, customer="anna"))
    assert () == first.report().leases
    first.certificate(uid=None, code="gift 0000 0001")

    assert 1 == len(first.report().leases)
    with centre.database.read() as connection:
        assert slow_matches("GIFT00000001", connection.scalar(select(table.c.check_hash)) or "")


def test_people_see_what_is_held_and_what_was_used_too_often(
    centre: Any, tills: list[Till], words: Any, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command lists and releases; the operator's page has what is odd."""
    first, _ = tills
    give_anna(centre, "A-1", "A-2")
    make(centre, words)
    first.certificate(uid=None)
    first.report()
    lease = next(one.lease.id for one in first.held.values() if one.lease.thing == "A-1")
    first.tell(used(words, "r-1", "A-1", lease), used(words, "r-2", "A-1", lease))
    assert 0 == main(["leases", "list", "--database", database_url])
    listed = capsys.readouterr().out
    with centre.database.read() as connection:
        odd = overused_leases(connection)
        page = str(overspend_page([], [], [], odd, form_key="k"))

    assert "t1  anna  coupon A-2, until 2026-03-09 12:01 UTC" in listed
    assert "t1  -  certificate ****0001: 5000 of 5000 minor units left" in listed
    assert [(lease, 2)] == [(row.id, row.used) for row in odd]
    assert "Leases used beyond what they allow" in page
    assert lease in page
    assert 0 == main(["leases", "release", "t1", "--i-take-the-risk", "--database", database_url])
    assert "2 leases of t1 are free" in capsys.readouterr().out
