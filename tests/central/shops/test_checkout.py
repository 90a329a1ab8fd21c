"""The checkout on the centre's own data: one account with the tills, one effect for each receipt, nothing in memory."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import insert, update

from central import schema
from central.aliases import tills_behind
from central.changes import new_instance
from central.coupons import coupon_row
from central.restoration import unsettled_tills
from central.shops.values import end_stale_keeps
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven
from drivers.vocabulary.receipt import DocumentKind

DATABASES = ("sqlite", "postgresql")

WAIT_S = 5.0


@pytest.fixture
def bench(benches: Any) -> Any:
    return benches("moysklad")


def quoted(bench: Any, uid: str, *amounts: str, **more: Any) -> tuple[Any, contract.QuoteAnswer]:
    receipt = bench.receipt(uid, *amounts, coupons=more.pop("coupons", ()))
    more.setdefault("customer_id", "anna")
    return receipt, bench.checkout.quote(contract.QuoteRequest(receipt=receipt, **more), timeout_s=WAIT_S)


def sold(bench: Any, uid: str, *amounts: str, **more: Any) -> contract.ConfirmAnswer:
    receipt, quote = quoted(bench, uid, *amounts, **more)
    closed = bench.charged(receipt, quote)
    return bench.checkout.confirm(contract.ConfirmRequest(receipt=closed), timeout_s=WAIT_S)


def back(bench: Any, uid: str, base: str, *amounts: str) -> contract.RefundAnswer:
    receipt = bench.receipt(uid, *amounts, kind=DocumentKind.RETURN, base_uid=base)
    return bench.checkout.refund(contract.RefundRequest(receipt=receipt), timeout_s=WAIT_S)


def test_a_sale_with_points_and_its_partial_return(bench: Any) -> None:
    """1 000 less 5 % less 100 points is 850, which earns 85; the half of it back takes and gives the half."""
    done = sold(bench, "r-1", "600.00", "400.00", points=100)
    balance = bench.points()
    half = back(bench, "r-1-back", "r-1", "425.00")

    assert (100, 85) == (done.decision.spent[0].amount, done.decision.earned[0].amount)
    assert 400 - 100 + 85 == balance
    assert ({"bonus": 50}, {"bonus": 42}) == (half.points_given_back, half.points_taken_back)
    assert 385 + 50 - 42 == bench.points()
    assert {"r-1": "sale", "r-1-back": "return"} == bench.receipts()
    assert bench.told, "tills that wait must hear of it"


def test_everything_may_be_repeated(bench: Any) -> None:
    """Each answer was lost once: the same decision, one effect."""
    receipt, quote = quoted(bench, "r-1", points=100)
    _, again = quoted(bench, "r-1", points=100)
    closed = bench.charged(receipt, quote)
    first = bench.checkout.confirm(contract.ConfirmRequest(receipt=closed), timeout_s=WAIT_S)
    second = bench.checkout.confirm(contract.ConfirmRequest(receipt=closed), timeout_s=WAIT_S)
    back(bench, "r-1-back", "r-1", "850.00")
    repeated = back(bench, "r-1-back", "r-1", "850.00")

    assert quote == again
    assert (first.decision, first.claim_code, False, True) == (
        second.decision,
        second.claim_code,
        first.duplicate,
        second.duplicate,
    )
    assert (True, {"bonus": 100}) == (repeated.duplicate, repeated.points_given_back)
    assert 400 == bench.points()


def test_another_body_under_a_uid_is_refused_by_name(bench: Any) -> None:
    sold(bench, "r-1")
    for attempt in (
        lambda: bench.checkout.confirm(contract.ConfirmRequest(receipt=bench.receipt("r-1", "1.00")), timeout_s=WAIT_S),
        lambda: back(bench, "r-1", "r-1", "1.00"),
    ):
        with pytest.raises(CheckoutRefused) as refused:
            attempt()

        assert "different_body" == refused.value.code


def test_confirm_stands_alone(bench: Any) -> None:
    """A sale that nobody asked about earns on what was paid; the phone says whose it is."""
    receipt = bench.receipt("r-1", "200.00")
    done = bench.checkout.confirm(contract.ConfirmRequest(receipt=receipt, code="8 900 000-00-01"), timeout_s=WAIT_S)

    assert ("anna", 20, 420) == (done.customer_id, done.decision.earned[0].amount, bench.points())


def test_points_that_were_quoted_are_nobody_elses(bench: Any) -> None:
    """Two baskets at one moment: together they spend what there is, and a cancelled one frees its part."""
    quoted(bench, "r-1", "1000.00", points_max=True)
    _, second = quoted(bench, "r-2", "1000.00", points_max=True)
    held = bench.held()
    gone = bench.checkout.cancel(contract.CancelRequest(receipt_uid="r-1"), timeout_s=WAIT_S)
    nothing = bench.checkout.cancel(contract.CancelRequest(receipt_uid="r-1"), timeout_s=WAIT_S)

    assert 400 - 285 == second.decision.spent[0].amount
    assert 400 == held
    assert (True, False, 115) == (gone.cancelled, nothing.cancelled, bench.held())


def test_what_nobody_finished_is_free_in_time(bench: Any) -> None:
    quoted(bench, "r-1", "1000.00", points_max=True)
    bench.pass_s(1_000)
    _, second = quoted(bench, "r-2", "1000.00", points_max=True)

    assert 285 == second.decision.spent[0].amount


def test_a_closed_sale_is_not_quoted_or_cancelled(bench: Any) -> None:
    sold(bench, "r-1")
    for attempt in (
        lambda: quoted(bench, "r-1"),
        lambda: bench.checkout.cancel(contract.CancelRequest(receipt_uid="r-1"), timeout_s=WAIT_S),
        lambda: bench.checkout.hold(
            contract.HoldRequest(receipt_uid="r-1", customer_id="anna", unit="bonus", points=1), timeout_s=WAIT_S
        ),
    ):
        with pytest.raises(CheckoutRefused) as refused:
            attempt()

        assert "already_closed" == refused.value.code


def test_more_than_was_sold_does_not_come_back(bench: Any) -> None:
    sold(bench, "r-1", customer_id=None)
    with pytest.raises(CheckoutRefused) as refused:
        back(bench, "r-2", "r-1", "1000.01")

    assert "more_than_sold" == refused.value.code
    assert {"r-1": "sale"} == bench.receipts()


def test_a_return_waits_for_its_sale(bench: Any) -> None:
    """The clouds tell of both in any order."""
    early = back(bench, "r-1-back", "r-1", "1000.00")
    receipt = bench.receipt("r-1")
    bench.checkout.confirm(contract.ConfirmRequest(receipt=receipt, customer_id="anna"), timeout_s=WAIT_S)

    assert early.settled_by_centre
    assert 400 == bench.points()


def test_a_receipt_of_nobody_becomes_somebodys_once(bench: Any) -> None:
    sold(bench, "r-1", customer_id=None)
    given = bench.checkout.attach(contract.AttachRequest(receipt="r-1", code=bench_phone()), timeout_s=WAIT_S)
    again = bench.checkout.attach(contract.AttachRequest(receipt="r-1", customer_id="anna"), timeout_s=WAIT_S)

    assert ({"bonus": 100}, True, 500) == (given.earned, again.duplicate, bench.points())


def bench_phone() -> str:
    return "+79000000001"


def test_somebody_joins_and_is_found_at_once(bench: Any) -> None:
    """A second form with the same phone makes no second customer."""
    consent = ConsentGiven(purpose="loyalty", text_version="1", channel=ConsentChannel.DISPLAY)
    request = contract.EnrolCustomerRequest(phone="8 900 000-00-02", name="Boris K", consents=(consent,))
    made = bench.checkout.enrol(request, timeout_s=WAIT_S)
    known = bench.checkout.enrol(request, timeout_s=WAIT_S)
    found = bench.checkout.identify(contract.IdentifyRequest(code="+7 900 000 00 02"), timeout_s=WAIT_S)

    assert (contract.EnrolState.ENROLLED, contract.EnrolState.KNOWN) == (made.state, known.state)
    assert (made.customer_id, "Boris K.") == (found.customer.id, found.customer.name)
    assert [("loyalty", "shop:shop-1")] == [(row.purpose, row.till) for row in bench.rows("consent")]


def test_a_blocked_customer_is_shown_to_nobody(bench: Any) -> None:
    with bench.database.write() as connection:
        connection.execute(update(schema.customer).values(blocked=True))
    found = bench.checkout.identify(contract.IdentifyRequest(code="2900000000001"), timeout_s=WAIT_S)

    assert (contract.IdentifyState.BLOCKED, None) == (found.state, found.customer)


def test_a_coupon_of_one_use_is_kept_for_one_basket(bench: Any) -> None:
    """Shown for two baskets at once it lowers one; the other says why; closed, it is used up for tills too."""
    with bench.database.write() as connection:
        connection.execute(insert(schema.coupon), [coupon_row("WELCOME-1", "welcome", uses=1)])
    receipt, first = quoted(bench, "r-1", coupons=("WELCOME-1",))
    _, second = quoted(bench, "r-2", coupons=("WELCOME-1",))
    again = quoted(bench, "r-1", coupons=("WELCOME-1",))[1]
    bench.checkout.confirm(contract.ConfirmRequest(receipt=bench.charged(receipt, first)), timeout_s=WAIT_S)
    _, third = quoted(bench, "r-3", coupons=("WELCOME-1",))

    assert (100.0, 50.0, 50.0) == tuple(float(one.decision.discount.amount) for one in (first, second, third))
    assert first == again
    assert [1] == [row.used for row in bench.rows("coupon")]
    assert ["closed"] == [row.state for row in bench.rows("value_lease")]


def test_a_coupon_of_a_forgotten_basket_is_free_again(bench: Any) -> None:
    with bench.database.write() as connection:
        connection.execute(insert(schema.coupon), [coupon_row("WELCOME-1", "welcome", uses=1)])
    quoted(bench, "r-1", coupons=("WELCOME-1",))
    bench.pass_s(1_000)
    bench.database.writing(lambda connection: end_stale_keeps(connection, bench.now))
    _, second = quoted(bench, "r-2", coupons=("WELCOME-1",))

    assert "100.00" == second.decision.discount.amount


def test_a_quote_takes_the_name_of_its_sale(bench: Any) -> None:
    """A POS that names a receipt at its end: what was kept for the basket is kept for the sale."""
    receipt, quote = quoted(bench, "basket", points=100)
    carried = bench.checkout.carry_over("basket", "r-1", timeout_s=WAIT_S)
    again = bench.checkout.carry_over("basket", "r-1", timeout_s=WAIT_S)
    closed = bench.charged(bench.receipt("r-1"), quote)
    done = bench.checkout.confirm(contract.ConfirmRequest(receipt=closed), timeout_s=WAIT_S)

    assert (True, False) == (carried, again)
    assert (100, ["captured"]) == (done.decision.spent[0].amount, [row.state for row in bench.rows("hold")])
    assert receipt.uid not in bench.receipts()


def test_sales_of_one_shop_at_one_moment_all_count(bench: Any) -> None:
    """Eight threads close sales of one customer: one chain, eight effects."""
    failures: list[BaseException] = []

    def sell(uid: str) -> None:
        try:
            receipt = bench.receipt(uid, "100.00")
            bench.checkout.confirm(contract.ConfirmRequest(receipt=receipt, customer_id="anna"), timeout_s=WAIT_S)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=sell, args=(f"r-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [] == failures
    assert 400 + 8 * 10 == bench.points()
    assert list(range(1, 9)) == sorted(row.sequence for row in bench.rows("envelope"))


def test_a_till_is_told_of_a_sale_at_a_shop(bench: Any, words: Any) -> None:
    """What was spent on line is in the feed of every till, and a return of it at a till is settled."""
    centre = words.Centre(bench.database, bench.now)
    centre.enrol("t1")
    sold(bench, "r-1", points=100)
    pen = words.Pen()
    answer = centre.take(pen.write(words.refund("t1-back", "r-1", minor=85_000)))

    assert ["applied"] == [one.state.value for one in answer.verdicts]
    assert 400 == bench.points()


def test_nobody_waits_for_a_shop(bench: Any) -> None:
    """A rotation of the tenant key and a restored centre wait for tills; a shop holds nothing of its own."""
    sold(bench, "r-1", points=100)
    with bench.database.write() as connection:
        new_instance(connection)
        behind, silent = tills_behind(connection), unsettled_tills(connection, bench.now)
    _, quote = quoted(bench, "r-2", points=100)

    assert ([], []) == (behind, list(silent))
    assert 100 == quote.decision.spent[0].amount
