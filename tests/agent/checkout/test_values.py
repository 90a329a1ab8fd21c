"""What is shown at the till beside our own card: a partner's card, a certificate's code, points that are given away."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from agent.checkout.codes.recogniser import CardPattern, Recogniser
from agent.checkout.records import Closed, Open, read
from agent.loyalty import Programme, load
from agent.snapshot import LinkState
from agent.till import Till
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec, phones
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.customer import CertificateFact, CouponFact, Customer
from drivers.vocabulary.decision import CertificateUsed
from drivers.vocabulary.facts import HoldReleased
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind
from tests.agent.test_till import WAIT_S, first

PROGRAMME = """
version = 4
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
units.bonus = { worth = "1.00 RUB" }
coupons.tea = { title = "Tea", uses = 1 }
coupons.next = { title = "Next" }
partners.azs = { title = "Fuel Club" }

[[rules]]
id = "fuel"
kind = "percent_discount"
percent = 5
when.partners = ["azs"]

[[rules]]
id = "tea"
kind = "percent_discount"
percent = 10
when.coupons = ["tea"]

[[rules]]
id = "next"
kind = "issue_coupon"
coupon = "next"
when.customer = "identified"

[[rules]]
id = "gift"
kind = "donate_points"
unit = "bonus"
fund = "Children"
"""

PATTERNS = (
    CardPattern(name="fuel", pattern="7001[0-9]{6}", partner="azs"),
    CardPattern(name="bank", pattern="7002[0-9]{6}", partner="bank"),
)


@pytest.fixture
def desk(rig: Any) -> Any:
    """A desk with the programme above, and patterns of two partners of whom one takes part."""
    found = load(PROGRAMME.encode(), name="p.toml")
    assert isinstance(found, Programme), found
    rig.desk.programme = found
    rig.desk.recogniser = Recogniser(PATTERNS, normalise_phone=partial(phones.normalise, region="RU"))
    rig.desk.link = LinkState.ONLINE
    return rig.desk


def off(desk: Any, rig: Any, uid: str) -> str:
    return str(desk.quote(contract.QuoteRequest(receipt=rig.sale(uid, "100.00"))).decision.discount)


# ── Partners ────────────────────────────────────────────────────────────────────────────────────


def test_a_partners_card_counts_though_nobody_is_known(desk: Any, rig: Any) -> None:
    """Its title is told, the discount is given, and the next customer has none."""
    answer = desk.identify(contract.IdentifyRequest(code="7001000001", presented=True))
    quoted = off(desk, rig, "r-1")
    rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "5")), source="api")

    assert (contract.IdentifyState.PARTNER, "Fuel Club", None) == (answer.state, answer.partner, answer.customer)
    assert ["5.00 RUB", "0.00 RUB"] == [quoted, off(desk, rig, "r-2")]


def test_a_partners_card_shown_for_a_receipt_belongs_to_it(desk: Any, rig: Any) -> None:
    """Also when the screen was cleared in between."""
    desk.identify(contract.IdentifyRequest(code="7001000001", presented=True, receipt_uid="r-1"))
    desk.clear()

    assert ["5.00 RUB", "0.00 RUB"] == [off(desk, rig, "r-1"), off(desk, rig, "r-2")]


def test_a_card_that_does_not_take_part_has_its_own_word(desk: Any, rig: Any) -> None:
    """The cashier reads a sentence, nothing is attached."""
    answer = desk.identify(contract.IdentifyRequest(code="7002000001", presented=True))

    assert contract.IdentifyState.NOT_TAKING_PART == answer.state
    assert "This card does not take part here" == desk.notice
    assert "0.00 RUB" == off(desk, rig, "r-1")


def test_a_partners_card_and_our_own_both_count(desk: Any, rig: Any) -> None:
    """In either order."""
    for codes in (("7001000001", "+79000000002"), ("+79000000002", "7001000001")):
        for code in codes:
            desk.identify(contract.IdentifyRequest(code=code))
        quoted = desk.quote(contract.QuoteRequest(receipt=rig.sale(f"r-{codes[0]}", "100.00")))

        assert ("m-2", "5.00 RUB") == (quoted.customer_id, str(quoted.decision.discount))

        desk.clear()


def test_a_birthday_reaches_rules_and_nobody_else(desk: Any, rig: Any) -> None:
    """Neither the answer nor the panel holds it."""
    rig.tell([Customer(id="m-1", name="Anna P.", birthday="02-29")], reflects=0)
    answer = desk.identify(contract.IdentifyRequest(code="+79000000001"))

    assert "02-29" == desk.known("m-1").customer.birthday
    assert b"02-29" not in codec.encode(answer) + codec.encode(desk.snapshot(1))


# ── Donations ───────────────────────────────────────────────────────────────────────────────────


def test_donated_points_leave_the_balance_and_stay_away_on_a_return(desk: Any, rig: Any) -> None:
    """A donation pays nothing and is final."""
    request = contract.QuoteRequest(receipt=rig.sale("r-1", "100.00"), customer_id="m-1", donate=30)
    quoted = desk.quote(request)
    desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0"), customer_id="m-1"), source="api")
    sold = desk.known("m-1").balances(rig.clock.now())[0].available
    back = rig.sale("x-1", "100", kind=DocumentKind.RETURN, base_uid="r-1")
    desk.refund(contract.RefundRequest(receipt=back), source="api")

    assert [("Children", 30)] == [(one.fund, one.amount) for one in quoted.decision.donated]
    assert [470, 470] == [sold, desk.known("m-1").balances(rig.clock.now())[0].available]


def test_no_more_is_donated_than_the_till_may_spend(desk: Any, rig: Any) -> None:
    """Without a line the cap counts for gifts too."""
    desk.link = LinkState.OFFLINE
    request = contract.QuoteRequest(receipt=rig.sale("r-1", "100.00"), customer_id="m-1", donate=300)

    assert [100] == [one.amount for one in desk.quote(request).decision.donated]


# ── Certificates by their code ──────────────────────────────────────────────────────────────────


def grant(minor: int = 8_000) -> CertificateGrant:
    fact = CertificateFact(code="0f" * 16, balance=Money(minor, "RUB"))
    return CertificateGrant(mask="****0001", certificate=fact, hold="h-1")


def by_code(rig: Any, uid: str = "r-1") -> contract.QuoteRequest:
    shown = (contract.CertificateCode(code="GIFT-0000-0001", pin="4321"),)
    return contract.QuoteRequest(receipt=rig.sale(uid, "100.00"), certificate_codes=shown)


def test_a_certificate_pays_under_the_name_the_centre_gave(desk: Any, rig: Any) -> None:
    """Its code is in no document of the till."""
    quoted = desk.quote(by_code(rig), (grant(),))
    sold = rig.sale("r-1", "100.00")
    desk.confirm(contract.ConfirmRequest(receipt=sold, decision_mark=quoted.decision_mark), source="api")
    closed = read(desk.store, "closed", "r-1", Closed)
    envelopes = desk.store.by_mark("receipt:r-1")

    assert "20.00 RUB" == str(quoted.payable)
    assert ["****0001"] == [one.mask for one in quoted.certificates]
    assert closed is not None
    assert [8_000] == [one.amount.minor for one in closed.decision.effects if isinstance(one, CertificateUsed)]
    assert b"GIFT" not in codec.encode(closed) + b"".join(bytes(one.body) for one in envelopes)


def test_without_a_line_a_certificate_is_refused_with_its_own_word(desk: Any, rig: Any) -> None:
    """And the sale goes on without it."""
    quoted = desk.quote(by_code(rig))

    assert [("****0001", "certificate_offline")] == [(one.mask, one.refused) for one in quoted.certificates]
    assert "100.00 RUB" == str(quoted.payable)


def test_the_centres_reason_is_passed_on(desk: Any, rig: Any) -> None:
    """A wrong PIN, say."""
    quoted = desk.quote(by_code(rig), (CertificateGrant(mask="****0001", reason="certificate_pin_wrong"),))

    assert ["certificate_pin_wrong"] == [one.refused for one in quoted.certificates]


def test_a_cancel_frees_the_certificate(desk: Any, rig: Any) -> None:
    """The centre hears of it with the next envelopes."""
    desk.quote(by_code(rig), (grant(),))
    opened = read(desk.store, "checkout", "r-1", Open)
    desk.cancel(contract.CancelRequest(receipt_uid="r-1"))
    told = [codec.decode(bytes(one.body), HoldReleased) for one in desk.store.by_mark("receipt:r-1")]

    assert opened is not None
    assert [HoldReleased(receipt_uid="r-1", hold="h-1")] == told


def test_money_of_a_return_goes_back_to_the_certificate_first(desk: Any, rig: Any) -> None:
    """The answer says how much is not handed out."""
    quoted = desk.quote(by_code(rig), (grant(),))
    sold = rig.sale("r-1", "100.00")
    desk.confirm(contract.ConfirmRequest(receipt=sold, decision_mark=quoted.decision_mark), source="api")
    back = rig.sale("x-1", "100", kind=DocumentKind.RETURN, base_uid="r-1")
    answer = desk.refund(contract.RefundRequest(receipt=back), source="api")

    assert [("0f" * 16, 8_000)] == [(one.code, one.amount.minor) for one in answer.certificates]


def test_the_centre_is_asked_before_the_till_thread_decides(rig: Any) -> None:
    """Each code once; after the first silence nothing more is asked."""
    asked: list[CertificateWanted] = []

    def ask(wanted: CertificateWanted) -> CertificateGrant | None:
        asked.append(wanted)
        return grant() if wanted.code == "GIFT-1" else None

    rig.desk.close()
    till = Till(rig.open, ask_hold=lambda _: None, ask_certificate=ask, first=first())
    assert "" == till.start(WAIT_S)
    try:
        codes = tuple(contract.CertificateCode(code=code) for code in ("GIFT-1", "GIFT-2", "GIFT-3"))
        request = contract.QuoteRequest(receipt=rig.sale("r-1", "100.00"), certificate_codes=codes)
        answer = till.quote(request, timeout_s=WAIT_S)
    finally:
        till.stop(WAIT_S)
        rig.open()

    assert [("GIFT-1", "r-1"), ("GIFT-2", "r-1")] == [(one.code, one.receipt_uid) for one in asked]
    assert ["", "certificate_offline", "certificate_offline"] == [one.refused for one in answer.certificates]
    assert "GIFT" not in repr(asked) + repr(request.certificate_codes)


# ── What own sales did, before the centre tells it back ─────────────────────────────────────────


def test_facts_of_own_sales_count_at_once_and_a_return_undoes_them(desk: Any, rig: Any) -> None:
    """A coupon of one use, a coupon issued, a purchase: and nothing of it remains after the return."""
    carla = Customer(id="m-3", name="Carla R.", purchases=2, coupons=(CouponFact(code="H-1", coupon="tea"),))
    rig.tell([carla], reflects=0)
    desk.programme = desk.programme
    receipt = replace(rig.sale("r-1", "100.00"), coupons=("H-1",))
    desk.quote(contract.QuoteRequest(receipt=receipt, customer_id="m-3"))
    closed = replace(rig.paid("r-1", "100", "10"), coupons=("H-1",))
    desk.confirm(contract.ConfirmRequest(receipt=closed, customer_id="m-3"), source="api")
    sold = desk.known("m-3").customer
    second = desk.quote(
        contract.QuoteRequest(receipt=replace(rig.sale("r-2", "100.00"), coupons=("H-1",)), customer_id="m-3")
    )
    back = rig.sale("x-1", "90", kind=DocumentKind.RETURN, base_uid="r-1")
    desk.refund(contract.RefundRequest(receipt=back), source="api")
    after = desk.known("m-3").customer

    assert (3, [("tea", 1), ("next", 0)]) == (sold.purchases, [(one.coupon, one.used) for one in sold.coupons])
    assert "0.00 RUB" == str(second.decision.discount)
    assert (2, carla.coupons) == (after.purchases, after.coupons)
