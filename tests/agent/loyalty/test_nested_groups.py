"""Groups inside groups: what holds for every tree of them, and what a wrong one is told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import strategies as st

from agent.loyalty import Programme, evaluate, load
from agent.loyalty.compile_groups import GROUPS_DEEP_MAX
from agent.loyalty.describe import describe
from agent.loyalty.differences import differences
from agent.loyalty.set_groups import OFFERS_MAX
from agent.loyalty.sets import NForM
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import Line, LineFlag
from tests.agent.loyalty.soaking import prove
from tests.agent.loyalty.test_sets import HEAD, NOW, amounts, bundles, matchers, n_for_m, prices, sale_lines, sale_of

MODES = ["stack", "best", "list_order", "exclusive"]
CUSTOMER = Customer(id="c")

#: A rule, or (mode, elements).
Tree = Any

percent = st.integers(min_value=1, max_value=1_000_000).map(lambda steps: f"{steps // 10_000}.{steps % 10_000:04}")
on_lines = (
    st.builds(
        lambda percent, initial, lines: {
            "kind": "percent_discount",
            "percent": percent,
            "initial": initial,
            "lines": lines,
        },
        percent,
        st.booleans(),
        matchers,
    )
    | prices
    | amounts.map(lambda rule: {**rule, "target": "lines"})
)
on_receipt = st.builds(
    lambda percent, initial: {
        "kind": "percent_discount",
        "percent": percent,
        "initial": initial,
        "target": "receipt",
    },
    percent,
    st.booleans(),
) | amounts.map(lambda rule: {**rule, "target": "receipt"})
sets = n_for_m | bundles
earning = st.builds(
    lambda percent, lines: {"kind": "earn_points", "unit": "bonus", "percent": percent, "lines": lines},
    percent,
    matchers,
) | st.builds(
    lambda points, lines: {"kind": "fixed_points", "unit": "bonus", "points": points, "lines": lines},
    st.integers(min_value=1, max_value=50),
    matchers,
)
multipliers = st.builds(
    lambda factor, lines: {"kind": "multiply_points", "unit": "bonus", "factor": factor, "lines": lines},
    st.sampled_from(["1.5", "2", "0.333333", "3"]),
    matchers,
)


def group_of(rules: st.SearchStrategy[Tree], inner: st.SearchStrategy[Tree] | None = None) -> st.SearchStrategy[Tree]:
    """A group of such rules, and of such groups."""
    elements = rules if inner is None else rules | inner
    return st.tuples(st.sampled_from(MODES), st.lists(elements, min_size=1, max_size=3))


def nested(rules: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    """Up to four groups deep."""
    third = group_of(rules, group_of(rules))
    return group_of(rules, group_of(rules, third) | third)


#: Rules on lines and set rules never stand in one group directly.
mixed = nested(on_lines) | st.tuples(
    st.sampled_from(MODES), st.lists(group_of(sets, group_of(sets)) | group_of(on_lines), min_size=1, max_size=3)
)


def is_group(tree: Tree) -> bool:
    """True for a group."""
    return isinstance(tree, tuple)


def programme_of(*trees: Tree, extra: tuple[dict[str, Any], ...] = ()) -> Programme:
    """A programme of these groups or rules, each in none, and of more rules."""
    groups: dict[str, Any] = {}
    rules: list[dict[str, Any]] = []

    def add(tree: Tree, inside: str) -> None:
        if not is_group(tree):
            rules.append({**tree, "id": f"r{len(rules)}", **({"group": inside} if inside else {})})
            return
        name = f"g{len(groups)}"
        groups[name] = {"mode": tree[0], **({"inside": inside} if inside else {})}
        for element in tree[1]:
            add(element, name)

    for tree in trees:
        add(tree, "")
    rules += [{**rule, "id": f"x{place}"} for place, rule in enumerate(extra)]
    file = {"version": 1, "title": "t", "currency": "RUB", "zone": "Europe/Moscow", "groups": groups, "rules": rules}
    found = load(codec.encode({**file, "units": {"bonus": {"worth": "1"}}}), name="t.json")

    assert isinstance(found, Programme), found
    return found


def decided(tree: Tree, lines: list[Line], *extra: dict[str, Any]) -> Decision:
    """What one group or rule does to these lines."""
    return evaluate(programme_of(tree, extra=extra), sale_of(lines), CUSTOMER, NOW)


def earned(decision: Decision) -> int:
    """Points, all together."""
    return sum(one.amount for one in decision.earned)


@prove(mixed | nested(on_receipt) | nested(sets), sale_lines())
def test_the_best_of_groups_is_never_worse_than_one_of_them(tree: Tree, lines: list[Line]) -> None:
    """Whatever stands in it, of whatever mode, alone takes no more."""
    best = decided(("best", tree[1]), lines).discount
    for element in tree[1]:
        assert best >= decided(element, lines).discount


@prove(nested(earning), sale_lines())
def test_the_best_of_earning_groups_is_never_worse_than_one_of_them(tree: Tree, lines: list[Line]) -> None:
    """Points of a whole inner group are compared."""
    best = earned(decided(("best", tree[1]), lines))
    for element in tree[1]:
        assert best >= earned(decided(element, lines))


@prove(nested(multipliers), sale_lines())
def test_the_best_of_multiplying_groups_is_never_worse_than_one_of_them(tree: Tree, lines: list[Line]) -> None:
    """Each line has the largest factor that any element gives it, and an element that does not act gives 1."""
    back = {"kind": "earn_points", "unit": "bonus", "percent": "50"}
    best = earned(decided(("best", tree[1]), lines, back))
    for element in tree[1]:
        assert best >= earned(decided(element, lines, back))


@prove(mixed | nested(on_receipt) | nested(sets), sale_lines())
def test_groups_in_groups_add_up_and_stop_at_floors(tree: Tree, lines: list[Line]) -> None:
    """The lines' effects are the receipt's, no price is below nothing or its floor, tobacco loses nothing."""
    decision = decided(tree, lines)
    off = decision.line_discounts()

    assert sum(off.values()) == decision.discount.minor
    assert decision.total.minor - decision.discount.minor == decision.payable.minor
    for number, line in enumerate(lines, 1):
        after = line.total.minor - off.get(number, 0)

        assert after >= 0
        if off.get(number) and line.price_floor is not None:
            assert after * 1_000_000 >= line.price_floor.minor * line.quantity.steps
        assert LineFlag.TOBACCO not in line.flags or number not in off


@prove(nested(on_lines) | nested(on_receipt), sale_lines(), st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_no_total_of_groups(tree: Tree, lines: list[Line], random: Any) -> None:
    """Which element wins hangs on what it takes, never on where a line stands."""
    shuffled = list(lines)
    random.shuffle(shuffled)

    assert decided(tree, lines).discount == decided(tree, shuffled).discount


@prove(mixed | nested(on_receipt) | nested(sets) | nested(earning) | nested(multipliers), sale_lines())
def test_each_rule_is_explained_once(tree: Tree, lines: list[Line]) -> None:
    """What was only tried leaves no trace, and nobody is forgotten."""
    programme = programme_of(tree, extra=({"kind": "earn_points", "unit": "bonus", "percent": "5"},))
    decision = evaluate(programme, sale_of(lines), CUSTOMER, NOW)
    said = Counter(why.rule for why in decision.explanations if why.code != "sets_ranked")
    took = {one.rule for one in decision.effects if hasattr(one, "line")}

    assert {rule.id: 1 for rule in programme.file.rules} == said
    assert took <= {why.rule for why in decision.explanations if why.applied}


@prove(mixed | nested(on_receipt) | nested(sets), sale_lines(), st.sampled_from(MODES))
def test_a_group_alone_inside_another_is_itself(tree: Tree, lines: list[Line], mode: str) -> None:
    """With nothing beside it the outer mode decides nothing."""
    assert decided(tree, lines).effects == decided((mode, [tree]), lines).effects


def test_what_is_tried_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four offers in each of many groups inside one another cost no more than the bound; the ranking is said."""
    asked = 0
    offer = NForM.offer

    def counted(self: NForM, sale: Any, pool: Any) -> Any:
        nonlocal asked
        asked += 1
        return offer(self, sale, pool)

    monkeypatch.setattr(NForM, "offer", counted)
    rule = {"kind": "n_for_m", "take": 2, "pay": 1}
    tree: Tree = ("best", [{**rule, "take": take} for take in (2, 3, 4, 5)])
    for _ in range(GROUPS_DEEP_MAX - 1):
        tree = ("best", [tree, {**rule, "take": 3}, {**rule, "take": 4}])
    price = Money(10_000, "RUB")
    lines = [
        Line(number=place, name="n", quantity=Quantity(7_000_000), price=price, total=Money(70_000, "RUB"))
        for place in range(1, 4)
    ]
    decision = decided(tree, lines)

    assert asked <= 8 * GROUPS_DEEP_MAX * OFFERS_MAX
    assert decision.discount.minor >= decided({**rule, "take": 2}, lines).discount.minor
    assert any(why.code == "sets_ranked" for why in decision.explanations)


GROUPS = """
[groups.card]
mode = "best"
[groups.pair]
mode = "stack"
inside = "{inside}"
"""


def problems(text: str) -> list[str]:
    """What load() says, without the name of the file."""
    found = load((HEAD.partition("[[rules]]")[0] + text).encode(), name="shop.toml")

    assert isinstance(found, list)
    return [str(problem).removeprefix("shop.toml:") for problem in found]


def rule_text(name: str, group: str, **more: str) -> str:
    """A rule in a group."""
    written = {"kind": "percent_discount", "percent": "5", **more}
    keys = "".join(f'{key} = "{value}"\n' for key, value in written.items())
    return f'[[rules]]\nid = "{name}"\ngroup = "{group}"\n{keys}'


def test_an_unknown_group_around_names_the_nearest() -> None:
    """Its own name is no answer."""
    text = GROUPS.format(inside="cards") + rule_text("a", "pair")

    assert [
        "10: groups.pair.inside: no group 'cards'; declare it under [groups]; did you mean card?",
    ] == problems(text)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"a": "a"}, ["7: groups.a.inside: group 'a' would stand inside itself: a in a"]),
        (
            {"a": "b", "b": "a", "c": "a"},
            [
                "7: groups.a.inside: group 'a' would stand inside itself: a in b in a",
                "10: groups.b.inside: group 'b' would stand inside itself: b in a in b",
            ],
        ),
    ],
)
def test_a_circle_of_groups(groups: dict[str, str], expected: list[str]) -> None:
    """Told of each group in the circle, and not of those outside it."""
    text = "".join(f'[groups.{name}]\nmode = "best"\ninside = "{inside}"\n' for name, inside in groups.items())

    assert expected == problems(text)


def test_groups_stand_only_so_deep() -> None:
    """The first that is too deep is told."""
    names = [f"g{place}" for place in range(GROUPS_DEEP_MAX + 1)]
    text = "".join(
        f'[groups.{name}]\nmode = "best"\n' + (f'inside = "{names[place - 1]}"\n' if place else "")
        for place, name in enumerate(names)
    )
    said = f"groups.g{GROUPS_DEEP_MAX}.inside: at most {GROUPS_DEEP_MAX} groups stand inside one another, not 7"

    assert [f"{4 + 2 + 3 * GROUPS_DEEP_MAX}: {said}"] == problems(text)


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        (
            {},
            {"target": "receipt"},
            (
                "group 'pair' has discounts on the receipt, group 'card' has discounts on lines: "
                "groups inside one another act in one phase"
            ),
        ),
        (
            {"kind": "multiply_points", "unit": "bonus", "factor": "2"},
            {"kind": "multiply_points", "unit": "mile", "factor": "2"},
            "group 'pair' has 'mile', group 'card' has 'bonus': points of different units cannot be compared",
        ),
        (
            {"kind": "earn_points", "unit": "bonus"},
            {},
            "group 'pair' has discounts on lines, group 'card' has earning: groups inside one another act in one phase",
        ),
    ],
)
def test_a_mixture_that_nobody_can_compare(outer: dict[str, str], inner: dict[str, str], expected: str) -> None:
    """Whichever rule is written first, the key that mixes them is told."""
    units = "[units.bonus]\nworth = 1\n[units.mile]\nworth = 1\n"
    first, second = (
        rule_text(name, group, **rule).replace('percent = "5"\n', "" if "factor" in rule else 'percent = "5"\n')
        for name, group, rule in (("a", "card", outer), ("b", "pair", inner))
    )
    groups = GROUPS.format(inside="card") + units

    assert [f"10: groups.pair.inside: {expected}"] == problems(groups + first + second)
    assert ["10: groups.pair.inside"] == [text.partition(": group ")[0] for text in problems(groups + second + first)]


def test_sets_and_discounts_on_lines_may_stand_in_one_group() -> None:
    """Both take money off lines, before anything is taken off the receipt."""
    kinds = {"kind": "n_for_m", "take": "3", "pay": "2"}
    text = GROUPS.format(inside="card") + rule_text("a", "card")
    text += rule_text("b", "pair", **kinds).replace('percent = "5"\n', "").replace('"3"', "3").replace('"2"', "2")

    assert isinstance(load((HEAD.partition("[[rules]]")[0] + text).encode(), name="shop.toml"), Programme)


def _file(mode: str, **more: str) -> dict[str, Any]:
    """Three groups inside one another, and one rule in the inmost."""
    return {
        "version": 1,
        "title": "t",
        "currency": "RUB",
        "zone": "Europe/Moscow",
        "groups": {
            "shop": {"mode": "best"},
            "deal": {"mode": "stack", "inside": "shop"},
            "set": {"mode": mode, **more},
        },
        "rules": [{"id": "a", "kind": "percent_discount", "percent": "5", "group": "set"}],
    }


SAID = {
    "en": "nothing of deal beside set; set as one: adds up with deal; deal as one: the best of shop.",
    "ru": (
        "в группе deal ничего кроме группы set; группа set как одно целое: складывается в группе deal; "
        "группа deal как одно целое: лучшее из группы shop."
    ),
}


@pytest.mark.parametrize("language", SAID)
def test_a_group_inside_another_is_told_outwards(language: str) -> None:
    """What `programme explain` says of a rule goes on to the groups around its own."""
    found = load(codec.encode(_file("exclusive", inside="deal")), name="t.json")

    assert isinstance(found, Programme), found
    assert describe(found, language=language)[0].endswith(SAID[language])


def test_moving_a_group_is_a_difference() -> None:
    """`programme diff` names the key."""
    old, new = (load(codec.encode(_file("best", **more)), name="t.json") for more in ({}, {"inside": "shop"}))

    assert isinstance(old, Programme)
    assert isinstance(new, Programme)
    assert "groups.set.inside: - → shop" in differences(old, new)
