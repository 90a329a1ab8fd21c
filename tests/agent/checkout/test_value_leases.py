"""Coupons and certificates in a till's hand: what counts without a line, by which clock, and what is given back."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agent.checkout.in_hand.certificates import recognise
from agent.checkout.in_hand.coupons import sign_coupon
from agent.loyalty import Programme, load
from agent.signatures import new_private_key, public_text, sign_with
from agent.snapshot import LinkState
from agent.till import Till
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec, facts
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.customer import CertificateFact, CouponFact, Customer
from drivers.vocabulary.decision import CertificateUsed
from drivers.vocabulary.leases import LeaseAnswer
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind
from drivers.vocabulary.signed import KeyRing
from drivers.vocabulary.value_leases import (
    VALUE_LEASE,
    CertificateTerms,
    CouponsGrant,
    CouponsWanted,
    SignedValueLease,
    ValueAnswer,
    ValueKind,
    ValueLease,
    slow_hash,
)
from tests.agent.test_till import WAIT_S, first

KEY = new_private_key()
CODE, BARE = "gift 0000-0001", "GIFT00000001"
CHECK, PIN = slow_hash(BARE, b"salt"), slow_hash("2580", b"salt")

PROGRAMME = """
version = 4
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
coupons.tea = { title = "Tea", uses = 1, back_on_return = true }

[[rules]]
id = "tea"
kind = "percent_discount"
percent = 10
when.coupons = ["tea"]
"""


@pytest.fixture
def till(rig: Any) -> Any:
    """A till without a line whose owner takes no risk; Anna holds two coupons of one use."""
    found = load(PROGRAMME.encode(), name="p.toml")
    assert isinstance(found, Programme), found
    coupons = tuple(CouponFact(code=serial, coupon="tea", uses=1) for serial in ("A-1", "A-2"))
    rig.tell([Customer(id="m-1", name="Anna P.", coupons=coupons)], reflects=0)
    reopen(rig)
    return rig


def reopen(rig: Any, *, link: LinkState = LinkState.OFFLINE) -> None:
    """As after a start of the agent."""
    rig.desk.close()
    rig.open()
    rig.desk.programme = load(PROGRAMME.encode(), name="p.toml")
    rig.desk.programmes._ring = KeyRing(serial=1, keys=(public_text(KEY),))
    rig.desk.rules = dataclasses.replace(rig.desk.rules, refuses_single_use=True)
    rig.desk.link_changed(link, "")


def lease(rig: Any, thing: str = "A-1", amount: int = 1, *, key: str = KEY, days: int = 7, **other: Any) -> Any:
    now: datetime = rig.clock.now()
    values = {
        "id": f"value:{thing}",
        "till": "t1",
        "kind": ValueKind.COUPON,
        "thing": thing,
        "amount": amount,
        "sequence": 1,
        "granted_at": now,
        "expires_at": now + timedelta(days=days),
        "customer_id": "m-1",
    }
    made = ValueLease(**values | other)
    return SignedValueLease(lease=made, signatures=(sign_with(codec.encode(made), VALUE_LEASE, key),))


def money(rig: Any, minor: int = 5_000, *, pin: str = "", burns: bool = False, **other: Any) -> Any:
    terms = CertificateTerms(mask="****0001", check=CHECK, currency="RUB", pin=pin, pin_tries=3, burns=burns)
    return lease(rig, "c-1", minor, kind=ValueKind.CERTIFICATE, customer_id="", terms=terms, **other)


def give(rig: Any, *leases: SignedValueLease, recalled: tuple[str, ...] = ()) -> None:
    """What the centre says now; its clock comes with the leases on points."""
    now = rig.clock.now()
    rig.desk.take_leases(LeaseAnswer(leases=(), recalled=(), server_time=now))
    rig.desk.take_values(ValueAnswer(leases=leases, recalled=recalled, server_time=now))


def ask(rig: Any, uid: str, code: str = "A-1", price: str = "200.00") -> contract.QuoteRequest:
    return contract.QuoteRequest(receipt=replace(rig.sale(uid, price), coupons=(code,)), customer_id="m-1")


def off(rig: Any, uid: str, code: str = "A-1") -> str:
    """What a coupon takes off, or why it takes nothing off."""
    decision = rig.desk.quote(ask(rig, uid, code)).decision
    if decision.discount.minor:
        return str(decision.discount)
    return next(one.code for one in decision.explanations if one.rule == "coupons")


def close(rig: Any, uid: str, code: str = "A-1") -> facts.ReceiptConfirmed:
    """Close as quoted; the fact that goes to the centre."""
    receipt = replace(rig.paid(uid, "200.00", "20.00"), coupons=(code,))
    rig.desk.confirm(contract.ConfirmRequest(receipt=receipt), source="api")
    return next(one for one in told(rig) if isinstance(one, facts.ReceiptConfirmed) and one.receipt.uid == uid)


def told(rig: Any) -> list[Any]:
    """Every fact in the outbox."""
    rows = rig.desk.store._run("SELECT kind, body FROM envelope ORDER BY position", ())
    return [codec.decode(body, facts.FACTS[kind]) for kind, body in rows]


def closed(rig: Any) -> list[str]:
    """Every lease this till has let go."""
    return [name for one in told(rig) if isinstance(one, facts.LeasesClosed) for name in one.leases]


# ── Coupons ─────────────────────────────────────────────────────────────────────────────────────


def test_only_a_coupon_in_the_tills_hand_counts_without_a_line(till: Any) -> None:
    """The fact names the lease, and the second receipt has none."""
    give(till, lease(till))

    assert ["20.00 RUB", "coupon_offline"] == [off(till, "r-1"), off(till, "r-2", "A-2")]
    assert {"value:A-1": 1} == close(till, "r-1").values
    assert "coupon_used" == off(till, "r-3")


@pytest.mark.parametrize(
    ("link", "takes", "expected"),
    [
        (LinkState.OFFLINE, True, "20.00 RUB"),
        (LinkState.OFFLINE, False, "coupon_offline"),
        (LinkState.UNKNOWN, False, "coupon_offline"),
        (LinkState.NOT_ENROLLED, False, "20.00 RUB"),
    ],
)
def test_what_is_not_in_hand_follows_the_owners_word(till: Any, link: LinkState, takes: bool, expected: str) -> None:
    """A till that belongs to no centre shares its coupons with nobody."""
    till.desk.rules = dataclasses.replace(till.desk.rules, refuses_single_use=not takes)
    till.desk.link_changed(link, "")

    assert expected == off(till, "r-1")


def test_a_coupon_under_a_lease_counts_where_the_owner_takes_the_risk_too(till: Any) -> None:
    """And is told under its lease."""
    till.desk.rules = dataclasses.replace(till.desk.rules, refuses_single_use=False)
    give(till, lease(till))
    off(till, "r-1")

    assert {"value:A-1": 1} == close(till, "r-1").values


def test_two_receipts_of_one_till_are_not_promised_one_coupon(till: Any) -> None:
    """Until the first is given up."""
    give(till, lease(till))

    assert ["20.00 RUB", "coupon_promised"] == [off(till, "r-1"), off(till, "r-2")]
    till.desk.cancel(contract.CancelRequest(receipt_uid="r-1"))
    assert "20.00 RUB" == off(till, "r-2")


def test_an_abandoned_receipt_gives_its_promise_up_after_a_day(till: Any) -> None:
    """Nobody will ever close it."""
    give(till, lease(till))
    off(till, "r-1")
    till.clock.forward(hours=25)
    till.desk.tick()

    assert "20.00 RUB" == off(till, "r-2")


def test_a_lease_ends_by_the_centres_clock(till: Any) -> None:
    """Whatever the wall clock says; and after a start of the machine no time is known."""
    give(till, lease(till, days=1))
    till.clock.machine_boot = "machine-2"
    assert "coupon_offline" == off(till, "r-1")
    till.clock.machine_boot = "machine-1"
    assert "20.00 RUB" == off(till, "r-1")
    till.desk.cancel(contract.CancelRequest(receipt_uid="r-1"))
    till.clock.forward(days=1)
    till.clock.wrong = timedelta(days=-3)

    assert "coupon_offline" == off(till, "r-2")


def test_what_was_promised_is_used_whatever_the_time_is(till: Any) -> None:
    """The quote was told; an end frees nothing at the centre."""
    give(till, lease(till, days=1))
    off(till, "r-1")
    till.clock.forward(days=2)

    assert {"value:A-1": 1} == close(till, "r-1").values


def test_a_use_survives_a_start_of_the_agent(till: Any) -> None:
    """Promise, lease and use are on disk; a word of the lease that comes again brings nothing back."""
    signed = lease(till)
    give(till, signed)
    off(till, "r-1")
    reopen(till)
    assert "coupon_promised" == off(till, "r-2")
    fact = close(till, "r-1")
    reopen(till)
    give(till, signed)

    assert {"value:A-1": 1} == fact.values
    assert () == till.desk.value_report().held


@pytest.mark.parametrize(
    "other",
    [{"key": new_private_key()}, {"till": "t2"}],
    ids=["signed by somebody else", "of another till"],
)
def test_a_lease_that_is_not_ours_is_worth_nothing(till: Any, other: Any) -> None:
    """Nobody makes one in the till's files."""
    give(till, lease(till, **other))

    assert "coupon_offline" == off(till, "r-1")


def test_a_return_makes_the_coupon_good_but_not_its_lease(till: Any) -> None:
    """Another till may be the next to hold it, so without a line it waits for the centre."""
    give(till, lease(till))
    off(till, "r-1")
    close(till, "r-1")
    back = replace(till.paid("b-1", "200.00", "20.00"), kind=DocumentKind.RETURN, base_uid="r-1", coupons=())
    till.desk.refund(contract.RefundRequest(receipt=back), source="api")

    assert "coupon_offline" == off(till, "r-2")
    give(till, lease(till, id="value:again"))
    assert "20.00 RUB" == off(till, "r-2")


# ── With the centre ─────────────────────────────────────────────────────────────────────────────


def grant(till: Any, *leases: Any, **more: Any) -> CouponsGrant:
    return CouponsGrant(server_time=till.clock.now(), leases=leases, **more)


def secured(till: Any, uid: str, word: Any, code: str = "A-1") -> tuple[list[str], str]:
    """(serials the centre is asked for, what the quote takes off or why nothing)."""
    request = ask(till, uid, code)
    answer = till.desk.quote(request)
    asked: CouponsWanted | None = till.desk.coupons_wanted(request, answer)
    if asked is None:
        return [], str(answer.decision.discount)
    answer, _ = till.desk.secure_coupons(request, (), asked, word)
    reasons = [one.code for one in answer.decision.explanations if one.rule == "coupons"]
    discount = str(answer.decision.discount)
    return [one.serial for one in asked.coupons], discount if answer.decision.discount.minor else reasons[0]


def test_with_a_line_the_centre_puts_the_coupon_into_the_tills_hand(till: Any) -> None:
    """It is asked for all the customer may use, and once; the line may be gone at the close."""
    till.desk.link_changed(LinkState.ONLINE, "")
    first_time = secured(till, "r-1", grant(till, lease(till), refused={"A-2": "coupon_elsewhere"}))
    again = secured(till, "r-1", None)
    till.desk.link_changed(LinkState.OFFLINE, "")

    assert (["A-1", "A-2"], "20.00 RUB") == first_time
    assert ([], "20.00 RUB") == again
    assert {"value:A-1": 1} == close(till, "r-1").values


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("coupon_elsewhere", "coupon_elsewhere"),
        ("coupon_used", "coupon_used"),
        ("coupon_restoring", "coupon_offline"),
        ("coupon_withdrawn", "coupon_unknown"),
    ],
)
def test_the_centres_no_is_said_in_words(till: Any, reason: str, expected: str) -> None:
    """And the quote goes on without the coupon."""
    till.desk.link_changed(LinkState.ONLINE, "")

    assert expected == secured(till, "r-1", grant(till, refused={"A-1": reason, "A-2": reason}))[1]


def test_a_centre_that_does_not_answer_is_as_good_as_none(till: Any) -> None:
    """The owner's word decides; a centre that leases no coupons is as it used to be."""
    till.desk.link_changed(LinkState.ONLINE, "")
    silent = secured(till, "r-1", None)[1]
    older = secured(till, "r-2", grant(till, leased=False))[1]
    till.desk.rules = dataclasses.replace(till.desk.rules, refuses_single_use=False)

    assert ["coupon_offline", "20.00 RUB"] == [silent, older]
    assert "20.00 RUB" == secured(till, "r-3", None)[1]


def test_a_forged_grant_puts_nothing_into_the_tills_hand(till: Any) -> None:
    """Whoever sits on the line has no key."""
    till.desk.link_changed(LinkState.ONLINE, "")

    assert "coupon_offline" == secured(till, "r-1", grant(till, lease(till, key=new_private_key())))[1]


def test_a_signed_coupon_is_asked_for_by_its_serial(till: Any) -> None:
    """The centre may never have heard of it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x05")
    import base64

    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    file = replace(till.desk.programme.file, coupon_keys={"shop": public})
    till.desk.programme = dataclasses.replace(till.desk.programme, file=file)
    code = sign_coupon(private, key="shop", serial="S-9", coupon="tea")
    till.desk.link_changed(LinkState.ONLINE, "")

    assert (["S-9", "A-1", "A-2"], "20.00 RUB") == secured(till, "r-1", grant(till, lease(till, "S-9")), code)
    assert {"value:S-9": 1} == close(till, "r-1", code).values


def test_what_is_recalled_is_given_up_but_not_under_a_receipt(till: Any) -> None:
    """The cashier elsewhere waits a minute; a promise stands."""
    give(till, lease(till), lease(till, "A-2"))
    off(till, "r-1")
    give(till, recalled=("value:A-1", "value:A-2"))

    assert ["value:A-2"] == closed(till)
    assert "coupon_offline" == off(till, "r-2", "A-2")
    close(till, "r-1")


def test_what_was_let_go_is_not_taken_again(till: Any) -> None:
    """An answer that was made before the centre heard of it is late."""
    signed = lease(till)
    give(till, signed)
    give(till, recalled=("value:A-1",))
    give(till, signed)

    assert "coupon_offline" == off(till, "r-1")
    assert () == till.desk.value_report().held
    depth = till.desk.store.depth()
    till.desk.store.settle(epoch=till.desk.store.epoch, through=depth.last_sequence)
    till.desk.value_report()
    assert [] == list(till.desk.store.scan("value_lease", ""))


def test_a_coupon_of_a_customer_who_does_not_come_is_given_up(till: Any) -> None:
    """One leased for somebody who bought something stays; what ended is given up too."""
    give(till, lease(till))
    off(till, "r-1")
    close(till, "r-1")
    give(till, lease(till, "A-2"), lease(till, "S-1", customer_id=""), money(till))
    report = till.desk.value_report()

    assert (["value:S-1"], ("m-1",)) == (closed(till), report.customers)
    assert {"value:A-2", "value:c-1"} == {one.lease.id for one in report.held}
    till.clock.forward(days=8)
    till.desk.value_report()
    assert {"value:S-1", "value:A-2", "value:c-1"} == set(closed(till))


def test_an_owner_who_wants_none_is_given_none(till: Any) -> None:
    """What there was is given up."""
    give(till, money(till))
    till.desk.rules = dataclasses.replace(till.desk.rules, leased=frozenset())

    assert ((), ()) == (till.desk.value_report().held, till.desk.value_report().wants)
    assert ["value:c-1"] == closed(till)


# ── Certificates ────────────────────────────────────────────────────────────────────────────────


def pay(
    rig: Any, uid: str, *grants: CertificateGrant | None, code: str = CODE, pin: str = "", price: str = "100.00"
) -> contract.QuoteAnswer:
    """A quote as the till makes it, from what the centre said of the codes."""
    codes = (contract.CertificateCode(code=code, pin=pin),)
    found = recognise(codes, grants, rig.desk.leased_certificates())
    judged = rig.desk.judge_pins(grants, found)
    receipt = rig.sale(uid, price)
    return rig.desk.quote(contract.QuoteRequest(receipt=receipt, certificate_codes=codes), judged)


def worth(answer: contract.QuoteAnswer) -> str:
    """What the certificate may pay, or why it pays nothing."""
    shown = answer.certificates[0]
    return str(shown.certificate.balance) if shown.certificate is not None else shown.refused


def by_centre(minor: int, lease_id: str = "value:c-1", **more: Any) -> CertificateGrant:
    fact = CertificateFact(code="c-1", balance=Money(minor, "RUB"))
    return CertificateGrant(mask="****0001", certificate=fact, hold="h-1", lease=lease_id, **more)


def settle(rig: Any, uid: str, price: str = "100.00") -> facts.ReceiptConfirmed:
    rig.desk.confirm(contract.ConfirmRequest(receipt=rig.sale(uid, price)), source="api")
    return next(one for one in told(rig) if isinstance(one, facts.ReceiptConfirmed) and one.receipt.uid == uid)


def test_a_certificate_in_the_tills_hand_pays_without_a_line(till: Any) -> None:
    """As far as the lease goes, over several receipts; the fact names the lease and the certificate."""
    give(till, money(till))
    assert "50.00 RUB" == worth(pay(till, "r-1", price="30.00"))
    first_sale = settle(till, "r-1", "30.00")
    assert "20.00 RUB" == worth(pay(till, "r-2"))
    second = settle(till, "r-2")

    assert ({"value:c-1": 3_000}, {"value:c-1": 2_000}) == (first_sale.values, second.values)
    used = [one for one in second.decision.effects if isinstance(one, CertificateUsed)]
    assert [("c-1", "20.00 RUB")] == [(one.code, str(one.amount)) for one in used]
    assert "certificate_offline" == worth(pay(till, "r-3"))


def test_another_code_is_not_in_the_tills_hand(till: Any) -> None:
    """Though it ends alike."""
    give(till, money(till))

    assert "certificate_offline" == worth(pay(till, "r-1", code="OTHER-0000-0001"))


def test_two_receipts_of_one_till_are_not_promised_the_same_money(till: Any) -> None:
    """The second gets what is left."""
    give(till, money(till))
    pay(till, "r-1", price="30.00")

    assert "20.00 RUB" == worth(pay(till, "r-2"))
    assert "certificate_held" == worth(pay(till, "r-3"))


def test_the_centres_part_and_the_tills_own_pay_together(till: Any) -> None:
    """The centre's first; what it kept for a receipt counts also when the line goes before the close."""
    give(till, money(till))
    till.desk.link_changed(LinkState.ONLINE, "")
    assert "80.00 RUB" == worth(pay(till, "r-1", by_centre(3_000), price="60.00"))
    till.desk.link_changed(LinkState.OFFLINE, "")
    assert "80.00 RUB" == worth(pay(till, "r-1", price="60.00"))
    assert [("r-1", "c-1", 3_000)] == [
        (one.receipt_uid, one.certificate, one.amount) for one in till.desk.value_report().holds
    ]

    assert {"value:c-1": 3_000} == settle(till, "r-1", "60.00").values
    assert "20.00 RUB" == worth(pay(till, "r-2"))


def test_one_certificate_shown_twice_pays_once(till: Any) -> None:
    """On one receipt, in whatever spelling."""
    give(till, money(till))
    codes = tuple(contract.CertificateCode(code=one) for one in (CODE, BARE))
    grants = till.desk.judge_pins((), recognise(codes, (), till.desk.leased_certificates()))
    answer = till.desk.quote(contract.QuoteRequest(receipt=till.sale("r-1", "100.00"), certificate_codes=codes), grants)

    assert "50.00 RUB" == str(answer.decision.total - answer.decision.payable)
    assert ["", "certificate_held"] == [one.refused for one in answer.certificates]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("certificate_blocked", "certificate_blocked"),
        ("certificate_elsewhere", "certificate_elsewhere"),
        ("certificate_restoring", "50.00 RUB"),
    ],
)
def test_the_centres_word_goes_before_the_lease(till: Any, reason: str, expected: str) -> None:
    """But a centre that promises nothing now takes nothing out of our hand."""
    give(till, money(till))
    till.desk.link_changed(LinkState.ONLINE, "")

    assert expected == worth(pay(till, "r-1", CertificateGrant(mask="****0001", reason=reason)))


def test_money_held_elsewhere_is_told(till: Any) -> None:
    """So that the cashier knows why it is less than the paper says."""
    till.desk.link_changed(LinkState.ONLINE, "")
    answer = pay(till, "r-1", by_centre(3_000, "", elsewhere=Money(2_000, "RUB")))

    assert ("30.00 RUB", "20.00 RUB") == (worth(answer), str(answer.certificates[0].elsewhere))


def test_a_certificate_that_burns_is_burned_under_its_lease(till: Any) -> None:
    """The rest of it is lost as it is with a line."""
    give(till, money(till, burns=True))
    pay(till, "r-1", price="30.00")

    assert {"value:c-1": 5_000} == settle(till, "r-1", "30.00").values
    assert "certificate_offline" == worth(pay(till, "r-2"))


def test_a_pin_is_asked_for_and_counted(till: Any) -> None:
    """Three wrong ones lock it here, each is told to the centre, and a right one forgives those before."""
    give(till, money(till, pin=PIN))
    said = [worth(pay(till, "r-1", pin=pin)) for pin in ("", "1111", "2222", "2580", "1111", "2222", "3333", "2580")]

    assert ["certificate_pin_needed", "certificate_pin_wrong", "certificate_pin_wrong", "50.00 RUB"] == said[:4]
    assert [*["certificate_pin_wrong"] * 3, "certificate_locked"] == said[4:]
    assert ["value:c-1"] * 5 == [one.lease for one in told(till) if isinstance(one, facts.CertificatePinWrong)]


@pytest.mark.parametrize(
    ("days", "expected"), [({"valid_until": -1}, "certificate_over"), ({"valid_from": 1}, "certificate_not_yet")]
)
def test_the_days_of_a_certificate_hold_without_a_line(till: Any, days: dict[str, int], expected: str) -> None:
    """As they do with one."""
    at = {name: till.clock.now() + timedelta(days=count) for name, count in days.items()}
    terms = replace(money(till).lease.terms, **at)
    give(till, lease(till, "c-1", 5_000, kind=ValueKind.CERTIFICATE, terms=terms))
    answer = pay(till, "r-1")

    assert "0.00 RUB" == str(answer.decision.total - answer.decision.payable)
    assert expected in {one.code for one in answer.decision.explanations}


# ── The whole till ──────────────────────────────────────────────────────────────────────────────


def test_the_till_asks_for_a_coupon_before_it_tells_the_quote(till: Any) -> None:
    """And tells the quote without it when another till holds it."""
    asked: list[CouponsWanted] = []

    def ask_coupons(wanted: CouponsWanted) -> CouponsGrant:
        asked.append(wanted)
        return grant(till, refused={one.serial: "coupon_elsewhere" for one in wanted.coupons})

    till.desk.link_changed(LinkState.ONLINE, "")
    running = Till(lambda: till.desk, ask_hold=lambda _: None, ask_coupons=ask_coupons, first=first())
    assert "" == running.start(WAIT_S)
    answer = running.quote(ask(till, "r-1"), timeout_s=WAIT_S)
    running.stop(WAIT_S)
    till.open()

    assert [["A-1", "A-2"]] == [[one.serial for one in wanted.coupons] for wanted in asked]
    assert "coupon_elsewhere" in {one.code for one in answer.decision.explanations}
    assert 0 == answer.decision.discount.minor


def test_the_till_takes_a_certificate_in_its_hand_when_nobody_answers(till: Any) -> None:
    """The code is known again on the asking thread."""
    give(till, money(till, pin=PIN))
    asked: list[CertificateWanted] = []
    running = Till(lambda: till.desk, ask_hold=lambda _: None, ask_certificate=asked.append, first=first())
    assert "" == running.start(WAIT_S)
    code = contract.CertificateCode(code=CODE, pin="2580")
    request = contract.QuoteRequest(receipt=till.sale("r-1", "100.00"), certificate_codes=(code,))
    answer = running.quote(request, timeout_s=WAIT_S)
    running.stop(WAIT_S)
    till.open()

    assert ([CODE], "50.00 RUB") == ([one.code for one in asked], worth(answer))
