"""Documents of the Priority API as receipts: own captures, and money that adds up whatever comes."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.tills.priority import receipts, wire
from drivers.vocabulary import codec
from drivers.vocabulary.receipt import DocumentKind, Receipt

HERE = Path(receipts.__file__).parent / "captures"
PLACE = receipts.Place(currency="RUB", zone=ZoneInfo("Europe/Moscow"))
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CAPTURES = sorted(path for path in HERE.glob("*.json") if not path.name.endswith(".receipt.json"))


def as_receipt(data: bytes):
    request = wire.decode(data, wire.DocumentRequest)
    if request.action == "confirm":
        kind = DocumentKind.RETURN if request.type == "refundReceipt" else DocumentKind.SALE
        return receipts.closed(request, PLACE, kind=kind, now=NOW)
    return receipts.basket(request, PLACE)


def same_as_golden(receipt, golden: Path) -> None:
    told = json.dumps(codec.to_builtins(receipt), ensure_ascii=False, indent=1) + "\n"
    if os.environ.get("TILLPOINT_REMAKE"):
        golden.write_text(told, "utf-8", newline="\n")
    assert told == golden.read_text("utf-8")


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_captures_are_understood(capture: Path):
    same_as_golden(as_receipt(capture.read_bytes()), capture.with_suffix(".receipt.json"))


kopecks = st.integers(0, 10_000_00).map(lambda minor: minor / 100)
positions = st.builds(
    lambda price, quantity, total, off: {"price": price, "quantity": quantity, "totalAmount": total, "discardedAmount": off},
    kopecks, st.integers(1, 9_000).map(lambda steps: steps / 1000), kopecks, st.none() | kopecks,
)  # fmt: skip
payments = st.builds(
    lambda kind, mode, amount: {"type": kind, "mode": mode, "amount": amount},
    st.sampled_from(["cash", "creditCard", "bonus", "other", "new kind"]),
    st.sampled_from(["fiscal", "nonFiscal"]),
    kopecks,
)


@given(
    lines=st.lists(positions, min_size=1, max_size=6), paid=st.lists(payments, max_size=4), whole=st.none() | kopecks
)
def test_whatever_is_sent_the_receipt_adds_up_to_the_money(lines, paid, whole):
    """A Receipt that exists adds up; and its total is the fiscal money there was."""
    request = {
        "action": "confirm", "uid": "a", "positions": [{"index": place, **one} for place, one in enumerate(lines, 1)],
        "payments": paid, "discardedAmount": whole,
    }  # fmt: skip
    receipt = receipts.closed(
        wire.decode(json.dumps(request).encode(), wire.DocumentRequest), PLACE, kind=DocumentKind.SALE, now=NOW
    )
    fiscal = sum(round(one["amount"] * 100) for one in paid if one["mode"] == "fiscal")
    change = receipt.change.minor if receipt.change else 0

    if any(one["amount"] for one in paid):
        assert receipt.total.minor == fiscal - change
    elif whole or any(one["discardedAmount"] for one in lines):
        assert receipt.total.minor <= sum(round(one["totalAmount"] * 100) for one in lines)
    else:
        assert receipt.total.minor == sum(round(one["totalAmount"] * 100) for one in lines)
    assert [line.number for line in receipt.lines] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize(
    ("given_time", "told"),
    [
        ("2026-03-02T12:00:00.000+0300", "2026-03-02T12:00:00+03:00"),
        ("2026-03-02T12:00:00", "2026-03-02T12:00:00+03:00"),
        ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00+00:00"),
        ("вчера", None),
        ("", None),
    ],
)
def test_times(given_time, told):
    at = receipts.stated_time(wire.DocumentRequest(date_time=given_time), PLACE)

    assert told == (None if at is None else at.isoformat())


def test_a_cancelled_line_may_stay_with_quantity_0():
    lines = [
        {"index": 1, "price": 10, "quantity": 0, "totalAmount": 0},
        {"index": 2, "price": 10, "quantity": 1, "totalAmount": 10},
    ]
    request = wire.decode(json.dumps({"uid": "a", "positions": lines}).encode(), wire.DocumentRequest)

    assert receipts.indexes(request) == [2]
    assert str(receipts.basket(request, PLACE).total) == "10.00 RUB"


def test_without_payments_the_prices_say_whether_the_discount_is_off_already():
    def total(stated):
        line = {"index": 1, "price": 100, "quantity": 2, "totalAmount": stated, "discardedAmount": 20}
        request = wire.decode(json.dumps({"uid": "a", "positions": [line]}).encode(), wire.DocumentRequest)
        return str(receipts.closed(request, PLACE, kind=DocumentKind.RETURN, now=NOW).total)

    assert ("180.00 RUB", "180.00 RUB") == (total(200), total(180))


@pytest.mark.parametrize(
    ("told", "base"),
    [("{5A18-1}", "5a18-1"), ("  {5A18-1} ", "5a18-1"), ("the sale before", None), ("a" * 81, None), ("", None)],
)
def test_a_reference_that_cannot_be_a_receipts_name_costs_no_return(told, base):
    line = {"index": 1, "price": 10, "quantity": 1, "totalAmount": 10}
    request = wire.decode(
        json.dumps({"uid": "b", "referenceUid": told, "positions": [line]}).encode(), wire.DocumentRequest
    )
    receipt = receipts.closed(request, PLACE, kind=DocumentKind.RETURN, now=NOW)

    assert base == receipt.base_uid
    assert receipt == codec.decode(codec.encode(receipt), Receipt), "whoever reads the record takes it"
