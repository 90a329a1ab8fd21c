"""The model to closures, once per programme; what one key cannot know of another is checked here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from math import gcd

from agent.loyalty.aftersale import AFTER_SALE, AfterStep
from agent.loyalty.certificates import CERTIFICATES_RULE
from agent.loyalty.compile_after import build_all_after, build_goods, check_after, fixed_points
from agent.loyalty.compile_rewards import RewardModel, SetModel, build_reward, build_set, check_reward
from agent.loyalty.coupons import COUPONS_RULE, CouponBook
from agent.loyalty.days import minute_of, zone_of
from agent.loyalty.discounts import DiscountRule, DiscountStep, Offers, Step
from agent.loyalty.earning import EarnRule, EarnStep, Multiplier, MultiplierStep, Rate
from agent.loyalty.gates import Selector, compile_selector, needs_customer
from agent.loyalty.goods import GoodsRule
from agent.loyalty.model import ProgrammeFile
from agent.loyalty.occasions import COUPON_TITLE
from agent.loyalty.parts import CustomerKind, GroupMode, RedeemAs, Target
from agent.loyalty.points import PointsScale, minor_points
from agent.loyalty.reading import nearest
from agent.loyalty.redemption import POINTS_RULE, SpendRule
from agent.loyalty.rules import (
    AmountDiscount,
    EarnPoints,
    FixedPoints,
    FixedPrice,
    MultiplyPoints,
    PercentDiscount,
    PointsForGoods,
    Rule,
    SpendPoints,
    StagedDiscount,
    TierDiscount,
)
from agent.loyalty.sale import STORED_VALUE, Rejection, Sale
from agent.loyalty.sets import SetStep
from agent.loyalty.source import Path
from agent.loyalty.wording import FORMS
from drivers.vocabulary.money import Percent, Quantity

__all__ = ["TIERS_RULE", "Compiled", "compile_file"]

TIERS_RULE = "tiers"  # the "rule" that explanations about tiers name
_RESERVED = frozenset({POINTS_RULE, CERTIFICATES_RULE, COUPONS_RULE, TIERS_RULE})
_WHOLE = 1_000_000  # 100 % in steps of a Percent, and one whole in steps of a Quantity

_DISCOUNTS = (PercentDiscount, TierDiscount, AmountDiscount, FixedPrice, StagedDiscount)

Report = Callable[[Path, str, str], None]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What evaluate() runs; `tiers` holds (id, least money spent or None), lowest first.

    `heeds_tenders` is True when what is earned may depend on how it is paid.
    """

    zone: tzinfo
    tiers: tuple[tuple[str, int | None], ...]
    exclusive: tuple[Step, ...]
    discounts: tuple[Step, ...]
    spends: tuple[SpendRule, ...]
    multipliers: tuple[MultiplierStep, ...]
    earns: tuple[EarnStep, ...]
    scales: dict[str, PointsScale]
    coupons: CouponBook
    after: tuple[AfterStep, ...]
    goods: tuple[GoodsRule, ...]
    heeds_tenders: bool = False


def compile_file(file: ProgrammeFile, report: Report) -> Compiled | None:
    """Compile, reporting every problem; None when there was any."""
    count = 0

    def problem(path: Path, message: str, near: str = "") -> None:
        nonlocal count
        count += 1
        report(path, message, near)

    zone = None
    try:
        zone = zone_of(file.zone)
    except ValueError as error:
        problem(("zone",), str(error))
    _check_header(file, problem)
    _check_coupons(file, problem)
    _check_rules(file, problem)
    if count or zone is None:
        return None
    return _build(file, zone)


# ── Checks between keys ──────────────────────────────────────────────────────────────────────────


def _check_header(file: ProgrammeFile, problem: Report) -> None:
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


def _check_coupons(file: ProgrammeFile, problem: Report) -> None:
    """A public code names one coupon only, and a key is 32 bytes."""
    whose: dict[str, str] = {}
    for name, coupon in file.coupons.items():
        if coupon.date_from is not None and coupon.date_until is not None and coupon.date_from > coupon.date_until:
            said = f"{coupon.date_until} is before date_from {coupon.date_from}"
            problem(("coupons", name, "date_until"), said, "")
        for i, code in enumerate(coupon.codes):
            if whose.setdefault(code, name) != name:
                problem(("coupons", name, "codes", i), f"{code!r} is a code of {whose[code]!r} already", "")


def _check_rules(file: ProgrammeFile, problem: Report) -> None:
    seen: dict[str, int] = {}
    phases: dict[str, str] = {}
    units: dict[str, str] = {}
    for i, rule in enumerate(file.rules):
        path: Path = ("rules", i)
        if rule.id in seen or rule.id in _RESERVED:
            said = "is a word of the engine's own" if rule.id in _RESERVED else "names another rule already"
            problem((*path, "id"), f"{rule.id!r} {said}; a rule's id is its own", "")
        seen[rule.id] = i
        _check_names(file, rule, path, problem)
        _check_when(rule, path, problem)
        _check_numbers(file, rule, path, problem)
        if rule.group and rule.group in file.groups:
            phase = phases.setdefault(rule.group, _phase(rule))
            unit = getattr(rule, "unit", "")
            if phase != _phase(rule):
                problem((*path, "group"), f"group {rule.group!r} has {phase} already; one group is of one kind", "")
            elif units.setdefault(rule.group, unit) != unit:
                problem((*path, "group"), f"group {rule.group!r} is about {units[rule.group]!r} already", "")


def _phase(rule: Rule) -> str:
    if isinstance(rule, SetModel):
        return "sets"
    if isinstance(rule, FixedPrice):
        return "discounts on lines"
    if isinstance(rule, (PercentDiscount, TierDiscount, AmountDiscount, StagedDiscount)):
        return "discounts on lines" if rule.target is Target.LINES else "discounts on the receipt"
    names: dict[type, str] = {EarnPoints: "earning", MultiplyPoints: "multipliers", SpendPoints: "spending"}
    names |= {FixedPoints: "earning", PointsForGoods: "spending"}
    names |= dict.fromkeys(AFTER_SALE, "what comes after the sale")
    return names[type(rule)]


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


# ── Building ─────────────────────────────────────────────────────────────────────────────────────


def _build(file: ProgrammeFile, zone: tzinfo) -> Compiled:
    titles = {tier.id: tier.title or tier.id for tier in file.tiers}
    titles |= {COUPON_TITLE + name: coupon.title or name for name, coupon in file.coupons.items()}
    scales = {name: PointsScale.of(name, unit) for name, unit in file.units.items()}
    # Steps stand where their first rule stands; sorted() keeps the written order among equal priorities.
    groups: dict[str, list[Rule]] = {}
    for rule in sorted(file.rules, key=lambda rule: -rule.priority):
        # A rule's id cannot begin with a space, so a lone rule never meets a group of its name.
        groups.setdefault(rule.group or f" {rule.id}", []).append(rule)
    lines: list[Step] = []
    receipt: list[Step] = []
    exclusive: list[Step] = []
    spends: list[SpendRule] = []
    multipliers: list[MultiplierStep] = []
    earns: list[EarnStep] = []
    for name, rules in groups.items():
        mode = file.groups[name].mode if name in file.groups else GroupMode.STACK
        sets = [build_set(rule, _where(rule, titles)) for rule in rules if isinstance(rule, SetModel)]
        if sets:
            (exclusive if mode is GroupMode.EXCLUSIVE else lines).append(SetStep(mode, tuple(sets)))
        discounts = [_discount(rule, titles) for rule in rules if isinstance(rule, _DISCOUNTS)]
        if discounts:
            target = receipt if discounts[0].on_receipt else lines
            (exclusive if mode is GroupMode.EXCLUSIVE else target).append(DiscountStep(mode, tuple(discounts)))
        spends += [_spend(rule, scales, titles) for rule in rules if isinstance(rule, SpendPoints)]
        factors = [_multiplier(rule, titles) for rule in rules if isinstance(rule, MultiplyPoints)]
        if factors:
            multipliers.append(MultiplierStep(mode, tuple(factors)))
        earning = [_earn(rule, scales, titles) for rule in rules if isinstance(rule, (EarnPoints, FixedPoints))]
        if earning:
            earns.append(EarnStep(mode, tuple(earning)))
    return Compiled(
        zone=zone,
        tiers=tuple((tier.id, tier.spent_from.minor if tier.spent_from else None) for tier in file.tiers),
        exclusive=tuple(exclusive),
        discounts=(*lines, *receipt),
        spends=tuple(spends),
        multipliers=tuple(multipliers) if file.earning else (),
        earns=tuple(earns) if file.earning else (),
        scales=scales,
        after=build_all_after(file, zone, lambda rule: _where(rule, titles)),
        goods=build_goods(file, lambda rule: _where(rule, titles)),
        coupons=CouponBook.of(file.coupons, file.rules),
        heeds_tenders=any(rule.when.tenders for rule in file.rules),
    )


def _where(rule: Rule, titles: dict[str, str]) -> Selector:
    return compile_selector(rule.when, rule.lines, titles)


def _discount(rule: PercentDiscount | TierDiscount | RewardModel, titles: dict[str, str]) -> Offers:
    if isinstance(rule, RewardModel):
        return build_reward(rule, _where(rule, titles))
    percent: Callable[[Sale], int | Rejection]
    if isinstance(rule, PercentDiscount):
        steps = rule.percent.steps

        def percent(_sale: Sale) -> int | Rejection:
            return steps
    else:
        percent = _by_tier(rule.percents, rule.percent)
    on_receipt = rule.target is Target.RECEIPT
    return DiscountRule(rule.id, on_receipt, rule.initial, _where(rule, titles), percent)


def _by_tier(percents: dict[str, Percent], otherwise: Percent | None) -> Callable[[Sale], int | Rejection]:
    """The percent of the customer's tier; 0 is as good as none."""
    steps = {tier: percent.steps for tier, percent in percents.items()}
    rest = otherwise.steps if otherwise is not None else 0

    def percent(sale: Sale) -> int | Rejection:
        if sale.customer is None:
            return Rejection("no_customer")
        return steps.get(sale.tier, rest) or Rejection("nothing_for_tier", {"tier": sale.tier or "-"})

    return percent


def _spend(rule: SpendPoints, scales: dict[str, PointsScale], titles: dict[str, str]) -> SpendRule:
    scale = scales[rule.unit]
    step = minor_points(rule.step, scale.exponent) if rule.step is not None else 1
    least = minor_points(rule.least, scale.exponent) if rule.least is not None else 1
    return SpendRule(
        id=rule.id,
        scale=scale,
        share=rule.share.steps if rule.share is not None else _WHOLE,
        step=step or 1,
        least=least or 1,
        as_tender=rule.redeem_as is RedeemAs.TENDER,
        earns=rule.earns,
        where=_where(rule, titles),
    )


def _multiplier(rule: MultiplyPoints, titles: dict[str, str]) -> Multiplier:
    shared = gcd(rule.factor.steps, _WHOLE)
    return Multiplier(
        id=rule.id,
        unit=rule.unit,
        numerator=rule.factor.steps // shared,
        denominator=_WHOLE // shared,
        where=_where(rule, titles),
    )


def _earn(rule: EarnPoints | FixedPoints, scales: dict[str, PointsScale], titles: dict[str, str]) -> EarnRule:
    scale = scales[rule.unit]
    return EarnRule(
        id=rule.id,
        scale=scale,
        where=_where(rule, titles),
        rate=_rate(rule, scale) if isinstance(rule, EarnPoints) else _no_rate,
        fixed=fixed_points(rule, scale.exponent) if isinstance(rule, FixedPoints) else None,
        active_after_days=rule.active_after_days,
        expires_after_days=rule.expires_after_days,
    )


def _no_rate(_sale: Sale) -> Rate | Rejection:
    return 0, 1


def _rate(rule: EarnPoints, scale: PointsScale) -> Callable[[Sale], Rate | Rejection]:
    """Points per minor unit of money, as an exact fraction."""
    if rule.per is not None:
        fixed = (minor_points(rule.points or Quantity.ONE, scale.exponent) or 0, rule.per.minor)
        return lambda _sale: fixed
    percent = _by_tier(rule.percents, rule.percent)

    def rate(sale: Sale) -> Rate | Rejection:
        steps = percent(sale)
        return (steps * scale.points, _WHOLE * scale.money) if isinstance(steps, int) else steps

    return rate
