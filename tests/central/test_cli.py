"""The operator's commands, on a real file."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from central.cli import main
from central.database import open_database
from central.errors import CentralStartError
from tests.own_loop import run_alone

PROGRAMME = """
version = {version}
title = "Points"
currency = "{currency}"
zone = "Europe/Moscow"
[units.bonus]
worth = 1
[[tiers]]
id = "silver"
spent_from = {silver}
[[rules]]
id = "base"
kind = "earn_points"
unit = "bonus"
percent = 5
"""

MEMBERS = """id,name,phone,card,tier,spent,points,points.mile
anna,Anna Petrova,+7 900 000-00-01,77001,,1200.50,300,7
boris,Борис,,,gold,,,
"""


@pytest.fixture
def central(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command; (status, what it printed, what it complained)."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main([*words, "--database", f"sqlite:///{tmp_path / 'central.db'}"])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def test_an_enrolment_code_is_printed(central: Any) -> None:
    """Twelve letters nobody mistakes."""
    status, out, _ = central("enrol-code", "--shop", "s1", "--till", "t1")

    assert 0 == status
    assert re.fullmatch(r"([2-9A-HJ-NP-Z]{4}-){2}[2-9A-HJ-NP-Z]{4}\n", out)


def test_members_are_loaded_once_and_shown(central: Any, tmp_path: Path) -> None:
    """Loading the same file again changes nothing; a changed name is an update and doubles no points."""
    file = tmp_path / "members.csv"
    file.write_text(MEMBERS, encoding="utf-8")
    assert (0, "2 members added, 0 updated, 0 as they were\n") == central("members", "load", str(file))[:2]
    assert (0, "0 members added, 0 updated, 2 as they were\n") == central("members", "load", str(file))[:2]
    file.write_text(MEMBERS.replace("Anna Petrova", "Anna Sergeevna Petrova"), encoding="utf-8")
    assert (0, "0 members added, 1 updated, 1 as they were\n") == central("members", "load", str(file))[:2]
    shown = json.loads(central("members", "show", "anna")[1])

    assert ("Anna S.", "+7900***01", "1200.50 RUB") == (
        shown["customer"]["name"],
        shown["customer"]["phone"],
        shown["customer"]["spent"],
    )
    assert {"bonus": 300, "mile": 7} == {lot["unit"]: lot["amount"] for lot in shown["customer"]["lots"]}
    assert ["****7001", "+7900***01"] == sorted(shown["found_by"])
    assert ["opening", "opening"] == [entry["reason"] for entry in shown["ledger"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\nanna\n", "no column 'id'"),
        ("id,phnoe\nanna,1\n", "unknown column 'phnoe'"),
        ("id,phone\nanna,+79000000001\nboris,89000000002\n", "line 3: phone of boris is not international"),
        ("id,points\nanna,1.5\n", "line 2: points of anna must be a whole number"),
        ("id,spent\nanna,1.555\n", "line 2: RUB has 2 decimal places"),
        ("id\nanna,boris\n", "line 2: more fields than columns"),
    ],
)
def test_a_bad_file_is_named_with_its_line(central: Any, tmp_path: Path, text: str, words: str) -> None:
    """Nothing is guessed about people and points."""
    file = tmp_path / "members.csv"
    file.write_text(text, encoding="utf-8")
    status, _, err = central("members", "load", str(file))

    assert 1 == status
    assert words in err


def test_a_programme_is_set_and_never_lowered(central: Any, tmp_path: Path) -> None:
    """The same file again is harmless; another one needs a higher version."""
    file = tmp_path / "points.toml"

    def put(**values: Any) -> tuple[int, str, str]:
        file.write_text(
            PROGRAMME.format(**{"version": 3, "currency": "RUB", "silver": 1000, **values}), encoding="utf-8"
        )
        return central("programme", "set", str(file))

    assert (0, "programme version 3 is set\n") == put()[:2]
    assert 0 == put()[0]
    assert "give it a higher one" in put(silver=2000)[2]
    assert "give it a higher one" in put(version=2)[2]
    assert "is in USD" in put(version=4, currency="USD")[2]
    assert "points.toml:" in put(version="oops")[2]
    assert 0 == put(version=4)[0]


def test_a_missing_file_is_one_sentence(central: Any, tmp_path: Path) -> None:
    """No trace, no riddle."""
    for words in (("programme", "set"), ("members", "load")):
        status, _, err = central(*words, str(tmp_path / "none"))

        assert (1, 1) == (status, err.count("\n"))
        assert "No such file" in err


def test_totals_of_an_empty_centre(central: Any) -> None:
    """Everything is there from the first moment."""
    status, out, _ = central("totals", "--json")
    shown = json.loads(out)

    assert 0 == status
    assert (0, 0, [], {}) == (shown["envelopes"], shown["receipts"], shown["tills"], shown["points"])
    assert "0 envelopes taken" in central("totals")[1]


def test_a_restore_is_announced(central: Any) -> None:
    """The feed begins anew."""
    assert 0 == central("restored")[0]


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "oracle9://x", "sqlite:////no/such/folder/central.db"])
def test_a_database_that_cannot_be_opened_is_one_sentence(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The operator reads what to write instead."""
    assert 1 == main(["totals", "--database", url])
    assert 1 == capsys.readouterr().err.count("\n")


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """An old program must not write into new tables."""
    path = tmp_path / "central.db"
    open_database(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("update meta set value = '999' where name = 'schema_version'")
    connection.close()
    with pytest.raises(CentralStartError, match="install the newer version"):
        open_database(f"sqlite:///{path}")


def test_the_tenant_key_is_made_once(tmp_path: Path) -> None:
    """Another key would lose every customer."""
    url = f"sqlite:///{tmp_path / 'central.db'}"
    first, second = open_database(url), open_database(url)

    assert first.tenant_key == second.tenant_key
    assert 32 == len(first.tenant_key)
    assert first.tenant_key.hex() not in repr(first)
    first.close()
    second.close()


def test_the_published_contract_is_printed(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    """docs/openapi/central.json is the output of this command."""
    assert 0 == main(["openapi"])
    assert (project / "docs" / "openapi" / "central.json").read_text(encoding="utf-8") == capsys.readouterr().out


@pytest.mark.net
def test_run_says_its_address_and_stops_on_a_signal(tmp_path: Path, project: Path) -> None:
    """One line when ready; a second server on the same port is told so in one sentence."""
    command = [sys.executable, "-c", "import sys; from central.cli import main; sys.exit(main())", "run"]
    database = ["--database", f"sqlite:///{tmp_path / 'central.db'}"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    first = subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0", *database],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert first.stdout is not None
        line = first.stdout.readline()
        url = line.removeprefix("tillpoint central listens on ").strip()
        assert "ok" == httpx.get(f"{url}/v1/health", trust_env=False, timeout=30).json()["status"]
        second = subprocess.run(
            [*command, "--listen", url.removeprefix("http://"), *database],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (1, "", 1) == (second.returncode, second.stdout, second.stderr.count("\n"))
        assert "cannot listen on 127.0.0.1" in second.stderr
    finally:
        first.send_signal(signal.SIGINT) if sys.platform != "win32" else first.terminate()
        first.communicate(timeout=15)
    assert sys.platform == "win32" or 0 == first.returncode


@pytest.mark.parametrize("listen", ["8700", "127.0.0.1:", "127.0.0.1:99999", ":8700"])
def test_an_address_that_is_none_is_refused(listen: str, capsys: pytest.CaptureFixture[str]) -> None:
    """HOST:PORT, and nothing else."""
    assert 1 == main(["run", "--listen", listen])
    assert "write HOST:PORT" in capsys.readouterr().err


@pytest.mark.net
def test_a_listening_socket_is_alone_on_its_port() -> None:
    """The second one fails at once, not at its first connection."""
    from central.serve import listening_socket

    with listening_socket("127.0.0.1:0") as bound:
        port = bound.getsockname()[1]
        with pytest.raises(CentralStartError):
            listening_socket(f"127.0.0.1:{port}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))


@pytest.mark.net
def test_answers_are_sent_at_once() -> None:
    """Nagle's algorithm would keep each answer on a kept connection back for 40 ms."""
    from central.serve import listening_socket

    async def is_immediate() -> int:
        seen = asyncio.get_running_loop().create_future()

        async def visited(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        bound = listening_socket("127.0.0.1:0")
        async with await asyncio.start_server(visited, sock=bound):
            _, writer = await asyncio.open_connection(*bound.getsockname())
            said = int(await asyncio.wait_for(seen, 10))
            writer.close()
            return said

    assert run_alone(is_immediate)


def test_the_guide_names_every_command(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/guides/central.md cannot forget one."""
    guide = (project / "docs" / "guides" / "central.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^    ([a-z-]+)(?: |$)", capsys.readouterr().out, re.MULTILINE)

    assert {"run", "enrol-code", "totals", "restored", "openapi", "programme", "members"} <= set(commands)
    assert [] == [name for name in commands if f"tillpoint central {name}" not in guide]


def test_certificates_are_made_and_looked_after(central: Any) -> None:
    """Every verb, and a mistake in one sentence."""
    made = central("certificates", "make", "GIFT-0000-0001", "1000.50", "--pin", "4321")
    more = central("certificates", "top-up", "gift00000001", "9.50")
    blocked = central("certificates", "block", "GIFT-0000-0001")
    central("certificates", "unblock", "GIFT-0000-0001")
    shown = json.loads(central("certificates", "show", "GIFT-0000-0001")[1])
    listed = central("certificates", "list")
    wrong = central("certificates", "make", "GIFT-0000-0002", "ten")

    assert (0, 0, 0) == (made[0], more[0], blocked[0])
    assert "GIFT" not in made[1] + more[1] + listed[1]
    assert "****0001 1010.00 RUB, blocked" in blocked[1]
    assert ("1010.00 RUB", False, True) == (shown["balance"], shown["blocked"], shown["has_pin"])
    assert ["opening", "top_up"] == [one["reason"] for one in shown["moves"]]
    assert (1, "tillpoint central: not an amount") == (wrong[0], wrong[2][:32])


def test_coupons_and_offers_come_from_files(central: Any, tmp_path: Path) -> None:
    """After the members; a second look says that all is well."""
    members, coupons, offers = (tmp_path / f"{name}.csv" for name in ("members", "coupons", "offers"))
    members.write_text(MEMBERS, encoding="utf-8")
    coupons.write_text("serial,coupon,customer\nA-1,tea,anna\n", encoding="utf-8")
    offers.write_text("customer,offer,title\nanna,weekly,Tea\n", encoding="utf-8")
    early = central("coupons", "load", str(coupons))
    central("members", "load", str(members))

    assert (1, "tillpoint central: coupons.csv, line 2: no member 'anna'; load the members first\n") == early[::2]
    assert "1 coupons given, 0 were there\n" == central("coupons", "load", str(coupons))[1]
    assert "1 offers of 1 members set\n" == central("offers", "load", str(offers))[1]
    assert "no coupon was used more often than it may be\n" == central("coupons", "overspent")[1]
