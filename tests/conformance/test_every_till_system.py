"""Every till system that asks the agent: a sale with quote and points, and a part of it back, whatever answer is lost.

The POS's side is the room's own twin, over real HTTP, against a whole agent and a real centre.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.settings import TillSystemSettings
from drivers import registry
from drivers.tills.contract import (
    HttpReply,
    HttpRequest,
    Outcome,
    PosTwin,
    Story,
    StoryLine,
    TillSystem,
    TwinContext,
)
from drivers.vocabulary import codec
from drivers.vocabulary.errors import DriverLoadError
from drivers.vocabulary.money import Money, Quantity
from simulation.shop import wait_until
from tests.shop import POINTS, Account, Person, Shop, carry, play

pytestmark = pytest.mark.net

MOSCOW = ZoneInfo("Europe/Moscow")
WHOLE = Money.of("1000.00", "RUB")


def _systems() -> dict[str, TillSystem]:
    found = {}
    for name in registry.known_systems():
        system = registry.load_system(name)
        assert not isinstance(system, DriverLoadError), system
        if system.door is not None and system.twin is not None and not system.at_centre:
            found[name] = system
    return found


SYSTEMS = _systems()


def _apps() -> dict[str, TillSystem]:
    """Those with an app of ours on their terminal, which asks the local API itself."""
    loaded = {name: registry.load_system(name) for name in registry.known_systems()}
    return {
        f"{name}-app": one
        for name, one in loaded.items()
        if not isinstance(one, DriverLoadError) and one.app_twin is not None
    }


APPS = _apps()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop.opened(
        tmp_path_factory.mktemp("shop"), [TillSystemSettings(name=f"pos-{name}", system=name) for name in SYSTEMS]
    )
    yield made
    made.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What one story came to."""

    who: Person
    outcome: Outcome
    asked: int


_numbers = iter(range(1, 10_000))


def tell(who: Person, *, spend: int, refund: bool = True) -> Story:
    """10 coffees at 40 and 2 kg at 300 for one; then 5 of the coffees come back."""
    number = next(_numbers)
    return Story(
        uid=f"5a188de4-49b8-4cb4-800e-{number:012x}",
        number=number,
        at=datetime.now(UTC).astimezone(MOSCOW).replace(microsecond=0),
        customer=who.phone,
        spend=spend,
        lines=(
            StoryLine(code="1001", name="Кофе", price=Money.of("40.00", "RUB"), quantity=Quantity.parse("10")),
            StoryLine(code="1002", name="Сыр", price=Money.of("300.00", "RUB"), quantity=Quantity.parse("2.000")),
        ),
        refund=((1, Quantity.parse("5")),) if refund else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The POS's side of one story, and who carries its requests."""

    twin: PosTwin
    ask: Callable[[HttpRequest], HttpReply]


def side_of(shop: Shop, name: str, *, key: str = "") -> Side:
    if name in APPS:
        build, port = APPS[name].app_twin, shop.agent.port
        shown = key or (shop.state / "api.token").read_text(encoding="ascii").strip()
        system, ask = APPS[name], lambda one: carry(port, "", one)
    else:
        system = SYSTEMS[name]
        build, shown, ask = system.twin, key or shop.key(f"pos-{name}"), lambda one: shop.ask(f"pos-{name}", one)
    assert build is not None
    context = TwinContext(key=shown, zone=MOSCOW, currency="RUB")
    return Side(twin=build(codec.convert({}, system.settings_type), context), ask=ask)


def run(shop: Shop, name: str, *, spend: int, lose: tuple[int, ...] = ()) -> Played:
    who, side = shop.newcomer(), side_of(shop, name)
    outcome, asked = play(side.twin.play(tell(who, spend=spend)), side.ask, lose=lose)
    return Played(who=who, outcome=outcome, asked=asked)


def can(name: str, what: str) -> bool:
    """As the room's row in the support matrix says."""
    system = APPS[name] if name in APPS else SYSTEMS[name]
    cell: str = getattr(system.support, what)
    return cell.startswith(("yes", "partly"))


def seen(one: Played) -> tuple[Money, Money, Money, Money | None]:
    return one.outcome.discount, one.outcome.points_paid, one.outcome.paid, one.outcome.refunded


@pytest.mark.parametrize("line", ["online", "offline"])
@pytest.mark.parametrize("name", [*SYSTEMS, *APPS])
def test_one_effect_and_right_points_whatever_answer_is_lost(shop: Shop, name: str, line: str) -> None:
    shop.set_line(is_there=line == "online")
    whole = run(shop, name, spend=100)
    spoiled = [run(shop, name, spend=100, lose=(step,)) for step in range(whole.asked)]
    twice = [run(shop, name, spend=100, lose=(step, step + 1)) for step in range(whole.asked)]
    shop.settle()
    accounts = [shop.account(one.who) for one in (whole, *spoiled, *twice)]

    assert whole.outcome.failures == []
    if can(name, "redeem"):
        assert whole.outcome.points_paid == Money.of("100.00", "RUB")
        assert whole.outcome.discount == Money.of("50.00", "RUB"), "5 % of 1 000"
        assert whole.outcome.paid == Money.of("850.00", "RUB")
    else:
        assert whole.outcome.paid == WHOLE, "it is told too late to take anything off"
    assert [seen(whole)] * (2 * whole.asked) == [seen(one) for one in (*spoiled, *twice)]
    assert accounts == [accounts[0]] * len(accounts)
    assert (1, 1) == (accounts[0].sales, accounts[0].returns)
    if can(name, "redeem"):  # 850 paid earn 85; what comes back takes its share of them, and gives points back
        assert POINTS - 100 < accounts[0].balance < POINTS
    else:
        assert accounts[0].balance == POINTS + 100 - 20, "200 of 1 000 came back"


@pytest.mark.parametrize("name", [*SYSTEMS, *APPS])
def test_a_sale_to_nobody_is_a_sale(shop: Shop, name: str) -> None:
    """No customer: no discount, no points, and the receipt is known all the same."""
    shop.set_line(is_there=True)
    before = shop.agent.till.run_on_till(lambda desk: desk.store.depth(), timeout_s=30)
    side = side_of(shop, name)
    story = tell(Person(id="", phone="", card=""), spend=0, refund=False)
    outcome, _ = play(side.twin.play(story), side.ask)
    after = shop.agent.till.run_on_till(lambda desk: desk.store.depth(), timeout_s=30)

    assert after.last_sequence > before.last_sequence
    assert outcome.failures == []
    assert (Money.of("0.00", "RUB"), WHOLE) == (outcome.discount, outcome.paid)


@pytest.mark.parametrize("name", [*SYSTEMS, *APPS])
def test_replayed_spoiled_and_changed_requests_change_nothing(shop: Shop, name: str) -> None:
    """Each request once more as it was, cut in half, in another encoding, with ten megabytes, and with another sale."""
    shop.set_line(is_there=True)
    who, side = shop.newcomer(), side_of(shop, name)
    asked: list[HttpRequest] = []

    def ask(request: HttpRequest) -> HttpReply:
        asked.append(request)
        return side.ask(request)

    story = tell(who, spend=100)
    play(side.twin.play(story), ask)
    shop.settle()
    before = shop.account(who)
    replies = {
        "as it was": [side.ask(one) for one in asked],
        "half": [side.ask(replace(one, body=one.body[: len(one.body) // 2])) for one in asked],
        "encoding": [side.ask(replace(one, body=_other_encoding(one.body))) for one in asked],
        "large": [side.ask(replace(one, body=one.body + b" " * 10_000_000)) for one in asked[:1]],
    }
    dearer = tuple(replace(line, price=line.price.with_minor(line.price.minor * 3)) for line in story.lines)
    changed, _ = play(side_of(shop, name).twin.play(replace(story, lines=dearer)), side.ask)
    shop.settle()

    assert [413] == [one.status for one in replies["large"]]
    assert all(one.body for group in replies.values() for one in group), "each is told something"
    assert not [one.status for group in replies.values() for one in group if one.status >= 500 and one.status != 503]
    assert (1, 1) == (before.sales, before.returns)
    assert before == shop.account(who), changed.failures
    again = shop.newcomer()
    outcome, _ = play(side.twin.play(tell(again, spend=100)), side.ask)
    assert [] == outcome.failures, "and the next sale is served as ever"


def _other_encoding(body: bytes) -> bytes:
    """What a POS sends whose maker thinks in Windows-1251; letters are put in where there are none."""
    text = body.decode()
    return (text if "Кофе" in text else text.replace(":", ":Кофе", 1)).encode("cp1251", "replace")


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_wrong_key_is_told_and_changes_nothing(shop: Shop, name: str) -> None:
    shop.set_line(is_there=True)
    who, side = shop.newcomer(), side_of(shop, name, key="not-the-key")
    outcome, _ = play(side.twin.play(tell(who, spend=0)), side.ask)
    shop.settle()

    assert outcome.failures
    assert Account(balance=POINTS, sales=0, returns=0) == shop.account(who)
    wait_until(lambda: (f"pos-{name}", "failed", True) in _states(shop))


def _states(shop: Shop) -> list[tuple[str, str, bool]]:
    return [(one.name, one.state, bool(one.detail)) for one in shop.agent.till.snapshot.devices]
