"""A receipt of nobody becomes somebody's after the sale: by its fiscal QR, by our claim code, once, and only in time."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from agent.checkout.records import Closed, read
from agent.slips.text import words
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.claims import claim_code
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.facts import ReceiptAttached
from drivers.vocabulary.receipt import DocumentKind
from offline_queue.reader import OutboxReader

ANNA, BORIS = "2900000000018", "2900000000025"
UID = "f-9999078900004792-17-1234567890"


def qr(rig, *, total="200.00", document=17, moment=None, kind=1, memory="9999078900004792"):
    """The code on the fiscal receipt, in the shop's local time."""
    local = (moment or rig.clock.now()).astimezone(ZoneInfo("Europe/Moscow"))
    return f"t={local:%Y%m%dT%H%M}&s={total}&fn={memory}&i={document}&fp=1234567890&n={kind}"


def sell(rig, uid=UID, price="200", **more):
    """A sale of nobody."""
    return rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid(uid, price, "0"), **more), source="print:receipt")


def attach(rig, receipt, **more):
    return rig.desk.attach(contract.AttachRequest(receipt=receipt, **more))


def points(rig, code=ANNA):
    found = rig.desk.identify(contract.IdentifyRequest(code=code)).balances
    rig.desk.clear()
    return sum(one.available for one in found)


def told(rig):
    reader = OutboxReader.open(rig.folder / "till.db")
    try:
        return [(one.kind, one.body) for one in reader.batch(envelopes_max=100, bytes_max=1_000_000)]
    finally:
        reader.close()


def test_a_receipt_read_by_a_driver_is_found_by_its_fiscal_name(rig):
    """The customer comes back, the cashier scans the card and then the receipt: ten per cent of it is theirs."""
    sell(rig)
    rig.clock.forward(days=1)
    before = points(rig)
    answer = attach(rig, qr(rig, moment=rig.clock.now() - timedelta(days=1)), code=ANNA)

    assert (UID, "m-1", {"bonus": 20}, False) == (
        answer.receipt_uid,
        answer.customer_id,
        answer.earned,
        answer.duplicate,
    )
    assert before + 20 == points(rig)
    assert any("20" in line for line in answer.slip)


def test_the_centre_is_told_what_it_earned(rig):
    """With the sale's own decision, so that a return takes it back."""
    sell(rig)
    attach(rig, UID, customer_id="m-2")
    kind, body = told(rig)[-1]
    fact = codec.decode(body, ReceiptAttached)

    assert ("receipt.attached", "m-2", UID) == (kind, fact.customer_id, fact.receipt.uid)
    assert [20] == [effect.amount for effect in fact.decision.earned]


def test_points_expire_as_of_the_day_of_the_receipt(rig):
    """Coming late gives no longer life."""
    sell(rig)
    sold_at = rig.clock.now()
    rig.clock.forward(days=5)
    attach(rig, UID, code=BORIS)
    (lot,) = rig.desk.known("m-2").customer.lots

    assert timedelta(days=89) < lot.expires_at - sold_at < timedelta(days=91)


def test_a_receipt_counts_once(rig):
    """The same customer again hears the same; another one is refused."""
    sell(rig)
    first = attach(rig, UID, code=ANNA)
    again = attach(rig, qr(rig), code=ANNA)
    with pytest.raises(CheckoutRefused) as refused:
        attach(rig, UID, code=BORIS)

    assert (first.earned, True) == (again.earned, again.duplicate)
    assert "already_attached" == refused.value.code
    assert 1 == [kind for kind, _ in told(rig)].count("receipt.attached")
    assert 520 == points(rig)


def test_a_receipt_that_was_somebodys_stays_theirs(rig):
    """Bought with a card: there is nothing to add."""
    sell(rig, customer_id="m-2")
    with pytest.raises(CheckoutRefused) as refused:
        attach(rig, UID, code=ANNA)

    assert "already_attached" == refused.value.code


def test_a_return_takes_back_what_came_late(rig):
    """As if the card had been shown at once."""
    sell(rig)
    attach(rig, UID, code=BORIS)
    back = replace(rig.paid("back-1", "200", "0"), kind=DocumentKind.RETURN, base_uid=UID)
    answer = rig.desk.refund(contract.RefundRequest(receipt=back), source="api")

    assert {"bonus": 20} == answer.points_taken_back
    assert 0 == points(rig, BORIS)


def test_a_receipt_of_which_goods_came_back_earns_nothing(rig):
    """Nor does the return itself."""
    sell(rig)
    back = replace(rig.paid("back-1", "200", "0"), kind=DocumentKind.RETURN, base_uid=UID)
    rig.desk.refund(contract.RefundRequest(receipt=back), source="api")
    codes = []
    for receipt in (UID, "back-1", qr(rig, kind=2)):
        with pytest.raises(CheckoutRefused) as refused:
            attach(rig, receipt, code=ANNA)
        codes.append(refused.value.code)

    assert ["already_returned", "not_a_sale", "not_a_sale"] == codes


def test_after_two_weeks_it_is_too_late(rig):
    """And on the last day it is not."""
    sell(rig)
    rig.clock.forward(days=14)
    assert {"bonus": 20} == attach(rig, UID, code=ANNA).earned
    sell(rig, uid="r-2")
    rig.clock.forward(days=14, seconds=1)
    with pytest.raises(CheckoutRefused) as refused:
        attach(rig, "r-2", code=ANNA)

    assert "too_late" == refused.value.code


def test_a_receipt_without_its_fiscal_name_is_found_by_time_and_total(rig):
    """A printer that is read as text tells no fiscal memory; the minute and the sum do, when only one receipt fits."""
    sell(rig, uid="p-1")
    rig.clock.forward(minutes=10)
    sell(rig, uid="p-2")
    sell(rig, uid="p-3", price="300")
    first = qr(rig, moment=rig.clock.now() - timedelta(minutes=9))

    assert "p-1" == attach(rig, first, code=ANNA).receipt_uid
    assert "p-3" == attach(rig, qr(rig, total="300.00"), code=ANNA).receipt_uid


@pytest.mark.parametrize(
    "more",
    [
        {"total": "200.01"},
        {"moment_after": timedelta(minutes=-4)},
        {"moment_after": timedelta(days=400)},
    ],
)
def test_a_receipt_that_fits_none_is_unknown(rig, more):
    """Another sum, another time: nothing is guessed."""
    sell(rig, uid="p-1")
    after = more.pop("moment_after", timedelta())
    with pytest.raises(CheckoutRefused) as refused:
        attach(rig, qr(rig, moment=rig.clock.now() + after, **more), code=ANNA)

    assert "unknown_receipt" == refused.value.code


def test_two_that_fit_are_unknown_too(rig):
    """One sum twice within minutes: which one it is, nobody can know; the claim code tells them apart."""
    sell(rig, uid="p-1")
    sell(rig, uid="p-2")
    with pytest.raises(CheckoutRefused) as refused:
        attach(rig, qr(rig), code=ANNA)

    assert "unknown_receipt" == refused.value.code
    assert "p-2" == attach(rig, claim_code("t1", "p-2").lower(), code=ANNA).receipt_uid


def test_without_a_customer_nothing_happens(rig):
    """Nobody at the till, or a card nobody knows."""
    sell(rig)
    for more in ({}, {"code": "2900000000094"}):
        with pytest.raises(CheckoutRefused) as refused:
            attach(rig, UID, **more)
        assert "no_customer" == refused.value.code

    assert read(rig.desk.store, "closed", UID, Closed).customer_id is None


def test_a_scanned_receipt_goes_to_the_customer_at_the_till(rig):
    """First the card, then the receipt: two scans, and the cashier reads what became of it."""
    sell(rig)
    text = qr(rig)
    say, notices, states = words("en"), [], []
    for code in (text, ANNA, text, text, BORIS, text):
        states.append(rig.desk.identify(contract.IdentifyRequest(code=code, presented=True)).state)
        notices.append(rig.desk.notice)

    taken = say["receipt_attached"].format(points="20")
    assert [say["receipt_who_first"], "", taken, taken, "", say["receipt_taken"]] == notices
    assert [contract.IdentifyState.RECEIPT] * 4 == [
        state for state in states if state is not contract.IdentifyState.FOUND
    ]
    assert "m-2" == rig.desk.current.customer_id


def test_a_pos_that_asks_about_its_own_receipt_gives_nothing_away(rig):
    """With a receipt uid the question is about another receipt."""
    sell(rig)
    rig.desk.identify(contract.IdentifyRequest(code=ANNA, presented=True))
    answer = rig.desk.identify(contract.IdentifyRequest(code=qr(rig), presented=True, receipt_uid="r-9"))

    assert contract.IdentifyState.RECEIPT is answer.state
    assert read(rig.desk.store, "closed", UID, Closed).customer_id is None


def test_every_reason_has_its_sentence_in_every_language():
    """And none is longer than the bar of the panel."""
    keys = [key for key in words("en") if key.startswith(("receipt_", "code_"))]
    for language in ("en", "ru", "th"):
        assert [] == [key for key in keys if len(words(language)[key]) > 45 and language != "th"]
