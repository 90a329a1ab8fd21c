"""The Java plug-in for Set Retail 10, compiled against stubs of the vendor's API, sells against a real agent."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from agent.demo.gate import free_port
from agent.settings import TillSystemSettings
from tests.shop import POINTS, Shop

pytestmark = pytest.mark.net

HERE = Path(__file__).parent
SOURCE = Path(__file__).resolve().parents[3] / "installer" / "bridges" / "set_retail" / "src"
JAVAC, JAVA = shutil.which("javac"), shutil.which("java")


@pytest.mark.skipif(JAVAC is None or JAVA is None, reason="SKIPPED LOUDLY: no Java compiler on this machine")
def test_the_plug_in_sells_spends_rolls_back_and_keeps_what_it_could_not_tell(tmp_path: Path) -> None:
    assert JAVAC is not None
    assert JAVA is not None
    files = [*SOURCE.rglob("*.java"), *(HERE / "stubs").rglob("*.java"), HERE / "Play.java"]
    classes = tmp_path / "classes"
    options = ["--release", "8", "-encoding", "UTF-8", "-Xlint:-options", "-d", str(classes)]
    subprocess.run([JAVAC, *options, *map(str, files)], check=True, timeout=120)
    shop = Shop.opened(tmp_path, [TillSystemSettings(name="set", system="set_retail")])
    try:
        who = shop.newcomer()
        url = f"http://127.0.0.1:{shop.agent.port}/tills/set"
        dead = f"http://127.0.0.1:{free_port()}/tills/set"
        command = [JAVA, "-Dfile.encoding=UTF-8", "-cp", str(classes), "tillpoint.Play"]
        done = subprocess.run(
            [*command, url, shop.key("set"), who.phone, "7", dead],
            check=True,
            timeout=120,
            capture_output=True,
            text=True,
        )
        shop.settle()
        account = shop.account(who)
    finally:
        shop.close()

    assert done.stdout.splitlines() == [
        f"found OK {POINTS}",
        "nobody UNKNOWN_CARD",
        "discount 1 10.00 tillpoint.card",
        "most 57.00",
        "rolled back SUCCESSFUL",
        "too much ERROR",
        "discount 1 10.00 tillpoint.card",
        "discount 1 50.00 tillpoint.points",
        "written off SUCCESSFUL",
        "closed slips=1 kept=0",
        "closed slips=0 kept=1",
        "still kept 1 after 1",
        "left 0",
        "left 0",
        f"points {POINTS - 50 + 14 + 20}",
    ]
    assert (account.balance, account.sales) == (POINTS - 50 + 14 + 20, 2)
