"""What a file says of a member beyond names and points, and what a till is told of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from central.accounts import customer_documents
from central.errors import CentralStartError
from central.members import load_members, read_members, show_member
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer

DATABASES = ("sqlite",)

HEAD = "id,birthday,staff,referrer,segments,purchases,membership_until\n"
CARLA = HEAD + "carla,1990-02-28,yes,anna,vip tea,7,2027-01-01T00:00:00+03:00\n"


def load(centre: Any, text: str) -> tuple[int, int, int]:
    members = read_members(io.StringIO(text), name="members.csv", currency="RUB")
    done = load_members(centre.database, members, now=centre.now, progress=lambda _: None)
    return done.added, done.updated, done.unchanged


def told(centre: Any, name: str = "carla") -> Customer:
    with centre.database.read() as connection:
        return codec.decode(dict(customer_documents(connection, [name]))[name], Customer)


def test_a_till_is_told_what_rules_ask_for(centre: Any) -> None:
    """The year of birth is not among it, and loading again changes nothing."""
    first, again = load(centre, CARLA), load(centre, CARLA)

    with centre.database.read() as connection:
        shown = show_member(connection, "carla")

    assert "02-28" not in str(shown)
    assert ((1, 0, 0), (0, 0, 1)) == (first, again)
    assert Customer(
        id="carla",
        spent=told(centre).spent,
        segments=frozenset({"vip", "tea"}),
        birthday="02-28",
        staff=True,
        referrer="anna",
        purchases=7,
        membership_until=datetime(2026, 12, 31, 21, tzinfo=UTC),
    ) == told(centre)


def test_an_empty_field_says_nothing_and_beginnings_stay(centre: Any) -> None:
    """Staff and segments follow the file; purchases and membership move by receipts from now on."""
    load(centre, CARLA)
    changed = load(centre, HEAD + "carla,,no,,,99,2030-01-01T00:00:00+03:00\n")
    one = told(centre)

    assert (0, 1, 0) == changed
    assert ("02-28", False, "anna", 7) == (one.birthday, one.staff, one.referrer, one.purchases)
    assert one.membership_until == datetime(2026, 12, 31, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("birthday", "kept"), [("02-29", "02-29"), ("29.2.1992", "02-29"), ("1.12.", "12-01"), ("2001-07-03", "07-03")]
)
def test_a_birthday_is_read_as_people_write_it(centre: Any, birthday: str, kept: str) -> None:
    """Month and day remain."""
    load(centre, f"id,birthday\ncarla,{birthday}\n")

    assert kept == told(centre).birthday


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("carla,30.02.1977,,,,,", "line 2: birthday of carla is no day of a year"),
        ("carla,,perhaps,,,,", "line 2: staff of carla must be yes or no"),
        ("carla,,,carla,,,", "line 2: referrer of carla must be the id of another member"),
        ('carla,,,,"a,b",,', "line 2: segments of carla are words"),
        ("carla,,,,,-1,", "line 2: purchases of carla must be a whole number"),
        ("carla,,,,,,2027-01-01", "line 2: membership_until of carla must be a moment with its zone"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(centre: Any, line: str, why: str) -> None:
    """And a birthday is not repeated in the message."""
    with pytest.raises(CentralStartError) as refused:
        load(centre, f"{HEAD}{line}\n")

    assert why in str(refused.value)
    assert "1977" not in str(refused.value)


def test_a_family_has_one_account(centre: Any) -> None:
    """How many people use it is told to the tills; a later file may change it."""
    load(centre, "id,members\ncarla,3\nanna,\n")
    assert (3, 1) == (told(centre).members, told(centre, "anna").members)
    load(centre, "id,members\ncarla,4\n")

    assert 4 == told(centre).members


def test_a_family_of_nobody_is_none(centre: Any) -> None:
    """Said with the line, as for every column."""
    with pytest.raises(CentralStartError, match="members of carla must be a number from 1 to 99"):
        load(centre, "id,members\ncarla,0\n")
