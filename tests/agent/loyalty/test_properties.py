"""What must hold for every programme and every receipt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.loyalty import Programme, SpendAsk, evaluate, load
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.decision import Decision, LineDiscount
from drivers.vocabulary.money import Money, Percent, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, LineFlag, Receipt, Tender, TenderKind
from tests.agent.loyalty.soaking import prove

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CATEGORIES = ["dairy", "tea", "wine"]


def programme_of(rules: list[dict[str, Any]], **head: Any) -> Programme:
    """A programme of these rules, with three groups, two tiers and two units."""
    file = {
        "version": 1,
        "title": "t",
        "currency": "RUB",
        "zone": "Europe/Moscow",
        "units": {"bonus": {"worth": "1"}, "mile": {"worth": "0.07", "exponent": 1}},
        "tiers": [{"id": "silver", "spent_from": "50"}, {"id": "gold", "spent_from": "100"}],
        "groups": {
            "lines": {"mode": "best"},
            "whole": {"mode": "best"},
            "first": {"mode": "list_order"},
            "alone": {"mode": "exclusive"},
        },
        "rules": rules,
        **head,
    }
    found = load(codec.encode(file), name="t.json")

    assert isinstance(found, Programme), found
    return found


def make_line(number: int, price: int, steps: int, **more: Any) -> Line:
    """A line that adds up."""
    quantity = Quantity(steps)
    total = line_total(Money(price, "RUB"), quantity)
    return Line(number=number, name=f"n{number}", quantity=quantity, price=Money(price, "RUB"), total=total, **more)


def make_receipt(lines: list[Line], adjustment: int = 0) -> Receipt:
    """A sale of these lines, renumbered."""
    numbered = tuple(replace(line, number=place) for place, line in enumerate(lines, 1))
    total = sum(line.total.minor for line in lines) + adjustment
    return Receipt(
        uid="s1",
        kind=DocumentKind.SALE,
        total=Money(total, "RUB"),
        lines=numbered,
        adjustment=Money(adjustment, "RUB") if adjustment else None,
    )


percents = st.integers(min_value=1, max_value=1_000_000).map(lambda steps: str(Percent(steps)))
matchers = st.fixed_dictionaries(
    {}, optional={"categories": st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True)}
)
discounts = st.fixed_dictionaries(
    {
        "kind": st.just("percent_discount"),
        "percent": percents,
        "target": st.sampled_from(["lines", "receipt"]),
        "initial": st.booleans(),
        "lines": matchers,
        "priority": st.integers(min_value=-2, max_value=2),
    }
)
earnings = st.fixed_dictionaries(
    {"kind": st.just("earn_points"), "unit": st.sampled_from(["bonus", "mile"]), "percent": percents}
)
factors = st.fixed_dictionaries(
    {
        "kind": st.just("multiply_points"),
        "unit": st.sampled_from(["bonus", "mile"]),
        "factor": st.sampled_from(["1.5", "2", "0.333333"]),
        "lines": matchers,
    }
)
spendings = st.fixed_dictionaries(
    {
        "kind": st.just("spend_points"),
        "unit": st.sampled_from(["bonus", "mile"]),
        "share": percents,
        "redeem_as": st.sampled_from(["discount", "tender"]),
        "step": st.sampled_from(["1", "5"]),
    }
)


@st.composite
def rule_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A handful of rules of every kind, some of them in groups."""
    rules = draw(st.lists(discounts | earnings | factors | spendings, max_size=7))
    for number, rule in enumerate(rules):
        rule["id"] = f"r{number}"
        if rule["kind"] == "percent_discount" and draw(st.booleans()):
            rule["group"] = "lines" if rule["target"] == "lines" else "whole"
    return rules


@st.composite
def sale_lines(draw: st.DrawFn) -> list[Line]:
    """Lines with floors, largest discounts, flags and categories."""
    made: list[Line] = []
    for number in range(draw(st.integers(min_value=0, max_value=6))):
        price = draw(st.integers(min_value=0, max_value=20_000))
        steps = draw(st.sampled_from([1_000_000, 2_000_000, 351_000, 1_234_567]))
        more: dict[str, Any] = {
            "categories": tuple(draw(st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True))),
            "flags": frozenset(draw(st.lists(st.sampled_from(list(LineFlag)), max_size=2))),
        }
        if draw(st.booleans()):
            more["price_floor"] = Money(draw(st.integers(min_value=0, max_value=20_000)), "RUB")
        if draw(st.booleans()):
            more["discount_max"] = Percent(draw(st.integers(min_value=0, max_value=1_000_000)))
        made.append(make_line(number + 1, price, steps, **more))
    return made


lots = st.lists(
    st.tuples(
        st.sampled_from(["bonus", "mile"]), st.integers(min_value=1, max_value=500), st.none() | st.integers(-2, 3)
    ),
    max_size=3,
).map(
    lambda rows: tuple(
        PointsLot(id=f"l{i}", unit=unit, amount=amount, expires_at=None if end is None else NOW + timedelta(days=end))
        for i, (unit, amount, end) in enumerate(rows)
    )
)
customers = st.none() | st.builds(
    Customer,
    id=st.just("c"),
    lots=lots,
    spent=st.none() | st.integers(min_value=0, max_value=20_000).map(lambda minor: Money(minor, "RUB")),
    deficits=st.sampled_from([{}, {"bonus": 7}]),
)
asks = st.sampled_from(
    [SpendAsk.none(), SpendAsk.most(), SpendAsk.exactly(17), SpendAsk.most(unit="mile"), SpendAsk.most(limit=9)]
)


def off(decision: Decision) -> list[tuple[int, int]]:
    """Line and amount of each discount."""
    return [(one.line, one.amount.minor) for one in decision.effects if isinstance(one, LineDiscount)]


def totals(decision: Decision) -> tuple[Any, ...]:
    """Everything that does not say which line."""
    return (
        decision.discount,
        decision.payable,
        sorted((one.unit, one.amount, one.worth.minor) for one in decision.spent),
        sorted((one.unit, one.amount, one.rule) for one in decision.earned),
        decision.spendable,
    )


@prove(rule_lists(), sale_lines(), customers, asks, st.integers(min_value=-50, max_value=50))
def test_the_decision_adds_up(
    rules: list[dict[str, Any]], lines: list[Line], customer: Customer | None, ask: SpendAsk, adjustment: int
) -> None:
    """Line effects make the receipt's; nothing goes below nothing, below its floor or above its largest discount."""
    adjustment = max(adjustment, -sum(line.total.minor for line in lines))
    receipt = make_receipt(lines, adjustment)
    decision = evaluate(programme_of(rules), receipt, customer, NOW, points=ask)
    tender = decision.total.minor - decision.discount.minor - decision.payable.minor
    by_points = {one.worth.minor for one in decision.spent}

    assert sum(amount for _, amount in off(decision)) == decision.discount.minor
    assert decision.payable.minor >= 0
    assert tender in {0, *by_points}
    for line in receipt.lines:
        less = decision.line_discounts().get(line.number, 0)
        after = line.total.minor - less

        assert after >= 0
        if less and line.price_floor is not None:
            assert after * 1_000_000 >= line.price_floor.minor * line.quantity.steps
        if less and line.discount_max is not None:
            assert less <= line.discount_max.of_down(line.gross.minor)
        if line.flags & {LineFlag.TOBACCO, LineFlag.GIFT_CERTIFICATE}:
            assert 0 == less
    for spent in decision.spent:
        assert spent.amount <= decision.spendable[spent.unit]
        assert ask.limit is None or spent.amount <= ask.limit


@st.composite
def orderly_rules(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rules of which each later one means, of the lines that a sum was shared over before it, all or none.

    Discounts on lines are free. The discounts on the receipt share one set of lines. Points are spent on that set,
    on its complement or on everything; what earns is then one of the same, or everything when points paid everything.
    """
    shared = draw(st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True))
    everything: dict[str, Any] = {}
    same, other = ({"categories": shared}, {"except_categories": shared}) if shared else (everything, everything)
    paid = draw(st.sampled_from([everything, same, other]))
    earning = st.sampled_from([everything, same, other] if paid else [everything])
    rules = draw(st.lists(discounts | earnings | factors | spendings, max_size=9))
    for number, rule in enumerate(rules):
        rule["id"] = f"r{number}"
        if rule["kind"] == "percent_discount":
            if rule["target"] == "receipt":
                rule["lines"] = same
            if draw(st.booleans()):
                rule["group"] = "lines" if rule["target"] == "lines" else "whole"
        else:
            rule["lines"] = paid if rule["kind"] == "spend_points" else draw(earning)
    return rules


def out_of_all_sums(line: Line) -> Line:
    """A flag takes its line out of discounts and points alike, so that no set of lines is cut by it."""
    both = {LineFlag.NO_DISCOUNT, LineFlag.NO_REDEMPTION}
    return replace(line, flags=line.flags | both) if line.flags else line


@prove(orderly_rules(), sale_lines(), customers, asks, st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_no_total(
    rules: list[dict[str, Any]], lines: list[Line], customer: Customer | None, ask: SpendAsk, random: Any
) -> None:
    """Only the place of a leftover kopeck may move, while no later rule looks at a part of the lines that share it."""
    programme = programme_of(rules)
    whole = [out_of_all_sums(line) for line in lines]
    shuffled = list(whole)
    random.shuffle(shuffled)

    assert totals(evaluate(programme, make_receipt(whole), customer, NOW, points=ask)) == totals(
        evaluate(programme, make_receipt(shuffled), customer, NOW, points=ask)
    )


def test_where_the_order_of_lines_shows() -> None:
    """The condition is needed: a kopeck that fell on tea or on milk earns where only milk earns."""
    rules = [
        {"id": "third", "kind": "percent_discount", "percent": "33.3333", "target": "receipt"},
        {"id": "back", "kind": "earn_points", "unit": "bonus", "per": "0.67", "lines": {"categories": ["dairy"]}},
    ]
    milk, tea = (make_line(1, 100, 1_000_000, categories=(name,)) for name in ("dairy", "tea"))
    customer = Customer(id="c")
    earned = [
        sum(one.amount for one in evaluate(programme_of(rules), make_receipt(order), customer, NOW).earned)
        for order in ([milk, tea, tea], [tea, milk, tea])
    ]

    assert [0, 1] == earned


@prove(rule_lists(), sale_lines(), customers, asks, st.integers(min_value=0, max_value=6))
def test_an_excluded_item_changes_nothing_for_the_others(
    rules: list[dict[str, Any]], lines: list[Line], customer: Customer | None, ask: SpendAsk, place: int
) -> None:
    """Cigarettes on the receipt add their price, and nothing more."""
    programme = programme_of(rules)
    tobacco = make_line(1, 21_700, 1_000_000, categories=("tea",), flags=frozenset({LineFlag.TOBACCO}))
    place = min(place, len(lines))
    without = evaluate(programme, make_receipt(lines), customer, NOW, points=ask)
    with_it = evaluate(programme, make_receipt([*lines[:place], tobacco, *lines[place:]]), customer, NOW, points=ask)

    def moved(number: int) -> int:
        return number + 1 if number > place else number

    assert [(moved(line), amount) for line, amount in off(without)] == off(with_it)
    assert without.payable.minor + 21_700 == with_it.payable.minor
    assert totals(without)[2:] == totals(with_it)[2:]


@prove(st.lists(discounts, min_size=1, max_size=5), sale_lines(), st.sampled_from(["lines", "receipt"]))
def test_the_best_is_never_worse_than_any(rules: list[dict[str, Any]], lines: list[Line], target: str) -> None:
    """A group that takes the best takes at least what each of its rules alone would."""
    named = [{**rule, "id": f"r{i}", "target": target} for i, rule in enumerate(rules)]
    group = "lines" if target == "lines" else "whole"
    receipt = make_receipt(lines)
    together = evaluate(programme_of([{**rule, "group": group} for rule in named]), receipt, None, NOW)
    for rule in named:
        assert together.discount >= evaluate(programme_of([rule]), receipt, None, NOW).discount


@prove(rule_lists(), sale_lines(), customers, asks)
def test_the_same_bytes_on_every_machine(
    rules: list[dict[str, Any]], lines: list[Line], customer: Customer | None, ask: SpendAsk
) -> None:
    """A programme read from reordered keys, and a moment named in another zone, decide the same."""
    receipt = make_receipt(lines)
    first = evaluate(programme_of(rules), receipt, customer, NOW, points=ask)
    backwards = [dict(reversed(list(rule.items()))) for rule in rules]
    there = NOW.astimezone(timezone(timedelta(hours=-9)))

    assert codec.encode(first) == codec.encode(evaluate(programme_of(backwards), receipt, customer, there, points=ask))
    assert codec.decode(codec.encode(first), Decision) == first


def test_points_spent_stay_under_the_share() -> None:
    """The worth of the points is at most the share of what discounts left."""
    rules = [
        {"id": "ten", "kind": "percent_discount", "percent": "10"},
        {"id": "spend", "kind": "spend_points", "unit": "bonus", "share": "30"},
    ]
    customer = Customer(id="c", lots=(PointsLot(id="l", unit="bonus", amount=10_000),))
    for price in range(1, 3_000, 37):
        decision = evaluate(
            programme_of(rules), make_receipt([make_line(1, price, 1_000_000)]), customer, NOW, points=SpendAsk.most()
        )
        discount = sum(one.amount.minor for one in decision.effects if getattr(one, "rule", "") == "ten")
        spent = sum(one.worth.minor for one in decision.spent)

        assert spent * 10 <= (price - discount) * 3


MILK = make_receipt([make_line(1, 10_000, 1_000_000)])


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (datetime(2026, 3, 1), "time_without_zone"),  # noqa: DTZ001 - a clock without a zone is the case
        (datetime.max.replace(tzinfo=UTC), "time_out_of_range"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), "time_out_of_range"),
    ],
)
def test_a_clock_that_makes_no_sense(now: datetime, code: str) -> None:
    """Nothing is decided, and it is said why."""
    decision = evaluate(programme_of([]), MILK, None, now)

    assert [code] == [why.code for why in decision.explanations]
    assert decision.payable == MILK.total


def test_points_at_the_end_of_the_calendar_never_expire() -> None:
    """A date that does not exist is none."""
    rules = [{"id": "e", "kind": "earn_points", "unit": "bonus", "percent": "5", "expires_after_days": 36_500}]
    decision = evaluate(programme_of(rules), MILK, Customer(id="c"), datetime(9990, 1, 1, tzinfo=UTC))

    assert [None] == [one.expires_at for one in decision.earned]


def test_a_return_and_other_money_decide_nothing() -> None:
    """Points of a return are refund()'s business; another currency is nobody's."""
    back = replace(MILK, kind=DocumentKind.RETURN)
    foreign = programme_of([], currency="EUR")

    assert ["not_a_sale"] == [why.code for why in evaluate(programme_of([]), back, None, NOW).explanations]
    assert ["other_currency"] == [why.code for why in evaluate(foreign, MILK, None, NOW).explanations]


def test_a_floor_in_other_money_is_not_passed() -> None:
    """What cannot be compared is left alone."""
    line = make_line(1, 10_000, 1_000_000, price_floor=Money(1, "EUR"))
    rules = [{"id": "a", "kind": "percent_discount", "percent": "50"}]

    assert 0 == evaluate(programme_of(rules), make_receipt([line]), None, NOW).discount.minor


def test_a_floor_below_nothing_is_none() -> None:
    """A wrong floor from a catalogue never makes a price negative."""
    line = make_line(1, 10_000, 1_000_000, price_floor=Money(-5_000, "RUB"))
    for redeem_as in ("discount", "tender"):
        rules = [{"id": "s", "kind": "spend_points", "unit": "bonus", "redeem_as": redeem_as}]
        customer = Customer(id="c", lots=(PointsLot(id="l", unit="bonus", amount=900),))
        decision = evaluate(programme_of(rules), make_receipt([line]), customer, NOW, points=SpendAsk.most())

        assert [100] == [one.amount for one in decision.spent]
        assert 0 == decision.payable.minor


def test_points_on_a_closed_receipt_earn_nothing() -> None:
    """60 of 100 were paid with points of some other system: 40 earn."""
    paid = replace(
        MILK,
        tenders=(
            Tender(kind=TenderKind.POINTS, amount=Money(6_000, "RUB")),
            Tender(kind=TenderKind.CASH, amount=Money(4_000, "RUB")),
        ),
    )
    rules = [{"id": "e", "kind": "earn_points", "unit": "bonus", "percent": "10"}]
    decision = evaluate(programme_of(rules), paid, Customer(id="c"), NOW, closed=True)

    assert [4] == [one.amount for one in decision.earned]


def test_an_unknown_unit_is_explained() -> None:
    """Asking to spend what the programme does not know."""
    decision = evaluate(programme_of([]), MILK, Customer(id="c"), NOW, points=SpendAsk.most(unit="stamp"))

    assert ["unknown_unit"] == [why.code for why in decision.explanations if why.rule == "points"]


def test_midnight_that_does_not_exist() -> None:
    """Where clocks jump over midnight the day begins at the jump (Beirut, 29 March 2026)."""
    rules = [{"id": "e", "kind": "earn_points", "unit": "bonus", "percent": "10", "active_after_days": 1}]
    beirut = programme_of(rules, zone="Asia/Beirut")
    decision = evaluate(beirut, MILK, Customer(id="c"), datetime(2026, 3, 28, 12, tzinfo=UTC))

    assert [datetime(2026, 3, 28, 22, tzinfo=UTC)] == [one.active_from for one in decision.earned]
