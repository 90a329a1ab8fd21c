"""Every till system that asks the agent: a sale with quote and points, and a part of it back, whatever answer is lost.

The POS's side is the room's own twin, over real HTTP, against a whole agent and a real centre.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.settings import TillSystemSettings
from drivers import registry
from drivers.tills.contract import Outcome, Story, StoryLine, TillSystem, TwinContext
from drivers.vocabulary import codec
from drivers.vocabulary.errors import DriverLoadError
from drivers.vocabulary.money import Money, Quantity
from tests.shop import POINTS, Account, Person, Shop, play

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


def run(shop: Shop, name: str, *, spend: int, lose: tuple[int, ...] = ()) -> Played:
    system = SYSTEMS[name]
    assert system.twin is not None
    who = shop.newcomer()
    context = TwinContext(key=shop.key(f"pos-{name}"), zone=MOSCOW, currency="RUB")
    twin = system.twin(codec.convert({}, system.settings_type), context)
    outcome, asked = play(twin.play(tell(who, spend=spend)), lambda one: shop.ask(f"pos-{name}", one), lose=lose)
    return Played(who=who, outcome=outcome, asked=asked)


def can(name: str, what: str) -> bool:
    """As the room's row in the support matrix says."""
    cell: str = getattr(SYSTEMS[name].support, what)
    return cell.startswith(("yes", "partly"))


def seen(one: Played) -> tuple[Money, Money, Money, Money | None]:
    return one.outcome.discount, one.outcome.points_paid, one.outcome.paid, one.outcome.refunded


@pytest.mark.parametrize("line", ["online", "offline"])
@pytest.mark.parametrize("name", SYSTEMS)
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


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_sale_to_nobody_is_a_sale(shop: Shop, name: str) -> None:
    """No customer: no discount, no points, and the receipt is known all the same."""
    shop.set_line(is_there=True)
    system = SYSTEMS[name]
    assert system.twin is not None
    before = shop.agent.till.run_on_till(lambda desk: desk.store.depth(), timeout_s=30)
    context = TwinContext(key=shop.key(f"pos-{name}"), zone=MOSCOW, currency="RUB")
    twin = system.twin(codec.convert({}, system.settings_type), context)
    story = tell(Person(id="", phone="", card=""), spend=0, refund=False)
    outcome, _ = play(twin.play(story), lambda one: shop.ask(f"pos-{name}", one))

    assert before is not None
    assert outcome.failures == []
    assert (Money.of("0.00", "RUB"), WHOLE) == (outcome.discount, outcome.paid)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_wrong_key_is_told_and_changes_nothing(shop: Shop, name: str) -> None:
    shop.set_line(is_there=True)
    system = SYSTEMS[name]
    assert system.twin is not None
    who = shop.newcomer()
    context = TwinContext(key="not-the-key", zone=MOSCOW, currency="RUB")
    twin = system.twin(codec.convert({}, system.settings_type), context)
    outcome, _ = play(twin.play(tell(who, spend=0)), lambda one: shop.ask(f"pos-{name}", one))
    shop.settle()

    assert outcome.failures
    assert Account(balance=POINTS, sales=0, returns=0) == shop.account(who)
    states = {one.name: one for one in shop.agent.till.snapshot.devices}
    assert (states[f"pos-{name}"].state, bool(states[f"pos-{name}"].detail)) == ("failed", True)
