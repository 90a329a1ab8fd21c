"""Load files: cards and tiers as each POS wants them, to the byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from drivers.tills.frontol import system as frontol
from drivers.tills.loads import LoadCard, LoadPlan, LoadTier
from drivers.tills.shtrih_kassir import system as kassir
from drivers.vocabulary.money import Percent

TIERS = (
    LoadTier(name="silver", title="Серебро", code=101, percent=Percent.parse("5")),
    LoadTier(name="gold", title="Золото; большое", code=102, percent=Percent.parse("7.5")),
)
CARDS = (
    LoadCard(number="2900000000018", tier="silver", name="Анна П.", phone="+79000000001"),
    LoadCard(number="2900000000025", tier="gold", name="Пётр;И", phone="+79000000002"),
    LoadCard(number="2900000000032", tier="bronze"),
)


def plan(cards: Iterable[LoadCard] = CARDS, **more: Any) -> LoadPlan:
    return LoadPlan(tiers=TIERS, cards=lambda: cards, day=date(2026, 3, 2), **more)


def written(system: Any, one: LoadPlan) -> list[str]:
    text = b"".join(system.loads.write(one)).decode("cp1251")
    assert text.endswith("\r\n")
    return text.split("\r\n")[:-1]


def test_frontol_as_the_guide_has_it() -> None:
    """Card types for tiers, the percent on a counter of each card; a tier nobody named is left out."""
    ways = "вручную,визуально,ридером магнитных карт,сканером штрихкода"

    assert written(frontol, plan(counter=7)) == [
        "##@@&&",
        "#",
        "$$$ADDCCARDTYPES",
        f"101;Серебро;Серебро;{ways};0;0;",
        f"102;Золото¤ большое;Золото¤ большое;{ways};0;0;",
        "$$$DELETEALLCCARDDISCS",
        "$$$ADDCCARDDISCS",
        "1;101;2900000000018;02.03.2026;;1;;;;7;5;;;;;;;;;",
        "2;102;2900000000025;02.03.2026;;1;;;;7;7,5;;;;;;;;;",
    ]


def test_frontol_with_clients_and_added_counters() -> None:
    """Names and phones only when they are asked for; a card that is there moves its counter."""
    lines = written(frontol, plan(clients=True, counter=7, whole=False))
    blocks = [line for line in lines if line.startswith("$$$")]
    client = next(line for line in lines if "Анна" in line).split(";")

    assert [
        "$$$ADDCCARDTYPES",
        "$$$ADDCCARDDISCS",
        "$$$ADDCLIENTDISCS",
        "$$$ADDCLIENTCCARDS",
        "$$$ADDCOUNTERVALUES",
    ] == blocks
    assert ("1", "Анна П.", "+79000000001") == (client[0], client[2], client[15])
    assert {"1;101;1;", "2;102;2;", "7;5;;;3;2900000000018;", "7;7,5;;;3;2900000000025;"} <= set(lines)
    assert not any("Анна" in line or "+7900" in line for line in written(frontol, plan(whole=False)))


def test_frontol_of_before_counters() -> None:
    """Field 7 says percent, 8 how much, 9 off the receipt."""
    lines = written(frontol, plan(generation="old"))

    assert ["##@@&&", "#", "$$$DELETEALLCCARDDISCS", "$$$ADDCCARDDISCS"] == lines[:4]
    assert "2;102;2900000000025;02.03.2026;;1;0;7,5;1;;;;;;;" == lines[5]


def test_kassir() -> None:
    assert written(kassir, plan(clients=True)) == [
        "##@@&&",
        "#",
        "!101;Серебро;1",
        "!102;Золото, большое;1",
        "@101;601;Серебро 5 %;1;1;5;Серебро;02.03.2026;31.12.2099;00:00:00;24:00:00;0;7;0;0;0;0",
        "@102;602;Золото, большое 7.5 %;1;1;7.5;Золото, большое;02.03.2026;31.12.2099;00:00:00;24:00:00;0;7;0;0;0;0",
        "%2900000000018;Анна П.;;0;101;0;1;;0;;;;0;;;;;",
        "%2900000000025;Пётр,И;;0;102;0;1;;0;;;;0;;;;;",
    ]
    assert not any("Анна" in line for line in written(kassir, plan()))


def test_kassir_has_the_fields_of_the_sample(samples: Path) -> None:
    """As many fields in each kind of record."""
    text = (samples / "tills" / "shtrihm" / "kassir_load_made_from_spec.txt").read_text(encoding="utf-8")
    sample = {line[0]: line.count(";") for line in text.splitlines()}
    ours = {line[0]: line.count(";") for line in written(kassir, plan())}

    assert {kind: sample[kind] for kind in "!@%"} == {kind: ours[kind] for kind in "!@%"}


def test_a_hundred_thousand_cards_in_small_pieces() -> None:
    cards = [LoadCard(number=str(2_900_000_000_000 + place), tier="silver") for place in range(20_000)]
    assert frontol.loads is not None
    pieces = list(frontol.loads.write(plan(cards)))

    assert max(map(len, pieces)) < 50_000
    assert Counter(b"".join(pieces))[ord("\n")] == 6 + 1 + len(cards)
