"""What can be wrong with counters, limits, personal offers, partners, referral and donation; builds nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from agent.loyalty.counters import IN_MONEY
from agent.loyalty.model import Counter, ProgrammeFile
from agent.loyalty.parts import CounterOf, CounterRange, CustomerKind
from agent.loyalty.points import minor_points
from agent.loyalty.reading import nearest
from agent.loyalty.rules import (
    AmountDiscount,
    Bundle,
    DonatePoints,
    FixedPrice,
    MultiplyPoints,
    NForM,
    PercentDiscount,
    Referral,
    Rule,
    StagedDiscount,
    TierDiscount,
)
from agent.loyalty.source import Path
from drivers.vocabulary.money import Money, Quantity

__all__ = ["check_counters", "check_personal"]

Report = Callable[[Path, str, str], None]

#: The rules that take money off, of which a counter of discounts can gather anything.
_TAKING_OFF = (PercentDiscount, TierDiscount, AmountDiscount, FixedPrice, StagedDiscount, NForM, Bundle)
_BY_LIMIT = (CounterOf.DISCOUNT, CounterOf.USES)


def check_counters(file: ProgrammeFile, problem: Report) -> None:
    """A counter that nobody counts in would always be 0."""
    limited = {rule.limit.counter for rule in file.rules if rule.limit is not None}
    for name, counter in file.counters.items():
        if counter.of in _BY_LIMIT and name not in limited:
            said = f"no rule counts in {name!r}: give one a limit = {{ counter = {name!r} }}"
            problem(("counters", name), said.replace("'", '"'), "")


def check_personal(file: ProgrammeFile, rule: Rule, path: Path, problem: Report) -> None:
    """One rule by itself, and the names that it uses."""
    when = rule.when
    for i, one in enumerate(when.counters):
        _check_range(file, one, (*path, "when", "counters", i), problem)
    _check_named(when.offers, file.offers, "offer", (*path, "when", "offers"), problem)
    _check_named(when.partners, file.partners, "partner", (*path, "when", "partners"), problem)
    if rule.lines.offered and not when.offers:
        problem((*path, "lines", "offered"), "say which personal offers: when.offers", "")
    if isinstance(rule, Bundle):
        for i, member in enumerate(rule.members):
            if member.lines.offered:
                problem((*path, "members", i, "lines", "offered"), "write it under lines of the whole rule", "")
    if rule.limit is not None:
        _check_limit(file, rule, path, problem)
    if isinstance(rule, Referral):
        _check_referral(file, rule, path, problem)
    if isinstance(rule, DonatePoints):
        _check_points(file, rule.unit, {"step": rule.step, "least": rule.least, "most": rule.most}, path, problem)


def _check_named(names: Iterable[str], known: Mapping[str, object], what: str, path: Path, problem: Report) -> None:
    for i, name in enumerate(names):
        if name not in known:
            said = f"no {what} {name!r}; declare it under [{what}s]"
            problem((*path, i), said, nearest(name, [*known]))


def _counter(file: ProgrammeFile, name: str, path: Path, problem: Report) -> Counter | None:
    found = file.counters.get(name)
    if found is None:
        said = f"no counter {name!r}; declare it under [counters]"
        problem((*path, "counter"), said, nearest(name, [*file.counters]))
    return found


def _check_range(file: ProgrammeFile, one: CounterRange, path: Path, problem: Report) -> None:
    counter = _counter(file, one.counter, path, problem)
    if one.start is None and one.below is None:
        problem(path, "write from, below, or both", "")
    for key, value in (("from", one.start), ("below", one.below)):
        if value is not None and counter is not None:
            _check_value(file, counter, value, (*path, key), problem)
    if one.start is not None and one.below is not None and one.start.steps >= one.below.steps:
        problem((*path, "below"), f"must be above from = {one.start}, not {one.below}", "")


def _check_value(file: ProgrammeFile, counter: Counter, value: Quantity, path: Path, problem: Report) -> None:
    """Money of the programme, or a whole number, as the counter counts."""
    if value.steps <= 0:
        problem(path, "must be above 0", "")
    elif counter.of not in IN_MONEY:
        if not value.is_whole:
            problem(path, f"{counter.of.value} are whole numbers, not {value}", "")
    else:
        try:
            Money.of(str(value), file.currency)
        except ValueError:
            problem(path, f"{value} has more decimal places than {file.currency}", "")


def _check_limit(file: ProgrammeFile, rule: Rule, path: Path, problem: Report) -> None:
    if rule.limit is None:
        return
    here: Path = (*path, "limit")
    counter = _counter(file, rule.limit.counter, here, problem)
    if counter is None:
        return
    if counter.of not in _BY_LIMIT:
        said = f"{rule.limit.counter!r} counts {counter.of.value} of every receipt; a limit wants discount or uses"
        problem((*here, "counter"), said, "")
    elif counter.of is CounterOf.DISCOUNT and not isinstance(rule, _TAKING_OFF):
        problem((*here, "counter"), "this rule takes no money off; a limit for it wants a counter of uses", "")
    if rule.limit.most is not None and rule.when.customer is CustomerKind.ANONYMOUS:
        problem(here, "nobody can tell how much an anonymous customer has had", "")
    if rule.limit.most is not None:
        _check_value(file, counter, rule.limit.most, (*here, "most"), problem)
    if isinstance(rule, MultiplyPoints) and rule.limit.most is not None:
        sharing = [one.id for one in file.rules if one.limit is not None and one.limit.counter == rule.limit.counter]
        if len(sharing) > 1:
            said = f"multipliers are chosen together, so none shares a limit; {rule.limit.counter!r} is also of "
            problem((*here, "counter"), said + ", ".join(name for name in sharing if name != rule.id), "")


def _check_referral(file: ProgrammeFile, rule: Referral, path: Path, problem: Report) -> None:
    if rule.points is None and rule.friend_points is None:
        problem(path, "write points, friend_points, or both", "")
    _check_points(file, rule.unit, {"points": rule.points, "friend_points": rule.friend_points}, path, problem)
    if rule.expires_after_days is not None and rule.expires_after_days < rule.active_after_days:
        problem((*path, "expires_after_days"), "the points would expire before they are active", "")


def _check_points(
    file: ProgrammeFile, unit: str, written: dict[str, Quantity | None], path: Path, problem: Report
) -> None:
    declared = file.units.get(unit)
    for key, points in written.items():
        if points is not None and points.steps <= 0:
            problem((*path, key), "must be above 0", "")
        elif points is not None and declared is not None and minor_points(points, declared.exponent) is None:
            problem((*path, key), f"{unit} has {declared.exponent} decimal places, {points} has more", "")
