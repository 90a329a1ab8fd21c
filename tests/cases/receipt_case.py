"""Loyalty cases written as receipts: the text is programme, receipt and customer, its last lines are the decision.

    programme
      tier silver from 5000
      unit bonus worth 1
      group card: best
      group goods: stack inside card
      ten: 10 % off | on dairy | group goods
      back: earns 5 % in bonus | expires after 90
      spend: spends bonus up to 30 % | step 10
    receipt 2026-03-01 12:00, channel kiosk, paying card, coupon SPRING
      Milk 2 x 45.00 -5.00: dairy, floor 40.00
    customer spent 5000, tier silver, birthday 02-29, purchases 4, member 2026-06-01 00:00, staff
      bonus 120 until 2026-06-01 00:00
      owes 30 bonus
    points max
    returns Milk 1
    decision
      Milk -8.50 ten
      pays 76.50

`programme: NAME` takes docs/programmes/NAME.toml instead. Lines of a decision that begin with "why", "prints",
"hint" or "could spend" are compared only where the case has such lines; all others must match exactly. "why ten: beaten by
five" looks at who beat it as well.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from agent.loyalty import Programme, SpendAsk, evaluate, fiscal_discounts, load, refund, unit_groups
from agent.loyalty.explain import sentence
from agent.loyalty.points import points_text
from drivers.vocabulary.customer import CertificateFact, CouponFact, Customer, PointsLot
from drivers.vocabulary.decision import CertificateUsed, CouponIssued, Decision, GiftDue, MembershipGranted
from drivers.vocabulary.money import Money, Percent, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, LineFlag, Receipt, TenderKind
from tests.cases import personal_words as personal

PROGRAMMES = Path(__file__).resolve().parents[2] / "docs" / "programmes"

_RULE = re.compile(r"([a-z][a-z0-9_-]*): (.+)")
_LINE = re.compile(r"(?P<name>.+?) (?P<quantity>[\d.]+) x (?P<price>[\d.]+)(?: -(?P<off>[\d.]+))?(?:: (?P<more>.+))?")
_LOT = re.compile(
    r"(?P<unit>[a-z]+) (?P<amount>-?\d+)(?: from (?P<start>[\d-]+ [\d:]+))?(?: until (?P<end>[\d-]+ [\d:]+))?"
)


@dataclass
class Case:
    """A case that has been read and decided."""

    programme: Programme
    receipt: Receipt
    customer: Customer | None
    paying: tuple[TenderKind, ...]
    certificates: tuple[CertificateFact, ...]
    now: datetime
    ask: SpendAsk
    closed: bool
    partner: str
    donation: SpendAsk
    returns: list[str]
    expected: list[str]
    decision: Decision = field(init=False)

    def __post_init__(self) -> None:
        self.decision = evaluate(
            self.programme,
            self.receipt,
            self.customer,
            self.now,
            points=self.ask,
            closed=self.closed,
            announced_tenders=self.paying,
            certificates=self.certificates,
            partner=self.partner,
            donation=self.donation,
        )


def receipt_case(function: Callable[[Case], None]) -> Callable[[], None]:
    """Make a test of a function whose docstring is a case; its body may look further at what was decided."""

    def test() -> None:
        case = read_case(inspect.getdoc(function) or "")

        actual = told(case)

        assert case.expected == actual, "decided:\n" + "\n".join(actual)
        function(case)

    test.__name__ = test.__qualname__ = function.__name__
    test.__doc__ = function.__doc__
    test.__module__ = function.__module__
    return test


def read_case(text: str) -> Case:
    """Read a case; the lines before the first section are its title."""
    sections: dict[str, list[str]] = {}
    heads: dict[str, str] = {}
    returns: list[str] = []
    at = ""
    for raw in text.splitlines():
        word = raw.split(" ")[0].rstrip(":") if raw and not raw.startswith(" ") else ""
        if word == "returns":
            returns.append(raw.removeprefix("returns ").strip())
        elif word in {"programme", "receipt", "customer", "points", "donation", "closed", "decision"} and (
            at or word == "programme"
        ):
            at = word
            heads[at] = raw[len(word) :].strip(": ").strip()
            sections[at] = []
        elif at and raw.strip():
            sections[at].append(raw.strip())
    programme = read_programme(heads["programme"], sections["programme"])
    zone = ZoneInfo(programme.file.zone)
    now, shop, till = _moment(heads["receipt"], zone)
    said = [part.split(" ", 1) for part in heads["receipt"].split(", ")[1:]]
    receipt = replace(
        read_receipt(sections["receipt"], programme.currency, shop, till),
        channel=dict(said).get("channel", ""),
        coupons=tuple(rest for word, rest in said if word == "coupon"),
    )
    return Case(
        programme=programme,
        receipt=receipt,
        certificates=tuple(
            _certificate(rest, programme.currency, zone) for word, rest in said if word == "certificate"
        ),
        paying=tuple(TenderKind(rest) for word, rest in said if word == "paying"),
        customer=_customer(heads["customer"], sections["customer"], programme, zone) if "customer" in heads else None,
        now=now,
        ask=_ask(heads.get("points", "0")),
        closed="closed" in heads,
        partner=dict(said).get("partner", ""),
        donation=_ask(heads.get("donation", "0")),
        returns=returns,
        expected=sections["decision"],
    )


def read_programme(name: str, lines: list[str]) -> Programme:
    """The programme of a case: a shipped one by name, or one in plain lines."""
    if name:
        found = load((PROGRAMMES / f"{name}.toml").read_bytes(), name=f"{name}.toml")
    else:
        file: dict[str, Any] = {"version": 1, "title": "case", "currency": "RUB", "zone": "Europe/Moscow"}
        for line in lines:
            _programme_line(file, line)
        found = load(json.dumps(file, default=str).encode(), name="case.json")

    assert isinstance(found, Programme), [str(problem) for problem in found]
    return found


def _programme_line(file: dict[str, Any], line: str) -> None:
    words = line.split()
    if words[0] == "tier":
        tier: dict[str, Any] = {"id": words[1]}
        if len(words) > 3:
            tier["spent_from"] = words[3]
        file.setdefault("tiers", []).append(tier)
    elif words[0] == "unit":
        unit = dict(zip(words[2::2], words[3::2], strict=True))
        for key in ("exponent", "worth_points"):
            if key in unit:
                unit[key] = int(unit[key])
        file.setdefault("units", {})[words[1]] = unit
    elif words[0] == "group":
        file.setdefault("groups", {})[words[1].rstrip(":")] = {
            "mode": words[2],
            **dict(zip(words[3::2], words[4::2], strict=True)),
        }
    elif words[0] == "coupon":
        file.setdefault("coupons", {})[words[1].rstrip(":")] = _coupon_kind(line.partition(": ")[2])
    elif personal.declared(file, line):
        pass
    elif words[0] == "set":
        file[words[1]] = {"true": True, "false": False}.get(words[2], words[2])
    else:
        file.setdefault("rules", []).append(_rule(line))


def _coupon_kind(text: str) -> dict[str, Any]:
    """A kind of coupon: "codes A, B | from 2026-03-01 | until 2026-03-31 | uses 1 | unasked"."""
    kind: dict[str, Any] = {}
    for part in filter(None, text.split(" | ")):
        word, _, rest = part.strip().partition(" ")
        if word == "codes":
            kind["codes"] = [code.strip() for code in rest.split(",")]
        elif word == "uses":
            kind["uses"] = int(rest)
        elif word == "unasked":
            kind["unasked"] = True
        elif word == "back":
            kind["back_on_return"] = rest == "yes"
        else:
            kind[f"date_{word}"] = rest
    return kind


def _rule(line: str) -> dict[str, Any]:
    match = _RULE.fullmatch(line)

    assert match is not None, f"not a rule: {line!r}"
    phrase, *modifiers = [part.strip() for part in match[2].split("|")]
    rule: dict[str, Any] = {"id": match[1], "when": {}, "lines": {}, **_phrase(phrase)}
    for modifier in modifiers:
        _modify(rule, modifier)
    return rule


def _phrase(phrase: str) -> dict[str, Any]:
    if found := re.fullmatch(r"([\d.]+) % off( the receipt)?", phrase):
        return {"kind": "percent_discount", "percent": found[1], "target": "receipt" if found[2] else "lines"}
    if found := re.fullmatch(r"off by tier (.+)", phrase):
        return {"kind": "tier_discount", **_percents(found[1])}
    if (reward := _reward(phrase)) is not None:
        return reward
    if found := re.fullmatch(r"earns ([\d.]+) (\w+) per ([\d.]+)", phrase):
        return {"kind": "earn_points", "points": found[1], "unit": found[2], "per": found[3]}
    if found := re.fullmatch(r"earns (.+) in (\w+)", phrase):
        return {"kind": "earn_points", "unit": found[2], **_percents(found[1])}
    if found := re.fullmatch(r"(\w+) x ([\d.]+)", phrase):
        return {"kind": "multiply_points", "unit": found[1], "factor": found[2]}
    if given := _after_phrase(phrase) or personal.phrase(phrase):
        return given
    found = re.fullmatch(r"spends (\w+) up to ([\d.]+) %", phrase)

    assert found is not None, f"no such phrase: {phrase!r}"
    return {"kind": "spend_points", "unit": found[1], "share": found[2]}


def _reward(phrase: str) -> dict[str, Any] | None:
    """An amount, a price, stages or a set; None when it is none of them."""
    if found := re.fullmatch(r"([\d.]+) off( the receipt| each)", phrase):
        return {"kind": "amount_discount", "amount": found[1], "target": "lines" if found[2] == " each" else "receipt"}
    if found := re.fullmatch(r"price ([\d.]+)", phrase):
        return {"kind": "fixed_price", "price": found[1]}
    if found := re.fullmatch(r"from (.+)", phrase):
        return {"kind": "staged_discount", "stages": [_stage(part) for part in found[1].split(", ")]}
    if found := re.fullmatch(r"(\d+) for (\d+)(?: at ([\d.]+) %)?", phrase):
        percent = {"percent": found[3]} if found[3] else {}
        return {"kind": "n_for_m", "take": int(found[1]), "pay": int(found[2]), **percent}
    found = re.fullmatch(r"set (.+?) (?:for ([\d.]+)|less ([\d.]+)( %)?)", phrase)
    if found is None:
        return None
    members = [part.split(" ", 1) for part in found[1].split(" + ")]
    key = "price" if found[2] else "percent" if found[4] else "amount"
    return {
        "kind": "bundle",
        "members": [{"quantity": int(count), "lines": {"categories": [name]}} for count, name in members],
        key: found[2] or found[3],
    }


def _stage(text: str) -> dict[str, Any]:
    """ "300.00: 5 %" or "3 pieces: 10.00": from a total or a quantity on, a percent or an amount."""
    least, off = text.split(": ")
    key = "quantity_from" if least.endswith(" pieces") else "total_from"
    reward = {"percent": off.removesuffix(" %")} if off.endswith(" %") else {"amount": off}
    return {key: least.removesuffix(" pieces"), **reward}


def _after_phrase(phrase: str) -> dict[str, Any] | None:
    """What is given whatever is paid, and what comes after the sale."""
    if found := re.fullmatch(r"gives ([\d.]+) (\w+)(?: per (receipt|position|piece))?", phrase):
        return {"kind": "fixed_points", "points": found[1], "unit": found[2], "per": found[3] or "receipt"}
    if found := re.fullmatch(r"hands out (\w+)(?: x (\d+))?(?: per ([\d.]+))?(?: most (\d+))?", phrase):
        numbers = {"count": int(found[2] or 1), "per": found[3], "most": int(found[4]) if found[4] else None}
        return {"kind": "gift", "gift": found[1], **{key: one for key, one in numbers.items() if one is not None}}
    if found := re.fullmatch(r"one free for ([\d.]+) (\w+)(?: most (\d+))?", phrase):
        most = {"most": int(found[3])} if found[3] else {}
        return {"kind": "points_for_goods", "points": found[1], "unit": found[2], **most}
    if found := re.fullmatch(r"issues (\w+)(?: drawn (\d+) by (\w+))?", phrase):
        draw = {"draw": {"one_in": int(found[2]), "key": found[3]}} if found[2] else {}
        return {"kind": "issue_coupon", "coupon": found[1], **draw}
    if found := re.fullmatch(r"sells (\d+) days", phrase):
        return {"kind": "membership_sale", "days": int(found[1])}
    return None


def _percents(text: str) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for part in text.split(", "):
        words = part.removesuffix(" %").split()
        if len(words) == 1:
            written["percent"] = words[0]
        else:
            written.setdefault("percents", {})[words[0]] = words[1]
    return written


def _modify(rule: dict[str, Any], modifier: str) -> None:
    word, _, rest = modifier.partition(" ")
    items = [item.strip() for item in rest.split(",")]
    when, lines = rule["when"], rule["lines"]
    if _modify_occasion(when, word, rest, items) or personal.modified(rule, word, rest):
        return
    places: dict[str, tuple[dict[str, Any], str, Any]] = {
        "on": (lines, "categories", items),
        "products": (lines, "products", items),
        "brands": (lines, "brands", items),
        "except": (lines, "except_categories", items),
        "same": (lines, "same_from", rest),
        "skip_discounted": (lines, "skip_discounted", True),
        "stores": (when, "stores", items),
        "tills": (when, "tills", items),
        "weekdays": (when, "weekdays", items),
        "from": (when, "date_from", rest),
        "until": (when, "date_until", rest),
        "customer": (when, "customer", rest),
        "tiers": (when, "tiers", items),
        "segments": (when, "segments", items),
        "total": (when, "total_from", rest),
        "quantity": (when, "quantity_from", rest),
        "group": (rule, "group", rest),
        "target": (rule, "target", rest),
        "initial": (rule, "initial", True),
        "step": (rule, "step", rest),
        "least": (rule, "least", rest),
        "tender": (rule, "redeem_as", "tender"),
        "earns_nothing": (rule, "earns", False),
    }
    if word == "cheapest_of_all":
        rule["cheapest_of_all"] = True
    elif word in ("priority", "positions", "active", "expires", "times"):
        keys = {"active": "active_after_days", "expires": "expires_after_days", "positions": "positions_from"}
        (when if word == "positions" else rule)[keys.get(word, word)] = int(rest.removeprefix("after "))
    elif word == "hours":
        when["hours"] = [dict(zip(("from", "until"), span.split("-"), strict=True)) for span in items]
    else:
        table, key, value = places[word]
        table[key] = value


def _modify_occasion(when: dict[str, Any], word: str, rest: str, items: list[str]) -> bool:
    """Conditions about the customer's history and how the sale is made; False when it is none of them."""
    if word == "birthday":
        numbers = [int(number) for number in re.findall(r"\d+", rest.partition(" leap ")[0])]
        when["birthday"] = dict(zip(("days_before", "days_after"), numbers, strict=False))
        if " leap " in rest:
            when["birthday"]["leap_day"] = rest.partition(" leap ")[2]
    elif word == "purchase":
        every = rest.startswith("every ")
        when["purchase_every" if every else "purchase_number"] = int(rest.removeprefix("every "))
    elif word == "paid":
        when["tenders"] = items
    elif word == "channels":
        when["channels"] = items
    elif word == "membership":
        when["membership"] = rest
    elif word == "coupon":
        when["coupons"] = items
    elif word == "staff":
        when["staff"] = True
    else:
        return False
    return True


def _moment(head: str, zone: ZoneInfo) -> tuple[datetime, str, str]:
    words = head.split(", ")
    named = dict(part.split(" ", 1) for part in words[1:])
    now = datetime.strptime(words[0], "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    return now, named.get("store", ""), named.get("till", "")


def read_receipt(lines: list[str], currency: str = "RUB", shop: str = "", till: str = "") -> Receipt:
    """A receipt from plain lines: "Milk 2 x 45.00 -5.00: dairy, floor 40.00", and "adjusted -0.50"."""
    adjustment = None
    made: list[Line] = []
    for text in lines:
        if text.startswith("adjusted "):
            adjustment = Money.of(text.removeprefix("adjusted "), currency)
        else:
            made.append(_line(text, len(made) + 1, currency))
    total = sum(line.total.minor for line in made) + (adjustment.minor if adjustment else 0)
    return Receipt(
        uid="sale-1",
        kind=DocumentKind.SALE,
        total=Money(total, currency),
        lines=tuple(made),
        adjustment=adjustment,
        shop=shop,
        till=till,
    )


def _line(text: str, number: int, currency: str) -> Line:
    match = _LINE.fullmatch(text)

    assert match is not None, f"not a line: {text!r}"
    price, quantity = Money.of(match["price"], currency), Quantity.parse(match["quantity"])
    off = Money.of(match["off"], currency) if match["off"] else None
    gross = line_total(price, quantity)
    values: dict[str, Any] = {"categories": [], "flags": set()}
    flags = {flag.value: flag for flag in LineFlag}
    for item in (match["more"] or "").split(", "):
        word, _, rest = item.partition(" ")
        if item in flags:
            values["flags"].add(flags[item])
        elif word == "floor":
            values["price_floor"] = Money.of(rest, currency)
        elif word == "max":
            values["discount_max"] = Percent.parse(rest.removesuffix(" %"))
        elif word in ("brand", "product"):
            values["brand" if word == "brand" else "product_id"] = rest
        elif item:
            values["categories"].append(item)
    return Line(
        number=number,
        name=match["name"],
        quantity=quantity,
        price=price,
        total=gross - off if off else gross,
        discount=off,
        categories=tuple(values.pop("categories")),
        flags=frozenset(values.pop("flags")),
        **values,
    )


def _customer(head: str, lines: list[str], programme: Programme, zone: ZoneInfo) -> Customer:
    named: dict[str, Any] = {}
    for part in filter(None, head.split(", ")):
        word, _, rest = part.partition(" ")
        if word == "spent":
            named["spent"] = Money.of(rest, programme.currency)
        elif word == "segment":
            named["segments"] = frozenset({rest})
        elif word == "purchases":
            named["purchases"] = int(rest)
        elif word == "member":
            named["membership_until"] = _local(rest, zone)
        else:
            named[word] = rest or True
    lots: list[PointsLot] = []
    deficits: dict[str, int] = {}
    for text in lines:
        if text.startswith("owes "):
            _, amount, unit = text.split()
            deficits[unit] = int(amount)
            continue
        if personal.known(named, text, programme, zone):
            continue
        if text.startswith("coupon "):
            named["coupons"] = (*named.get("coupons", ()), _held(text, zone))
            continue
        match = _LOT.fullmatch(text)

        assert match is not None, f"not a lot: {text!r}"
        start, end = (_local(match[key], zone) for key in ("start", "end"))
        lots.append(
            PointsLot(
                id=f"lot-{len(lots) + 1}",
                unit=match["unit"],
                amount=int(match["amount"]),
                active_from=start,
                expires_at=end,
            )
        )
    return Customer(id="customer-1", lots=tuple(lots), deficits=deficits, **named)


def _certificate(text: str, currency: str, zone: ZoneInfo) -> CertificateFact:
    """A certificate shown: "G1 500.00 until 2026-06-01 00:00 burns"."""
    words = text.removesuffix(" burns").split(" ", 3)
    return CertificateFact(
        code=words[0],
        balance=Money.of(words[1], currency),
        valid_until=_local(words[3], zone) if len(words) > 3 else None,
        burns=text.endswith(" burns"),
    )


def _held(text: str, zone: ZoneInfo) -> CouponFact:
    """A coupon of the customer's: "coupon 77 of tea from … until … uses 3 used 1 on …"."""
    at = re.compile(
        r"coupon (?P<code>\S+) of (?P<kind>\S+)(?: from (?P<start>[\d-]+ [\d:]+))?(?: until (?P<end>[\d-]+ [\d:]+))?"
        r"(?: uses (?P<uses>\d+))?(?: used (?P<used>\d+))?(?: on (?P<on>[\d-]+ [\d:]+))?"
    )
    match = at.fullmatch(text)

    assert match is not None, f"not a coupon: {text!r}"
    start, end, on = (_local(match[key], zone) for key in ("start", "end", "on"))
    uses = int(match["uses"]) if match["uses"] else None
    used = int(match["used"] or 0)
    return CouponFact(
        code=match["code"], coupon=match["kind"], valid_from=start, valid_until=end, uses=uses, used=used, used_at=on
    )


def _local(text: str | None, zone: ZoneInfo) -> datetime | None:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone) if text else None


def _ask(head: str) -> SpendAsk:
    amount, *more = head.split(", ")
    number, _, unit = amount.partition(" ")
    values: dict[str, Any] = {"amount": None if number == "max" else int(number), "unit": unit}
    for part in more:
        _, limit, *reason = part.split()
        values["limit"] = int(limit)
        if reason:
            values["limit_reason"] = reason[0]
    return SpendAsk(**values)


# ── What was decided, as a cashier reads it ──────────────────────────────────────────────────────


def told(case: Case) -> list[str]:
    """The decision in lines."""
    decision, zone = case.decision, ZoneInfo(case.programme.file.zone)
    names = {line.number: line.name for line in case.receipt.lines}

    def points(amount: int, unit: str) -> str:
        return f"{points_text(amount, case.programme.units[unit].exponent)} {unit}"

    said = [
        f"{names[effect.line]} -{effect.amount.amount} {effect.rule}"
        for effect in decision.effects
        if hasattr(effect, "line")
    ]
    said += [f"spends {points(one.amount, one.unit)} worth {one.worth.amount}" for one in decision.spent]
    said.append(f"pays {decision.payable.amount}")
    for one in decision.earned:
        start = f" from {one.active_from.astimezone(zone):%Y-%m-%d %H:%M}" if one.active_from else ""
        end = f" until {one.expires_at.astimezone(zone):%Y-%m-%d %H:%M}" if one.expires_at else ""
        said.append(f"earns {points(one.amount, one.unit)}{start}{end}")
    said += [f"uses coupon {one.code}" for one in decision.coupons_used]
    said += _told_after(decision, zone) + personal.told_personal(decision, case.programme, points)
    if any(line.startswith("prints ") for line in case.expected):
        said += _told_groups(case)
    if any(line.startswith("could spend") for line in case.expected):
        said += [f"could spend {points(amount, unit)}" for unit, amount in decision.spendable.items()]
    if any(line.startswith("hint ") for line in case.expected):
        hints = [sentence(one, units=case.programme.units) for one in decision.hints]
        said += [f"hint {text}".replace("\N{NO-BREAK SPACE}", " ") for text in hints]
    asked = {line.split(":")[0]: " by " in line for line in case.expected if line.startswith("why ")}
    for why in decision.explanations:
        if f"why {why.rule}" in asked:
            by = f" by {why.values['by']}" if asked[f"why {why.rule}"] and "by" in why.values else ""
            said.append(f"why {why.rule}: {why.code}{by}")
    return said + _told_returns(case, points)


def _told_groups(case: Case) -> list[str]:
    """How a fiscal receipt prints the lines that lose something."""
    least = case.programme.file.line_left_least
    off = fiscal_discounts(
        case.receipt, case.decision.line_discounts(), left_least=least.minor if least is not None else 0
    )
    said: list[str] = []
    for line in case.receipt.lines:
        if off.get(line.number):
            groups = unit_groups(line, Money(off[line.number], case.receipt.currency))
            said.append(f"prints {line.name} " + " + ".join(f"{one.quantity} x {one.price.amount}" for one in groups))
    return said


def _told_after(decision: Decision, zone: ZoneInfo) -> list[str]:
    said: list[str] = []
    for effect in decision.effects:
        if isinstance(effect, GiftDue):
            said.append(f"hands out {personal.gift_word(effect)}{effect.gift} x {effect.count}")
        elif isinstance(effect, CouponIssued):
            start = f" from {effect.valid_from.astimezone(zone):%Y-%m-%d %H:%M}" if effect.valid_from else ""
            end = f" until {effect.valid_until.astimezone(zone):%Y-%m-%d %H:%M}" if effect.valid_until else ""
            said.append(f"issues {effect.coupon} {effect.code}{start}{end}")
        elif isinstance(effect, CertificateUsed):
            rest = f"{effect.burned.amount} burned" if effect.burned else f"{effect.left.amount} left"
            said.append(f"certificate {effect.code} pays {effect.amount.amount}, {rest}")
        elif isinstance(effect, MembershipGranted):
            said.append(f"member until {effect.until.astimezone(zone):%Y-%m-%d %H:%M}")
    return said


def _told_returns(case: Case, points: Callable[[int, str], str]) -> list[str]:
    sale = closed_receipt(case.receipt, case.decision)
    before: list[Receipt] = []
    said: list[str] = []
    for text in case.returns:
        back = returned_receipt(sale, text, f"return-{len(before) + 1}")
        effect = refund(case.decision, sale, back, before)
        before.append(back)
        parts = [f"gives back {points(amount, unit)}" for unit, amount in effect.points_given_back.items()]
        parts += [f"takes back {points(amount, unit)}" for unit, amount in effect.points_taken_back.items()]
        parts += personal.told_return(effect, case.programme, points)
        said.append(f"return of {back.total.amount} {' and '.join(parts) or 'moves no points'}")
    return said


def closed_receipt(receipt: Receipt, decision: Decision) -> Receipt:
    """The receipt as the till closes it: the decision's discounts in its lines."""
    off = decision.line_discounts()
    lines: list[dict[str, Any]] = []
    for line in receipt.lines:
        own = line.discount.minor if line.discount else 0
        less = off.get(line.number, 0)
        lines.append(
            {"discount": line.total.with_minor(own + less), "total": line.total.with_minor(line.total.minor - less)}
        )
    changed = tuple(replace(line, **values) for line, values in zip(receipt.lines, lines, strict=True))
    return replace(receipt, lines=changed, total=receipt.total - decision.discount)


def returned_receipt(sale: Receipt, text: str, uid: str) -> Receipt:
    """A return of "Milk", "Milk 1" (so many of them) or "everything", at the prices that were paid."""
    name, _, count = text.rpartition(" ") if re.search(r" [\d.]+$", text) else (text, "", "")
    lines: list[Line] = []
    for line in sale.lines:
        if text not in ("everything", line.name) and name != line.name:
            continue
        quantity = Quantity.parse(count) if count else line.quantity
        total = line.total.minor * quantity.steps // line.quantity.steps
        price = Money(total, sale.currency)
        lines.append(
            Line(
                number=len(lines) + 1,
                name=line.name,
                quantity=quantity,
                price=line.price,
                discount=price.with_minor(line_total(line.price, quantity).minor - total),
                total=price.with_minor(total),
            )
        )

    assert lines, f"nothing to return: {text!r}"
    total = sum(line.total.minor for line in lines)
    if text == "everything":
        total = sale.total.minor
    adjustment = total - sum(line.total.minor for line in lines)
    return Receipt(
        uid=uid,
        kind=DocumentKind.RETURN,
        total=Money(total, sale.currency),
        lines=tuple(lines),
        adjustment=Money(adjustment, sale.currency) if adjustment else None,
        base_uid=sale.uid,
    )
