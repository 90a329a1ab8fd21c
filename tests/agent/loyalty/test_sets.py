"""Sets, amounts, prices and stages: what must hold for every receipt, and what a wrong programme is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.loyalty import Programme, evaluate, load
from agent.loyalty.gates import Selector
from agent.loyalty.set_groups import EXACT_RULES_MAX
from agent.loyalty.sets import Bundle, Member, Pool
from drivers.vocabulary import codec
from drivers.vocabulary.decision import Decision, LineDiscount
from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, LineFlag, Receipt
from tests.agent.loyalty.soaking import prove

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
GOODS = ["tea", "cake", "cup"]
HEAD = 'version = 1\ntitle = "t"\ncurrency = "RUB"\nzone = "Europe/Moscow"\n[[rules]]\nid = "a"\n'

money = st.integers(min_value=1, max_value=20_000).map(lambda minor: f"{minor // 100}.{minor % 100:02}")
percents = st.integers(min_value=1, max_value=100).map(str)
matchers = st.lists(st.sampled_from(GOODS), max_size=2, unique=True).map(lambda names: {"categories": names})
n_for_m = st.tuples(
    st.integers(min_value=2, max_value=4), st.integers(min_value=0, max_value=3), percents, st.booleans(), matchers
).map(
    lambda row: {
        "kind": "n_for_m",
        "take": row[0],
        "pay": min(row[1], row[0] - 1),
        "percent": row[2],
        "cheapest_of_all": row[3],
        "lines": row[4],
    }
)
members = st.lists(
    st.builds(lambda lines, count: {"lines": lines, "quantity": count}, matchers, st.integers(1, 2)),
    min_size=1,
    max_size=3,
)
bundles = st.builds(
    lambda parts, key, price, percent: {
        "kind": "bundle",
        "members": parts,
        key: percent if key == "percent" else price,
    },
    members,
    st.sampled_from(["price", "percent", "amount"]),
    money,
    percents,
)
amounts = st.builds(
    lambda amount, target, initial: {"kind": "amount_discount", "amount": amount, "target": target, "initial": initial},
    money,
    st.sampled_from(["lines", "receipt"]),
    st.booleans(),
)
prices = st.builds(lambda price, lines: {"kind": "fixed_price", "price": price, "lines": lines}, money, matchers)
stages = st.builds(
    lambda least, percent, amount, target: {
        "kind": "staged_discount",
        "target": target,
        "stages": [
            {"quantity_from": least, "percent": percent},
            {"quantity_from": least + 2, "amount": amount},
        ],
    },
    st.integers(min_value=1, max_value=5),
    percents,
    money,
    st.sampled_from(["lines", "receipt"]),
)


@st.composite
def sale_lines(draw: st.DrawFn) -> list[Line]:
    """Pieces and weighed goods, some with floors, some tobacco."""
    made: list[Line] = []
    for number in range(1, draw(st.integers(min_value=0, max_value=5)) + 1):
        price = Money(draw(st.integers(min_value=0, max_value=20_000)), "RUB")
        quantity = Quantity(draw(st.sampled_from([1, 2, 3, 7, 0])) * 1_000_000 or 351_000)
        floor = draw(st.none() | st.integers(min_value=0, max_value=20_000))
        made.append(
            Line(
                number=number,
                name=f"n{number}",
                quantity=quantity,
                price=price,
                total=line_total(price, quantity),
                categories=tuple(draw(st.lists(st.sampled_from(GOODS), max_size=2, unique=True))),
                price_floor=None if floor is None else Money(floor, "RUB"),
                flags=draw(st.sampled_from([frozenset(), frozenset(), frozenset({LineFlag.TOBACCO})])),
            )
        )
    return made


def sale_of(lines: list[Line]) -> Receipt:
    """A sale of these lines, renumbered."""
    numbered = tuple(replace(line, number=place) for place, line in enumerate(lines, 1))
    total = sum(line.total.minor for line in lines)
    return Receipt(uid="s", kind=DocumentKind.SALE, total=Money(total, "RUB"), lines=numbered)


def decided(rules: list[dict[str, Any]], lines: list[Line], mode: str = "") -> Decision:
    """What these rules, in one group when a mode is given, do to these lines."""
    named = [{**rule, "id": f"r{place}", **({"group": "g"} if mode else {})} for place, rule in enumerate(rules)]
    file = {
        "version": 1,
        "title": "t",
        "currency": "RUB",
        "zone": "Europe/Moscow",
        "groups": {"g": {"mode": mode or "stack"}},
        "rules": named,
    }
    programme = load(codec.encode(file), name="t.json")

    assert isinstance(programme, Programme), programme
    return evaluate(programme, sale_of(lines), None, NOW)


@prove(st.lists(n_for_m | bundles | amounts | prices | stages, max_size=5), sale_lines())
def test_nothing_falls_below_its_floor_and_everything_adds_up(rules: list[dict[str, Any]], lines: list[Line]) -> None:
    """The lines' effects are the receipt's, no price is below nothing or its floor, tobacco loses nothing."""
    decision = decided(rules, lines)
    off = decision.line_discounts()

    assert sum(off.values()) == decision.discount.minor
    assert decision.total.minor - decision.discount.minor == decision.payable.minor
    for number, line in enumerate(lines, 1):
        after = line.total.minor - off.get(number, 0)

        assert after >= 0
        if off.get(number) and line.price_floor is not None:
            assert after * 1_000_000 >= line.price_floor.minor * line.quantity.steps
        assert LineFlag.TOBACCO not in line.flags or number not in off


@prove(st.lists(n_for_m | bundles, min_size=1, max_size=EXACT_RULES_MAX), sale_lines())
def test_the_best_of_sets_is_never_worse_than_one_of_them_or_their_order(
    rules: list[dict[str, Any]], lines: list[Line]
) -> None:
    """At least what each alone would take, and what all would in the order they are written."""
    best = decided(rules, lines, "best").discount

    assert best >= decided(rules, lines, "stack").discount
    for rule in rules:
        assert best >= decided([rule], lines).discount


@prove(st.lists(n_for_m | bundles, min_size=EXACT_RULES_MAX + 1, max_size=EXACT_RULES_MAX + 2), sale_lines())
def test_too_many_sets_are_ranked_and_it_is_said(rules: list[dict[str, Any]], lines: list[Line]) -> None:
    """Still never worse than one of them alone."""
    decision = decided(rules, lines, "best")
    alone = [decided([rule], lines).discount for rule in rules]
    able = sum(1 for discount in alone if discount)

    assert decision.discount >= max(alone)
    assert (able > EXACT_RULES_MAX) == any(why.code == "sets_ranked" for why in decision.explanations)


@prove(st.lists(n_for_m | bundles, max_size=4), sale_lines(), st.sampled_from(["", "stack", "best", "list_order"]))
def test_an_excluded_piece_changes_nothing_for_the_others(
    rules: list[dict[str, Any]], lines: list[Line], mode: str
) -> None:
    """Cigarettes complete no set."""
    price = Money(21_700, "RUB")
    tobacco = Line(
        number=1,
        name="t",
        quantity=Quantity(3_000_000),
        price=price,
        total=Money(65_100, "RUB"),
        categories=tuple(GOODS),
        flags=frozenset({LineFlag.TOBACCO}),
    )

    def off(decision: Decision) -> list[tuple[int, str, int]]:
        return [(one.line, one.rule, one.amount.minor) for one in decision.effects if isinstance(one, LineDiscount)]

    assert off(decided(rules, lines, mode)) == off(decided(rules, [*lines, tobacco], mode))


@prove(n_for_m, sale_lines(), st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_no_total_of_a_set(rule: dict[str, Any], lines: list[Line], random: Any) -> None:
    """Which line loses it may move between equal prices; how much all lose does not."""
    # Half a kopeck is rounded on each line, so a percent of a price that two lines share may differ by one; whole
    # prices and the whole piece do not.
    plain = [replace(line, price_floor=None) for line in lines]
    shuffled = list(plain)
    random.shuffle(shuffled)
    whole = {key: value for key, value in rule.items() if key != "percent"}

    assert decided([whole], plain).discount == decided([whole], shuffled).discount


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('kind = "n_for_m"\ntake = 2\npay = 2', "t.toml:9: rules[0].pay: must be below take = 2, not 2"),
        (
            'kind = "bundle"\nmembers = [{ lines = { categories = ["tea"] } }]\nprice = 1\npercent = 2',
            "t.toml:5: rules[0]: write one of price, percent, amount, not price and percent",
        ),
        (
            'kind = "bundle"\nmembers = [{ lines = { categories = ["tea"] } }]',
            "t.toml:5: rules[0]: write one of price, percent, amount, not none",
        ),
        ('kind = "amount_discount"\namount = 0', "t.toml:8: rules[0].amount: must be above 0"),
        ('kind = "fixed_price"\nprice = "-1"', "t.toml:8: rules[0].price: cannot be negative"),
        (
            'kind = "staged_discount"\nstages = [{ total_from = 5, percent = 5 }, { total_from = 5, amount = 1 }]',
            "t.toml:8: rules[0].stages[1].total_from: stages are written lowest first, each above the one before",
        ),
        (
            'kind = "staged_discount"\nstages = [{ total_from = 5, percent = 5 }, { quantity_from = 5, amount = 1 }]',
            "t.toml:8: rules[0].stages[1]: all stages count the same: total_from or quantity_from",
        ),
        (
            'kind = "staged_discount"\nstages = [{ total_from = 5, percent = 101 }]',
            "t.toml:8: rules[0].stages[0].percent: a percent is above 0 and up to 100, not 101",
        ),
    ],
)
def test_a_wrong_rule_is_told_in_its_authors_words(rule: str, expected: str) -> None:
    """Line, key, and what to write."""
    found = load((HEAD + rule + "\n").encode(), name="t.toml")

    assert isinstance(found, list)
    assert [expected] == [str(problem) for problem in found]


def test_sets_and_discounts_are_not_of_one_group() -> None:
    """A set needs pieces, a percent does not: they cannot share them."""
    text = (
        'version = 1\ntitle = "t"\ncurrency = "RUB"\nzone = "Europe/Moscow"\n[groups.g]\nmode = "best"\n'
        '[[rules]]\nid = "a"\nkind = "n_for_m"\ngroup = "g"\ntake = 3\npay = 2\n'
        '[[rules]]\nid = "b"\nkind = "fixed_price"\ngroup = "g"\nprice = 3\n'
    )
    found = load(text.encode(), name="t.toml")

    assert isinstance(found, list)
    assert ["t.toml:16: rules[1].group: group 'g' has sets already; one group is of one kind"] == [
        str(problem) for problem in found
    ]


def test_a_thousand_pieces_are_as_quick_as_one() -> None:
    """Sets are counted, not made one by one: the same answer, from the same few steps."""
    price = Money(10_000, "RUB")
    line = Line(
        number=1,
        name="bolt",
        quantity=Quantity.parse("999999"),
        price=price,
        total=Money(9_999_990_000, "RUB"),
        categories=("tea",),
    )
    three = {"kind": "n_for_m", "take": 3, "pay": 2}
    pair = {"kind": "bundle", "members": [{"lines": {"categories": ["tea"]}, "quantity": 2}], "price": "150"}

    assert 333_333 * 10_000 == decided([three], [line]).discount.minor
    assert 499_999 * 5_000 == decided([pair], [line]).discount.minor


@pytest.mark.parametrize("pieces", [1, 2, 999_999])
def test_a_set_of_many_lines_is_made_in_one_walk(pieces: int) -> None:
    """Twice the lines cost twice the looks, not four times: a line used up is passed once, not once for every set."""

    class Watched(list[int]):
        looks = 0

        def __getitem__(self, place: Any) -> Any:
            Watched.looks += 1
            return super().__getitem__(place)

    always = Selector(None, lambda sale: sale.all, None)
    members = (Member(always, 2), Member(always, 3))
    rule = Bundle("r0", False, always, members, price=1, percent=0, amount=0, times=None)

    def looks(count: int) -> int:
        pool = Pool([10_000 * pieces] * count, [pieces] * count, [pieces] * count, [10_000 * pieces] * count)
        Watched.looks = 0
        used, sets = rule._assemble([Watched(range(count)) for _ in members], pool, pool.base)

        assert count * pieces // 5 == sets
        assert 5 * sets == sum(used.values())
        return Watched.looks

    assert looks(2_000) <= 2.1 * looks(1_000)
    assert looks(2_000) <= 15 * 2_000


def test_one_more_piece_is_hinted() -> None:
    """Two of three: the screen can say that one more makes the set."""
    price = Money(10_000, "RUB")
    line = Line(number=1, name="tea", quantity=Quantity.parse("2"), price=price, total=Money(20_000, "RUB"))
    (hint,) = decided([{"kind": "n_for_m", "take": 3, "pay": 2}], [line]).hints

    assert ("r0", "more_items") == (hint.rule, hint.code)
    assert {"have": "2", "need": "3", "missing": "1"} == hint.values
