"""1C's HTTP service read over real sockets: each closed receipt once, and what a broken or strange service is told as."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest

from agent.settings import TillSystemSettings
from agent.till_systems import TillAs
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest, Story, StoryLine
from drivers.tills.onec import system
from drivers.tills.onec.door import OnecDoor
from drivers.tills.onec.service import ServiceLedger, open_service, refusal
from drivers.tills.onec.service_twin import ROOT, OnecService
from drivers.tills.onec.settings import OnecSettings
from drivers.tills.onec.twin import package
from drivers.tills.reports import ReportContext
from drivers.vocabulary import codec
from drivers.vocabulary.errors import TransportClosed, TransportUnavailable
from drivers.vocabulary.money import Money, Quantity
from simulation.shop import wait_until
from tests.shop import POINTS, Account, Shop

pytestmark = pytest.mark.net

MOSCOW = ZoneInfo("Europe/Moscow")
BASE = "0F8FAD5B-D9CB-469F-A165-70867728950E"
CONTEXT = ReportContext(zone=MOSCOW, currency="RUB")


class Host:
    """The infobase behind a real web server."""

    def __init__(self) -> None:
        self.service = OnecService(base=BASE)
        self.spoil: Callable[[HttpRequest, HttpReply], HttpReply | None] = lambda _, reply: reply
        self.asked: list[str] = []
        self._ledgers: list[ServiceLedger] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                where = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                path = where.path.removeprefix("/retail")
                request = HttpRequest(method="GET", path=path, query=dict(parse_qsl(where.query)), headers=headers)
                host.asked.append(self.path)
                reply = host.spoil(request, host.service.answer(request))
                if reply is None:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/retail{ROOT}"

    def table(self, **more: Any) -> dict[str, Any]:
        return {"service": {"url": self.url, "user": "tillpoint", "password": "secret", "poll_s": 0.2, **more}}

    def ledger(self, **more: Any) -> ServiceLedger:
        made = open_service(codec.convert(self.table(**more), OnecSettings), CONTEXT)
        self._ledgers.append(made)
        return made

    def close(self) -> None:
        for one in self._ledgers:
            one.close()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


def guid(number: int) -> str:
    return f"5a188de4-49b8-4cb4-800e-{number:012x}"


def tell(number: int, *, customer: str = "", at: datetime | None = None, refund: bool = False) -> Story:
    return Story(
        uid=guid(number * 2),
        number=number * 2,
        at=(at or datetime.now(UTC)).astimezone(MOSCOW).replace(microsecond=0),
        customer=customer,
        lines=(StoryLine(code="1", name="Чай", price=Money.of("100.00", "RUB"), quantity=Quantity.parse("4")),),
        refund=((1, Quantity.ONE),) if refund else (),
    )


# ── The client ──────────────────────────────────────────────────────────────────────────────────


def test_receipts_come_by_their_numbers_with_cards_and_phone(host: Host) -> None:
    host.service.play(tell(1, customer="+79000000001", refund=True))
    host.service.rows[1]["cards"] = ["2900000000018", " 2900000000018 "]
    ledger = host.ledger()
    sold, back = ledger.closed(0, [], limit=10)
    sale, returned = sold.read(), back.read()

    assert (BASE.lower(), 1, 2) == (ledger.counter, sold.number, back.number)
    assert sale.receipt is not None
    assert returned.receipt is not None
    assert (f"onec:{guid(2)}", "400.00 RUB", sold.closed_at) == (
        sale.receipt.uid, str(sale.receipt.total), sale.receipt.closed_at,
    )  # fmt: skip
    assert ("2900000000018", "+79000000001") == sale.codes
    assert (sale.receipt.uid, "100.00 RUB") == (returned.receipt.base_uid, str(returned.receipt.total))
    assert [] == ledger.closed(2, [], limit=10)


def test_what_is_left_out_is_asked_for_again(host: Host) -> None:
    """Two cashiers close at once: the later number may be there first."""
    for number in (1, 2, 5):
        host.service.put(guid(number), datetime(2026, 3, 5, 10, tzinfo=MOSCOW), "<x/>", number=number)
    ledger = host.ledger()
    assert [5] == [one.number for one in ledger.closed(2, [(3, 4)], limit=10)]
    host.service.put(guid(4), datetime(2026, 3, 5, 10, tzinfo=MOSCOW), "<x/>", number=4)

    assert [4, 5] == [one.number for one in ledger.closed(2, [(3, 4)], limit=10)]
    assert [4] == [one.number for one in ledger.closed(5, [(3, 4)], limit=10)]


def test_what_was_closed_before_a_moment_is_told_by_its_number(host: Host) -> None:
    """In the shop's own time, as 1C has it."""
    for hour in (10, 11, 12):
        host.service.put(guid(hour), datetime(2026, 3, 5, hour, tzinfo=MOSCOW), "<x/>")
    ledger = host.ledger()

    assert [0, 0, 2, 3] == [
        ledger.last_before(None),
        ledger.last_before(datetime(2026, 3, 5, 7, tzinfo=UTC)),
        ledger.last_before(datetime(2026, 3, 5, 8, 30, tzinfo=UTC)),
        ledger.last_before(datetime(2026, 3, 6, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    "inside", ["", "<CheckPackage/>", "{}", "<CheckPackage><Parameters", "<!DOCTYPE a><CheckPackage/>"]
)
def test_a_package_that_does_not_add_up_is_told_with_its_reason(host: Host, inside: str) -> None:
    host.service.put(guid(1), datetime(2026, 3, 5, 10, tzinfo=MOSCOW), inside)
    (one,) = host.ledger().closed(0, [], limit=1)
    document = one.read()

    assert document.receipt is None
    assert f"document {guid(1)} of 1C: " in document.problems[0]
    assert inside.encode() == document.raw


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (HttpReply(status=500, body="Ошибка".encode("cp1251")), "answers 500"),
        (HttpReply(body=b"<html>"), "answers what nobody understands"),
        (HttpReply(body=b'{"base": "x", "receipts": []}'), "answers what nobody understands"),
        (HttpReply(body='{"base": "Чек"}'.encode("cp1251")), "answers what nobody understands"),
        (HttpReply(body=json.dumps({"base": guid(1), "receipts": []}).encode()), "another infobase"),
        (HttpReply(body=b" " * (17 * 1_048_576)), "more than"),
        (None, "does not answer"),
    ],
)
def test_a_service_that_answers_strangely_is_a_line_that_is_gone(
    host: Host, reply: HttpReply | None, sentence: str
) -> None:
    ledger = host.ledger()
    host.spoil = lambda _, __: reply

    with pytest.raises(TransportClosed, match=sentence):
        ledger.closed(0, [], limit=10)
    host.spoil = lambda _, one: one
    assert [] == host.ledger().closed(0, [], limit=10), "and it is asked again over a new line"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"password": "other"}, "refuses the user; check service.user"),
        ({"url": "{url}/no"}, "has no such HTTP service"),
        ({"url": "http://127.0.0.1:1/hs/tillpoint"}, "does not answer"),
    ],
)
def test_what_cannot_be_opened_says_why(host: Host, settings: dict[str, str], sentence: str) -> None:
    said = {name: value.format(url=host.url) for name, value in settings.items()}
    with pytest.raises(TransportUnavailable, match=sentence) as told:
        host.ledger(**said)

    assert "secret" not in str(told.value)


@pytest.mark.parametrize("url", ["server/hs/tillpoint", "ftp://server/hs", "http://", "http://server:port/"])
def test_an_address_that_is_none_is_said_before_anything_starts(url: str) -> None:
    own = codec.convert({"service": {"url": url}}, OnecSettings)

    assert "is no address" in refusal(own)
    assert "" == refusal(OnecSettings())
    assert "secret" not in repr(codec.convert({"service": {"url": url, "password": "secret"}}, OnecSettings))


# ── A whole agent and a real centre ─────────────────────────────────────────────────────────────


@pytest.fixture
def shop(tmp_path: Path, host: Host) -> Iterator[Shop]:
    told = TillSystemSettings(name="1c", system="onec", settings=host.table())
    made = Shop.opened(tmp_path, [told])
    yield made
    made.close()


def counted(shop: Shop, number: int) -> bool:
    """Whether the agent has asked behind this number."""
    place = shop.agent.till.run_on_till(lambda desk: desk.store.get("pulled", f"1c/{BASE.lower()}"), timeout_s=10)
    return place is not None and json.loads(place)["number"] >= number


@pytest.mark.parametrize("line", ["online", "offline"])
def test_each_receipt_counts_once_whatever_answer_is_lost(shop: Shop, host: Host, line: str) -> None:
    """Every second answer is cut off, before or after 1C gave it."""
    shop.set_line(is_there=line == "online")
    people = [shop.newcomer() for _ in range(4)]
    lost = iter(range(1_000))
    host.spoil = lambda _, reply: None if next(lost) % 2 else reply
    for place, who in enumerate(people, 1):
        host.service.play(tell(place, customer=who.phone, refund=True))
    wait_until(lambda: counted(shop, 8))
    shop.settle()

    assert [Account(balance=POINTS + 40 - 10, sales=1, returns=1)] * 4 == [shop.account(who) for who in people]


def test_the_proxy_driver_and_the_service_are_one_receipt(shop: Shop, host: Host) -> None:
    """Whichever tells it first."""
    who, other = shop.newcomer(), shop.newcomer()
    context = DoorContext(name="1c", key="k" * 32, zone=MOSCOW, currency="RUB")

    def process(story: Story) -> None:
        body = package(
            [(line, line.quantity) for line in story.lines], kind="1", phone=story.customer, number=story.number
        )
        request = HttpRequest(
            method="POST", path="/process_check", query={"document": story.uid}, body=body,
            headers={"authorization": f"Bearer {context.key}"},
        )  # fmt: skip
        reply = OnecDoor(OnecSettings(), context).answer(
            request, TillAs(shop.agent.till, "till:1c"), now=shop.agent.clock.now(), timeout_s=20
        )
        assert reply.status == 200, reply.body

    first, second = tell(1, customer=who.phone), tell(2, customer=other.phone)
    process(first)
    host.service.play(first)
    host.service.play(second)
    wait_until(lambda: counted(shop, 2))
    process(second)
    shop.settle()

    assert [Account(balance=POINTS + 40, sales=1, returns=0)] * 2 == [shop.account(who), shop.account(other)]


def test_what_was_closed_before_the_agent_came_is_another_times(shop: Shop, host: Host) -> None:
    old, new = shop.newcomer(), shop.newcomer()
    host.service.play(tell(1, customer=old.phone, at=datetime.now(UTC) - timedelta(hours=3)))
    host.service.play(tell(2, customer=new.phone))
    wait_until(lambda: counted(shop, 2))
    shop.settle()

    assert [0, 1] == [shop.account(old).sales, shop.account(new).sales]


def test_a_service_that_is_away_is_said_on_the_panel_and_read_on(shop: Shop, host: Host) -> None:
    who = shop.newcomer()
    host.spoil = lambda _, __: HttpReply(status=503, body=b"busy")
    wait_until(lambda: _state(shop)[0] == "off")
    assert "answers 503" in _state(shop)[1]
    host.service.play(tell(1, customer=who.phone))
    host.spoil = lambda _, reply: reply
    wait_until(lambda: counted(shop, 1))
    shop.settle()

    assert ("on", "") == _state(shop)
    assert 1 == shop.account(who).sales


def _state(shop: Shop) -> tuple[str, str]:
    (view,) = [one for one in shop.agent.till.snapshot.devices if one.name == "1c-reports"]
    return view.state, view.detail


def test_the_modules_source_answers_what_the_client_asks() -> None:
    """Words of the protocol stand in 1C's own module, which nothing here can run."""
    text = (Path(__file__).parents[4] / "installer/bridges/onec/TillpointHTTP.bsl").read_text(encoding="utf-8")

    for word in ("pingGET", "lastGET", "receiptsGET", '"before"', '"after"', '"limit"', '"missing"'):
        assert word in text
    for name in ("number", "document", "sale", "closed_at", "package", "cards"):
        assert f'"{name}"' in text
    assert text.count("Функция ") == text.count("КонецФункции")
    assert system.ledger is not None
