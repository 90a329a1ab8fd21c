"""Эвотор: webhooks kept before they are done, documents read from a cursor on, one receipt whoever tells of it."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import update

from central import schema
from central.shops.clouds import CloudVisits
from drivers.tills.clouds import CloudRequest
from drivers.tills.contract import HttpReply, HttpRequest

CAPTURE = Path("drivers/tills/evotor/captures/receipt.json")
WAIT_S = 5.0


@pytest.fixture
def bench(benches: Any) -> Any:
    return benches("evotor")


@pytest.fixture
def event() -> dict[str, Any]:
    return json.loads(CAPTURE.read_text("utf-8"))


def request_of(event: Any, **headers: str) -> HttpRequest:
    body = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()
    return HttpRequest(
        method="POST", path="/api/v2/receipts", headers=headers or {"authorization": "Bearer the-key"}, body=body
    )


def tell(bench: Any, event: Any, **settings: Any) -> tuple[HttpReply, Any]:
    door, request = bench.door(**settings), request_of(event)
    reply = door.answer(request, bench.checkout, now=bench.now, timeout_s=WAIT_S)
    worked = door.work(request, bench.checkout, now=bench.now, timeout_s=WAIT_S) if reply.later else None
    return reply, worked


def test_a_receipt_earns_once_and_its_golden_form_stands_beside_it(bench: Any, event: dict[str, Any]) -> None:
    first, _ = tell(bench, event)
    again, worked = tell(bench, event)
    (envelope,) = bench.rows("envelope")
    text = json.dumps(json.loads(envelope.body)["receipt"], ensure_ascii=False, indent=2) + "\n"
    golden = CAPTURE.with_name("receipt.receipt.json")
    if os.environ.get("TILLPOINT_REMAKE"):
        golden.write_text(text, "utf-8")

    assert (200, 200, "") == (first.status, again.status, worked.refused)
    assert "ev:c5162fce-ae0d-4d50-8955-000000000001" == first.later == again.later
    assert golden.read_text("utf-8") == text
    assert 440 == bench.points(), "a tenth of 400.47"


def test_a_return_names_its_sale_by_our_app(bench: Any, event: dict[str, Any]) -> None:
    tell(bench, event)
    back = copy.deepcopy(event)
    back["data"] |= {
        "id": "back-1",
        "type": "PAYBACK",
        "extras": {"tillpoint": json.dumps({"base": event["data"]["id"]})},
    }
    tell(bench, back)

    assert 400 == bench.points()
    assert {"return", "sale"} == set(bench.receipts().values())


def test_where_an_agent_asks_first_the_webhook_waits(bench: Any, event: dict[str, Any]) -> None:
    _, early = tell(bench, event, delay_s=3_600)
    nothing = bench.receipts()
    bench.pass_s(4_000)
    _, late = tell(bench, event, delay_s=3_600)

    assert ("waits", {}) == (early.again.split()[0], nothing)
    assert ("", 1) == (late.again, len(bench.receipts()))


@pytest.mark.parametrize("kind", ["BUY", "X_REPORT", None])
def test_other_documents_are_thanked_for(bench: Any, event: dict[str, Any], kind: Any) -> None:
    event["data"]["type"] = kind
    reply, _ = tell(bench, event)

    assert (200, "") == (reply.status, reply.later)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"data": {}}', '{"data": {"id": "ж'.encode("cp1251"), b"[" * 50_000],
)
def test_what_cannot_be_read_is_told_at_once(bench: Any, body: bytes) -> None:
    reply, _ = tell(bench, body)

    assert (400, "") == (reply.status, reply.later)


def test_a_wrong_token_is_told(bench: Any, event: dict[str, Any]) -> None:
    door = bench.door()
    replies = [
        door.answer(request_of(event, **headers), bench.checkout, now=bench.now, timeout_s=WAIT_S).status
        for headers in ({"authorization": "Bearer x"}, {"x-authorization": "the-key"}, {"authorization": "the-key"})
    ]

    assert [401, 200, 200] == replies


def test_the_shape_of_a_real_webhook_is_understood(bench: Any, samples: Path) -> None:
    sample = samples / "tills" / "evotor" / "receipt_webhook_shape.json"
    reply, worked = tell(bench, json.loads(sample.read_text("utf-8")))
    (row,) = bench.rows("receipt")

    assert (200, "") == (reply.status, worked.refused)
    assert 2_610_700 == row.total_minor


# ── Documents ───────────────────────────────────────────────────────────────────────────────────


@dataclass
class Cloud:
    """Documents of stores, two on a page."""

    documents: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fetch(self, request: CloudRequest) -> HttpReply:
        self.asked.append(request.url)
        assert dict(request.headers)["authorization"] == "Bearer the-token"
        assert dict(request.headers)["accept"] == "application/vnd.evotor.v2+json"
        if self.status != 200:
            return HttpReply(status=self.status, headers=self.headers)
        query = dict(parse_qsl(urlsplit(request.url).query))
        start = int(query.get("cursor", "0"))
        found = self.documents if "cursor" in query else [one for one in self.documents if _within(one, query)]
        page, following = found[start : start + 2], start + 2
        paging = {"next_cursor": str(following)} if following < len(found) else {}
        return HttpReply(body=json.dumps({"items": page, "paging": paging}).encode())


def _within(document: dict[str, Any], query: dict[str, str]) -> bool:
    at = datetime.fromisoformat(document.get("close_date") or document["closeDate"]).timestamp() * 1_000
    return int(query["since"]) <= at <= int(query["until"])


def visit(bench: Any, cloud: Cloud) -> str:
    return CloudVisits(
        bench.database, lambda: bench.now, lambda: None, fetch=cloud.fetch, monotonic=lambda: 0.0, pause=lambda _: None
    ).visit(bench.shop)


@pytest.fixture
def cloud(bench: Any) -> Cloud:
    with bench.database.write() as connection:
        connection.execute(update(schema.shop).values(settings={"stores": "store-1"}))
    made = Cloud()
    assert "" == visit(bench, made)
    bench.pass_s(3_600)
    return made


def document(bench: Any, name: str, kind: str = "SELL", **body: Any) -> dict[str, Any]:
    told = {
        "positions": [{"product_id": "p-1", "product_name": "Чай", "quantity": 2, "price": 50, "result_sum": 100}],
        "payments": [{"type": "CASH", "sum": 100}],
        "result_sum": 100,
    }
    at = bench.now.isoformat()
    return {"id": name, "type": kind, "number": 7, "close_date": at, "store_id": "store-1", "body": told | body}


def test_documents_of_both_forms_are_taken_once(bench: Any, cloud: Cloud) -> None:
    """Five documents on three pages: sales, one in the older form, and a return by its base."""
    older = {
        "uuid": "d-4",
        "type": "SELL",
        "closeDate": bench.now.isoformat(),
        "closeResultSum": "100",
        "transactions": [
            {"type": "DOCUMENT_OPEN"},
            {"type": "REGISTER_POSITION", "commodityUuid": "p-1", "quantity": 2, "price": 50, "resultSum": 100},
            {"type": "DOCUMENT_CLOSE", "clientPhone": "+79000000001"},
        ],
    }
    cloud.documents = [
        document(bench, "d-1", customer_phone="+7 900 000-00-01"),
        document(bench, "d-2"),
        document(bench, "d-3", kind="CLOSE_SESSION"),
        older,
        document(bench, "d-5", kind="PAYBACK", base_document_id="d-1"),
    ]
    bench.pass_s(60)
    told = visit(bench, cloud)
    bench.pass_s(600)
    again = visit(bench, cloud)

    assert ("", "") == (told, again)
    assert {"ev:d-1": "sale", "ev:d-2": "sale", "ev:d-4": "sale", "ev:d-5": "return"} == bench.receipts()
    assert 410 == bench.points()


def test_a_receipt_whose_customer_is_told_later_earns_late(bench: Any, cloud: Cloud, event: dict[str, Any]) -> None:
    """The webhook named nobody; the document has the phone."""
    event["data"] |= {"extras": {}, "id": "d-1"}
    tell(bench, event)
    before = bench.points()
    cloud.documents = [document(bench, "d-1", customer_phone="+79000000001")]
    bench.pass_s(60)
    visit(bench, cloud)

    assert (400, 440) == (before, bench.points())


@pytest.mark.parametrize(
    ("status", "headers", "pause_s", "word"),
    [(402, {}, 3_600, "installed"), (401, {}, 3_600, "token"), (429, {"retry-after": "30"}, 30, ""), (0, {}, 60, "")],
)
def test_a_cloud_that_refuses_is_asked_again_later(
    bench: Any, cloud: Cloud, status: int, headers: dict[str, str], pause_s: int, word: str
) -> None:
    cursor = bench.shop.cursor
    cloud.status, cloud.headers = status, headers
    told = visit(bench, cloud)

    assert cursor == bench.shop.cursor
    assert pause_s == (bench.shop.read_next - bench.now).total_seconds()
    assert word in told


def test_a_document_nobody_can_read_holds_nobody_up(bench: Any, cloud: Cloud) -> None:
    cloud.documents = [document(bench, "bad", positions=[{"quantity": "x"}]), document(bench, "good")]
    bench.pass_s(60)

    assert "bad" in visit(bench, cloud)
    assert {"ev:good": "sale"} == bench.receipts()
