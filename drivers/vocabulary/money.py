"""Exact money, percent and quantity; no float ever enters, and rounding happens in two named functions."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final, Self

__all__ = ["Money", "Percent", "Quantity", "divide_down", "divide_half_up", "line_total"]

# ISO 4217 minor-unit exponents that are not 2.
_EXPONENTS: Final = {
    "BHD": 3, "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KMF": 0, "KRW": 0,
    "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0,
    "XOF": 0, "XPF": 0,
}  # fmt: skip
_MONEY: Final = re.compile(r"(-?\d{1,15})(?:\.(\d{1,3}))? ([A-Z]{3})", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?", re.ASCII)
_WHOLE_DIGITS_MAX: Final = 15  # of whole units, as in _MONEY: more than all the money there is
_DIGITS_MAX: Final = 40  # written at all; "1e-999999" would fill the memory


def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide to the nearest whole number, halves away from zero: the rounding of every price and every total."""
    if denominator <= 0:
        raise ValueError(f"denominator must be positive, not {denominator}")
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def divide_down(numerator: int, denominator: int) -> int:
    """Divide towards zero: the rounding of every share handed out and every point earned."""
    if denominator <= 0:
        raise ValueError(f"denominator must be positive, not {denominator}")
    sign = -1 if numerator < 0 else 1
    return sign * (abs(numerator) // denominator)


class Money:
    """An amount in whole minor units (kopecks, cents) of one currency.

    On the wire and on disk: ``"124.50 RUB"``, always with every decimal place of the currency.
    """

    __slots__ = ("currency", "minor")

    minor: int
    currency: str

    def __init__(self, minor: int, currency: str) -> None:
        if type(minor) is not int:
            raise TypeError(f"money is whole minor units, not {type(minor).__name__}")
        if len(currency) != 3 or not currency.isascii() or not currency.isupper():
            raise ValueError(f"currency must be three capital letters, not {currency!r}")
        object.__setattr__(self, "minor", minor)
        object.__setattr__(self, "currency", currency)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"124.50 RUB"``; raises ValueError naming what is wrong."""
        match = _MONEY.fullmatch(text)
        if match is None:
            raise ValueError(f'money is written "124.50 RUB", not {text[:40]!r}')
        whole, fraction, currency = match.groups()
        exponent = _EXPONENTS.get(currency, 2)
        fraction = fraction or ""
        if len(fraction) > exponent:
            raise ValueError(f"{currency} has {exponent} decimal places, not {len(fraction)}: {text!r}")
        minor = int(whole.lstrip("-") + fraction.ljust(exponent, "0"))
        return cls(-minor if whole.startswith("-") else minor, currency)

    @classmethod
    def of(cls, amount: str | Decimal | int, currency: str) -> Self:
        """Build from a number of whole units: ``Money.of("124.50", "RUB")``; raises ValueError, never rounds."""
        exponent = _EXPONENTS.get(currency, 2)
        try:
            number = Decimal(amount)
        except InvalidOperation:
            raise ValueError(f"not an amount of money: {str(amount)[:40]!r}") from None
        finite = number.is_finite() and len(number.as_tuple().digits) <= _DIGITS_MAX
        if not finite or not -_DIGITS_MAX <= number.adjusted() < _WHOLE_DIGITS_MAX:
            raise ValueError(f"not an amount of money: {str(amount)[:40]!r}")
        # As a fraction: a decimal's own arithmetic rounds to the precision that is set for the thread.
        numerator, denominator = number.as_integer_ratio()
        minor, rest = divmod(numerator * 10**exponent, denominator)
        if rest:
            raise ValueError(f"{currency} has {exponent} decimal places: {str(amount)[:40]!r}")
        return cls(minor, currency)

    @property
    def amount(self) -> str:
        """The number alone, with every decimal place: ``"124.50"``."""
        exponent = _EXPONENTS.get(self.currency, 2)
        sign = "-" if self.minor < 0 else ""
        if exponent == 0:
            return f"{self.minor}"
        whole, fraction = divmod(abs(self.minor), 10**exponent)
        return f"{sign}{whole}.{fraction:0{exponent}d}"

    def with_minor(self, minor: int) -> Money:
        """The same currency, another amount."""
        return Money(minor, self.currency)

    def _same(self, other: Money) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"money meets only money, not {type(other).__name__}")
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} with {other.currency}")
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and (self.minor, self.currency) == (other.minor, other.currency)

    def __hash__(self) -> int:
        return hash((self.minor, self.currency))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("money never changes; make another")

    def __reduce__(self) -> tuple[type[Money], tuple[int, str]]:
        return (Money, (self.minor, self.currency))

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def __repr__(self) -> str:
        return f"Money.parse({str(self)!r})"


class _Exact:
    """A number kept as a whole count of its smallest step; on the wire a decimal string."""

    __slots__ = ("steps",)

    places: int
    what: str
    steps: int

    def __init__(self, steps: int) -> None:
        if type(steps) is not int:
            raise TypeError(f"{self.what} is kept in whole steps, not {type(steps).__name__}")
        object.__setattr__(self, "steps", steps)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a plain decimal number; raises ValueError when it is none or has too many places."""
        if _NUMBER.fullmatch(text) is None:
            raise ValueError(f'{cls.what} is written "1" or "0.351", not {text[:40]!r}')
        whole, _, fraction = text.partition(".")
        if len(fraction) > cls.places:
            raise ValueError(f"{cls.what} has at most {cls.places} decimal places: {text!r}")
        steps = int(whole.lstrip("-") + fraction.ljust(cls.places, "0"))
        return cls(-steps if text.startswith("-") else steps)

    def __str__(self) -> str:
        whole, fraction = divmod(abs(self.steps), 10**self.places)
        text = f"{whole}.{fraction:0{self.places}d}".rstrip("0").rstrip(".")
        return f"-{text}" if self.steps < 0 else text

    def __repr__(self) -> str:
        return f"{type(self).__name__}.parse({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.steps == other.steps

    def __hash__(self) -> int:
        return hash((type(self), self.steps))

    def __lt__(self, other: Self) -> bool:
        return self.steps < other.steps

    def __le__(self, other: Self) -> bool:
        return self.steps <= other.steps

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self.what} never changes; make another")

    def __reduce__(self) -> tuple[type[Self], tuple[int]]:
        return (type(self), (self.steps,))


class Quantity(_Exact):
    """A count of pieces or kilograms: up to 6 decimal places (a fiscal document's), kept in millionths."""

    __slots__ = ()
    places = 6
    what = "quantity"

    ONE: Quantity

    @property
    def is_whole(self) -> bool:
        """True for pieces, False for weighed goods."""
        return self.steps % 1_000_000 == 0


class Percent(_Exact):
    """An exact percent with up to 4 decimal places: ``Percent.parse("7.5")``."""

    __slots__ = ()
    places = 4
    what = "percent"

    def of_down(self, minor: int) -> int:
        """This percent of an amount in minor units, rounded towards zero."""
        return divide_down(minor * self.steps, 1_000_000)

    def of_half_up(self, minor: int) -> int:
        """This percent of an amount in minor units, rounded half up."""
        return divide_half_up(minor * self.steps, 1_000_000)


Quantity.ONE = Quantity(1_000_000)


def line_total(price: Money, quantity: Quantity) -> Money:
    """Quantity × price, rounded half up to the minor unit, as a fiscal line states it."""
    return Money(divide_half_up(price.minor * quantity.steps, 1_000_000), price.currency)
