"""The agent is killed at random moments while a shop sells: every confirmed receipt is at the centre, once."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from agent.demo.day import Day
from agent.demo.stage import Stage
from agent.demo.story import open_shop

SALES_BETWEEN_MAX = 3  # so many are finished between two kills …
MOMENT_S_MAX = 0.4  # … and the kill then falls anywhere in the next one
PROGRESS_S = 30.0
JOIN_S = 120.0


def kill_loop(folder: Path, kills: int, seed: int) -> tuple[Stage, Day]:
    """Sell on one thread, kill on this one; ends with everything delivered."""
    stage = open_shop(folder, lambda _: None)
    day = Day(stage, seed=seed)
    enough = threading.Event()
    fault: list[BaseException] = []

    def sell() -> None:
        number = 0
        try:
            while not enough.is_set():
                number += 1
                day.sell(number)
        except BaseException as error:
            fault.append(error)

    seller = threading.Thread(target=sell, name="seller")
    try:
        seller.start()
        dice = random.Random(seed)
        for _ in range(kills):
            wait_for_sales(day, len(day.sales) + dice.randint(0, SALES_BETWEEN_MAX), seller, enough)
            enough.wait(dice.uniform(0, MOMENT_S_MAX))
            stage.kill_agent()
            stage.open_agent()
            if fault:
                break
        enough.set()
        seller.join(JOIN_S)
        assert not fault, fault
        assert not seller.is_alive()
        stage.wait_until(lambda status: status["waiting"] == 0 and status["link"] == "online")
    finally:
        enough.set()
        stage.close()
    return stage, day


def wait_for_sales(day: Day, count: int, seller: threading.Thread, enough: threading.Event) -> None:
    """Until the shop has sold so many; a shop that does not come on is a failure of its own."""
    ends = time.monotonic() + PROGRESS_S
    while len(day.sales) < count and seller.is_alive():
        assert time.monotonic() < ends, f"no sale within {PROGRESS_S:g} s after a restart"
        enough.wait(0.01)


def confirmed_at_centre(folder: Path) -> list[dict[str, object]]:
    """Every confirmed sale the centre has, as it was told."""
    with closing(sqlite3.connect(folder / "central.db")) as database:
        rows = database.execute("select body from envelope where kind = 'receipt.confirmed'").fetchall()
    return [json.loads(body) for (body,) in rows]


def check(folder: Path, kills: int, seed: int) -> None:
    """Run, and compare what the shop knows with what the centre knows."""
    stage, day = kill_loop(folder, kills, seed)
    told = confirmed_at_centre(folder)
    claims = Counter(one["claim_code"] for one in told)
    numbers = Counter(one["receipt"]["number"] for one in told)
    confirmed = [sale for sale in day.sales if sale.claim]

    assert len(confirmed) >= kills, "too few sales between the kills to prove anything"
    assert [] == [sale.claim for sale in confirmed if claims[sale.claim] != 1]
    assert {} == {number: count for number, count in numbers.items() if count != 1}
    assert set(numbers) <= {sale.receipt.number for sale in day.sales}
    totals = stage.totals()
    assert (0, [], 0) == (totals["refused"], totals["imbalances"], totals["unread"])


@pytest.mark.net
@pytest.mark.parametrize("kills", [3, pytest.param(8, marks=pytest.mark.thorough)])
def test_a_few_kills_lose_and_double_nothing(tmp_path: Path, kills: int) -> None:
    """The short version of the soak."""
    check(tmp_path, kills=kills, seed=7)


@pytest.mark.net
@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_two_hundred_kills_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    """Fifty kills for each of four days."""
    check(tmp_path, kills=50, seed=seed)
