"""How fast the engine decides, against a bare loop and two public condition libraries: `python3 dev.py bench engine`."""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agent.loyalty import Programme, SpendAsk, evaluate, load
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from tests.rival_conditions import Side, conditions, sides

NOW = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
CATEGORIES = 100  # of a store; a rule is for two of them, a line belongs to two
FEW = 5  # every rule meets every fifth line and more: far beyond any real programme
MIXTURE = (
    "category", "category", "weekday", "store", "category", "whole", "best", "multiply", "segment", "hours",
    "category", "category", "weekday", "store", "category", "category", "category", "multiply", "segment", "hours",
)  # fmt: skip
CUSTOMER = Customer(
    id="c",
    spent=Money(700_000, "RUB"),
    segments=frozenset({"pensioner"}),
    lots=tuple(PointsLot(id=f"l{i}", unit="bonus", amount=50) for i in range(10)),
)


def rule(number: int, categories: int) -> dict[str, Any]:
    """One of a mixture: most rules are for a category, some for a weekday or a store, a few for everything."""
    wanted = MIXTURE[number % len(MIXTURE)]
    made: dict[str, Any] = {"id": f"r{number}", "kind": "percent_discount", "percent": str(1 + number % 7)}
    made["lines"] = {"categories": [f"c{number % categories}", f"c{(number * 7) % categories}"]}
    if wanted == "weekday":
        made["when"] = {"weekdays": ["tue" if number % 4 else "sun"]}
    elif wanted == "store":
        made["when"] = {"stores": ["arbat" if number % 3 else "other"], "customer": "identified"}
    elif wanted == "whole":
        made |= {"target": "receipt", "lines": {}, "when": {"total_from": "1000" if number % 4 else "900000"}}
    elif wanted == "best":
        made |= {"group": "card", "lines": {}}
    elif wanted == "multiply":
        made = {
            "id": f"r{number}",
            "kind": "multiply_points",
            "unit": "bonus",
            "factor": "2",
            "group": "boost",
            "lines": made["lines"],
        }
    elif wanted == "segment":
        made["when"] = {"segments": ["pensioner"], "tiers": ["silver"]}
    elif wanted == "hours":
        made["when"] = {"hours": [{"from": "08:00", "until": "13:00"}], "quantity_from": "2"}
    return made


def programme_file(rules: int, categories: int = CATEGORIES) -> bytes:
    """A programme of so many rules, the last two of them earning and spending."""
    file = {
        "version": 1,
        "title": "bench",
        "currency": "RUB",
        "zone": "Europe/Moscow",
        "units": {"bonus": {"worth": "1"}},
        "tiers": [{"id": "silver", "spent_from": "5000"}],
        "groups": {"card": {"mode": "best"}, "boost": {"mode": "best"}},
        "rules": [rule(number, categories) for number in range(rules - 2)]
        + [
            {"id": "back", "kind": "earn_points", "unit": "bonus", "percent": "5", "expires_after_days": 90},
            {"id": "spend", "kind": "spend_points", "unit": "bonus", "share": "30"},
        ],
    }
    return codec.encode(file)


def nested_file(rules: int) -> bytes:
    """Discounts on lines, ten to an inner group, the groups pairwise in groups, and one best around them all."""
    groups: dict[str, Any] = {"all": {"mode": "best"}}
    for number in range(rules // 10):
        groups[f"pair{number // 2}"] = {"mode": "best", "inside": "all"}
        groups[f"ten{number}"] = {"mode": "stack", "inside": f"pair{number // 2}"}
    made = [{**rule(0, CATEGORIES), "id": f"r{number}", "group": f"ten{number // 10}"} for number in range(rules)]
    for number, one in enumerate(made):
        one["lines"] = {"categories": [f"c{number % CATEGORIES}", f"c{number * 7 % CATEGORIES}"]}
    head = {"version": 1, "title": "bench", "currency": "RUB", "zone": "Europe/Moscow"}
    return codec.encode({**head, "groups": groups, "rules": made})


def compiled(rules: int, categories: int = CATEGORIES, data: bytes = b"") -> Programme:
    """Ready to evaluate."""
    found = load(data or programme_file(rules, categories), name="bench.json")
    if not isinstance(found, Programme):
        raise SystemExit("\n".join(str(problem) for problem in found))
    return found


def receipt(lines: int, categories: int = CATEGORIES) -> Receipt:
    """Lines of two categories each, every ninth with a floor."""
    made = []
    for number in range(1, lines + 1):
        price = Money(5_000 + number * 137 % 9_000, "RUB")
        made.append(
            Line(
                number=number,
                name=f"n{number}",
                quantity=Quantity(2_000_000),
                price=price,
                total=Money(price.minor * 2, "RUB"),
                product_id=f"p{number}",
                categories=(f"c{number % categories}", f"c{(number + 9) % categories}"),
                price_floor=Money(4_000, "RUB") if number % 9 == 0 else None,
            )
        )
    total = sum(line.total.minor for line in made)
    return Receipt(
        uid="s", kind=DocumentKind.SALE, total=Money(total, "RUB"), lines=tuple(made), shop="arbat", till="1"
    )


def bare_loop(rules: int, lines: int) -> Callable[[], int]:
    """The least any engine must do: ask each rule a condition of four terms, in plain closures."""
    facts = {"total": 120_000, "tier": "silver", "hour": 12, "lines": lines}

    def make(number: int) -> Callable[[dict[str, Any]], bool]:
        least, tiers, start, end = number * 10, frozenset({"silver", "gold"}), 10, 18
        return lambda fact: fact["total"] >= least and fact["tier"] in tiers and start <= fact["hour"] < end

    closures = [make(number) for number in range(rules)]
    return lambda: sum(1 for closure in closures if closure(facts))


def measured(work: Callable[[], object], times: int) -> list[tuple[float, float]]:
    """Milliseconds (by the wall, of this thread's own work) of each of so many calls, after a few to warm up."""
    for _ in range(max(3, times // 20)):
        work()
    taken: list[tuple[float, float]] = []
    for _ in range(times):
        start, worked = time.perf_counter(), time.thread_time()
        work()
        taken.append(((time.perf_counter() - start) * 1000, (time.thread_time() - worked) * 1000))
    return taken


def row(name: str, taken: list[tuple[float, float]], promise: str = "") -> str:
    """One line of the table: by the wall, then without what other programs on the machine took away."""
    cells = []
    for clock in (0, 1):
        ordered = sorted(pair[clock] for pair in taken)
        cells += [statistics.median(ordered), ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]]
    return f"{name:<34}{''.join(f'{cell:>10.3f}' for cell in cells)}  {promise}"


def evaluation(
    rules: int, lines: int, times: int, categories: int = CATEGORIES, data: bytes = b""
) -> list[tuple[float, float]]:
    """Milliseconds of deciding, points asked for."""
    programme, sale = compiled(rules, categories, data), receipt(lines, categories)
    return measured(lambda: evaluate(programme, sale, CUSTOMER, NOW, points=SpendAsk.most()), times)


#: What each side is asked to do, told with the figures.
FAIR = (
    "The same gates (hours, tier, segment, what a category costs and counts) over the same eight receipts; each side",
    "compiled once, their answers compared first. Ours: from the receipt's lines; finds the lines each rule acts on and",
    "says why a gate is shut. CEL, ZEN: yes or no only, from sums by category that Python makes for them. 'whole' is",
    "from the receipt to all answers, 'gates' with the facts ready (CEL: its Context; ours: its index of the lines).",
    "Neither works out, shares or rounds a discount: 'evaluate' above is the whole decision.",
)


def compare(rules: int, lines: int, times: int) -> None:
    """Rows of the same conditions asked of each engine, and how many times slower than ours (below 1: faster)."""
    receipts = [receipt(lines - place * lines // 16, CATEGORIES if lines > FEW * 4 else FEW) for place in range(8)]
    found = sides(conditions(rules, CATEGORIES if lines > FEW * 4 else FEW), CUSTOMER, NOW)
    answers = [[[bool(one) for one in side.gates(side.facts(sale))] for sale in receipts] for side in found]
    different = [side.name for side, answer in zip(found, answers, strict=True) if answer != answers[0]]
    if different:
        raise SystemExit(f"not the same answers as ours: {', '.join(different)}")
    opened = sum(map(sum, answers[0]))
    say(f"\ngates of {rules} rules x {lines} lines; {opened * 100 // (rules * len(receipts))} % of them open")
    say(f"{'':<34}{'median':>10}{'p99':>10}{'cpu med':>10}{'cpu p99':>10}{'ratio':>10}")
    for what, work in (("whole", whole), ("gates", gates)):
        ours = 0.0
        for side in found:
            taken = measured(work(side, receipts), times)
            median = statistics.median(pair[1] for pair in taken)
            ours = ours or median
            say(f"{row(f'{what}: {side.name}', taken).rstrip()}{median / ours:>10.2f}")
    if len(found) == 1:
        say("CEL and ZEN are not installed; `python3 dev.py bench engine` installs them")


def whole(side: Side, receipts: list[Receipt]) -> Callable[[], object]:
    """From a receipt to the answers, the receipts in turn."""
    turn = itertools.cycle(receipts)
    return lambda: side.gates(side.facts(next(turn)))


def gates(side: Side, receipts: list[Receipt]) -> Callable[[], object]:
    """From facts made before to the answers."""
    turn = itertools.cycle([side.facts(sale) for sale in receipts])
    return lambda: side.gates(next(turn))


def say(line: str) -> None:
    """One line of the table, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Print the table; nothing is asserted here, a slow machine is not an error."""
    say(f"Python {sys.version.split()[0]}, {sys.platform}; milliseconds")
    say(f"{'':<34}{'median':>10}{'p99':>10}{'cpu med':>10}{'cpu p99':>10}")
    say(row("20 rules x 10 lines", evaluation(20, 10, 2000), "promised: median <= 0.3"))
    say(row("200 rules x 100 lines", evaluation(200, 100, 500), "promised: p99 <= 5"))
    say(row("the same, each line hit by most", evaluation(200, 100, 100, FEW)))
    say(row("200 rules in 31 groups, 3 deep", evaluation(200, 100, 100, data=nested_file(200))))
    for rules in (50, 100, 400, 800):
        say(row(f"{rules} rules x 100 lines", evaluation(rules, 100, 100)))
    for lines in (25, 50, 200, 400):
        say(row(f"200 rules x {lines} lines", evaluation(200, lines, 100)))
    data = programme_file(1000)
    say(row("compile 1000 rules (JSON)", measured(lambda: load(data, name="bench.json"), 10)))
    say(row("bare loop, 20 rules", measured(bare_loop(20, 10), 2000)))
    say(row("bare loop, 200 rules", measured(bare_loop(200, 100), 2000)))
    say("\n" + "\n".join(FAIR))
    compare(20, 10, 2000)
    compare(200, 100, 400)
    return 0


if __name__ == "__main__":
    sys.exit(main())
