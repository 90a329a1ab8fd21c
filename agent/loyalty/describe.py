"""A programme in plain sentences, one a rule, in English, Russian and Thai; decides nothing."""

from __future__ import annotations

from agent.loyalty.aftersale import AFTER_SALE
from agent.loyalty.describe_personal import donation_parts, personal_parts, referral_parts
from agent.loyalty.describe_rewards import reward_parts
from agent.loyalty.explain import LANGUAGES
from agent.loyalty.parts import CustomerKind, GroupMode, Lines, RedeemAs, Target, When
from agent.loyalty.phrases import DAYS, GIFTS, PHRASES, TENDERS
from agent.loyalty.programme import Programme
from agent.loyalty.rules import (
    AmountDiscount,
    Bundle,
    DonatePoints,
    EarnPoints,
    FixedPoints,
    FixedPrice,
    Gift,
    IssueCoupon,
    MembershipSale,
    MultiplyPoints,
    NForM,
    PercentDiscount,
    PointsForGoods,
    Referral,
    Rule,
    SpendPoints,
    StagedDiscount,
    TierDiscount,
)
from agent.loyalty.wording import money_text, number_text, plural
from drivers.vocabulary.money import Money, Percent, Quantity

__all__ = ["describe"]


def describe(programme: Programme, *, language: str = "en") -> list[str]:
    """One sentence for each rule, in the order in which rules are written; another language is read as English."""
    words = _Words(programme, LANGUAGES.index(language) if language in LANGUAGES else 0)
    return [f"{rule.title or rule.id}: {'; '.join(words.rule(rule))}." for rule in programme.file.rules]


class _Words:
    def __init__(self, programme: Programme, language: int) -> None:
        self._language = language
        self._file = programme.file
        self._groups = programme.file.groups
        self._coupons = {name: coupon.title or name for name, coupon in programme.file.coupons.items()}
        self._tiers = {tier.id: tier.title or tier.id for tier in programme.tiers}
        self._units = {name: unit.title or name for name, unit in programme.units.items()}
        self._names = {name: unit.names for name, unit in programme.units.items()}

    def say(self, phrase: str, **values: object) -> str:
        """One phrase in the language."""
        return PHRASES[phrase][self._language].format_map({key: self._written(value) for key, value in values.items()})

    def _written(self, value: object) -> str:
        """Money and numbers as the language writes them; text and whole numbers as they are."""
        language = LANGUAGES[self._language]
        if isinstance(value, Money):
            return money_text(str(value), language)
        return number_text(str(value), language) if isinstance(value, (Percent, Quantity)) else str(value)

    def _counted(self, unit: str, number: object) -> str:
        """Points by their name in the form that the number asks for, or by their title."""
        language = LANGUAGES[self._language]
        forms = self._names.get(unit, {}).get(language)
        return plural(language, str(number), forms) if forms is not None else self._units[unit]

    def rule(self, rule: Rule) -> list[str]:
        """What it does, on what, when, and beside what."""
        parts = self._effect(rule) + self._goods(rule) + self._gate(rule)
        parts += personal_parts(self.say, self._file, rule)
        if rule.group:
            parts += self._beside(rule.group)
        return parts

    def _beside(self, name: str) -> list[str]:
        """How the rules of the group live together, then the group with what it stands beside, outwards."""
        group = self._groups[name]
        outer = self._groups.get(group.inside)
        called = group.title or name
        if outer is None:
            return [self.say(group.mode.value, group=called)]
        around = outer.title or group.inside
        how = "exclusive_inside" if group.mode is GroupMode.EXCLUSIVE else group.mode.value
        first, *rest = self._beside(group.inside)
        return [self.say(how, group=called, outer=around), self.say("inside", group=called, how=first), *rest]

    def _effect(self, rule: Rule) -> list[str]:
        if isinstance(rule, (PercentDiscount, TierDiscount)):
            return self._discount(rule)
        if isinstance(rule, (FixedPoints, PointsForGoods, *AFTER_SALE)):
            return self._given(rule)
        if isinstance(rule, EarnPoints):
            return self._earning(rule)
        if isinstance(rule, (NForM, Bundle, AmountDiscount, FixedPrice, StagedDiscount)):
            return reward_parts(self.say, rule)
        return self._about_points(rule)

    def _about_points(self, rule: MultiplyPoints | SpendPoints | Referral | DonatePoints) -> list[str]:
        unit = self._units[rule.unit]
        if isinstance(rule, MultiplyPoints):
            return [self.say("multiply", unit=unit, factor=rule.factor)]
        if isinstance(rule, DonatePoints):
            return donation_parts(self.say, rule, unit)
        if isinstance(rule, SpendPoints):
            return self._spending(rule, unit)
        own, friend = (self._counted(rule.unit, points or 1) for points in (rule.points, rule.friend_points))
        return referral_parts(self.say, rule, own, friend) + self._lifetime(rule)

    def _lifetime(self, rule: EarnPoints | FixedPoints | IssueCoupon | Referral) -> list[str]:
        parts = [self.say("active", days=rule.active_after_days)] if rule.active_after_days else []
        if rule.expires_after_days is not None:
            parts.append(self.say("expires", days=rule.expires_after_days))
        return parts

    def _discount(self, rule: PercentDiscount | TierDiscount) -> list[str]:
        if isinstance(rule, PercentDiscount):
            parts = [self.say("percent", percent=rule.percent)]
        else:
            parts = [self.say("by_tier", percents=self._percents(rule))]
        parts.append(self.say("each_line" if rule.target is Target.LINES else "whole"))
        return [*parts, self.say("initial")] if rule.initial else parts

    def _percents(self, rule: TierDiscount | EarnPoints) -> str:
        parts = [f"{self._tiers[tier]} {self._written(percent)} %" for tier, percent in rule.percents.items()]
        if rule.percent is not None:
            parts.append(self.say("otherwise", percent=rule.percent) if parts else f"{self._written(rule.percent)} %")
        return ", ".join(parts)

    def _earning(self, rule: EarnPoints) -> list[str]:
        unit = self._units[rule.unit]
        if rule.per is not None:
            counted = self._counted(rule.unit, rule.points or 1)
            parts = [self.say("earn_per", points=rule.points or 1, unit=counted, per=rule.per)]
        else:
            parts = [self.say("earn_percent", percents=self._percents(rule), unit=unit)]
        return parts + self._lifetime(rule)

    def _given(self, rule: FixedPoints | PointsForGoods | Gift | IssueCoupon | MembershipSale) -> list[str]:
        if isinstance(rule, PointsForGoods):
            parts = [self.say("goods_for", points=rule.points, unit=self._units[rule.unit])]
            return parts + ([self.say("goods_most", most=rule.most)] if rule.most is not None else [])
        if isinstance(rule, MembershipSale):
            return [self.say("membership_sale", days=rule.days)]
        if isinstance(rule, Gift):
            parts = [self.say(GIFTS[rule.gives], gift=rule.gift, count=rule.count)]
            parts += [self.say("gift_per", per=rule.per)] if rule.per is not None else []
            return parts + ([self.say("gift_most", most=rule.most)] if rule.most is not None else [])
        if isinstance(rule, FixedPoints):
            parts = [self.say(f"fixed_{rule.per.value}", points=rule.points, unit=self._units[rule.unit])]
        else:
            parts = [self.say("issue", coupon=self._coupons[rule.coupon])]
            parts += [self.say("draw", one_in=rule.draw.one_in)] if rule.draw is not None else []
        return parts + self._lifetime(rule)

    def _spending(self, rule: SpendPoints, unit: str) -> list[str]:
        parts = [self.say("spend", unit=unit, share=rule.share or 100)]
        if rule.step is not None:
            parts.append(self.say("step", step=rule.step))
        if rule.least is not None:
            parts.append(self.say("least", least=rule.least))
        parts.append(self.say("as_tender" if rule.redeem_as is RedeemAs.TENDER else "as_discount"))
        return parts if rule.earns else [*parts, self.say("no_earning")]

    def _goods(self, rule: Rule) -> list[str]:
        return self._lines(rule.lines)

    def _lines(self, lines: Lines) -> list[str]:
        named = [*lines.categories, *lines.products, *lines.brands]
        excepted = [*lines.except_categories, *lines.except_products, *lines.except_brands]
        parts = [self.say("goods", goods=", ".join(named))] if named else []
        if excepted:
            parts.append(self.say("except", goods=", ".join(excepted)))
        if lines.same_from is not None:
            parts.append(self.say("same_from", least=lines.same_from))
        return [*parts, self.say("skip_discounted")] if lines.skip_discounted else parts

    def _gate(self, rule: Rule) -> list[str]:
        when = rule.when
        parts: list[str] = []
        if when.customer is not CustomerKind.ANYBODY:
            parts.append(self.say(when.customer.value))
        names: dict[str, list[str]] = {
            "tiers": [self._tiers[tier] for tier in when.tiers],
            "segments": list(when.segments),
            "stores": list(when.stores),
            "tills": list(when.tills),
            "weekdays": [DAYS[day][self._language] for day in when.weekdays],
            "hours": [f"{one.start}-{one.until}" for one in when.hours],
            "tenders": [TENDERS[kind][self._language] for kind in when.tenders],
            "channels": list(when.channels),
            "coupons": [self._coupons[name] for name in when.coupons],
        }
        parts += [self.say(phrase, names=", ".join(listed)) for phrase, listed in names.items() if listed]
        parts += self._occasion(when)
        days = {"date_from": when.date_from, "date_until": when.date_until}
        parts += [self.say(phrase, day=day.isoformat()) for phrase, day in days.items() if day is not None]
        least = {
            "total_from": when.total_from,
            "quantity_from": when.quantity_from,
            "positions_from": when.positions_from,
        }
        return parts + [self.say(phrase, least=value) for phrase, value in least.items() if value is not None]

    def _occasion(self, when: When) -> list[str]:
        parts: list[str] = [self.say("staff")] if when.staff else []
        if when.membership is not None:
            parts.append(self.say(f"member_{when.membership.value}"))
        if when.birthday is not None:
            window = when.birthday
            parts.append(self.say("birthday", before=window.days_before, after=window.days_after))
        numbers = {"purchase_number": when.purchase_number, "purchase_every": when.purchase_every}
        return parts + [self.say(phrase, number=number) for phrase, number in numbers.items() if number is not None]
