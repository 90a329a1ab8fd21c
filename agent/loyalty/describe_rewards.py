"""Amounts, prices, stages and sets in plain phrases; the sentences around them are describe.py's."""

from __future__ import annotations

from typing import Final, Protocol

from agent.loyalty.parts import Lines, Target
from agent.loyalty.rules import AmountDiscount, Bundle, FixedPrice, NForM, StagedDiscount

__all__ = ["REWARD_PHRASES", "reward_parts"]

#: Phrase → its text in English, Russian and Thai.
REWARD_PHRASES: Final[dict[str, tuple[str, str, str]]] = {
    "amount_each": ("{amount} off each piece", "скидка {amount} с каждой единицы", "ลด {amount} ต่อหน่วย"),
    "amount": ("{amount} off", "скидка {amount}", "ลด {amount}"),
    "amount_whole": (
        "{amount} off, shared out over the positions",
        "скидка {amount}, с распределением по позициям",
        "ลด {amount} เฉลี่ยทุกรายการ",
    ),
    "price": ("{price} a piece", "цена {price} за единицу", "ราคา {price} ต่อหน่วย"),
    "n_for_m": (
        "of every {take} pieces only the {pay} dearest are paid",
        "из каждых {take} шт. оплачиваются {pay} самых дорогих",
        "ทุก {take} ชิ้น จ่ายเฉพาะ {pay} ชิ้นที่แพงที่สุด",
    ),
    "n_for_m_percent": (
        "of every {take} pieces {percent} % off the cheapest ({free})",
        "из каждых {take} шт. скидка {percent} % на самые дешёвые ({free})",
        "ทุก {take} ชิ้น ลด {percent} % สำหรับ {free} ชิ้นที่ถูกที่สุด",
    ),
    "cheapest_of_all": (
        "the cheapest pieces of all",
        "самые дешёвые из всех",
        "ชิ้นที่ถูกที่สุดจากทั้งหมด",
    ),
    "bundle": ("a set: {members}", "набор: {members}", "ชุด: {members}"),
    "anything": ("any goods", "любой товар", "สินค้าใดก็ได้"),
    "bundle_price": ("for {price}", "за {price}", "ราคา {price}"),
    "bundle_amount": ("{amount} off each set", "скидка {amount} с набора", "ลด {amount} ต่อชุด"),
    "times": ("sets on one receipt at most: {times}", "наборов в чеке не больше: {times}", "ไม่เกิน {times} ชุดต่อบิล"),
}


class Say(Protocol):
    """One phrase of the catalogue in the language that is spoken."""

    def __call__(self, phrase: str, **values: object) -> str:
        """The phrase with its blanks filled."""
        ...


def reward_parts(say: Say, rule: AmountDiscount | FixedPrice | StagedDiscount | NForM | Bundle) -> list[str]:
    """What the rule takes off."""
    if isinstance(rule, NForM):
        parts = _n_for_m(say, rule)
    elif isinstance(rule, Bundle):
        parts = _bundle(say, rule)
    elif isinstance(rule, FixedPrice):
        parts = [say("price", price=rule.price)]
    elif isinstance(rule, AmountDiscount):
        parts = [say("amount_each" if rule.target is Target.LINES else "amount_whole", amount=rule.amount)]
    else:
        parts = _stages(say, rule)
    return [*parts, say("initial")] if rule.initial else parts


def _stages(say: Say, rule: StagedDiscount) -> list[str]:
    on_lines = rule.target is Target.LINES
    parts: list[str] = []
    for stage in rule.stages:
        if stage.amount is not None:
            off = say("amount_each" if on_lines else "amount", amount=stage.amount)
        else:
            off = say("percent", percent=stage.percent)
        by_total = stage.total_from is not None
        least = say("total_from" if by_total else "quantity_from", least=stage.total_from or stage.quantity_from)
        parts.append(f"{least}: {off}")
    return [*parts, say("each_line" if on_lines else "whole")]


def _n_for_m(say: Say, rule: NForM) -> list[str]:
    if rule.percent is None:
        parts = [say("n_for_m", take=rule.take, pay=rule.pay)]
    else:
        parts = [say("n_for_m_percent", take=rule.take, free=rule.take - rule.pay, percent=rule.percent)]
    if rule.cheapest_of_all:
        parts.append(say("cheapest_of_all"))
    return parts if rule.times is None else [*parts, say("times", times=rule.times)]


def _bundle(say: Say, rule: Bundle) -> list[str]:
    parts = [say("bundle", members=" + ".join(f"{one.quantity} × {_goods(say, one.lines)}" for one in rule.members))]
    if rule.price is not None:
        parts.append(say("bundle_price", price=rule.price))
    elif rule.amount is not None:
        parts.append(say("bundle_amount", amount=rule.amount))
    else:
        parts.append(say("percent", percent=rule.percent))
    return parts if rule.times is None else [*parts, say("times", times=rule.times)]


def _goods(say: Say, lines: Lines) -> str:
    """By name alone, where a whole sentence would be too long."""
    named = ", ".join([*lines.categories, *lines.products, *lines.brands]) or say("anything")
    excepted = ", ".join([*lines.except_categories, *lines.except_products, *lines.except_brands])
    return f"{named} ({say('except', goods=excepted)})" if excepted else named
