"""The model to closures, once per programme; what one key cannot know of another compile_checks finds first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from types import MappingProxyType

from agent.loyalty.aftersale import AfterStep
from agent.loyalty.compile_after import build_all_after, build_goods
from agent.loyalty.compile_checks import TIERS_RULE, Report, check_coupons, check_header, check_rules
from agent.loyalty.compile_groups import Node, group_tree
from agent.loyalty.compile_points import build_earning, build_multipliers, build_spend, by_tier
from agent.loyalty.compile_rewards import RewardModel, SetModel, build_reward, build_set
from agent.loyalty.coupons import CouponBook
from agent.loyalty.days import zone_of
from agent.loyalty.discounts import DiscountRule, Offers, Step
from agent.loyalty.donation import DonationRule, build_donations
from agent.loyalty.earning import EarnStep
from agent.loyalty.gates import Selector, compile_selector
from agent.loyalty.goods import GoodsRule
from agent.loyalty.limits import LimitedDiscount, LimitedSet, discount_step
from agent.loyalty.model import ProgrammeFile
from agent.loyalty.multipliers import MultiplierStep
from agent.loyalty.nesting import GroupStep
from agent.loyalty.occasions import COUPON_TITLE
from agent.loyalty.parts import GroupMode, Target
from agent.loyalty.personal import Personal
from agent.loyalty.points import PointsScale
from agent.loyalty.redemption import SpendRule
from agent.loyalty.referral import ReferralRule, build_referrals
from agent.loyalty.rules import (
    AmountDiscount,
    Bundle,
    EarnPoints,
    FixedPoints,
    FixedPrice,
    MultiplyPoints,
    NForM,
    PercentDiscount,
    Rule,
    SpendPoints,
    StagedDiscount,
    TierDiscount,
)
from agent.loyalty.sale import Rejection, Sale
from agent.loyalty.set_groups import SetGroup, SetStep
from agent.loyalty.sets import SetRule
from agent.loyalty.source import Path

__all__ = ["TIERS_RULE", "Compiled", "compile_file"]

_DISCOUNTS = (PercentDiscount, TierDiscount, AmountDiscount, FixedPrice, StagedDiscount)


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
    personal: Personal
    limits: Mapping[str, Callable[[Sale], Rejection | None]]
    referrals: tuple[ReferralRule, ...]
    donations: tuple[DonationRule, ...]
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
    check_header(file, problem)
    check_coupons(file, problem)
    check_rules(file, problem)
    if count or zone is None:
        return None
    return _build(file, zone)


def _build(file: ProgrammeFile, zone: tzinfo) -> Compiled:
    titles = {tier.id: tier.title or tier.id for tier in file.tiers}
    titles |= {COUPON_TITLE + name: coupon.title or name for name, coupon in file.coupons.items()}
    personal = Personal.of(file, zone)
    where = _Where(titles, personal)
    scales = {name: PointsScale.of(name, unit) for name, unit in file.units.items()}
    lines: list[Step] = []
    receipt: list[Step] = []
    exclusive: list[Step] = []
    spends: list[SpendRule] = []
    multipliers: list[MultiplierStep] = []
    earns: list[EarnStep] = []
    for node in group_tree(file):
        first = next(node.rules())
        if isinstance(first, SpendPoints):
            spends.append(build_spend(first, scales, where))
        elif isinstance(first, MultiplyPoints):
            multipliers.append(build_multipliers(node, where))
        elif isinstance(first, (EarnPoints, FixedPoints)):
            earns.append(build_earning(node, scales, where))
        elif isinstance(first, (*_DISCOUNTS, NForM, Bundle)):
            target = receipt if getattr(first, "target", Target.LINES) is Target.RECEIPT else lines
            (exclusive if node.mode is GroupMode.EXCLUSIVE else target).append(_discount_step(node, where))
    return Compiled(
        zone=zone,
        tiers=tuple((tier.id, tier.spent_from.minor if tier.spent_from else None) for tier in file.tiers),
        exclusive=tuple(exclusive),
        discounts=(*lines, *receipt),
        spends=tuple(spends),
        multipliers=tuple(multipliers) if file.earning else (),
        earns=tuple(earns) if file.earning else (),
        scales=scales,
        after=build_all_after(file, zone, where),
        goods=build_goods(file, where),
        coupons=CouponBook.of(file.coupons, file.rules),
        personal=personal,
        limits=MappingProxyType({name: limit.check for name, limit in personal.limits.items()}),
        referrals=build_referrals(file, zone, where, scales) if file.earning else (),
        donations=build_donations(file, where, scales),
        heeds_tenders=any(rule.when.tenders for rule in file.rules),
    )


@dataclass(frozen=True, slots=True)
class _Where:
    """The gates and lines of a programme's rules, and their limits."""

    titles: dict[str, str]
    personal: Personal

    def __call__(self, rule: Rule) -> Selector:
        """When this rule acts and on which lines."""
        own, narrow = self.personal.checks(rule), self.personal.narrow(rule)
        return compile_selector(rule.when, rule.lines, self.titles, own, narrow)

    def discount(self, rule: Rule, made: Offers) -> Offers:
        """The rule with its limit, where it has one."""
        limit = self.personal.limits.get(rule.id)
        return made if limit is None else LimitedDiscount(made, limit)

    def set(self, rule: Rule, made: SetRule) -> SetRule:
        """The rule with its limit, where it has one."""
        limit = self.personal.limits.get(rule.id)
        return made if limit is None else LimitedSet(made, limit)


def _discount_step(node: Node, where: _Where) -> Step:
    """A lone rule, a group, or groups inside a group; sets share their pieces in the largest group of nothing else."""
    rules = [*node.rules()]
    if all(isinstance(rule, SetModel) for rule in rules):
        return SetStep(_set_group(node, where))
    if node.is_nested:
        return GroupStep(node.mode, tuple(_discount_step(part, where) for part in _parts(node)))
    made = [where.discount(rule, _discount(rule, where)) for rule in rules if isinstance(rule, _DISCOUNTS)]
    return discount_step(node.mode, tuple(made))


def _parts(node: Node) -> list[Node]:
    """What a group with groups in it decides among, where the first rule of each stands.

    Its own set rules share pieces, and the best of its own rules on lines is found line by line: they are one part.
    Any other rule is a part by itself.
    """
    parts: list[Node] = []
    together: list[Rule | Node] = []
    for element in node.elements:
        if isinstance(element, Node):
            parts.append(element)
            continue
        on_lines = getattr(element, "target", Target.LINES) is Target.LINES
        if not isinstance(element, SetModel) and not (node.mode is GroupMode.BEST and on_lines):
            parts.append(Node(GroupMode.STACK, [element]))
            continue
        if not together:
            parts.append(Node(node.mode, together))
        together.append(element)
    return parts


def _set_group(node: Node, where: _Where) -> SetGroup:
    elements: list[SetRule | SetGroup] = []
    for element in node.elements:
        if isinstance(element, Node):
            elements.append(_set_group(element, where))
        elif isinstance(element, SetModel):
            elements.append(where.set(element, build_set(element, where(element))))
    return SetGroup(node.mode, tuple(elements))


def _discount(rule: PercentDiscount | TierDiscount | RewardModel, where: _Where) -> Offers:
    if isinstance(rule, RewardModel):
        return build_reward(rule, where(rule))
    percent: Callable[[Sale], int | Rejection]
    if isinstance(rule, PercentDiscount):
        steps = rule.percent.steps

        def percent(_sale: Sale) -> int | Rejection:
            return steps
    else:
        percent = by_tier(rule.percents, rule.percent)
    on_receipt = rule.target is Target.RECEIPT
    return DiscountRule(rule.id, on_receipt, rule.initial, where(rule), percent)
