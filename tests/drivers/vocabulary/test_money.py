"""Money, quantity and percent: exact or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.vocabulary.money import Money, Percent, Quantity, divide_down, divide_half_up, line_total


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("124.50 RUB", 12_450),
        ("-0.05 RUB", -5),
        ("7 RUB", 700),
        ("500 JPY", 500),
        ("1.234 KWD", 1_234),
        ("0.00 RUB", 0),
    ],
)
def test_money_is_read_to_the_minor_unit(text: str, minor: int) -> None:
    """Every currency has its own number of decimal places."""
    assert minor == Money.parse(text).minor


@pytest.mark.parametrize(
    "text", ["124.50", "RUB 5", "1.234 RUB", "1.5 JPY", "1,50 RUB", "1e3 RUB", "", "٣ RUB", "1.50 rub", " 1.50 RUB"]
)
def test_money_refuses_what_is_not_plain(text: str) -> None:
    """No guess is made about money."""
    with pytest.raises(ValueError):
        Money.parse(text)


def test_money_never_mixes_currencies() -> None:
    """Roubles and tenge do not add."""
    with pytest.raises(ValueError, match="cannot mix RUB with KZT"):
        Money(1, "RUB") + Money(1, "KZT")


def test_money_refuses_floats() -> None:
    """A float never enters."""
    with pytest.raises(TypeError):
        Money(1.5, "RUB")  # type: ignore[arg-type]


@given(st.integers(-(10**14), 10**14), st.sampled_from(["RUB", "JPY", "KWD"]))
def test_money_survives_its_wire_form(minor: int, currency: str) -> None:
    """Text and back is the identity."""
    money = Money(minor, currency)

    assert money == Money.parse(str(money))


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_rounding_is_symmetric_and_nearest(numerator: int, denominator: int) -> None:
    """Half up is away from zero on both sides, and never further than half a unit."""
    rounded = divide_half_up(numerator, denominator)

    assert -rounded == divide_half_up(-numerator, denominator)
    assert 2 * abs(rounded * denominator - numerator) <= denominator
    assert abs(divide_down(numerator, denominator)) * denominator <= abs(numerator)


@pytest.mark.parametrize(
    ("price", "quantity", "total"),
    [("99.90 RUB", "0.351", "35.06 RUB"), ("0.33 RUB", "3", "0.99 RUB"), ("10.00 RUB", "0.0005", "0.01 RUB")],
)
def test_a_line_rounds_once_half_up(price: str, quantity: str, total: str) -> None:
    """0.351 kg at 99.90 is 35.0649, so 35.06."""
    assert Money.parse(total) == line_total(Money.parse(price), Quantity.parse(quantity))


@pytest.mark.parametrize(("text", "steps"), [("1", 1_000_000), ("0.351", 351_000), ("-2.5", -2_500_000)])
def test_quantity_is_kept_in_millionths(text: str, steps: int) -> None:
    """Six places are a fiscal document's."""
    assert steps == Quantity.parse(text).steps
    assert Quantity(steps) == Quantity.parse(str(Quantity(steps)))


@pytest.mark.parametrize("text", ["1.1234567", "1,5", ".5", "5.", "NaN", "1e3", "", "+1"])
def test_quantity_refuses_what_is_not_plain(text: str) -> None:
    """Too many places are an error, not a rounding."""
    with pytest.raises(ValueError):
        Quantity.parse(text)


def test_percent_of_an_amount() -> None:
    """7.5 % of 99.99 is 7.49925: down 7.49, half up 7.50."""
    percent = Percent.parse("7.5")

    assert 749 == percent.of_down(9_999)
    assert 750 == percent.of_half_up(9_999)
