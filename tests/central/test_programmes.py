"""The programme as the tills get it is the programme its author wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.loyalty import Programme, load
from central.changes import read_page
from central.programmes import set_programme, tier_rule

PROGRAMMES = sorted((Path(__file__).resolve().parents[2] / "docs" / "programmes").glob("*.toml"))

TIERS = b"""
version = 1
title = "Tiers"
currency = "RUB"
zone = "+03:00"
[[tiers]]
id = "silver"
spent_from = 1000
[[tiers]]
id = "gold"
spent_from = 5000
[[tiers]]
id = "staff"
"""


@pytest.mark.parametrize("path", PROGRAMMES, ids=lambda path: path.stem)
def test_every_shipped_programme_survives_the_way_to_the_till(centre: Any, path: Path) -> None:
    """TOML in, JSON to the tills, the same values out."""
    source = path.read_bytes()
    written = load(source, name=path.name)
    assert isinstance(written, Programme)
    with centre.database.write() as connection:
        set_programme(connection, source, name=path.name, currency=written.currency, now=centre.now)
    with centre.database.read() as connection:
        page = read_page(connection, till="t1", cursor="", now=centre.now)
    body = next(change.document for change in page.changes if change.collection == "programme")
    told = load(body or b"", name="programme")

    assert isinstance(told, Programme)
    assert written.file == told.file


@pytest.mark.parametrize(
    ("tier", "before", "after", "expected"),
    [
        ("", 0, 99_999, ""),
        ("", 0, 100_000, "silver"),
        ("silver", 100_000, 500_000, "gold"),
        ("silver", 100_000, 0, ""),
        ("gold", 100_000, 0, "gold"),
        ("staff", 0, 600_000, "staff"),
    ],
)
def test_tiers_follow_the_money_unless_they_were_given(
    centre: Any, tier: str, before: int, after: int, expected: str
) -> None:
    """Buying and returning leaves no golden card behind; what a person gave stays."""
    with centre.database.write() as connection:
        set_programme(connection, TIERS, name="tiers.toml", currency="RUB", now=centre.now)
        rule = tier_rule(connection)

    assert expected == rule(tier, before, after)
