"""Every till system that the central server answers: the whole story over real HTTP, whatever answer is lost.

The POS's side is the room's own twin. Each story has one effect and right points, whichever answers get lost on the
way: the account, the ledger and the outcome are those of the story in which none was.
"""

from __future__ import annotations

import http.client
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from central import schema
from central.accounts import imbalances
from central.app import build
from central.database import Database, open_database
from central.members import Member, load_members
from central.programmes import set_programme
from central.serve import listening_socket, make_server
from central.shops.rooms import known_rooms
from central.shops.shop import Shop, add_shop
from drivers.tills.contract import HttpReply, HttpRequest, Outcome, Story, StoryLine, TwinContext
from drivers.vocabulary import codec
from drivers.vocabulary.money import Money, Quantity
from simulation.shop import POINTS, PROGRAMME, wait_until
from tests.shop import play

pytestmark = pytest.mark.net

MOSCOW = ZoneInfo("Europe/Moscow")
KEY = "the-key-of-the-shop"
SYSTEMS = sorted(name for name, room in known_rooms().items() if room.twin is not None)


@dataclass
class Served:
    """A real centre on a real socket, with one shop of each system."""

    database: Database
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.socket = listening_socket("127.0.0.1:0")
        self.port = self.socket.getsockname()[1]
        ready = threading.Event()
        self.server = make_server(build(self.database), ready=ready.set)
        self.thread = threading.Thread(target=lambda: self.server.run(sockets=[self.socket]))
        self.thread.start()
        assert ready.wait(30)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(30)
        self.socket.close()
        self.database.close()
        assert not self.thread.is_alive()

    def ask(self, name: str, request: HttpRequest) -> HttpReply:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            path = f"/shops/shop-{name}{request.path}"
            line.request(request.method, urlsplit(path).geturl(), body=request.body, headers=dict(request.headers))
            answer = line.getresponse()
            headers = {one.lower(): told for one, told in answer.getheaders()}
            return HttpReply(status=answer.status, body=answer.read(), headers=headers)
        finally:
            line.close()

    def story(self, *, spend: int, **more: Any) -> Story:
        number = next(self.numbers)
        customer = f"c-{number}"
        phone = f"+7900{number:07d}"
        member = Member(
            id=customer, name="Anna P.", phone=phone, card="", tier="silver", spent_minor=0, points={"bonus": POINTS}
        )
        load_members(self.database, [member], now=datetime.now(UTC), progress=lambda _: None)
        told: dict[str, Any] = {
            "uid": f"5a188de4-49b8-4cb4-800e-{number:012x}",
            "number": number,
            "at": datetime.now(UTC).astimezone(MOSCOW).replace(microsecond=0),
            "customer": phone,
            "spend": spend,
            "lines": (
                StoryLine(code="1001", name="Кофе", price=Money.of("40.00", "RUB"), quantity=Quantity.parse("10")),
                StoryLine(code="1002", name="Сыр", price=Money.of("300.00", "RUB"), quantity=Quantity.parse("2")),
            ),
            "refund": ((1, Quantity.parse("5")),),
        }
        return Story(**{**told, **more})

    def settle(self) -> None:
        """Wait until what was kept is done."""
        table = schema.shop_inbox
        wanted = select(func.count()).where(table.c.state == "new")
        wait_until(lambda: self.database.reading(lambda connection: connection.scalar(wanted)) == 0)

    def account(self, story: Story) -> tuple[int, int, int, int]:
        """(balance, sales, returns, points still kept) of the story's customer."""
        name, lot, receipt, hold = f"c-{story.number}", schema.lot, schema.receipt, schema.hold
        with self.database.read() as connection:
            assert imbalances(connection) == []
            balance = connection.scalar(select(func.sum(lot.c.amount)).where(lot.c.customer == name)) or 0
            kinds = list(connection.scalars(select(receipt.c.kind).where(receipt.c.customer == name)))
            kept = select(func.sum(hold.c.points)).where(hold.c.customer == name, hold.c.state == "open")
            return balance, kinds.count("sale"), kinds.count("return"), connection.scalar(kept) or 0

    def run(self, name: str, story: Story, *, lose: tuple[int, ...] = (), key: str = KEY) -> tuple[Outcome, int]:
        room = known_rooms()[name]
        assert room.twin is not None
        twin = room.twin(codec.convert({}, room.settings_type), TwinContext(key=key, zone=MOSCOW, currency="RUB"))
        return play(twin.play(story), lambda one: self.ask(name, one), lose=lose)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('centre') / 'central.db'}")
    with database.write() as connection:
        set_programme(connection, PROGRAMME, name="programme.toml", currency="RUB", now=datetime.now(UTC))
        for name in SYSTEMS:
            shop = Shop(name=f"shop-{name}", system=name, till=f"shop:shop-{name}", key=KEY, token="")
            add_shop(connection, shop, now=datetime.now(UTC))
    made = Served(database)
    yield made
    made.stop()


def seen(one: Outcome) -> tuple[Money, Money, Money, Money | None]:
    return one.discount, one.points_paid, one.paid, one.refunded


#: What a terminal sold that asked nobody: its own prices.
ASKS_NOBODY = {"evotor"}


@pytest.mark.parametrize("name", SYSTEMS)
def test_one_effect_and_right_points_whatever_answer_is_lost(served: Served, name: str) -> None:
    """1 000 less 5 % less 100 points is 850, which earns 85; five of ten coffees come back with their share."""
    story = served.story(spend=100)
    whole, asked = served.run(name, story)
    spoiled = []
    for lose in [(step,) for step in range(asked)] + [(step, step + 1) for step in range(asked)]:
        one = served.story(spend=100)
        spoiled.append((one, served.run(name, one, lose=lose)[0]))
    served.settle()
    accounts = [served.account(one) for one in (story, *(each for each, _ in spoiled))]

    assert whole.failures == []
    if name in ASKS_NOBODY:
        assert (Money.of("0.00", "RUB"), Money.of("1000.00", "RUB")) == (whole.discount, whole.paid)
        assert (POINTS + 80, 1, 1, 0) == accounts[0], "a fifth of what 1 000 earned went back"
    else:
        assert (Money.of("50.00", "RUB"), Money.of("100.00", "RUB")) == (whole.discount, whole.points_paid)
        assert Money.of("850.00", "RUB") == whole.paid
        assert (1, 1, 0) == accounts[0][1:]
        assert POINTS - 100 < accounts[0][0] < POINTS
    assert [seen(whole)] * len(spoiled) == [seen(one) for _, one in spoiled]
    assert accounts == [accounts[0]] * len(accounts)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_story_told_twice_is_one_story(served: Served, name: str) -> None:
    """A cloud that was restored tells everything again."""
    story = served.story(spend=100)
    served.run(name, story)
    served.settle()
    before = served.account(story)
    served.run(name, story)
    served.settle()

    assert before[:3] == served.account(story)[:3]


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_sale_to_nobody_is_a_sale(served: Served, name: str) -> None:
    story = served.story(spend=0, customer="", refund=())
    outcome, _ = served.run(name, story)
    served.settle()

    assert outcome.failures == []
    assert (Money.of("0.00", "RUB"), Money.of("1000.00", "RUB")) == (outcome.discount, outcome.paid)
    assert (POINTS, 0, 0, 0) == served.account(story)


@pytest.mark.parametrize("name", sorted(set(SYSTEMS) - ASKS_NOBODY - {"moysklad"}))
def test_an_order_that_is_not_paid_keeps_nothing(served: Served, name: str) -> None:
    story = served.story(spend=100, abandon=True)
    served.run(name, story)
    served.settle()

    assert (POINTS, 0, 0, 0) == served.account(story)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_wrong_key_is_told_and_changes_nothing(served: Served, name: str) -> None:
    story = served.story(spend=0)
    outcome, _ = served.run(name, story, key="not-the-key")
    served.settle()
    with served.database.read() as connection:
        trouble = connection.scalar(select(schema.shop.c.trouble).where(schema.shop.c.system == name))

    assert outcome.failures
    assert (POINTS, 0, 0, 0) == served.account(story)
    assert trouble


@pytest.mark.parametrize("name", SYSTEMS)
def test_replayed_spoiled_and_changed_requests_change_nothing(served: Served, name: str) -> None:
    """Each request once more as it was, cut in half, in another encoding, and the same sale at three times the price.

    A calculation that comes again may keep points again: until its time is over, and nobody has less for it.
    """
    story = served.story(spend=100)
    asked: list[HttpRequest] = []

    def ask(request: HttpRequest) -> HttpReply:
        asked.append(request)
        return served.ask(name, request)

    room = known_rooms()[name]
    assert room.twin is not None
    context = TwinContext(key=KEY, zone=MOSCOW, currency="RUB")
    settings = codec.convert({}, room.settings_type)
    play(room.twin(settings, context).play(story), ask)
    served.settle()
    before = served.account(story)
    replies = [
        served.ask(name, spoiled)
        for one in asked
        for spoiled in (
            one,
            replace(one, body=one.body[: len(one.body) // 2]),
            replace(one, body=one.body.decode().replace(":", ":Кофе", 1).encode("cp1251")),
        )
    ]
    dearer = tuple(replace(line, price=line.price.with_minor(line.price.minor * 3)) for line in story.lines)
    play(room.twin(settings, context).play(replace(story, lines=dearer)), lambda one: served.ask(name, one))
    served.settle()

    assert not [one.status for one in replies if one.status >= 500 and one.status != 503]
    assert before[:3] == served.account(story)[:3]


@pytest.mark.parametrize("name", SYSTEMS)
def test_ten_megabytes_are_refused_before_anybody_reads_them(served: Served, name: str) -> None:
    reply = served.ask(name, HttpRequest(method="POST", path="/", body=b" " * 10_485_760))

    assert 413 == reply.status


def test_a_shop_nobody_knows(served: Served) -> None:
    reply = served.ask("no-such", HttpRequest(method="POST", path="/", body=b"{}"))

    assert 404 == reply.status


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_rooms_page_says_how_it_is_set_up(name: str) -> None:
    text = Path(f"drivers/tills/{name}/README.md").read_text("utf-8")

    assert f"tillpoint central shops add {name}" in text
    assert "## Not verified" in text
