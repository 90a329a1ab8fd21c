"""JSON tasks: exact numbers, whatever a till writes, and receipts out of them."""

from datetime import UTC
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from drivers.json_amounts import (
    BODY_SIZE_MAX,
    amount_of,
    minor_of,
    number_of,
    quantity_of,
    read_json,
    whole_of,
    write_json,
)
from drivers.printers.atol.pos_script import card_sale, exact, sale
from drivers.printers.atol.positions import read_sums
from drivers.printers.atol.receipts import moment_of, read_receipt
from drivers.printers.atol.tasks import TaskResult, read_error, read_request, read_results
from drivers.vocabulary.money import Quantity
from drivers.vocabulary.receipt import DocumentKind, TenderKind
from tests.agent.loyalty.soaking import prove

FISCAL = {
    "fiscalDocumentNumber": 17, "fiscalDocumentSign": "418789970", "fnNumber": "9999078900001111", "shiftNumber": 3,
    "fiscalDocumentDateTime": "2026-01-15T12:30:00+03:00", "fiscalReceiptNumber": 1,
}  # fmt: skip


def _read(task, **fiscal):
    result = TaskResult(status="ready", result={"fiscalParams": {**FISCAL, **fiscal}})
    return read_receipt(task, result, currency="RUB", zone=UTC, columns=48)


@prove(st.integers(-(10**13), 10**13))
def test_amounts_there_and_back(minor):
    assert minor == minor_of(read_json(write_json(amount_of(minor))), "x")


@prove(st.integers(1, 10**12))
def test_quantities_there_and_back(steps):
    assert Quantity(steps) == quantity_of(read_json(write_json(number_of(Quantity(steps)))), "x")


@pytest.mark.parametrize(
    ("text", "expected"), [("45.5", 4550), ("0.1", 10), ("1e2", 10_000), ("0.005", 1), ("2.675", 268), ('"7.10"', 710)]
)
def test_money_is_read_digit_by_digit(text, expected):
    assert expected == minor_of(read_json(text.encode()), "x")


@pytest.mark.parametrize("text", ["true", "null", '"x"', "[]", "1e400", "1e-400", '"NaN"', "9" * 30])
def test_what_is_no_money_is_refused(text):
    with pytest.raises(ValueError, match="price"):
        minor_of(read_json(text.encode()), "price")


@pytest.mark.parametrize(
    "body", [b"{oops", b"NaN", b"[" * 100_000, b"\xff\xfe\x00", b"9" * 6_000, b" " * (BODY_SIZE_MAX + 1)]
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(ValueError):
        read_json(body)
    assert read_request(body) is None
    assert read_results(body) is None
    assert read_error(body) == (0, "")


def test_an_old_till_writes_windows_text():
    assert read_json('{"a": "Хлеб"}'.encode("cp1251")) == {"a": "Хлеб"}
    assert read_json(b"\xef\xbb\xbf" + b'{"a": 1.10}') == {"a": Decimal("1.10")}


def test_one_task_or_several():
    assert read_request(b'{"uuid": "a", "request": {"type": "sell"}}').tasks == ({"type": "sell"},)
    assert len(read_request(b'{"uuid": "a", "request": [{}, 5]}').tasks) == 2
    assert read_request(b'{"uuid": "", "request": [{}]}') is None
    assert read_request(b'{"uuid": 5, "request": [{}]}') is None
    assert read_request(b'{"uuid": "a", "request": []}') is None
    assert read_request(b"[]") is None


def test_results_of_both_generations():
    new = read_results(b'{"results": [{"status": "error", "error": {"code": 44, "description": "x"}, "result": null}]}')
    old = read_results(b'{"results": [{"status": "error", "errorCode": 44, "errorDescription": "x"}]}')

    assert new == old == (TaskResult(status="error", error=44, description="x", result={}),)
    assert read_results(b'{"results": 5}') is None
    assert read_results(b'{"results": [5]}') == (TaskResult(status="", result={}),)


@prove(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["uuid", "request", "results", "type", "items", "price", "quantity", "amount", "payments", "sum", "total", "error", "status", "result", "fiscalParams"]), inner, max_size=5), max_leaves=20))  # fmt: skip
def test_whatever_a_till_sends_is_read_or_refused(value):
    body = write_json(value)
    request = read_request(body)
    read_results(body)
    for task in request.tasks if request is not None else ():
        _read({"type": "sell", **task})
    if isinstance(value, dict):
        document = _read({**value, "type": "sell"})

        assert (document.receipt is None) == bool(document.problems)


# ── Receipts ────────────────────────────────────────────────────────────────────────────────────


def test_a_sale_is_read():
    document = _read(sale())
    receipt = document.receipt

    assert document.problems == ()
    assert receipt.uid == "f-9999078900001111-17-418789970"
    assert [(line.name, line.price.minor, line.total.minor) for line in receipt.lines] == [
        ("Хлеб", 4550, 9000), ("Яблоки", 9000, 3159),
    ]  # fmt: skip
    assert receipt.lines[0].discount.minor == 100
    assert (receipt.total.minor, receipt.change.minor) == (12_159, 7_841)
    assert (receipt.shift, receipt.number, receipt.cashier) == (3, "17", "Кассир Первый")
    assert receipt.closed_at.isoformat() == "2026-01-15T12:30:00+03:00"


def test_a_rounded_total_is_an_adjustment():
    receipt = _read(card_sale()).receipt

    assert receipt.adjustment.minor == -98
    assert receipt.tenders[0].kind is TenderKind.CARD


def test_a_task_without_payments_and_total():
    task = sale()
    del task["payments"], task["total"]
    receipt = _read(task).receipt

    assert [(one.kind, one.amount.minor) for one in receipt.tenders] == [(TenderKind.CASH, 12_159)]
    assert receipt.change is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"fnNumber": ""}, "missing"),
        ({"fiscalDocumentSign": "x"}, "missing"),
        ({"total": 999}, "do not make"),
    ],
)
def test_what_does_not_add_up_says_why(change, expected):
    document = _read(sale(), **change)

    assert document.receipt is None
    assert document.kind is DocumentKind.SALE
    assert expected in document.problems[0]


@pytest.mark.parametrize("kind", ["buy", "buyReturn", "sellCorrection"])
def test_what_is_no_sale_is_told_as_such(kind):
    document = _read({**sale(), "type": kind})

    assert document.kind is DocumentKind.OTHER
    assert "nothing was sold" in document.problems[0]


def test_a_client_is_not_kept_with_the_task():
    document = _read({**sale(), "clientInfo": {"emailOrPhone": "+79000000001"}})

    assert b"9000000001" not in document.raw


@pytest.mark.parametrize(
    "mark",
    [
        {"imcParams": {"imc": "MDEwNDYwNjIwMzA5MDc4NTIxNTJDVW5x"}},
        {"markingCode": {"mark": "010460620309078521x"}},
        {"nomenclatureCode": {"gtin": "04606203090785", "serial": "x"}},
    ],
)
def test_marked_goods_say_their_barcode(mark):
    task = sale()
    task["items"][0].update(mark)

    assert _read(task).receipt.lines[0].barcode == "4606203090785"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], "no position"),
        ([{"type": "text", "text": "x"}], "no position"),
        (5, "no list"),
        ([{"price": 1, "quantity": 0, "amount": 1}], "above 0"),
        ([{"price": 1, "quantity": 1, "amount": "x"}], r"items\[0\].amount"),
        ([{}] * 3_000, "no list of at most"),
    ],
)
def test_positions_that_cannot_be_read(items, expected):
    with pytest.raises(ValueError, match=expected):
        read_sums({"type": "sell", "items": items})


@pytest.mark.parametrize("payments", [[5], [{"type": "cash"}], [{"type": "cash", "sum": -1}], [{}] * 99])
def test_payments_that_cannot_be_read(payments):
    with pytest.raises(ValueError, match="payment"):
        read_sums({**sale(), "payments": payments})


def test_an_amount_that_is_not_stated_is_worked_out():
    items = [{"price": 10, "quantity": "0.333"}, {"price": 10}]

    assert [one.amount for one in read_sums({"type": "sell", "items": items}).positions] == [333, 1000]


def test_ways_to_pay_by_name_and_number():
    names = ["cash", "0", "electronically", 1, "prepaid", "2", "credit", "3", "other", "4", "7", "bitcoin"]
    task = exact({**sale(), "payments": [{"type": name, "sum": 1} for name in names]})

    assert [payment.kind.value for payment in read_sums(task).payments] == [
        "cash", "cash", "card", "card", "prepaid", "prepaid", "credit", "credit", "other", "other", "other", "other",
    ]  # fmt: skip


def test_moments():
    assert moment_of("2026-01-15T12:30:00", UTC).isoformat() == "2026-01-15T12:30:00+00:00"
    assert moment_of("yesterday", UTC) is None
    assert moment_of(5, UTC) is None
    assert (whole_of("12"), whole_of(True), whole_of("x"), whole_of(None)) == (12, 0, 0, 0)
