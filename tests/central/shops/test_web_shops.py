"""Orders of web shops: signatures over raw bytes, deliveries that repeat, states in any order, points and coupons."""

from __future__ import annotations

import copy
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from central import schema
from central.coupons import coupon_row
from central.shops import inbox
from drivers.tills.bitrix import wire as bitrix
from drivers.tills.contract import HttpReply, HttpRequest
from drivers.tills.woocommerce import wire as woo

CAPTURE = Path("drivers/tills/woocommerce/captures/order.json")
WAIT_S = 5.0


@pytest.fixture
def bench(benches: Any) -> Any:
    return benches("woocommerce")


@pytest.fixture
def order() -> dict[str, Any]:
    return json.loads(CAPTURE.read_text("utf-8"))


def request_of(path: str, body: bytes, delivery: str = "d-1", **headers: str) -> HttpRequest:
    told = {"x-wc-webhook-signature": woo.sign(body, "the-key"), "x-wc-webhook-delivery-id": delivery}
    return HttpRequest(method="POST", path=path, headers=told | headers, body=body)


def tell(bench: Any, order: dict[str, Any], delivery: str = "", **settings: Any) -> tuple[HttpReply, Any]:
    """A webhook as the host carries it: answered, kept, done."""
    body = json.dumps(order, ensure_ascii=False).encode()
    request = request_of("/", body, delivery or str(hash(body)))
    door = bench.door(**settings)
    reply = door.answer(request, bench.checkout, now=bench.now, timeout_s=WAIT_S)
    worked = door.work(request, bench.checkout, now=bench.now, timeout_s=WAIT_S) if reply.later else None
    return reply, worked


def ask(bench: Any, **body: Any) -> dict[str, Any]:
    data = json.dumps(
        {"basket": "b-1", "phone": "+79000000001", "items": [{"id": "tea", "quantity": 2, "price": "500.00"}], **body}
    ).encode()
    reply = bench.door().answer(request_of("/quote", data), bench.checkout, now=bench.now, timeout_s=WAIT_S)
    assert 200 == reply.status, reply.body
    return json.loads(reply.body)


def test_a_paid_order_earns_and_its_golden_receipt_stands_beside_it(bench: Any, order: dict[str, Any]) -> None:
    """Goods of 1 000 and a delivery of 300: the goods earn, the delivery does not."""
    reply, worked = tell(bench, order)
    (envelope,) = bench.rows("envelope")
    text = json.dumps(json.loads(envelope.body)["receipt"], ensure_ascii=False, indent=2) + "\n"
    golden = CAPTURE.with_name("order.receipt.json")
    if os.environ.get("TILLPOINT_REMAKE"):
        golden.write_text(text, "utf-8")

    assert (200, "") == (reply.status, worked.refused)
    assert golden.read_text("utf-8") == text
    assert 500 == bench.points()


def test_points_and_coupons_count_on_line(bench: Any, order: dict[str, Any]) -> None:
    """1 000 less 5 %, less 50 for the coupon, less 100 points: 800, as a till would have it; both are used up."""
    with bench.database.write() as connection:
        connection.execute(insert(schema.coupon), [coupon_row("WELCOME-1", "welcome", uses=1)])
    told = ask(bench, points=100, coupons=["WELCOME-1"])
    held = bench.held()
    order["line_items"][0]["total"] = told["items"][0]["total"]
    order["shipping_lines"] = []
    order["total"] = told["payable"]
    order["coupon_lines"] = [{"code": "WELCOME-1"}]
    order["meta_data"] = [{"key": woo.BASKET, "value": told["token"]}]
    tell(bench, order)

    assert ("800.00", 100, "100.00") == (told["payable"], told["points"]["spent"], told["points"]["worth"])
    assert (100, 0) == (held, bench.held())
    assert 400 - 100 + 80 == bench.points()
    assert [1] == [row.used for row in bench.rows("coupon")]


def test_points_count_although_the_delivery_came_on_top(bench: Any, order: dict[str, Any]) -> None:
    """The page asked before the delivery was chosen: what was promised is spent, the difference is written down."""
    told = ask(bench, points=100)
    order["line_items"][0]["total"] = told["items"][0]["total"]
    order["total"] = "1150.00"
    order["meta_data"] = [{"key": woo.BASKET, "value": told["token"]}]
    tell(bench, order)
    (envelope,) = [row for row in bench.rows("envelope") if row.kind == "receipt.confirmed"]

    assert 30_000 == json.loads(envelope.body)["difference_minor"]
    assert ["spent"] == [row.reason for row in bench.rows("ledger") if row.amount == -100]


def test_states_may_come_again_and_in_any_order(bench: Any, order: dict[str, Any]) -> None:
    """placed → paid → repaid in part → repaid whole, each told twice and the first once more at the end."""
    states = []
    for status, refunds in (
        ("pending", []),
        ("processing", []),
        ("processing", [{"id": 900, "total": "-650.00"}]),
        ("refunded", [{"id": 900, "total": "-650.00"}]),
    ):
        states.append({**copy.deepcopy(order), "status": status, "refunds": refunds})
    points = []
    for state in (states[0], states[1], states[1], states[2], states[2], states[3], states[3], states[1], states[0]):
        tell(bench, state)
        points.append(bench.points())

    assert [400, 500, 500, 450, 450, 400, 400, 400, 400] == points
    assert ["return", "return", "sale"] == sorted(bench.receipts().values())


def test_an_order_that_is_cancelled_frees_what_was_kept(bench: Any, order: dict[str, Any]) -> None:
    told = ask(bench, points=100)
    order |= {"status": "cancelled", "meta_data": [{"key": woo.BASKET, "value": told["token"]}]}
    held = bench.held()
    tell(bench, order)

    assert (100, 0) == (held, bench.held())
    assert {} == bench.receipts()


def test_who_ticks_the_box_is_a_member_at_once(bench: Any, order: dict[str, Any]) -> None:
    order["billing"]["phone"] = "8 900 000-00-05"
    order["meta_data"] = [{"key": woo.JOIN, "value": "1"}]
    tell(bench, order, consent_purpose="loyalty")
    found = bench.checkout.identify(
        __import__("drivers.vocabulary.checkout", fromlist=["x"]).IdentifyRequest(code="+79000000005"),
        timeout_s=WAIT_S,
    )

    assert 100 == found.balances[0].available
    assert [("loyalty", "display")] == [(row.purpose, row.channel) for row in bench.rows("consent")]


@pytest.mark.parametrize(
    "change",
    [
        {"x-wc-webhook-signature": ""},
        {"x-wc-webhook-signature": "x" * 44},
        {"x-wc-webhook-signature": woo.sign(b"{}", "the-key")},
    ],
)
def test_a_wrong_signature_is_told_and_nothing_is_kept(
    bench: Any, order: dict[str, Any], change: dict[str, str]
) -> None:
    request = request_of("/", json.dumps(order).encode(), **change)
    reply = bench.door().answer(request, bench.checkout, now=bench.now, timeout_s=WAIT_S)

    assert (401, "", True) == (reply.status, reply.later, bool(reply.trouble))


def test_the_signature_is_over_the_bytes_as_they_came(bench: Any, order: dict[str, Any]) -> None:
    """The same JSON, written another way, is another body."""
    body = json.dumps(order).encode()
    request = HttpRequest(
        method="POST",
        path="/",
        headers={"x-wc-webhook-signature": woo.sign(body, "the-key")},
        body=json.dumps(order, indent=1).encode(),
    )

    assert 401 == bench.door().answer(request, bench.checkout, now=bench.now, timeout_s=WAIT_S).status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        '{"id": 1, "status": "ж"'.encode("cp1251"),
        b"[" * 50_000,
        b'{"id": 1}',
        b'{"id": 1, "status": "x", "total": "NaN"}',
    ],
)
def test_what_cannot_be_read_is_told_at_once(bench: Any, body: bytes) -> None:
    reply = bench.door().answer(request_of("/", body), bench.checkout, now=bench.now, timeout_s=WAIT_S)

    assert (400, "") == (reply.status, reply.later)


def test_a_ping_and_other_topics_are_thanked_for(bench: Any) -> None:
    ping = HttpRequest(method="POST", path="/", body=b"webhook_id=7")
    other = request_of("/", b'{"id": 1}', **{"x-wc-webhook-topic": "product.updated"})
    replies = [bench.door().answer(one, bench.checkout, now=bench.now, timeout_s=WAIT_S) for one in (ping, other)]

    assert [(200, ""), (200, "")] == [(one.status, one.later) for one in replies]


def test_another_currency_is_refused_by_name(bench: Any, order: dict[str, Any]) -> None:
    _, worked = tell(bench, order | {"currency": "EUR"})

    assert "EUR" in worked.refused
    assert {} == bench.receipts()


# ── The queue ───────────────────────────────────────────────────────────────────────────────────


def test_a_delivery_is_kept_once_and_another_content_is_refused(bench: Any) -> None:
    keep = partial(inbox.keep, shop=bench.shop, delivery="d-1", now=bench.now)
    first = bench.database.writing(partial(keep, request=HttpRequest(method="POST", path="/", body=b"a")))
    again = bench.database.writing(partial(keep, request=HttpRequest(method="POST", path="/", body=b"a")))
    with pytest.raises(Exception, match="another content"):
        bench.database.writing(partial(keep, request=HttpRequest(method="POST", path="/", body=b"b")))

    assert (True, False) == (first, again)
    assert ["d-1"] == [row.delivery for row in bench.rows("shop_inbox")]


def test_what_failed_is_tried_again_ever_more_seldom(bench: Any) -> None:
    bench.database.writing(
        partial(
            inbox.keep, shop=bench.shop, delivery="d-1", request=HttpRequest(method="POST", path="/"), now=bench.now
        )
    )
    waits = []
    for _ in range(12):
        (row,) = bench.rows("shop_inbox")
        worked = inbox.Worked(again="the database was away")
        bench.database.writing(partial(inbox.settle, row=row, worked=worked, now=bench.now))
        (row,) = bench.rows("shop_inbox")
        waits.append((row.next_at - bench.now).total_seconds())

    assert [5, 10, 20, 40] == waits[:4]
    assert 3_600 == waits[-1]


# ── Битрикс ─────────────────────────────────────────────────────────────────────────────────────


def test_a_recorded_request_of_a_bitrix_site_is_worth_nothing(benches: Any) -> None:
    bench = benches("bitrix")
    body = b'{"ID": 1, "PRICE": "10.00", "CURRENCY": "RUB", "PAYED": "Y", "BASKET": []}'
    replies = []
    for seconds in (0, 601, -601):
        timestamp = str(int(bench.now.timestamp()) + seconds)
        headers = {bitrix.TIMESTAMP: timestamp, bitrix.SIGNATURE: bitrix.sign(body, "the-key", timestamp)}
        request = HttpRequest(method="POST", path="/", headers=headers, body=body)
        replies.append(bench.door().answer(request, bench.checkout, now=bench.now, timeout_s=WAIT_S).status)

    assert [200, 401, 401] == replies
