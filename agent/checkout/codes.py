"""What a code is: a customer's card or phone, a product, a marking code, a bank card, or nothing known.

Pure: patterns are data, the phone book of the world is an argument. Two promises stand above every pattern of the
settings: a product or a marking code is never taken for a customer, and the number of a bank card is never taken,
kept or repeated: the answer about it carries no digit of it.

Order: marking code, bank card, weighed goods, card patterns, typed phone, product, typed card number, unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct

from agent.checkout.check_digits import ean8_ok, ean13_ok, gtin_ok, is_bank_number, luhn_ok, upca_ok
from agent.checkout.patterns import compile_pattern
from drivers.vocabulary.customer import Identifier, IdentifierKind
from drivers.vocabulary.errors import SettingsError

__all__ = ["CODE_LENGTH_MAX", "DEFAULT_PATTERNS", "CardPattern", "CheckRule", "CodeKind", "Recognised", "Recogniser"]

CODE_LENGTH_MAX = 200  # as in the checkout contract; no loyalty code known is longer
PATTERNS_MAX = 64  # a chain with more kinds of cards than that wants another rule
_TYPED_CARD: Final = re.compile(r"[0-9]{5,16}")
_DASHES: Final = str.maketrans("", "", " -")


class CodeKind(Enum):
    """What a code turned out to be."""

    CUSTOMER = "customer"
    PRODUCT = "product"
    MARKING = "marking"
    BANK_CARD = "bank_card"
    UNKNOWN = "unknown"


class CheckRule(Enum):
    """Which check digit the taken number must have."""

    NONE = "none"
    EAN13 = "ean13"
    EAN8 = "ean8"
    UPCA = "upca"
    LUHN = "luhn"


_CHECKS: Final[dict[CheckRule, Callable[[str], bool]]] = {
    CheckRule.NONE: lambda _: True,
    CheckRule.EAN13: ean13_ok,
    CheckRule.EAN8: ean8_ok,
    CheckRule.UPCA: upca_ok,
    CheckRule.LUHN: luhn_ok,
}


class CardPattern(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One kind of card of this shop.

    Attributes:
        name: for messages and the journal.
        pattern: a regular expression that must match the whole code.
        check: which check digit the taken number must have. A public EAN or UPC is only taken by a pattern that says
            so here; without, it is a product.
        take: which group is the number: its name or its number; 0 is the whole code.
        kind: "card", or "phone" when the group holds a phone number.
        partner: whose cards these are when they are not our own, as the programme names the partner; "" is ours.
    """

    name: Annotated[str, Meta(min_length=1, max_length=40)]
    pattern: Annotated[str, Meta(min_length=1, max_length=200)]
    check: CheckRule = CheckRule.NONE
    take: str | int = 0
    kind: IdentifierKind = IdentifierKind.CARD
    partner: Annotated[str, Meta(max_length=38)] = ""


#: What a shop has that has set nothing: in-store EAN-13 (GS1 ranges 20 and 29), a magnetic card, our app's QR.
DEFAULT_PATTERNS: Final[tuple[CardPattern, ...]] = (
    CardPattern(name="in-store card", pattern="2[09][0-9]{11}", check=CheckRule.EAN13),
    CardPattern(name="app", pattern="TP1:(?P<number>[0-9A-Za-z-]{4,40})", take="number"),
    CardPattern(
        name="app, by phone", pattern=r"TP1:(?P<number>\+[0-9]{8,15})", take="number", kind=IdentifierKind.PHONE
    ),
    # ISO/IEC 7813 track 2; the part after "=" belongs to bank cards, and some loyalty cards copy it.
    CardPattern(name="magnetic card", pattern=r";(?P<number>[0-9]{5,19})(=[0-9]{0,20})?\?.?", take="number"),
)

#: In-store ranges that scales print (20 and 29 are left to cards); GS1 leaves their use to the shop.
DEFAULT_WEIGHED_PREFIXES: Final = ("21", "22", "23", "24", "25", "26", "27", "28")

# GS1 General Specifications §1.4.3: 02, 04 and 20 to 29 are in-store; all else belongs to somebody's product.
_IN_STORE: Final = re.compile(r"(?:02|04|2[0-9])")

#: Marking codes: GS1 element strings with GTIN and serial number; packs of tobacco; Russian excise stamps.
_MARKING_GS1: Final = re.compile(r"\x1d?(?:\(01\)|01)(?P<gtin>[0-9]{14})(?:\(21\)|21).+", re.DOTALL)
_MARKING_TOBACCO: Final = re.compile(r"(?P<gtin>[0-9]{14})[!-z]{7}(?:[!-z]{4}){1,2}")
_MARKING_EXCISE: Final = re.compile(r"[0-9]{2}[0-9A-Z]{66}|[0-9A-Z]{150}")
_MARKING_SYMBOLOGIES: Final = frozenset({"]d2", "]C1", "]Q3", "]J1", "]e0"})
_AIM_ID: Final = re.compile(r"\][A-Za-z][0-9A-Za-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What a code is.

    Attributes:
        identifier: present exactly for CUSTOMER.
        pattern: name of the pattern that took it; "phone" or "typed number" for what no pattern had to say.
        product: the bare number of a PRODUCT, for the message; "" otherwise.
        partner: whose card a CUSTOMER shows, when the pattern says that it is a partner's.
    """

    kind: CodeKind
    identifier: Identifier | None = None
    pattern: str = ""
    product: str = ""
    partner: str = ""


@dataclass(frozen=True, slots=True)
class _Compiled:
    row: CardPattern
    regex: re.Pattern[str]


_MARKING: Final = Recognised(kind=CodeKind.MARKING)
_BANK_CARD: Final = Recognised(kind=CodeKind.BANK_CARD)
_UNKNOWN: Final = Recognised(kind=CodeKind.UNKNOWN)


class Recogniser:
    """Recognises codes by the patterns of one shop.

    Args:
        patterns: in order; the first that takes the code wins.
        weighed_prefixes: first digits of the EAN-13 that the shop's scales print.
        normalise_phone: typed text → E.164 or None (`agent.checkout.phones.normalise` with the shop's region).
        where: the key of the settings the patterns come from, for messages.

    Raises:
        SettingsError: a pattern cannot be used; the message names its key.
    """

    def __init__(
        self,
        patterns: Sequence[CardPattern] = DEFAULT_PATTERNS,
        *,
        normalise_phone: Callable[[str], str | None],
        weighed_prefixes: Sequence[str] = DEFAULT_WEIGHED_PREFIXES,
        where: str = "cards",
    ) -> None:
        if len(patterns) > PATTERNS_MAX:
            raise SettingsError(f"{where}: {len(patterns)} patterns; join them, {PATTERNS_MAX} are the most")
        self._patterns = tuple(
            _Compiled(row, compile_pattern(row.pattern, take=row.take, where=f"{where}[{index}].pattern"))
            for index, row in enumerate(patterns)
        )
        self._weighed_prefixes = tuple(weighed_prefixes)
        self._normalise_phone = normalise_phone

    def recognise(self, code: str, *, presented: bool, symbology: str = "") -> Recognised:
        """Say what `code` is; never raises.

        Args:
            code: as scanned or typed; an AIM id still in front of it is taken off.
            presented: True when it was scanned, False when it was typed.
            symbology: the AIM id (``]E0``), or "" when the scanner does not tell.
        """
        if len(code) > CODE_LENGTH_MAX:
            return _UNKNOWN
        code = code.strip(" \r\n\t")
        if not symbology and (aim_id := _AIM_ID.match(code)):
            symbology, code = aim_id.group(), code[aim_id.end() :]
        if not code:
            return _UNKNOWN
        if _is_marking(code, symbology):
            return _MARKING
        if _holds_bank_number(code):
            return _BANK_CARD
        if self._is_weighed(code):
            return Recognised(kind=CodeKind.PRODUCT, product=code)
        return self._by_pattern(code, presented=presented) or self._plain(code, presented=presented)

    def _by_pattern(self, code: str, *, presented: bool) -> Recognised | None:
        is_public_product = _is_product(code) and not _IN_STORE.match(_as_ean13(code))
        for compiled in self._patterns:
            row = compiled.row
            match = compiled.regex.fullmatch(code)
            value = (match.group(row.take) or "") if match is not None else ""
            if not value or (is_public_product and row.check in (CheckRule.NONE, CheckRule.LUHN)):
                continue
            if row.kind is IdentifierKind.PHONE:
                value = self._normalise_phone(value) or ""
            if value and _CHECKS[row.check](value):
                if row.kind is IdentifierKind.CARD and _is_bank_digits(value):
                    return _BANK_CARD
                return _customer(row.kind, value, pattern=row.name, presented=presented, partner=row.partner)
        return None

    def _plain(self, code: str, *, presented: bool) -> Recognised:
        """A code that no pattern knows: a typed phone, a product, a typed card number, or unknown."""
        if not presented:
            phone = self._normalise_phone(code)
            if phone is not None:
                return _customer(IdentifierKind.PHONE, phone, pattern="phone", presented=False)
        if _is_product(code):
            return Recognised(kind=CodeKind.PRODUCT, product=code)
        if not presented and _TYPED_CARD.fullmatch(code):
            return _customer(IdentifierKind.CARD, code, pattern="typed number", presented=False)
        return _UNKNOWN

    def _is_weighed(self, code: str) -> bool:
        return ean13_ok(code) and code.startswith(self._weighed_prefixes)


def _customer(kind: IdentifierKind, value: str, *, pattern: str, presented: bool, partner: str = "") -> Recognised:
    identifier = Identifier(kind=kind, value=value, presented=presented)
    return Recognised(kind=CodeKind.CUSTOMER, identifier=identifier, pattern=pattern, partner=partner)


def _is_product(code: str) -> bool:
    return ean13_ok(code) or ean8_ok(code) or upca_ok(code) or (len(code) == 14 and gtin_ok(code))


def _as_ean13(code: str) -> str:
    """A product's number with the leading zeros of an EAN-13, so that one rule about ranges serves all lengths."""
    return code[1:] if len(code) == 14 else code.zfill(13)


def _is_marking(code: str, symbology: str) -> bool:
    gs1 = _MARKING_GS1.fullmatch(code)
    if gs1 is not None:
        return gtin_ok(gs1["gtin"])
    if symbology in _MARKING_SYMBOLOGIES or "\x1d" in code:
        return True
    tobacco = _MARKING_TOBACCO.fullmatch(code)
    if tobacco is not None and not code.isdigit():
        return gtin_ok(tobacco["gtin"])
    return _MARKING_EXCISE.fullmatch(code) is not None


def _holds_bank_number(code: str) -> bool:
    """Whether the whole code, or any number on a magnetic track, looks like a bank card."""
    if _is_bank_digits(code.translate(_DASHES)):
        return True
    if code.startswith((";", "%")) or "=" in code or "^" in code:
        return any(_is_bank_digits(run) for run in re.findall(r"[0-9]{13,19}", code))
    return False


def _is_bank_digits(text: str) -> bool:
    # A 13-digit number with the check digit of an EAN is a product: banks have not issued that length for decades.
    return is_bank_number(text) and not ean13_ok(text)
