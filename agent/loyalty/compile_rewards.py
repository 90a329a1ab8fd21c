"""Amounts, prices, stages and sets of the model to closures; compile.py asks here and owns everything else."""

from __future__ import annotations

from collections.abc import Callable

from agent.loyalty.gates import Selector, compile_selector
from agent.loyalty.parts import Target, When
from agent.loyalty.rewards import Reward, amount_of, price_of, stages_of
from agent.loyalty.rewards import Stage as CompiledStage
from agent.loyalty.rules import AmountDiscount, Bundle, FixedPrice, NForM, Rule, Stage, StagedDiscount
from agent.loyalty.sets import Bundle as BundleRule
from agent.loyalty.sets import Member as CompiledMember
from agent.loyalty.sets import NForM as NForMRule
from agent.loyalty.sets import SetRule
from agent.loyalty.source import Path
from drivers.vocabulary.money import Money, Percent, Quantity

__all__ = ["RewardModel", "SetModel", "build_reward", "build_set", "check_reward"]

RewardModel = AmountDiscount | FixedPrice | StagedDiscount
SetModel = NForM | Bundle

_WHOLE = 1_000_000  # 100 % in steps of a Percent

Report = Callable[[Path, str, str], None]


def check_reward(rule: Rule, path: Path, problem: Report) -> None:
    """What the keys of one rule must be to one another; percents are checked with everybody's."""
    if isinstance(rule, AmountDiscount):
        _positive(rule.amount, (*path, "amount"), problem)
    elif isinstance(rule, FixedPrice):
        if rule.price.minor < 0:
            problem((*path, "price"), "cannot be negative", "")
    elif isinstance(rule, StagedDiscount):
        _check_stages(rule, path, problem)
    elif isinstance(rule, NForM):
        if rule.pay >= rule.take:
            problem((*path, "pay"), f"must be below take = {rule.take}, not {rule.pay}", "")
    elif isinstance(rule, Bundle):
        _one_of({"price": rule.price, "percent": rule.percent, "amount": rule.amount}, path, problem)
        if rule.price is not None and rule.price.minor < 0:
            problem((*path, "price"), "cannot be negative", "")
        _positive(rule.amount, (*path, "amount"), problem)


def _positive(value: Money | Quantity | None, path: Path, problem: Report) -> None:
    if value is not None and (value.minor if isinstance(value, Money) else value.steps) <= 0:
        problem(path, "must be above 0", "")


def _one_of(written: dict[str, object], path: Path, problem: Report) -> None:
    found = [key for key, value in written.items() if value is not None]
    if len(found) != 1:
        problem(path, f"write one of {', '.join(written)}, not {' and '.join(found) or 'none'}", "")


def _check_stages(rule: StagedDiscount, path: Path, problem: Report) -> None:
    before = 0
    by_quantity = rule.stages[0].quantity_from is not None
    for i, stage in enumerate(rule.stages):
        here: Path = (*path, "stages", i)
        _one_of({"total_from": stage.total_from, "quantity_from": stage.quantity_from}, here, problem)
        _one_of({"percent": stage.percent, "amount": stage.amount}, here, problem)
        _positive(stage.amount, (*here, "amount"), problem)
        if stage.percent is not None and not 0 < stage.percent.steps <= _WHOLE:
            problem((*here, "percent"), f"a percent is above 0 and up to 100, not {stage.percent}", "")
        if (stage.quantity_from is not None) != by_quantity:
            problem(here, "all stages count the same: total_from or quantity_from", "")
        elif _least(stage) <= before:
            key = "quantity_from" if by_quantity else "total_from"
            problem((*here, key), "stages are written lowest first, each above the one before", "")
        before = max(before, _least(stage))


def _least(stage: Stage) -> int:
    if stage.quantity_from is not None:
        return stage.quantity_from.steps
    return stage.total_from.minor if stage.total_from is not None else 0


def build_reward(rule: RewardModel, where: Selector) -> Reward:
    """A checked rule, compiled."""
    if isinstance(rule, AmountDiscount):
        on_receipt = rule.target is Target.RECEIPT
        return Reward(rule.id, on_receipt, rule.initial, where, amount_of(rule.amount.minor, on_receipt=on_receipt))
    if isinstance(rule, FixedPrice):
        return Reward(rule.id, False, rule.initial, where, price_of(rule.price.minor))  # noqa: FBT003 - a field of a value
    on_receipt = rule.target is Target.RECEIPT
    stages = tuple(
        CompiledStage(
            least=_least(stage),
            text=str(stage.quantity_from or stage.total_from),
            percent=_steps(stage.percent, 0),
            amount=stage.amount.minor if stage.amount is not None else 0,
        )
        for stage in rule.stages
    )
    by_quantity = rule.stages[0].quantity_from is not None
    wish = stages_of(stages, by_quantity=by_quantity, on_receipt=on_receipt)
    return Reward(rule.id, on_receipt, rule.initial, where, wish)


def build_set(rule: SetModel, where: Selector) -> SetRule:
    """A checked rule, compiled."""
    if isinstance(rule, NForM):
        return NForMRule(
            id=rule.id,
            initial=rule.initial,
            where=where,
            take=rule.take,
            pay=rule.pay,
            percent=_steps(rule.percent, _WHOLE),
            times=rule.times,
            cheapest_of_all=rule.cheapest_of_all,
        )
    return BundleRule(
        id=rule.id,
        initial=rule.initial,
        where=where,
        members=tuple(
            CompiledMember(compile_selector(When(), member.lines, {}), member.quantity) for member in rule.members
        ),
        price=rule.price.minor if rule.price is not None else None,
        percent=_steps(rule.percent, 0),
        amount=rule.amount.minor if rule.amount is not None else 0,
        times=rule.times,
    )


def _steps(percent: Percent | None, otherwise: int) -> int:
    return percent.steps if percent is not None else otherwise
