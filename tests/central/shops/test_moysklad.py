"""МойСклад's Loyalty API against the real checkout of the centre: our own capture, the vendor's examples, bad input."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from central import schema
from central.certificate_desk import make_certificate
from drivers.tills.moysklad.receipts import document_uid
from drivers.vocabulary.money import Money

ROOM = Path("drivers/tills/moysklad")
HEADERS = {"lognex-discount-api-auth-token": "the-key"}


@pytest.fixture
def bench(benches: Any) -> Any:
    return benches("moysklad")


@pytest.fixture
def capture() -> dict[str, Any]:
    return json.loads((ROOM / "captures" / "sale.json").read_text("utf-8"), parse_float=Decimal)


def post(bench: Any, path: str, body: Any, **settings: Any) -> tuple[Any, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body, default=float).encode()
    return bench.ask(bench.door(**settings), "POST", path, data, headers=HEADERS)


def get(bench: Any, path: str, query: dict[str, str], **settings: Any) -> tuple[Any, Any]:
    return bench.ask(bench.door(**settings), "GET", path, headers=HEADERS, query=query)


def sold(bench: Any, capture: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """The capture's basket asked for and sold; (the answer about the basket, the answer to the sale)."""
    _, told = post(bench, "/retaildemand/recalc", capture["recalc"])
    total = sum(round(row["discountedPrice"] * row["quantity"] * 100 + 1e-9) for row in told["positions"]) / 100
    sale = {
        **capture["sale"],
        "retailStore": capture["recalc"]["retailStore"],
        "agent": capture["recalc"]["agent"],
        "positions": told["positions"],
        "bonusProgram": told["bonusProgram"],
        "noCashSum": total,
    }
    return told, post(bench, "/retaildemand", sale)[0]


def test_a_basket_comes_back_to_the_kopeck(bench: Any, capture: dict[str, Any]) -> None:
    """7 × 1.50 and 1.234 kg × 810.10 are 1 010.16; less 5 % less 100 points. Lines that no price divides are two rows."""
    _, told = post(bench, "/retaildemand/recalc", capture["recalc"])
    rows = told["positions"]
    paid = sum(
        (Decimal(str(one["discountedPrice"])) * Decimal(str(one["quantity"]))).quantize(Decimal("0.01")) for one in rows
    )
    program = told["bonusProgram"]

    assert Decimal("1010.16") - Decimal("50.51") - 100 - paid in {Decimal(0), Decimal("0.01"), Decimal("-0.01")}
    assert (400, 100, 100) == (
        program["agentBonusBalance"],
        program["bonusValueToSpend"],
        program["paidByBonusPoints"],
    )
    assert 400 - 100 + program["bonusValueToEarn"] == program["agentBonusBalanceAfter"]
    pieces = [one for one in rows if "sn" in one]
    assert 2 == len(pieces)
    assert [len(one["sn"]) for one in pieces] == [one["quantity"] for one in pieces]
    assert ["s1", "s2", "s3", "s4", "s5", "s6", "s7"] == [each["name"] for one in pieces for each in one["sn"]]
    assert "44444444-c0b6-11ee-0a80-06e100000001" == rows[-1]["pack"]["id"]
    assert capture["recalc"]["agent"] == told["agent"]


def test_a_golden_receipt_stands_beside_the_capture(bench: Any, capture: dict[str, Any]) -> None:
    """What the centre keeps of the sale, field by field."""
    told, reply = sold(bench, capture)
    (envelope,) = [row for row in bench.rows("envelope") if row.kind == "receipt.confirmed"]
    kept = json.loads(envelope.body)
    golden = ROOM / "captures" / "sale.receipt.json"
    text = json.dumps(kept["receipt"], ensure_ascii=False, indent=2) + "\n"
    if os.environ.get("TILLPOINT_REMAKE"):
        golden.write_text(text, "utf-8")

    assert (201, b"") == (reply.status, reply.body)
    assert golden.read_text("utf-8") == text
    assert "difference_minor" not in kept
    assert [kept["receipt"]["total"]] == [one["amount"] for one in kept["receipt"]["tenders"]]
    assert told["bonusProgram"]["agentBonusBalanceAfter"] == bench.points()


def test_a_sale_and_its_return_by_the_demand(bench: Any, capture: dict[str, Any]) -> None:
    """The return names its sale by the address alone, and its customer without meta; all points come back."""
    told, _ = sold(bench, capture)
    document = {
        **capture["return"],
        "retailStore": capture["recalc"]["retailStore"],
        "positions": told["positions"],
        "cashSum": 1,
        "noCashSum": 85_965,
    }
    first, _ = post(bench, "/retailsalesreturn", document)
    again, _ = post(bench, "/retailsalesreturn", document)

    assert (201, 201) == (first.status, again.status)
    assert 400 == bench.points()
    assert ["sale", "return"] == list(bench.receipts().values())


def test_the_sale_may_be_told_twice_and_no_basket_is_mixed_up(bench: Any, capture: dict[str, Any]) -> None:
    """The answer was lost: one effect. Another sale under its id is refused in the protocol's own form."""
    told, _ = sold(bench, capture)
    points = bench.points()
    sale = {
        **capture["sale"],
        "agent": capture["recalc"]["agent"],
        "retailStore": capture["recalc"]["retailStore"],
        "positions": told["positions"],
        "bonusProgram": told["bonusProgram"],
        "noCashSum": float(json.loads((ROOM / "captures" / "sale.receipt.json").read_text())["total"].split()[0]),
    }
    again, _ = post(bench, "/retaildemand", sale)
    other, problem = post(bench, "/retaildemand", {**sale, "positions": told["positions"][:1]})

    assert (201, points) == (again.status, bench.points())
    assert 412 == other.status
    assert "another content" in problem["errors"][0]["error_message"]


def test_points_are_kept_between_the_question_and_the_sale(bench: Any, capture: dict[str, Any]) -> None:
    """A second question replaces the first one's hold, and the sale uses it up: nothing is left kept."""
    post(bench, "/retaildemand/recalc", capture["recalc"])
    first = bench.held()
    capture["recalc"]["bonusProgram"]["preferredBonusToSpend"] = 50
    post(bench, "/retaildemand/recalc", capture["recalc"])
    second = bench.held()
    sold(bench, capture)

    assert (100, 50, 0) == (first, second, bench.held())


def test_without_a_wish_as_many_points_as_may_be(bench: Any, capture: dict[str, Any]) -> None:
    capture["recalc"]["bonusProgram"] = {"transactionType": "SPENDING"}
    _, told = post(bench, "/retaildemand/recalc", capture["recalc"], verify_spending=True)

    assert (287, True) == (told["bonusProgram"]["bonusValueToSpend"], told["needVerification"])


def test_joining_asks_for_a_code_and_then_makes_one_customer(bench: Any) -> None:
    """UNCHECKED → 412 with 28001 → a code to the phone → CHECKED → 201, and the consent says that it was by code."""
    settings = {"ask_code": True, "consent_purpose": "loyalty"}
    person = {
        "retailStore": {"meta": {"href": "h", "id": "s"}},
        "meta": {"href": "https://x/counterparty/syncid/77777777-0000-11e6-8a84-bae500000001"},
        "legalFirstName": "Boris",
        "legalLastName": "Kim",
        "phone": "8 (900) 000-00-02",
    }
    asked, problem = post(bench, "/counterparty", {**person, "statusCheck": "UNCHECKED"}, **settings)
    sent, code = post(bench, "/counterparty/verify", person, **settings)
    again, _ = post(bench, "/counterparty/verify", person, **settings)
    made, _ = post(bench, "/counterparty", {**person, "statusCheck": "CHECKED"}, **settings)
    twice, _ = post(bench, "/counterparty", {**person, "statusCheck": "CHECKED"}, **settings)
    _, found = get(bench, "/counterparty", {"search": "9000000002", "retailStoreId": "s"})
    _, detail = post(bench, "/counterparty/detail", {"meta": {"href": "h", "id": found["rows"][0]["id"]}})

    assert (412, 28001) == (asked.status, problem["errors"][0]["code"])
    assert ("+79000000002", code["verificationCode"], 60) == (sent.code_to, sent.code, code["timeForRepeat"])
    assert re.fullmatch(r"\d{6}", code["verificationCode"])
    assert len(code["messageForCashier"]) <= 140
    assert sent.code == again.code, "a repeated request is no second code"
    assert (201, 201) == (made.status, twice.status)
    assert [("loyalty", "code")] == [(row.purpose, row.channel) for row in bench.rows("consent")]
    assert ["Boris K."] == [row["name"] for row in found["rows"]]
    assert {"bonusProgram": {"agentBonusBalance": 0}} == detail


def test_nobody_joins_without_being_asked(bench: Any) -> None:
    """Without a consent in the settings a counterparty of theirs is no member of ours, and their till goes on."""
    reply, _ = post(bench, "/counterparty", {"meta": {"id": "x"}, "phone": "+79000000002", "statusCheck": "IGNORE"})

    assert 201 == reply.status
    assert ["anna"] == [row.id for row in bench.rows("customer")]


def test_a_gift_card_is_shown_and_pays_with_the_sale(bench: Any, capture: dict[str, Any]) -> None:
    with bench.database.write() as connection:
        make_certificate(connection, "GIFT-0001", Money(30_000, "RUB"), now=bench.now)
    _, shown = get(bench, "/giftcard", {"name": "GIFT-0001"})
    _, unknown = get(bench, "/giftcard", {"name": "GIFT-0009"})
    capture["recalc"]["bonusProgram"] = {"transactionType": "EARNING"}
    _, told = post(bench, "/retaildemand/recalc", capture["recalc"])
    total = round(sum(row["discountedPrice"] * row["quantity"] for row in told["positions"]), 2)
    sale = {
        **capture["sale"],
        "agent": capture["recalc"]["agent"],
        "positions": told["positions"],
        "bonusProgram": told["bonusProgram"],
        "noCashSum": round(total - 100, 2),
        "giftCards": [{"id": shown["id"], "name": "GIFT-0001", "paymentSum": 10_000}],
    }
    reply, _ = post(bench, "/retaildemand", sale)
    _, after = get(bench, "/giftcard", {"name": "GIFT-0001"})

    assert ("CAN_BE_USED", 30_000, "INVALID") == (shown["status"], shown["currentBalance"], unknown["status"])
    assert 201 == reply.status, reply.body.decode()
    assert 20_000 == after["currentBalance"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/retaildemand/recalc", b"", 400),
        ("/retaildemand/recalc", b'{"positions": [', 400),
        ("/retaildemand/recalc", '{"positions": "чек"}'.encode("cp1251"), 400),
        ("/retaildemand/recalc", b"[" * 100_000, 400),
        ("/retaildemand/recalc", b'{"positions": [{"assortment": {}, "quantity": NaN, "price": 1}]}', 400),
        ("/retaildemand/recalc", b'{"positions": [{"assortment": {}, "quantity": 0, "price": 1}]}', 400),
        ("/retaildemand/recalc", b'{"positions": [{"assortment": {}, "quantity": 1, "price": 1e999}]}', 400),
        ("/retaildemand/recalc", b'{"positions": [{"assortment": {}, "quantity": 1, "price": -5}]}', 400),
        ("/retaildemand/verify", b'{"phone": "nobody"}', 412),
        ("/no/such", b"{}", 404),
    ],
)
def test_bad_input_is_answered_in_the_protocols_own_form(bench: Any, path: str, body: bytes, status: int) -> None:
    reply, told = post(bench, path, body)

    assert status == reply.status
    assert {"error", "code", "error_message"} <= set(told["errors"][0])
    assert {} == bench.receipts()


def test_a_wrong_key_changes_nothing(bench: Any, capture: dict[str, Any]) -> None:
    data = json.dumps(capture["recalc"], default=float).encode()
    reply, told = bench.ask(bench.door(), "POST", "/retaildemand/recalc", data, headers={})

    assert (401, True) == (reply.status, bool(reply.trouble))
    assert told["errors"][0]["code"] == 1002
    assert 0 == bench.held()


def test_a_blocked_customer_buys_as_nobody(bench: Any, capture: dict[str, Any]) -> None:
    with bench.database.write() as connection:
        connection.execute(update(schema.customer).values(blocked=True))
    _, told = post(bench, "/retaildemand/recalc", capture["recalc"])

    assert (0, 0) == (told["bonusProgram"]["bonusValueToSpend"], told["bonusProgram"]["bonusValueToEarn"])


def test_the_vendors_examples_pass_with_the_right_status(bench: Any, samples: Path) -> None:
    """Each request of the official documentation's examples; the sale's sums there do not add up and are passed over."""
    folder = samples / "tills" / "moysklad"
    people = examples(folder / "loyalty_api_counterparty.examples.json")
    sales = examples(folder / "loyalty_api_retaildemand.examples.json")
    settings = {"consent_purpose": "loyalty"}
    statuses = {
        "register": post(bench, "/counterparty", people[0] | {"phone": "+7 900 000-00-03"}, **settings)[0].status,
        "search": get(bench, "/counterparty", {"search": "9000000003"})[0].status,
        "detail": post(bench, "/counterparty/detail", people[2])[0].status,
        "verify": post(bench, "/counterparty/verify", people[5], **settings)[0].status,
        "recalc": post(bench, "/retaildemand/recalc", sales[0])[0].status,
        "code": post(bench, "/retaildemand/verify", sales[2])[0].status,
        "sale": post(bench, "/retaildemand", sales[4])[0].status,
    }
    _, recalculated = post(bench, "/retaildemand/recalc", sales[0])
    store, name = sales[4]["retailStore"]["meta"]["id"], sales[4]["name"]
    uid = document_uid("ms", "", store=store, name=name, moment=sales[4]["moment"])

    assert {
        "register": 201, "search": 200, "detail": 200, "verify": 200, "recalc": 200, "code": 200, "sale": 201,
    } == statuses  # fmt: skip
    assert set(sales[1]) <= set(recalculated)
    assert set(sales[1]["bonusProgram"]) <= set(recalculated["bonusProgram"])
    assert set(sales[1]["positions"][0]) <= set(recalculated["positions"][0])
    assert {uid: "sale"} == bench.receipts()


def examples(path: Path) -> list[Any]:
    return [json.loads(one) for one in re.split(r"(?m)^// --- example \d+$", path.read_text("utf-8")) if one.strip()]
