"""What a code is: a customer's card or phone, a product, a marking code, a bank card, or nothing known.

Pure: patterns are data, the phone book of the world is an argument. Two promises stand above every pattern of the
settings: a product or a marking code is never taken for a customer, and the number of a bank card is never taken,
kept or repeated: the answer about it carries no digit of it.

Order: marking code, bank card, receipt, signed app code, weighed goods, card patterns, typed phone, product, typed card
number, unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from agent.checkout.codes.beginnings import Beginning
from agent.checkout.codes.card_patterns import DEFAULT_PATTERNS, CardPattern, CheckRule
from agent.checkout.codes.marking import is_marking, marked_product
from agent.checkout.codes.misread import as_typed_on_us
from agent.checkout.codes.patterns import compile_pattern
from agent.checkout.codes.receipt_codes import ReceiptCode, read_receipt_code
from agent.checkout.codes.tracks import is_swiped, tracks
from drivers.vocabulary.card_qr import PREFIX as SIGNED_PREFIX
from drivers.vocabulary.card_qr import CardQr, read_card_qr
from drivers.vocabulary.check_digits import (
    ean8_ok,
    ean13_ok,
    gtin_ok,
    holds_bank_number,
    is_bank_digits,
    luhn_ok,
    upca_ok,
)
from drivers.vocabulary.customer import Identifier, IdentifierKind
from drivers.vocabulary.errors import SettingsError

__all__ = [
    "CODE_LENGTH_MAX",
    "DEFAULT_PATTERNS",
    "DEFAULT_WEIGHED_PREFIXES",
    "CardPattern",
    "CheckRule",
    "CodeKind",
    "Recognised",
    "Recogniser",
]

CODE_LENGTH_MAX = 200  # as in the checkout contract; no loyalty code known is longer
PATTERNS_MAX = 64  # a chain with more kinds of cards than that wants another rule
_TYPED_CARD: Final = re.compile(r"[0-9]{5,16}")


class CodeKind(Enum):
    """What a code turned out to be.

    SIGNED is an app's code that is to be checked, EXPIRED and REPEATED what became of it; RECEIPT names a closed one.
    """

    CUSTOMER = "customer"
    SIGNED = "signed"
    EXPIRED = "expired"
    REPEATED = "repeated"
    RECEIPT = "receipt"
    PRODUCT = "product"
    MARKING = "marking"
    BANK_CARD = "bank_card"
    UNKNOWN = "unknown"


_CHECKS: Final[dict[CheckRule, Callable[[str], bool]]] = {
    CheckRule.NONE: lambda _: True,
    CheckRule.EAN13: ean13_ok,
    CheckRule.EAN8: ean8_ok,
    CheckRule.UPCA: upca_ok,
    CheckRule.LUHN: luhn_ok,
}


#: In-store ranges that scales print (20 and 29 are left to cards); GS1 leaves their use to the shop.
DEFAULT_WEIGHED_PREFIXES: Final = ("21", "22", "23", "24", "25", "26", "27", "28")

# GS1 General Specifications §1.4.3: 02, 04 and 20 to 29 are in-store; all else belongs to somebody's product.
_IN_STORE: Final = re.compile(r"(?:02|04|2[0-9])")

_AIM_ID: Final = re.compile(r"\][A-Za-z][0-9A-Za-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What a code is.

    Attributes:
        identifier: present exactly for CUSTOMER.
        pattern: name of the pattern that took it; "phone" or "typed number" for what no pattern had to say.
        product: the bare number of a PRODUCT or of what a MARKING stands on, for the message; "" otherwise.
        partner: whose card a CUSTOMER shows, when the pattern says that it is a partner's.
        programme: title of the programme whose card it is, when the pattern says so.
        signed: what a SIGNED code says; nobody is a customer by it before it was checked.
        receipt: which receipt a RECEIPT names.
    """

    kind: CodeKind
    identifier: Identifier | None = None
    pattern: str = ""
    product: str = ""
    partner: str = ""
    programme: str = ""
    signed: CardQr | None = None
    receipt: ReceiptCode | None = None


@dataclass(frozen=True, slots=True)
class _Compiled:
    row: CardPattern
    regex: re.Pattern[str]
    beginning: Beginning


_BANK_CARD: Final = Recognised(kind=CodeKind.BANK_CARD)
_UNKNOWN: Final = Recognised(kind=CodeKind.UNKNOWN)


class Recogniser:
    """Recognises codes by the patterns of one shop.

    Args:
        patterns: in order; the first that takes the code wins.
        weighed_prefixes: first digits of the EAN-13 that the shop's scales print.
        normalise_phone: typed text → E.164 or None (`drivers.vocabulary.phones.normalise` with the shop's region).
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
            _Compiled(
                row,
                compile_pattern(row.pattern, take=row.take, where=f"{where}[{index}].pattern"),
                Beginning(row.pattern),
            )
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
        return _certain(code, symbology) or self._by_shop(as_typed_on_us(code), presented=presented)

    def may_be_ours(self, beginning: str) -> bool:
        """Whether a code that begins so (its symbology taken off) may still become a customer's; never raises."""
        beginning = as_typed_on_us(beginning.lstrip(" \r\n\t"))
        if len(beginning) > CODE_LENGTH_MAX:
            return False
        if SIGNED_PREFIX.startswith(beginning[: len(SIGNED_PREFIX)]) or is_swiped(beginning + "?"):
            return True
        return any(compiled.beginning.may_grow(beginning) for compiled in self._patterns)

    def _by_shop(self, code: str, *, presented: bool) -> Recognised:
        """What the shop's own rules make of a code that is nobody else's."""
        if self._is_weighed(code):
            return Recognised(kind=CodeKind.PRODUCT, product=code)
        for track in tracks(code):
            found = self._by_pattern(track, presented=presented)
            if found is not None:
                return found
        return self._plain(code, presented=presented)

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
                if row.kind is IdentifierKind.CARD and is_bank_digits(value):
                    return _BANK_CARD
                identifier = Identifier(kind=row.kind, value=value, presented=presented)
                return Recognised(
                    kind=CodeKind.CUSTOMER,
                    identifier=identifier,
                    pattern=row.name,
                    partner=row.partner,
                    programme=row.programme,
                )
        return None

    def _plain(self, code: str, *, presented: bool) -> Recognised:
        """A code that no pattern knows: a typed phone, a product, a typed card number, or unknown."""
        if not presented:
            phone = self._normalise_phone(code)
            if phone is not None:
                return _typed(IdentifierKind.PHONE, phone, pattern="phone")
        if _is_product(code):
            return Recognised(kind=CodeKind.PRODUCT, product=code)
        if not presented and _TYPED_CARD.fullmatch(code):
            return _typed(IdentifierKind.CARD, code, pattern="typed number")
        return _UNKNOWN

    def _is_weighed(self, code: str) -> bool:
        return ean13_ok(code) and code.startswith(self._weighed_prefixes)


def _certain(code: str, symbology: str) -> Recognised | None:
    """What a code is wherever it is shown: marking code, bank card, receipt, signed; None when the shop decides."""
    if is_marking(code, symbology):
        return Recognised(kind=CodeKind.MARKING, product=marked_product(code))
    if holds_bank_number(code):
        return _BANK_CARD
    code = as_typed_on_us(code)
    receipt = read_receipt_code(code)
    if receipt is not None:
        return Recognised(kind=CodeKind.RECEIPT, receipt=receipt)
    return _signed(code) if code.startswith(SIGNED_PREFIX) else None


def _typed(kind: IdentifierKind, value: str, *, pattern: str) -> Recognised:
    identifier = Identifier(kind=kind, value=value, presented=False)
    return Recognised(kind=CodeKind.CUSTOMER, identifier=identifier, pattern=pattern)


def _signed(code: str) -> Recognised:
    """An app's code, to be checked by whoever has keys and a clock; a card number that is a bank's is nobody's."""
    read = read_card_qr(code)
    if read is None:
        return _UNKNOWN
    if read.kind is IdentifierKind.CARD and is_bank_digits(read.value):
        return _BANK_CARD
    return Recognised(kind=CodeKind.SIGNED, signed=read)


def _is_product(code: str) -> bool:
    return ean13_ok(code) or ean8_ok(code) or upca_ok(code) or (len(code) == 14 and gtin_ok(code))


def _as_ean13(code: str) -> str:
    """A product's number with the leading zeros of an EAN-13, so that one rule about ranges serves all lengths."""
    return code[1:] if len(code) == 14 else code.zfill(13)
