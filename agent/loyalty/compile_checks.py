"""What one key of a programme cannot know of another, checked before anything is built; builds nothing itself."""

from __future__ import annotations

from collections.abc import Callable

from agent.loyalty.certificates import CERTIFICATES_RULE
from agent.loyalty.compile_after import check_after
from agent.loyalty.compile_groups import check_groups
from agent.loyalty.compile_personal import check_counters, check_personal
from agent.loyalty.compile_rewards import check_reward
from agent.loyalty.coupons import COUPONS_RULE
from agent.loyalty.days import minute_of
from agent.loyalty.gates import needs_customer
from agent.loyalty.model import ProgrammeFile
from agent.loyalty.parts import CustomerKind
from agent.loyalty.points import minor_points
from agent.loyalty.reading import nearest
from agent.loyalty.rules import EarnPoints, MultiplyPoints, Rule, SpendPoints
from agent.loyalty.sale import STORED_VALUE
from agent.loyalty.source import Path
from agent.loyalty.wording import FORMS
from drivers.vocabulary.decision import POINTS_RULE
from drivers.vocabulary.money import Quantity

__all__ = ["TIERS_RULE", "Report", "check_coupons", "check_header", "check_rules"]

TIERS_RULE = "tiers"  # the "rule" that explanations about tiers name
_RESERVED = frozenset({POINTS_RULE, CERTIFICATES_RULE, COUPONS_RULE, TIERS_RULE})
_WHOLE = 1_000_000  # 100 % in steps of a Percent

Report = Callable[[Path, str, str], None]


def check_header(file: ProgrammeFile, problem: Report) -> None:
    """What stands above the rules: units and their names, what a line keeps, tiers."""
    for name, unit in file.units.items():
        if unit.worth is not None and unit.worth.minor <= 0:
            problem(("units", name, "worth"), "the worth of points must be above 0", "")
        _check_unit_names(unit.names, ("units", name, "names"), problem)
    if file.line_left_least is not None and file.line_left_least.minor < 0:
        problem(("line_left_least",), "cannot be negative", "")
    before = -1
    seen: set[str] = set()
    for i, tier in enumerate(file.tiers):
        if tier.id in seen:
            problem(("tiers", i, "id"), f"there is a tier {tier.id!r} already", "")
        seen.add(tier.id)
        if tier.spent_from is None:
            continue
        if tier.spent_from.minor <= before:
            problem(("tiers", i, "spent_from"), "tiers are written lowest first, each above the one before", "")
        before = tier.spent_from.minor


def _check_unit_names(names: dict[str, tuple[str, ...]], path: Path, problem: Report) -> None:
    """Each language has its number of plural forms, and none of them is empty."""
    for language, forms in names.items():
        if language not in FORMS:
            problem((*path, language), f"languages are {', '.join(FORMS)}", nearest(language, [*FORMS]))
        elif len(forms) != FORMS[language] or not all(forms):
            problem((*path, language), f"{language} has {FORMS[language]} plural forms, not {len(forms)}", "")


def check_coupons(file: ProgrammeFile, problem: Report) -> None:
    """A public code names one coupon only, and a key is 32 bytes."""
    whose: dict[str, str] = {}
    for name, coupon in file.coupons.items():
        if coupon.date_from is not None and coupon.date_until is not None and coupon.date_from > coupon.date_until:
            said = f"{coupon.date_until} is before date_from {coupon.date_from}"
            problem(("coupons", name, "date_until"), said, "")
        for i, code in enumerate(coupon.codes):
            if whose.setdefault(code, name) != name:
                problem(("coupons", name, "codes", i), f"{code!r} is a code of {whose[code]!r} already", "")


def check_rules(file: ProgrammeFile, problem: Report) -> None:
    """Each rule by itself, the names it uses, and the groups that rules live in."""
    seen: dict[str, int] = {}
    for i, rule in enumerate(file.rules):
        path: Path = ("rules", i)
        if rule.id in seen or rule.id in _RESERVED:
            said = "is a word of the engine's own" if rule.id in _RESERVED else "names another rule already"
            problem((*path, "id"), f"{rule.id!r} {said}; a rule's id is its own", "")
        seen[rule.id] = i
        _check_names(file, rule, path, problem)
        _check_when(rule, path, problem)
        _check_numbers(file, rule, path, problem)
    check_groups(file, problem)
    check_counters(file, problem)


def _check_names(file: ProgrammeFile, rule: Rule, path: Path, problem: Report) -> None:
    """Groups, units and tiers are declared where they are named."""
    if rule.group and rule.group not in file.groups:
        problem(
            (*path, "group"), f"no group {rule.group!r}; declare it under [groups]", nearest(rule.group, [*file.groups])
        )
    if rule.group and isinstance(rule, SpendPoints):
        problem((*path, "group"), "spending rules have no group: the first whose gate is open decides", "")
    unit = getattr(rule, "unit", None)
    if unit is not None and unit not in file.units:
        problem((*path, "unit"), f"no unit {unit!r}; declare it under [units]", nearest(unit, [*file.units]))
    tiers = [tier.id for tier in file.tiers]
    for i, tier in enumerate(rule.when.tiers):
        if tier not in tiers:
            problem((*path, "when", "tiers", i), f"no tier {tier!r}; declare it under [[tiers]]", nearest(tier, tiers))
    check_after(file, rule, path, problem)
    check_personal(file, rule, path, problem)
    for i, coupon in enumerate(rule.when.coupons):
        if coupon not in file.coupons:
            said = f"no coupon {coupon!r}; declare it under [coupons]"
            problem((*path, "when", "coupons", i), said, nearest(coupon, [*file.coupons]))
    for tier in getattr(rule, "percents", ()):
        if tier not in tiers:
            problem((*path, "percents", tier), f"no tier {tier!r}; declare it under [[tiers]]", nearest(tier, tiers))


def _check_when(rule: Rule, path: Path, problem: Report) -> None:
    when = rule.when
    for i, hours in enumerate(when.hours):
        if hours.start == "24:00" or minute_of(hours.start) == minute_of(hours.until):
            problem((*path, "when", "hours", i), f"{hours.start}-{hours.until} is no time at all", "")
    if when.date_from is not None and when.date_until is not None and when.date_from > when.date_until:
        problem((*path, "when", "date_until"), f"{when.date_until} is before date_from {when.date_from}", "")
    if when.total_from is not None and when.total_from.minor <= 0:
        problem((*path, "when", "total_from"), "must be above 0", "")
    if when.quantity_from is not None and when.quantity_from.steps <= 0:
        problem((*path, "when", "quantity_from"), "must be above 0", "")
    for i, kind in enumerate(when.tenders):
        if kind in STORED_VALUE:
            problem((*path, "when", "tenders", i), f"{kind.value} is stored value, not money", "")
    if when.customer is CustomerKind.ANONYMOUS and needs_customer(when):
        problem((*path, "when", "customer"), "no anonymous customer can meet the other conditions", "")


def _check_numbers(file: ProgrammeFile, rule: Rule, path: Path, problem: Report) -> None:
    if isinstance(rule, EarnPoints):
        most, what = 1_000 * _WHOLE, "0 and up to 100000"
    else:
        most, what = _WHOLE, "0 and up to 100"
    for key in ("percent", "share"):
        percent = getattr(rule, key, None)
        if percent is not None and not 0 < percent.steps <= most:
            problem((*path, key), f"a percent is above {what}, not {percent}", "")
    for tier, percent in getattr(rule, "percents", {}).items():
        if not 0 <= percent.steps <= most:
            problem((*path, "percents", tier), f"a percent is not below {what}, not {percent}", "")
    check_reward(rule, path, problem)
    if isinstance(rule, EarnPoints):
        _check_earn(file, rule, path, problem)
    elif isinstance(rule, MultiplyPoints) and not 0 < rule.factor.steps <= 1_000 * _WHOLE:
        problem((*path, "factor"), f"a factor is above 0 and up to 1000, not {rule.factor}", "")
    elif isinstance(rule, SpendPoints):
        _check_points(file, rule.unit, {"step": rule.step, "least": rule.least}, path, problem)
        _check_worth(file, rule.unit, "spending points", path, problem)


def _check_earn(file: ProgrammeFile, rule: EarnPoints, path: Path, problem: Report) -> None:
    by_percent = rule.percent is not None or bool(rule.percents)
    if by_percent == (rule.per is not None):
        problem(path, "write either percent (or percents) or per, one of the two", "")
    if rule.per is not None:
        if rule.per.minor <= 0:
            problem((*path, "per"), "must be above 0", "")
        _check_points(file, rule.unit, {"points": rule.points}, path, problem)
    if by_percent:
        _check_worth(file, rule.unit, "earning a percent", path, problem)
    if rule.expires_after_days is not None and rule.expires_after_days < rule.active_after_days:
        problem((*path, "expires_after_days"), "the points would expire before they are active", "")


def _check_points(
    file: ProgrammeFile, unit: str, written: dict[str, Quantity | None], path: Path, problem: Report
) -> None:
    declared = file.units.get(unit)
    for key, points in written.items():
        if points is None or declared is None:
            continue
        if points.steps <= 0:
            problem((*path, key), "must be above 0", "")
        elif minor_points(points, declared.exponent) is None:
            problem((*path, key), f"{unit} has {declared.exponent} decimal places, {points} has more", "")


def _check_worth(file: ProgrammeFile, unit: str, what: str, path: Path, problem: Report) -> None:
    declared = file.units.get(unit)
    if declared is not None and declared.worth is None:
        problem((*path, "unit"), f"{what} needs units.{unit}.worth: the money a point stands for", "")
