"""Coupons and certificates through every order of faults: lost answers, deaths, time, a centre put back from a back-up."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.snapshot import LinkState
from central.changes import new_instance
from central.database import open_database
from drivers.vocabulary import checkout as contract
from tests.central.value_tills import CODE, Lost, Till, settled, two_tills

DATABASES = ("sqlite",)


@pytest.fixture
def tills(centre: Any, words: Any, tmp_path: Path) -> Iterator[list[Till]]:
    made = two_tills(centre, words, tmp_path)
    yield made
    for till in made:
        till.desk.close()


@pytest.mark.parametrize("seed", range(12))
def test_no_order_of_faults_uses_anything_twice(centre: Any, tills: list[Till], tmp_path: Path, seed: int) -> None:
    """Lines come and go, answers are lost, tills die, time passes, the centre is put back from a back-up."""
    chance = random.Random(seed)
    path = Path(centre.database.writer.url.database)
    backup = tmp_path / "back-up.db"

    def copy(source: Path, target: Path) -> None:
        with sqlite3.connect(source) as one, sqlite3.connect(target) as other:
            one.backup(other)
        one.close()
        other.close()

    def restore() -> None:
        """The operator says so, as the guide wants it."""
        centre.database.close()
        for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            name.unlink(missing_ok=True)
        copy(backup, path)
        centre.database = open_database(f"sqlite:///{path}")
        with centre.database.write() as connection:
            new_instance(connection)
        for one in tills:
            one.cursor = ""

    copy(path, backup)
    for till in tills:
        till.loses = lambda: chance.random() < 0.15
    for _ in range(45):
        till = chance.choice(tills)
        what = chance.choice(("buy", "buy", "buy", "turn", "turn", "line", "time", "crash", "hear", "drop", "operator"))
        try:
            if what == "buy":
                serial, code = chance.choice((("A-1", ""), ("A-2", ""), ("A-3", CODE), ("", CODE), ("", CODE)))
                till.buy(serial=serial, code=code, price=chance.choice(("7.00", "20.00", "90.00")))
            elif what == "drop":
                till.number += 1
                uid = f"{till.name}-{till.number}"
                till.quote(uid, serial="A-1", code=CODE)
                if chance.random() < 0.7:
                    till.desk.cancel(contract.CancelRequest(receipt_uid=uid))
            elif what == "turn":
                till.turn()
            elif what == "hear":
                till.hear()
            elif what == "line":
                till.goes(chance.choice((LinkState.ONLINE, LinkState.OFFLINE)))
            elif what == "time":
                centre.now += timedelta(seconds=chance.choice((5, 1_000, 90_000, 400_000)))
            elif what == "crash":
                till.crash()
            elif chance.random() < 0.5:
                copy(path, backup)
            else:
                restore()
        except Lost:
            pass
    balance, twice = settled(centre, tills)

    assert balance >= 0
    assert [] == twice
