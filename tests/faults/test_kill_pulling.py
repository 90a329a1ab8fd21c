"""The agent is killed at random moments while it reads a register: every receipt is counted once, in order."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.agent.pull_rig import Counter, place_of, receipts_of
from tests.wine_or_windows import IS_WINE

KILLS = 2
RECEIPTS = 60
PATIENCE_S = 240.0 if IS_WINE else 60.0  # a start and a commit take ten times as long there
#: The agent as it is, but for its pace: a shop polls once a second, a test does not wait for it.
AGENT = """
import sys
from functools import partial
from agent import equipment
from agent.cli import main
from drivers.polling import Pace
equipment.PollingWorker = partial(equipment.PollingWorker, pace=Pace(poll_s=0.02, quiet_s=0.0))
sys.exit(main(["run", "--config", sys.argv[1]]))
"""


def wait_for(folder: Path, number: int) -> int:
    """Until the till has read so far; how far it is."""
    ends_s = time.monotonic() + PATIENCE_S
    while (found := place_of(folder)["number"]) < number:
        assert time.monotonic() < ends_s, f"{found} of {number} documents were read; the agent said:\n{said(folder)}"
        threading.Event().wait(0.05)
    return int(found)


def said(folder: Path) -> str:
    """The end of what each agent wrote."""
    logs = sorted(folder.glob("agent-*.txt"))
    return "\n".join(f"{one.name}:\n{one.read_text('utf-8', 'replace')[-2000:]}" for one in logs)


@pytest.mark.net
@pytest.mark.parametrize(
    ("driver", "model"), [("shtrih", "cashcore"), pytest.param("isl", "datecs-p", marks=pytest.mark.soak)]
)
def test_kills_while_reading_lose_and_double_nothing(tmp_path: Path, driver: str, model: str) -> None:
    """SIGKILL leaves no time for anything; the place is in the same file as the receipts."""
    counter = Counter(driver, model=model)
    counter.twin.sell(RECEIPTS)
    last = RECEIPTS + (driver == "shtrih")
    config = tmp_path / "config.toml"
    config.write_text(
        f"[till]\nstate_folder = {str(tmp_path)!r}\n[doors]\nport = 0\n"
        f'[[devices]]\nname = "register"\ndriver = "{driver}"\nway = "pull"\nbegin_after = 0\n'
        f'device = "{counter.address}"\nsettings = {{ model = "{model}" }}\n',
        "utf-8",
    )
    dice, at = random.Random(11), 0
    process = None
    try:
        for kill in range(KILLS + 1):
            with (tmp_path / f"agent-{kill}.txt").open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-c", AGENT, str(config)], stdout=log, stderr=subprocess.STDOUT
                )
            at = wait_for(tmp_path, last if kill == KILLS else at + dice.randint(1, last // (KILLS + 2)))
            process.kill()
            process.wait(10)
            counter.hang_up()
    finally:
        if process is not None:
            process.kill()
            process.wait(10)
        counter.close()
    receipts = receipts_of(tmp_path)

    assert RECEIPTS == len(receipts) == len({receipt["uid"] for receipt in receipts})
    assert [int(receipt["number"]) for receipt in receipts] == list(range(last - RECEIPTS + 1, last + 1))
