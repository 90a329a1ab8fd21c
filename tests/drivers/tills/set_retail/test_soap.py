"""Purchases that Set Retail pushes by SOAP: each counted once, for whom it names; what is no package is a fault."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from agent.checkout.records import PulledPlace
from agent.settings import TillSystemSettings
from drivers.tills.contract import DoorContext, HttpReply, HttpRequest, Story, StoryLine, TwinContext
from drivers.tills.set_retail import soap, system
from drivers.tills.set_retail.settings import SetRetailSettings
from drivers.tills.set_retail.soap_door import PATH, PurchasesDoor
from drivers.tills.set_retail.soap_twin import PurchasesPusher, package
from drivers.tills.set_retail.twin import SetRetailTwin
from drivers.vocabulary import codec
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money, Quantity
from offline_queue.reader import OutboxReader
from tests.shop import POINTS, Account, Person, Shop, play

MOSCOW = ZoneInfo("Europe/Moscow")
CONTEXT = DoorContext(name="set", key="k" * 32, zone=MOSCOW, currency="RUB")
KEYED = {"key": CONTEXT.key}
_numbers = itertools.count(1)


def ask(body: bytes, *, query: dict[str, str] = KEYED, **settings: Any) -> HttpReply:
    """At the door alone."""
    own = codec.convert({"soap": True, **settings}, SetRetailSettings)
    return PurchasesDoor(own, CONTEXT).answer(HttpRequest(method="POST", path=PATH, query=query, body=body))


def fault(reply: HttpReply) -> str:
    body = ET.fromstring(reply.body)
    return body.findtext(".//faultstring") or body.findtext(".//{*}Text") or ""


# ── The protocol ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "envelope", ["http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"]
)
def test_the_sample_in_either_soap(samples: Path, envelope: str) -> None:
    """Answered true, in the envelope and the namespace of the request; one purchase is told, its money adds up."""
    inside = base64.encodebytes((samples / "tills/setretail/purchases_with_card_made_from_spec.xml").read_bytes())
    body = (
        f'<e:Envelope xmlns:e="{envelope}"><e:Header/><e:Body><p:processPurchases xmlns:p="urn:shop">'
        f"<purchases>{inside.decode()}</purchases></p:processPurchases></e:Body></e:Envelope>"
    )
    reply = ask(body.encode())
    answer = ET.fromstring(reply.body)
    (told,) = reply.reported
    receipt = told.read().receipt

    assert (200, f"{{{envelope}}}Envelope") == (reply.status, answer.tag)
    assert "true" == answer.findtext(f"{{{envelope}}}Body/{{urn:shop}}processPurchasesResponse/return")
    assert receipt is not None
    assert ("set-1-2-14-7-20240305105644", "90.00") == (receipt.uid, receipt.total.amount)


def test_annulled_receipts_are_taken_and_count_nothing() -> None:
    reply = ask(package(b"<purchases/>", call="processCancelledPurchases"))

    assert (200, ()) == (reply.status, tuple(reply.reported))
    assert b"processCancelledPurchasesResponse" in reply.body


def test_only_the_tills_of_this_agent_are_counted() -> None:
    twin = PurchasesPusher(None, TwinContext(key="k", zone=MOSCOW, currency="RUB", till="2"))
    body = next(twin.play(tell("", number=1))).body

    assert [2, 0] == [len(ask(body, reports={"tills": tills}).reported) for tills in (["2"], ["3"])]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "no XML"),
        (b"{}", "no XML"),
        ("<a>Чек</a>".encode("cp1251"), "no XML"),
        (b"<purchases/>", "no SOAP envelope"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares entities"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"), "declares entities"),
        (b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>', "has no body"),
        (package(b"<purchases/>", call="dropPurchases"), "there is no call 'dropPurchases'"),
        (package(b""), "<purchases> is empty"),
        (package(b"<purchases/>").replace(b"<purchases>", b"<purchases>!"), "not base64"),
        (package(b"<purchases />").replace(b"==</purchases>", b"</purchases>"), "not base64"),
        (package(b"<purchases><purchase>"), "ends in the middle"),
        (package('<purchases><purchase number="Чек"/></purchases>'.encode("cp1251")), "no XML"),
        (package(b"<zreports/>"), "not with <purchases>"),
        (package(b"<purchases/>")[:-30], "no XML"),
    ],
)
def test_what_is_no_package_is_a_fault_and_tells_nothing(body: bytes, sentence: str) -> None:
    reply = ask(body)

    assert 500 == reply.status
    assert sentence in fault(reply)
    assert sentence in reply.trouble
    assert not reply.reported


def test_a_fault_of_soap_1_2_is_the_senders() -> None:
    reply = ask(
        package(b"").replace(b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope")
    )

    assert 500 == reply.status, "what cannot be read yet is answered in the older one"
    body = package(b"<zreports/>").replace(
        b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"
    )
    assert (400, "application/soap+xml; charset=utf-8") == (ask(body).status, ask(body).content_type)
    assert "not with <purchases>" in fault(ask(body))


@pytest.mark.parametrize("query", [{}, {"key": "other"}])
def test_a_wrong_key_is_said_and_nothing_is_told(query: dict[str, str]) -> None:
    reply = ask(package(b"<purchases/>"), query=query)

    assert (401, "unknown key", True) == (reply.status, fault(reply), bool(reply.trouble))
    assert "Basic" in reply.headers["www-authenticate"]


def test_it_is_off_until_the_settings_say_so() -> None:
    assert "set soap = true" in fault(ask(package(b"<purchases/>"), soap=False))


def test_the_description_names_every_call_and_where_it_is_answered() -> None:
    own = codec.convert({"soap": True}, SetRetailSettings)
    request = HttpRequest(
        method="GET", path=f"{PATH}.wsdl", query=KEYED, headers={"host": "till-7:8090"}, root="/tills/set"
    )
    wsdl = ET.fromstring(PurchasesDoor(own, CONTEXT).answer(request).body)
    address = wsdl.find(".//{http://schemas.xmlsoap.org/wsdl/soap/}address")

    assert address is not None
    assert f"http://till-7:8090/tills/set{PATH}" == address.get("location")
    assert set(soap.CALLS) == {one.get("name") for one in wsdl.iterfind("{*}portType/{*}operation")}


# ── A whole agent and a real centre ─────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    told = TillSystemSettings(name="set", system="set_retail", settings={"soap": True})
    made = Shop.opened(tmp_path_factory.mktemp("shop"), [told])
    yield made
    made.close()


def tell(customer: str, *, number: int, refund: bool = True) -> Story:
    return Story(
        uid=f"set-story-{number}",
        number=number,
        at=datetime.now(UTC).astimezone(MOSCOW).replace(microsecond=0),
        customer=customer,
        lines=(
            StoryLine(code="1001", name="Кофе", price=Money.of("40.00", "RUB"), quantity=Quantity.parse("10")),
            StoryLine(code="1002", name="Сыр", price=Money.of("300.00", "RUB"), quantity=Quantity.parse("2")),
        ),
        refund=((1, Quantity.parse("5")),) if refund else (),
    )


def pusher(shop: Shop) -> PurchasesPusher:
    return PurchasesPusher(None, TwinContext(key=shop.key("set"), zone=MOSCOW, currency="RUB"))


def push(shop: Shop, who: Person, *, lose: tuple[int, ...] = (), number: int = 0) -> int:
    story = tell(who.card, number=number or next(_numbers) * 10)
    outcome, asked = play(pusher(shop).play(story), lambda one: shop.ask("set", one), lose=lose)
    assert outcome.failures == []
    return asked


@pytest.mark.net
@pytest.mark.parametrize("line", ["online", "offline"])
def test_a_package_counts_once_whatever_answer_is_lost(shop: Shop, line: str) -> None:
    shop.set_line(is_there=line == "online")
    whole, lost, twice = (shop.newcomer() for _ in range(3))
    asked = [push(shop, whole), push(shop, lost, lose=(0,)), push(shop, twice, lose=(0, 1))]
    shop.settle()

    assert [1, 2, 3] == asked
    # A return in purchases names no sale: the centre keeps it for a person, and takes nothing back by itself.
    assert [Account(balance=POINTS + 100, sales=1, returns=1)] * 3 == [
        shop.account(one) for one in (whole, lost, twice)
    ]


@pytest.mark.net
@pytest.mark.parametrize("plugin_is_first", [True, False])
def test_the_plug_in_and_the_package_are_one_sale(shop: Shop, plugin_is_first: bool) -> None:
    """The till's plug-in told the sale already, or tells it later (feedback); the server pushes it all the same."""
    shop.set_line(is_there=True)
    who, number = shop.newcomer(), next(_numbers) * 10
    story = tell(who.card, number=number, refund=False)
    asks = TwinContext(key=shop.key("set"), zone=MOSCOW, currency="RUB")
    plugin = SetRetailTwin(None, asks)
    # 5 % are taken off by the plug-in: what the server has of the sale has them too.
    steps = [
        lambda: play(plugin.play(story), lambda one: shop.ask("set", one)),
        lambda: shop.ask("set", discounted(pusher(shop), story)),
    ]
    for step in steps if plugin_is_first else reversed(steps):
        step()
    shop.settle()

    assert Account(balance=POINTS + 95, sales=1, returns=0) == shop.account(who)


def discounted(twin: PurchasesPusher, story: Story) -> HttpRequest:
    """The package of a sale with 5 % off each position."""
    request = next(twin.play(story))
    call = soap.read(request.body)
    root = ET.fromstring(call.purchases)
    for one in root.iter("position"):
        one.set("amount", str(float(one.get("amount", "0")) * 0.95))
    for one in root.iter("payment"):
        one.set("amount", str(float(one.get("amount", "0")) * 0.95))
    return HttpRequest(
        method="POST", path=PATH, headers=request.headers, body=package(ET.tostring(root, encoding="utf-8"))
    )


@pytest.mark.net
def test_other_content_under_the_same_number_changes_nothing(shop: Shop) -> None:
    """The first one counts; the package is taken, or it would come for ever."""
    shop.set_line(is_there=True)
    who = shop.newcomer()
    story = tell(who.card, number=next(_numbers) * 10)
    for one in (story, replace(story, lines=story.lines[:1], refund=())):
        outcome, _ = play(pusher(shop).play(one), lambda asked: shop.ask("set", asked))
        assert outcome.failures == []
    shop.settle()

    assert Account(balance=POINTS + 100, sales=1, returns=1) == shop.account(who)


@pytest.mark.net
def test_what_does_not_add_up_is_kept_once_for_a_person_and_the_others_count(shop: Shop) -> None:
    shop.set_line(is_there=True)
    who = shop.newcomer()
    request = next(pusher(shop).play(tell(who.card, number=next(_numbers) * 10)))
    root = ET.fromstring(soap.read(request.body).purchases)
    position = root.find("purchase/positions/position")
    assert position is not None
    position.set("amount", "1.00")
    body = package(ET.tostring(root, encoding="utf-8"))
    wrong = HttpRequest(method="POST", path=PATH, headers=request.headers, body=body)
    before = unread(shop)
    answers = [shop.ask("set", wrong) for _ in range(3)]
    shop.settle()

    assert [200, 200, 200] == [one.status for one in answers]
    assert 1 == unread(shop) - before
    assert Account(balance=POINTS, sales=0, returns=0).sales == shop.account(who).sales


def unread(shop: Shop) -> int:
    with OutboxReader.open(shop.state / "till.db") as reader:
        return sum(one.kind == "receipt.unread" for one in reader.page(limit=500))


@pytest.mark.net
def test_a_till_that_cannot_write_is_told_again_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours, so the package comes again; then it counts."""
    shop.set_line(is_there=True)
    who = shop.newcomer()
    request = next(pusher(shop).play(tell(who.card, number=next(_numbers) * 10)))

    def full(*_: Any, **__: Any) -> Any:
        raise CheckoutRefused("the disk is full", code="not_recorded")

    with monkeypatch.context() as patch:
        patch.setattr("agent.reporting.report_places.tell", full)
        refused = shop.ask("set", request)
    taken = shop.ask("set", request)
    shop.settle()

    assert (503, 200) == (refused.status, taken.status)
    assert b"faultcode>soap:Server" in refused.body
    assert Account(balance=POINTS + 100, sales=1, returns=1) == shop.account(who)


@pytest.mark.net
def test_a_package_that_is_too_large_is_refused_before_it_is_read(shop: Shop) -> None:
    request = next(pusher(shop).play(tell("", number=next(_numbers) * 10)))
    large = HttpRequest(method="POST", path=PATH, headers=request.headers, body=request.body + b" " * 10_000_000)

    assert 413 == shop.ask("set", large).status


def test_what_was_closed_before_the_counting_began_is_passed_over(samples: Path) -> None:
    """`read_from` holds for SOAP as for files."""
    from agent.reporting import ToldReports

    class Till:
        def __init__(self) -> None:
            self.calls = 0

        def run_on_till(self, work: Any, *, timeout_s: float) -> Any:
            del work, timeout_s
            self.calls += 1
            return datetime(2024, 3, 6, tzinfo=UTC), {}

    body = package((samples / "tills/setretail/purchases_with_card_made_from_spec.xml").read_bytes())
    till = Till()
    ToldReports(till, "set", read_from="now", zone=MOSCOW).keep(ask(body).reported, 1.0)  # type: ignore[arg-type]

    assert 1 == till.calls, "asked since when, and told nothing"


def test_the_twin_is_the_rooms_own() -> None:
    assert system.push_twin is PurchasesPusher


@pytest.mark.net
def test_what_was_sold_before_the_first_package_counts(tmp_path: Path) -> None:
    """The counting begins when the agent starts: a server may push its first package an hour later."""
    told = TillSystemSettings(name="set", system="set_retail", settings={"soap": True})
    shop = Shop.opened(tmp_path, [told])
    try:
        who, before = shop.newcomer(), datetime.now(UTC)
        with OutboxReader.open(shop.state / "till.db") as reader:
            data = reader.document("pulled", "set")
        push(shop, who)
        shop.settle()

        assert data is not None
        assert before >= codec.decode(data, PulledPlace).at
        assert shop.account(who).sales == 1
    finally:
        shop.close()
