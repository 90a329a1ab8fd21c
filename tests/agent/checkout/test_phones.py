"""Phones as cashiers type them, in five countries."""

import subprocess
import sys

import pytest

from drivers.vocabulary.phones import normalise


@pytest.mark.parametrize(
    ("region", "typed", "expected"),
    [
        ("RU", "89000000001", "+79000000001"),
        ("RU", "79000000001", "+79000000001"),
        ("RU", "9000000001", "+79000000001"),
        ("RU", "+7 (900) 000-00-01", "+79000000001"),
        ("RU", "8 900 000 00 01", "+79000000001"),
        ("RU", " 8-900-000\u201100\u201301 ", "+79000000001"),
        ("RU", "4950000001", "+74950000001"),
        ("RU", "375290000001", None),
        ("RU", "375291000001", "+375291000001"),
        ("RU", "998900000001", "+998900000001"),
        ("RU", "66810000001", "+66810000001"),
        ("RU", "7701234567", None),
        ("KZ", "87010000001", "+77010000001"),
        ("KZ", "77010000001", "+77010000001"),
        ("TH", "0810000001", "+66810000001"),
        ("TH", "66810000001", "+66810000001"),
        ("TH", "810000001", "+66810000001"),
        ("BY", "80291000001", "+375291000001"),
        ("BY", "375291000001", "+375291000001"),
        ("BY", "291000001", "+375291000001"),
        ("UZ", "900000001", "+998900000001"),
        ("UZ", "998900000001", "+998900000001"),
    ],
)
def test_what_a_cashier_types(region, typed, expected):
    """National, international, with and without signs, and foreign without its plus."""
    assert expected == normalise(typed, region)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "+",
        "123",
        "12345678",
        "CARD-17",
        "8900000000A",
        "+7900+0000001",
        "9" * 33,
        "٩٠٠٠٠٠٠٠٠١",
        "4600000000015",
    ],
)
def test_what_is_no_phone(typed):
    """Letters, products, other digits and nothing at all."""
    assert normalise(typed, "RU") is None


def test_the_phone_book_is_imported_on_first_use():
    """A shop that scans cards never pays for it."""
    script = (
        "import sys; from drivers.vocabulary.phones import normalise; assert 'phonenumbers' not in sys.modules;"
        "assert normalise('9000000001', 'RU') == '+79000000001'; assert 'phonenumbers' in sys.modules"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
