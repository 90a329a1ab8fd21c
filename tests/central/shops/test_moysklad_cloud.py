"""Closed sales are read out of МойСклад's JSON API: in order, once each, within what the cloud allows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from central.shops.clouds import Budget, CloudVisits, fetch
from central.shops.shop import Shop
from drivers.tills.clouds import CloudRequest
from drivers.tills.contract import HttpReply
from drivers.tills.moysklad.cloud import MoySkladCloud

MOSCOW = timezone(timedelta(hours=3))
BASE = "https://cloud.example/api/remap/1.2"
BREAD = ("bread", Decimal(2), 5_000, Decimal(0))


class Line:
    """A cloud behind a line of invented time."""

    def __init__(self, bench: Any, cloud: MoySkladCloud) -> None:
        self.bench, self.cloud = bench, cloud
        self.waited_s = 0.0
        self.at_s = 1_000.0
        self.cut = False

    def fetch(self, request: CloudRequest) -> HttpReply:
        if self.cut:
            return HttpReply(status=0)
        reply = self.cloud.answer(request.method, request.url, dict(request.headers), self.at_s)
        if reply.headers.get("content-encoding") == "gzip":
            import gzip

            return HttpReply(status=reply.status, body=gzip.decompress(reply.body), headers=reply.headers)
        return reply

    def pause(self, seconds: float) -> None:
        self.waited_s += seconds
        self.at_s += seconds

    def visits(self) -> CloudVisits:
        return CloudVisits(
            self.bench.database,
            lambda: self.bench.now,
            lambda: None,
            fetch=self.fetch,
            monotonic=lambda: self.at_s,
            pause=self.pause,
        )

    def visit(self) -> str:
        return self.visits().visit(self.bench.shop)


@pytest.fixture
def bench(benches: Any) -> Any:
    return benches("moysklad")


@pytest.fixture
def cloud() -> MoySkladCloud:
    return MoySkladCloud(BASE, "the-token")


@pytest.fixture
def line(bench: Any, cloud: MoySkladCloud, monkeypatch: pytest.MonkeyPatch) -> Line:
    made = Line(bench, cloud)
    assert made.visit() == "", "the first visit finds where to begin"
    bench.pass_s(3_600)
    made.at_s += 3_600
    return made


def moscow(bench: Any, seconds: float = -1_200) -> datetime:
    return (bench.now + timedelta(seconds=seconds)).astimezone(MOSCOW)


def close(bench: Any, cloud: MoySkladCloud, uid: str, **more: Any) -> None:
    more.setdefault("positions", [BREAD])
    more.setdefault("updated", moscow(bench))
    cloud.close(uid, at=moscow(bench), **more)


def test_sales_and_returns_are_taken_once(bench: Any, cloud: MoySkladCloud, line: Line) -> None:
    close(bench, cloud, "d-1", phone="+7 900 000-00-01")
    close(bench, cloud, "d-2", positions=[("milk", Decimal("0.5"), 9_990, Decimal(10))])
    close(bench, cloud, "r-1", returns="d-1")
    first = line.visit()
    again = line.visit()

    assert ("", "") == (first, again)
    assert ["return", "sale", "sale"] == sorted(bench.receipts().values())
    assert 400 == bench.points(), "10 earned, 10 taken back"


def test_what_the_loyalty_api_told_is_passed_over(bench: Any, cloud: MoySkladCloud, line: Line) -> None:
    """By its id, and by store, number and moment where the app had no id yet."""
    for uid, name, told_id in (("d-1", "00001", True), ("d-2", "00002", False)):
        close(bench, cloud, uid, name=name, phone="+79000000001")
        body = {
            "retailStore": {"meta": {"id": cloud.id_of("shop-1"), "href": ""}},
            "name": name,
            "moment": f"{moscow(bench):%Y-%m-%d %H:%M:%S}",
            "meta": {"href": "", "id": cloud.id_of(uid) if told_id else ""},
            "agent": {"meta": {"id": "x", "href": ""}, "phone": "+79000000001"},
            "positions": [{"assortment": {"meta": {"id": "p", "href": ""}}, "quantity": 2, "price": 50}],
            "cashSum": 100,
        }
        reply, _ = bench.ask(
            bench.door(), "POST", "/retaildemand", body, headers={"lognex-discount-api-auth-token": "the-key"}
        )
        assert 201 == reply.status
    line.visit()

    assert 2 == len(bench.receipts())
    assert 420 == bench.points()


def test_a_long_way_back_stays_within_the_budget(bench: Any, cloud: MoySkladCloud, line: Line) -> None:
    """150 sales of the same second and 10 later ones, one with 130 lines: all are read, none twice, never a 429."""
    same = moscow(bench, -3_000)
    for number in range(150):
        close(bench, cloud, f"a-{number}", updated=same)
    for number in range(10):
        close(bench, cloud, f"b-{number}", updated=moscow(bench, -2_900 + number))
    close(bench, cloud, "long", positions=[BREAD] * 130, updated=moscow(bench, -2_000))
    told = line.visit()

    assert "" == told
    assert 161 == len(bench.receipts())
    assert 0 == cloud.refused
    (wide,) = [row for row in bench.rows("receipt") if row.total_minor == 130 * 10_000]
    assert wide.uid == f"ms:{cloud.id_of('long')}"


@pytest.mark.parametrize("trouble", ["cut", "away", "busy"])
def test_a_cloud_that_is_away_is_asked_again_from_the_same_place(
    bench: Any, cloud: MoySkladCloud, line: Line, trouble: str
) -> None:
    close(bench, cloud, "d-1")
    before = bench.shop.cursor
    line.cut, cloud.away = trouble == "cut", trouble == "away"
    if trouble == "busy":
        for _ in range(9):
            cloud.answer("GET", f"{BASE}/entity/retaildemand", HEADERS, line.at_s)
    line.visit()
    pause = (bench.shop.read_next - bench.now).total_seconds()
    kept = bench.shop.cursor
    line.cut = cloud.away = False
    line.at_s += 10
    line.visit()

    assert before == kept
    assert (3.0 if trouble == "busy" else 60.0) == pytest.approx(pause, abs=0.1)
    assert 1 == len(bench.receipts())


HEADERS = {"authorization": "Bearer the-token", "accept-encoding": "gzip"}


def test_a_token_that_is_not_taken_is_told(bench: Any, line: Line) -> None:
    line.cloud.token = "another"

    assert "token" in line.visit()


def test_a_document_nobody_can_read_holds_nobody_up(bench: Any, cloud: MoySkladCloud, line: Line) -> None:
    close(bench, cloud, "bad", positions=[("bread", Decimal(-1), 5_000, Decimal(0))])
    close(bench, cloud, "good")
    told = line.visit()

    assert "quantity" in told
    assert 1 == len(bench.receipts())


def test_two_processes_do_not_visit_one_cloud(bench: Any, line: Line) -> None:
    shop: Shop = bench.shop

    assert [True, False] == [line.visits().claim(shop), line.visits().claim(shop)]


def test_a_budget_is_spent_and_comes_back() -> None:
    budget = Budget(45, 3.0)
    waits = []
    for now_s in (0.0, 0.1, 0.2, 1.0):
        waits.append(budget.wait_s(15, now_s))
        if not waits[-1]:
            budget.spend(15, now_s)

    assert [0.0, 0.0, 0.0, 2.0] == waits
    assert 0.0 == budget.wait_s(15, 3.0)


@pytest.fixture
def served() -> Iterator[tuple[MoySkladCloud, str]]:
    cloud = MoySkladCloud("", "the-token")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = cloud.answer("GET", cloud.base + self.path, headers, 0.0)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json;charset=utf-8")
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    cloud.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield cloud, cloud.base
    server.shutdown()
    thread.join(10)
    server.server_close()


def one_sale(cloud: MoySkladCloud) -> None:
    at = datetime(2026, 3, 2, 12, 0, tzinfo=MOSCOW)
    cloud.close("d-1", at=at, updated=at, positions=[BREAD], phone="+79000000001")


@pytest.mark.net
def test_our_own_fetch_reads_what_the_cloud_serves(served: tuple[MoySkladCloud, str]) -> None:
    """Over real HTTP, gzip and all."""
    cloud, base = served
    one_sale(cloud)
    ours = fetch(CloudRequest(url=f"{base}/entity/retaildemand", headers=tuple(HEADERS.items())))

    assert (200, True) == (ours.status, cloud.id_of("d-1").encode() in ours.body)


@pytest.mark.net
@pytest.mark.soak
def test_a_public_client_reads_what_our_cloud_serves(served: tuple[MoySkladCloud, str]) -> None:
    """The same fake answers an independent client, whose import alone takes most of a minute."""
    sdk = pytest.importorskip("moysklad_remap_12_sdk", reason="the SDK of the JSON API is not installed")
    cloud, base = served
    one_sale(cloud)
    configuration = sdk.Configuration(host=base, access_token="the-token")
    with sdk.ApiClient(configuration) as client:
        read = sdk.RetailDemandsApi(client).get_retail_demand_list(
            limit=100, expand="agent,positions", accept_encoding="gzip", _headers={"Authorization": "Bearer the-token"}
        )
    (demand,) = read.rows

    assert (cloud.id_of("d-1"), 10_000) == (demand.id, demand.sum)
    assert [2] == [row.quantity for row in demand.positions.rows]
