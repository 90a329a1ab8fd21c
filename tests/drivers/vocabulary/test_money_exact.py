"""Money, quantity and percent at their edges: every sign, every half, every comparison, every exponent."""

from __future__ import annotations

import copy
import decimal
import pickle
from decimal import Decimal
from typing import Any

import pytest

from drivers.vocabulary.money import Money, Percent, Quantity, divide_down, divide_half_up, line_total


@pytest.mark.parametrize(
    ("numerator", "denominator", "half_up", "down"),
    [
        (0, 1, 0, 0),
        (7, 1, 7, 7),
        (-7, 1, -7, -7),
        (1, 1, 1, 1),
        (-1, 1, -1, -1),
        (1, 2, 1, 0),
        (-1, 2, -1, 0),
        (3, 2, 2, 1),
        (-3, 2, -2, -1),
        (1, 3, 0, 0),
        (2, 3, 1, 0),
        (-2, 3, -1, 0),
        (49, 100, 0, 0),
        (50, 100, 1, 0),
        (149, 100, 1, 1),
        (150, 100, 2, 1),
        (10**30 + 1, 2, 5 * 10**29 + 1, 5 * 10**29),
    ],
)
def test_two_roundings(numerator: int, denominator: int, half_up: int, down: int) -> None:
    """Halves go away from zero; down is towards zero, below it too."""
    assert (half_up, down) == (divide_half_up(numerator, denominator), divide_down(numerator, denominator))


@pytest.mark.parametrize("divide", [divide_half_up, divide_down])
@pytest.mark.parametrize("denominator", [0, -1])
def test_nothing_is_divided_by_nothing_or_less(divide: Any, denominator: int) -> None:
    """The sign belongs to the numerator."""
    with pytest.raises(ValueError, match=f"denominator must be positive, not {denominator}"):
        divide(1, denominator)


@pytest.mark.parametrize(
    ("currency", "written"),
    [
        *((currency, "0.001") for currency in ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")),
        *(
            (currency, "1")
            for currency in (
                "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
                "XAF", "XOF", "XPF",
            )
        ),
        *((currency, "0.01") for currency in ("RUB", "KZT", "THB", "EUR", "USD", "ABC")),
    ],
)  # fmt: skip
def test_the_smallest_amount_of_a_currency(currency: str, written: str) -> None:
    """ISO 4217: three places, none, or two."""
    assert written == Money(1, currency).amount
    assert Money(1, currency) == Money.of(written, currency)
    assert Money(1, currency) == Money.parse(f"{written} {currency}")


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (0, "RUB", "0.00"),
        (5, "RUB", "0.05"),
        (-5, "RUB", "-0.05"),
        (-1, "RUB", "-0.01"),
        (-12_345, "RUB", "-123.45"),
        (100, "RUB", "1.00"),
        (-7, "JPY", "-7"),
        (0, "JPY", "0"),
        (-1_020, "KWD", "-1.020"),
    ],
)
def test_every_place_is_written(minor: int, currency: str, written: str) -> None:
    """And read back, with its sign."""
    money = Money(minor, currency)

    assert written == money.amount
    assert f"{written} {currency}" == str(money)
    assert f"Money.parse('{written} {currency}')" == repr(money)
    assert money == Money.parse(str(money))
    assert money == Money.of(written, currency)


def test_fewer_places_are_filled_up() -> None:
    """1.5 is one and fifty; fifteen digits are read, sixteen are not."""
    assert [150, -150, 99_999_999_999_999_900] == [
        Money.parse(text).minor for text in ("1.5 RUB", "-1.5 RUB", "999999999999999 RUB")
    ]
    for text in ("1.005 RUB", "1.0 JPY", "1.0000 KWD", "1000000000000000 RUB", "--1 RUB", "1. RUB", "1 RUBL", "1 RU"):
        with pytest.raises(ValueError):
            Money.parse(text)
    with pytest.raises(ValueError, match=r"RUB has 2 decimal places, not 3: '1\.005 RUB'"):
        Money.parse("1.005 RUB")


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        ("124.50", 12_450),
        ("-0.05", -5),
        (Decimal("0.0100"), 1),
        (7, 700),
        (-7, -700),
        ("1e3", 100_000),
        ("0", 0),
        ("0.00", 0),
        ("999999999999999.99", 99_999_999_999_999_999),
        ("0.0100000000000000000000000000000000000000", 1),
        ("1." + "0" * 39, 100),
    ],
)
def test_an_amount_from_a_decimal_number(amount: Any, minor: int) -> None:
    """Whatever its spelling, as long as it is whole kopecks."""
    assert minor == Money.of(amount, "RUB").minor


@pytest.mark.parametrize("amount", ["0.001", "-0.005", "1.239", Decimal("0.0000000001"), "1e-3", "1e-40"])
def test_a_part_of_a_kopeck_is_no_money(amount: Any) -> None:
    """It is refused, never rounded."""
    with pytest.raises(ValueError, match="RUB has 2 decimal places: "):
        Money.of(amount, "RUB")


@pytest.mark.parametrize(
    "amount",
    [
        "", "x", "NaN", "sNaN", "Infinity", "-Infinity", "1000000000000000", "-1e15", "1e999999", "1e-999999", 10**15,
        "12345678901234567890123456789.01", "1." + "0" * 40, "1e-41",
    ],
)  # fmt: skip
def test_what_is_no_amount_at_all(amount: Any) -> None:
    """More than all the money there is, or nothing that could be: told at once, with the beginning of what was read."""
    with pytest.raises(ValueError, match="not an amount of money: ") as refused:
        Money.of(amount, "RUB")

    assert str(amount)[:40] in str(refused.value)
    assert 40 + len("not an amount of money: ''") >= len(str(refused.value))


def test_an_amount_is_exact_whatever_the_thread_is_set_to() -> None:
    """Another library may have set five digits for decimals: a price is the same price."""
    with decimal.localcontext(decimal.Context(prec=5, rounding=decimal.ROUND_UP)):
        assert 123_456_789 == Money.of("1234567.89", "RUB").minor


@pytest.mark.parametrize("minor", [1.0, True, Decimal(1), "1"])
def test_money_is_whole_minor_units(minor: Any) -> None:
    """Nothing that merely looks like a number."""
    with pytest.raises(TypeError, match=f"money is whole minor units, not {type(minor).__name__}"):
        Money(minor, "RUB")
    with pytest.raises(TypeError, match=f"quantity is kept in whole steps, not {type(minor).__name__}"):
        Quantity(minor)


@pytest.mark.parametrize("currency", ["", "RU", "RUBL", "rub", "Rub", "РУБ"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    """As ISO 4217 writes it."""
    with pytest.raises(ValueError, match="currency must be three capital letters"):
        Money(1, currency)


def test_money_is_compared_within_its_currency() -> None:
    """Each comparison at its edge."""
    small, same, large = Money(1, "RUB"), Money(1, str(b"RUB", "ascii")), Money(2, "RUB")

    assert [True, False, False] == [small < large, small < same, large < small]
    assert [True, True, False] == [small <= large, small <= same, large <= small]
    assert [False, False, True] == [small > large, small > same, large > small]
    assert [False, True, True] == [small >= large, small >= same, large >= small]
    assert [True, False, False, False] == [small == same, small == large, small == Money(1, "EUR"), small == 1]
    assert hash(small) == hash(same)
    assert 4 == len({small, same, large, Money(1, "EUR"), Money(2, "EUR")})
    assert [False, True, True] == [bool(Money(minor, "RUB")) for minor in (0, 1, -1)]
    for compare in ("__lt__", "__le__", "__gt__", "__ge__", "__add__", "__sub__"):
        for other in ("EUR", "USD"):  # on either side of it in the alphabet
            with pytest.raises(ValueError, match=f"cannot mix RUB with {other}"):
                getattr(small, compare)(Money(1, other))
        with pytest.raises(TypeError, match="money meets only money, not int"):
            getattr(small, compare)(1)


def test_money_is_added_and_taken_off() -> None:
    """The sign of each."""
    seven, two = Money(7, "RUB"), Money(2, "RUB")

    assert [9, 5, -5, -7, 4] == [
        (seven + two).minor,
        (seven - two).minor,
        (two - seven).minor,
        (-seven).minor,
        seven.with_minor(4).minor,
    ]
    assert {"RUB"} == {one.currency for one in (seven + two, seven - two, -seven, seven.with_minor(4))}


@pytest.mark.parametrize("value", [Money(-105, "RUB"), Quantity(351_000), Percent(-7_500)])
def test_a_value_never_changes_and_survives_a_copy(value: Any) -> None:
    """Copies and pickles are equal; setting anything is refused."""
    assert value == copy.deepcopy(value) == pickle.loads(pickle.dumps(value))
    assert type(value) is type(copy.copy(value))
    for name in ("minor", "steps", "currency"):
        with pytest.raises(AttributeError, match="never changes; make another"):
            setattr(value, name, 1)


@pytest.mark.parametrize(
    ("kind", "text", "steps"),
    [
        (Quantity, "1", 1_000_000),
        (Quantity, "-1", -1_000_000),
        (Quantity, "0.000001", 1),
        (Quantity, "-0.000001", -1),
        (Quantity, "12.5", 12_500_000),
        (Quantity, "100", 100_000_000),
        (Quantity, "0", 0),
        (Percent, "7.5", 75_000),
        (Percent, "0.0001", 1),
        (Percent, "-0.25", -2_500),
        (Percent, "100", 1_000_000),
    ],
)
def test_an_exact_number_and_its_text(kind: Any, text: str, steps: int) -> None:
    """Without zeros that say nothing, and with those that do."""
    assert kind(steps) == kind.parse(text)
    assert text == str(kind(steps))
    assert f"{kind.__name__}.parse('{text}')" == repr(kind(steps))


def test_an_exact_number_refuses_what_it_cannot_keep() -> None:
    """One place too many, one digit too many, and what is no number; the message holds only its beginning."""
    for kind, text, message in (
        (Quantity, "0.0000001", 'quantity is written "1" or "0.351"'),
        (Percent, "0.00001", "percent has at most 4 decimal places: '0.00001'"),
        (Percent, "7,5", 'percent is written "1" or "0.351", not \'7,5\''),
        (Quantity, "1" * 16, "quantity is written"),
        (Quantity, "1" * 50, f"not '{'1' * 40}'$"),
    ):
        with pytest.raises(ValueError, match=message):
            kind.parse(text)

    assert 999_999_999_999_999_000_000 == Quantity.parse("9" * 15).steps


def test_exact_numbers_are_compared_within_their_kind() -> None:
    """A quantity is no percent, though both count steps."""
    one, same, two = Quantity(1), Quantity(1), Quantity(2)

    assert [True, False, False] == [one < two, one < same, two < one]
    assert [True, True, False] == [one <= two, one <= same, two <= one]
    assert [True, False, False, False, False] == [one == same, one == two, two == one, one == Percent(1), one == 1]
    assert 3 == len({one, same, two, Percent(1)})
    assert hash(one) == hash(same)


def test_pieces_are_whole() -> None:
    """To the last millionth."""
    assert [True, True, True, False, False, False] == [
        Quantity(steps).is_whole for steps in (0, 1_000_000, -7_000_000, 1, 999_999, 1_000_001)
    ]
    assert Quantity.ONE == Quantity(1_000_000)


@pytest.mark.parametrize(
    ("percent", "minor", "down", "half_up"),
    [
        ("10", 105, 10, 11),
        ("10", -105, -10, -11),
        ("10", 104, 10, 10),
        ("100", 333, 333, 333),
        ("100", 10**12, 10**12, 10**12),
        ("33.3333", 100, 33, 33),
        ("0.0001", 1_000_000, 1, 1),
        ("0.0001", 500_000, 0, 1),
        ("0.0001", 499_999, 0, 0),
    ],
)
def test_a_percent_of_an_amount(percent: str, minor: int, down: int, half_up: int) -> None:
    """Both roundings."""
    assert (down, half_up) == (Percent.parse(percent).of_down(minor), Percent.parse(percent).of_half_up(minor))


@pytest.mark.parametrize(
    ("price", "steps", "total"),
    [(89_900, 351_000, 31_555), (1, 500_000, 1), (1, 499_999, 0), (-1, 500_000, -1), (10**9, 1_000_000, 10**9)],
)
def test_a_line_is_rounded_half_a_kopeck_up(price: int, steps: int, total: int) -> None:
    """In the price's own currency."""
    assert Money(total, "KZT") == line_total(Money(price, "KZT"), Quantity(steps))
