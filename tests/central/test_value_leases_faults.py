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
from central.certificate_desk import top_up_certificate
from central.changes import new_instance
from central.database import open_database
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.money import Money
from tests.central.value_tills import CODE, SERIALS, Lost, Till, settled, two_tills

DATABASES = ("sqlite",)
WHAT = (*["buy", "turn", "operator"] * 3, *["line", "open", "open", "late"] * 2, "time", "crash", "hear", "top")


@pytest.fixture
def tills(centre: Any, words: Any, tmp_path: Path) -> Iterator[list[Till]]:
    made = two_tills(centre, words, tmp_path)
    yield made
    for till in made:
        till.desk.close()


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 10))])
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

    def top_up() -> None:
        money["now"] += 1
        with centre.database.write() as connection:
            top_up_certificate(connection, CODE, Money.of("40.00", "RUB"), now=centre.now)

    def restore() -> None:
        """The operator says so, as the guide wants it, and does once more what is lost of their own work."""
        centre.database.close()
        for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            name.unlink(missing_ok=True)
        copy(backup, path)
        centre.database = open_database(f"sqlite:///{path}")
        with centre.database.write() as connection:
            new_instance(connection)
        for one in tills:
            one.cursor = ""
        lost, money["now"] = money["now"] - money["kept"], money["kept"]
        for _ in range(lost):
            top_up()

    money = {"now": 0, "kept": 0}
    waiting: list[tuple[Till, str, str, Any]] = []
    copy(path, backup)
    for till in tills:
        till.loses = lambda: chance.random() < 0.15
    for _ in range(60):
        till = chance.choice(tills)
        what = chance.choice(WHAT)
        try:
            if what == "buy":
                serial, code = chance.choice(("", chance.choice(SERIALS))), chance.choice(("", CODE))
                till.buy(serial=serial, code=code, price=chance.choice(("7.00", "20.00", "90.00")))
            elif what == "open":
                till.number += 1
                uid, serial = f"{till.name}-{till.number}", chance.choice(SERIALS[:3])
                waiting.append((till, uid, serial, till.quote(uid, serial=serial, code=CODE, price="90.00")))
            elif what == "late" and waiting:
                till, uid, serial, answer = waiting.pop(chance.randrange(len(waiting)))
                if chance.random() < 0.8:
                    till.close(uid, answer, serial=serial, price="90.00")
                else:
                    till.desk.cancel(contract.CancelRequest(receipt_uid=uid))
            elif what == "turn":
                till.turn()
            elif what == "top":
                top_up()
            elif what == "hear":
                till.hear()
            elif what == "line":
                till.goes(chance.choice((LinkState.ONLINE, LinkState.OFFLINE)))
            elif what == "time":
                centre.now += timedelta(seconds=chance.choice((5, 1_000, 90_000, 400_000)))
            elif what == "crash":
                till.crash()
            elif what == "operator" and chance.random() < 0.6:
                copy(path, backup)
                money["kept"] = money["now"]
            elif what == "operator":
                restore()
        except Lost:
            pass
    for till, uid, serial, answer in waiting:
        till.close(uid, answer, serial=serial, price="90.00")
    balance, twice = settled(centre, tills)

    assert balance >= 0
    assert [] == twice
