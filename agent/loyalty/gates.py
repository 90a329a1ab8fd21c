"""The gate and the lines of a rule, compiled once to closures that look at a Sale; effects are not their business."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.loyalty.days import minute_of
from agent.loyalty.occasions import occasion_checks
from agent.loyalty.parts import CustomerKind, Hours, Lines, Weekday, When
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.money import Quantity

__all__ = ["Selector", "compile_selector", "needs_customer"]

#: None when the rule may act.
Gate = Callable[[Sale], Rejection | None]
#: The set of lines a rule means, flags not looked at.
Match = Callable[[Sale], int]
#: Like a gate, of the lines the rule would act on.
Wants = Callable[[Sale, tuple[int, ...]], Rejection | None]

_NOT_FOR_GOODS = Rejection("not_for_goods")
_GOODS_EXCLUDED = Rejection("goods_excluded")

_WEEKDAYS = list(Weekday)


@dataclass(frozen=True, slots=True)
class Selector:
    """When a rule acts and on which lines."""

    gate: Gate | None
    match: Match
    wants: Wants | None

    def lines(self, sale: Sale, allowed: int) -> tuple[int, ...] | Rejection:
        """The lines to act on, among those whose flags allow it; or why there are none."""
        if self.gate is not None:
            why = self.gate(sale)
            if why is not None:
                return why
        matched = self.match(sale)
        mask = matched & allowed
        if not mask:
            return _GOODS_EXCLUDED if matched else _NOT_FOR_GOODS
        lines = sale.lines_of(mask)
        if self.wants is not None:
            why = self.wants(sale, lines)
            if why is not None:
                return why
        return lines


def compile_selector(
    when: When, lines: Lines, tier_titles: dict[str, str], own: Sequence[Gate] = (), narrow: Match | None = None
) -> Selector:
    """The gate and the lines of one rule; `own` are checks of personal.py, `narrow` the lines it leaves."""
    return Selector(_compile_gate(when, tier_titles, own), _compile_lines(lines, narrow), _compile_wants(when))


def _compile_gate(when: When, tier_titles: dict[str, str], own: Sequence[Gate]) -> Gate | None:
    """One closure for everything that does not depend on the goods; None when the gate is always open."""
    checks = [
        *_place_checks(when),
        *_time_checks(when),
        *_customer_checks(when, tier_titles),
        *occasion_checks(when, tier_titles),
        *own,
    ]
    if not checks:
        return None
    if len(checks) == 1:
        return checks[0]
    first, rest = checks[0], tuple(checks[1:])

    def gate(sale: Sale) -> Rejection | None:
        why = first(sale)
        if why is not None:
            return why
        for check in rest:
            why = check(sale)
            if why is not None:
                return why
        return None

    return gate


def _place_checks(when: When) -> list[Gate]:
    checks: list[Gate] = []
    if when.stores:
        stores = frozenset(when.stores)
        checks.append(lambda sale: None if sale.shop in stores else Rejection("not_this_store", {"store": sale.shop}))
    if when.tills:
        tills = frozenset(when.tills)
        checks.append(lambda sale: None if sale.till in tills else Rejection("not_this_till", {"till": sale.till}))
    return checks


def _time_checks(when: When) -> list[Gate]:
    checks: list[Gate] = []
    if when.date_from is not None:
        first = when.date_from
        not_yet = Rejection("not_yet", {"from": first.isoformat()})
        checks.append(lambda sale: None if sale.day >= first else not_yet)
    if when.date_until is not None:
        last = when.date_until
        over = Rejection("over", {"until": last.isoformat()})
        checks.append(lambda sale: None if sale.day <= last else over)
    if when.weekdays:
        days = frozenset(_WEEKDAYS.index(day) for day in when.weekdays)
        text = ", ".join(_WEEKDAYS[day].value for day in sorted(days))
        not_today = Rejection("not_today", {"days": text})
        checks.append(lambda sale: None if sale.weekday in days else not_today)
    if when.hours:
        checks.append(_hours_check(when.hours))
    return checks


def _hours_check(hours: tuple[Hours, ...]) -> Gate:
    spans = tuple((minute_of(one.start), minute_of(one.until)) for one in hours)
    not_now = Rejection("not_now", {"hours": ", ".join(f"{one.start}-{one.until}" for one in hours)})

    def check(sale: Sale) -> Rejection | None:
        minute = sale.minute
        for start, until in spans:
            if start <= minute < until if start < until else minute >= start or minute < until:
                return None
        return not_now

    return check


def _customer_checks(when: When, tier_titles: dict[str, str]) -> list[Gate]:
    checks: list[Gate] = []
    no_customer = Rejection("no_customer")
    only_anonymous = Rejection("only_anonymous")
    if when.customer is CustomerKind.ANONYMOUS:
        checks.append(lambda sale: only_anonymous if sale.customer is not None else None)
    elif when.customer is CustomerKind.IDENTIFIED or needs_customer(when):
        checks.append(lambda sale: no_customer if sale.customer is None else None)
    if when.tiers:
        tiers = frozenset(when.tiers)
        wanted = ", ".join(tier_titles.get(tier, tier) for tier in when.tiers)
        not_this_tier = Rejection("not_this_tier", {"tiers": wanted})
        checks.append(lambda sale: None if sale.tier in tiers else not_this_tier)
    if when.segments:
        segments = frozenset(when.segments)
        not_this_segment = Rejection("not_this_segment", {"segments": ", ".join(sorted(segments))})
        checks.append(lambda sale: not_this_segment if segments.isdisjoint(sale.segments) else None)
    return checks


def needs_customer(when: When) -> bool:
    """True when only somebody known can meet the conditions."""
    history = (when.birthday, when.purchase_number, when.purchase_every, when.membership)
    own = when.tiers or when.segments or when.staff or when.counters or when.offers
    return bool(own) or any(one is not None for one in history)


def _compile_wants(when: When) -> Wants | None:
    """What a rule wants of the lines it acts on: their sum, quantity, number; None when nothing."""
    total, quantity, positions = when.total_from, when.quantity_from, when.positions_from
    if total is None and quantity is None and positions is None:
        return None

    def wants(sale: Sale, lines: tuple[int, ...]) -> Rejection | None:
        if total is not None:
            money = sum(sale.net[i] for i in lines)
            if money < total.minor:
                missing = sale.text(total.minor - money)
                have = sale.text(money)
                return Rejection("total_too_small", {"have": have, "from": str(total), "missing": missing})
        if quantity is not None:
            steps = sum(sale.quantities[i] for i in lines)
            if steps < quantity.steps:
                missing = str(Quantity(quantity.steps - steps))
                have = str(Quantity(steps))
                return Rejection("quantity_too_small", {"have": have, "from": str(quantity), "missing": missing})
        if positions is not None and len(lines) < positions:
            missing = str(positions - len(lines))
            return Rejection("positions_too_few", {"have": str(len(lines)), "from": str(positions), "missing": missing})
        return None

    return wants


def _compile_lines(lines: Lines, narrow: Match | None) -> Match:
    """The set of lines a rule means."""
    named = _compile_named(lines)
    match = named if narrow is None else lambda sale: named(sale) & narrow(sale)
    return match if lines.same_from is None else _of_same(match, lines.same_from.steps)


def _of_same(match: Match, least: int) -> Match:
    """Of these lines, those of products that come in at least this quantity (in millionths) among them."""

    def narrowed(sale: Sale) -> int:
        mask, kept = match(sale), 0
        for product in sale.by_product.values():
            lines = product & mask
            if lines & ~kept and sum(sale.quantities[i] for i in sale.lines_of(lines)) >= least:
                kept |= lines
        return kept

    return narrowed


def _compile_named(lines: Lines) -> Match:
    """The lines by what they are."""
    named = lines.categories or lines.products or lines.brands
    excepted = lines.except_categories or lines.except_products or lines.except_brands
    if not named and not excepted and not lines.skip_discounted:
        return lambda sale: sale.all
    if len(lines.categories) == 1 and not (lines.products or lines.brands or excepted or lines.skip_discounted):
        category = lines.categories[0]
        return lambda sale: sale.by_category.get(category, 0)

    def match(sale: Sale) -> int:
        mask = _union(sale, lines.categories, lines.products, lines.brands) if named else sale.all
        if mask and excepted:
            mask &= ~_union(sale, lines.except_categories, lines.except_products, lines.except_brands)
        return mask & ~sale.discounted if lines.skip_discounted else mask

    return match


def _union(sale: Sale, categories: tuple[str, ...], products: tuple[str, ...], brands: tuple[str, ...]) -> int:
    mask = 0
    for category in categories:
        mask |= sale.by_category.get(category, 0)
    for product in products:
        mask |= sale.by_product.get(product, 0)
    for brand in brands:
        mask |= sale.by_brand.get(brand, 0)
    return mask
