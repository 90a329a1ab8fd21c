"""The gates of the same rules over the same receipts, asked of three engines: ours, CEL and ZEN; measures nothing itself.

A gate here: hours, a segment, a tier, what the goods of a category cost together, and how many pieces they are.
Ours finds that out from the receipt, names the lines a rule acts on, and says why a gate is shut. The others answer yes
or no, and are given the sums by category ready made: CEL has no sum over a list.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from agent.loyalty import Programme, load
from agent.loyalty.days import local_time
from agent.loyalty.programme import tier_of
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.receipt import Receipt

WINDOWS = (("08:00", "20:00"), ("10:00", "18:00"), ("09:00", "12:00"), ("22:00", "23:00"))
SEGMENTS = ("pensioner", "pensioner", "pensioner", "student")
TIERS = (("silver", "gold"), ("bronze", "silver"), ("silver",), ("gold",))

#: Yes or no of each rule.
Answers = list[bool]


class Side(NamedTuple):
    """One way to ask: from a receipt to facts, and from facts to answers."""

    name: str
    facts: Callable[[Receipt], Any]
    gates: Callable[[Any], Answers]


def conditions(rules: int, categories: int) -> list[dict[str, Any]]:
    """What each rule wants; about a half of the gates are open on a full receipt."""
    made = []
    for number in range(rules):
        start, until = WINDOWS[number // 3 % 4 if number % 5 == 0 else number % 2]
        made.append(
            {
                "hours": [{"from": start, "until": until}],
                "segments": [SEGMENTS[number // 7 % 4 if number % 6 == 0 else 0]],
                "tiers": list(TIERS[number // 5 % 4 if number % 4 == 0 else number % 3]),
                "total_from": 5_000 + number * 7_919 % 60_000,
                "quantity_from": 1 + number % 3,
                "category": f"c{number % categories}",
            }
        )
    return made


def sides(wanted: list[dict[str, Any]], customer: Customer, now: datetime) -> list[Side]:
    """Ours first; each is compiled here, once."""
    programme = _programme(wanted)
    selectors = [step.rules[0].where for step in programme.compiled.discounts]  # type: ignore[attr-defined]
    local = local_time(now, programme.compiled.zone)
    tier = tier_of(programme, customer)

    def sale(receipt: Receipt) -> Sale:
        return Sale(receipt, customer, tier, now, local, left_least=0)

    def gates(facts: Sale) -> Answers:
        allowed = facts.discountable
        return [not isinstance(selector.lines(facts, allowed), Rejection) for selector in selectors]

    def sums(receipt: Receipt) -> dict[str, Any]:
        money: dict[str, int] = {}
        quantity: dict[str, int] = {}
        for line in receipt.lines:
            for category in line.categories:
                money[category] = money.get(category, 0) + line.total.minor
                quantity[category] = quantity.get(category, 0) + line.quantity.steps
        return {
            "minute": local.hour * 60 + local.minute,
            "segments": sorted(customer.segments),
            "tier": tier,
            "money": money,
            "quantity": quantity,
        }

    return [Side("ours", sale, gates), *_cel(wanted, sums), *_zen(wanted, sums)]


def _programme(wanted: list[dict[str, Any]]) -> Programme:
    rules = []
    for number, one in enumerate(wanted):
        when = {key: one[key] for key in ("hours", "segments", "tiers")}
        when |= {"total_from": f"{one['total_from'] / 100:.2f}", "quantity_from": one["quantity_from"]}
        lines = {"categories": [one["category"]]}
        rules.append({"id": f"r{number}", "kind": "percent_discount", "percent": 1, "when": when, "lines": lines})
    tiers = [{"id": "bronze"}, {"id": "silver", "spent_from": 5000}, {"id": "gold", "spent_from": 50000}]
    head = {"version": 1, "title": "gates", "currency": "RUB", "zone": "Europe/Moscow", "tiers": tiers}
    found = load(codec.encode({**head, "rules": rules}), name="gates.json")
    if not isinstance(found, Programme):
        raise SystemExit("\n".join(str(problem) for problem in found))
    return found


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _expression(one: dict[str, Any], conjunction: str, at_least: str) -> str:
    """The five conditions in the order in which ours asks them; `at_least` compares a sum that may be missing."""
    hours = one["hours"][0]
    parts = [
        f"minute >= {_minute(hours['from'])}",
        f"minute < {_minute(hours['until'])}",
        f"tier in {one['tiers']!r}",
        f"{one['segments'][0]!r} in segments",
        at_least.format(table="money", category=one["category"], least=one["total_from"]),
        at_least.format(table="quantity", category=one["category"], least=one["quantity_from"] * 1_000_000),
    ]
    return f" {conjunction} ".join(parts).replace("'", '"')


def _cel(wanted: list[dict[str, Any]], sums: Callable[[Receipt], dict[str, Any]]) -> list[Side]:
    """Programs compiled once, and one Context for all of them: a dictionary would be converted for each."""
    try:
        import cel
    except ImportError:
        return []
    programs = [
        cel.compile(_expression(one, "&&", "'{category}' in {table} && {table}.{category} >= {least}"))
        for one in wanted
    ]

    def context(receipt: Receipt) -> Any:
        return cel.Context(variables=sums(receipt))

    return [Side("CEL", context, lambda facts: [program.execute(facts) for program in programs])]


def _zen(wanted: list[dict[str, Any]], sums: Callable[[Receipt], dict[str, Any]]) -> list[Side]:
    """ZEN converts the facts at each call; so the same as one expression for all rules, which is its fastest way."""
    try:
        import zen
    except ImportError:
        return []
    texts = [_expression(one, "and", "({table}.{category} ?? 0) >= {least}") for one in wanted]
    each = [zen.compile_expression(text) for text in texts]
    together = zen.compile_expression(f"[{', '.join(texts)}]")
    return [
        Side("ZEN, all rules in one", sums, together.evaluate),
        Side("ZEN, rule by rule", sums, lambda facts: [one.evaluate(facts) for one in each]),
    ]
