"""`tillpoint setup` at a real pseudo-terminal, with a real centre, a real printer's twin and a real scanner's."""

from __future__ import annotations

import io
import json
import signal
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.clock import SystemClock
from agent.doors.keys import DoorSecrets
from agent.settings import load as load_settings
from agent.setup.answers import parsed
from agent.setup.carrying_out import carry_out, plan_for
from agent.sync.identity import load
from tests.agent.sync.key_rig import Centre

PATIENCE_S = 20.0
pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows"),
]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_from_the_first_question_to_an_idle_panel(
    sit: Any, centre: Centre, printer: Any, scanner: Any, tmp_path: Path, record_property: Any
) -> None:
    """Eight answers: a till of the centre with a printer in line and a scanner, tried both, and a panel that waits."""
    at = sit("setup", TILLPOINT_TILL_PORT=str(free_port()))
    at.answer("Enter for none", centre.url)
    at.until("The centre answers.")
    at.answer("Code from", centre.code())
    at.pick("stand before a receipt printer")
    at.answer("Address of the printer", printer.address.removeprefix("tcp://"))
    at.until("answers.")
    at.answer("Print a test slip", "")
    at.until("The test slip is printed.")
    assert "In the POS set the printer to 127.0.0.1, port 91" in at.until("3 of 3")
    at.pick("another one")
    at.answer("Address of the scanner", scanner.address)
    at.until("30 s left")
    scanner.scan("4600000000015")
    at.until("Heard 13 characters, ending in 0015. The scanner works.")
    summary = at.answer("Write it?", "")
    code = at.end()

    assert 0 == code, at.seen
    assert "Enrolled: till t1 of shop s1 (epoch 1)" in at.seen
    assert "devices.receipt.device: " in summary
    assert "Test slip." in printer.paper()
    assert "t1" == load(tmp_path / "state").till
    settings = load_settings(tmp_path / "config.toml")
    assert [("receipt", "escpos"), ("scanner", "serial_scanner")] == [
        (one.name, one.driver) for one in settings.devices
    ]
    assert ("en", "en") == (settings.panel.language, settings.slip.language)
    assert 8 == at.answers

    agent = sit("run", "--json")
    while not (line := agent.until("\n")).startswith("{"):  # the log is on the same terminal
        pass
    ready = json.loads(line)
    took_s = time.monotonic() - at.began_s
    port = int(ready["panel"].split(":")[2].split("/")[0])
    ticket = DoorSecrets.load_or_create(tmp_path / "state", SystemClock()).panel_url(port)
    with httpx.Client(follow_redirects=True, trust_env=False, timeout=30) as browser:
        page = browser.get(ticket)
        with browser.stream("GET", f"http://127.0.0.1:{port}/panel/stream", timeout=PATIENCE_S) as stream:
            first = json.loads(next(line for line in stream.iter_lines() if '"screen"' in line)[5:])
    agent.process.send_signal(signal.SIGTERM)
    assert 0 == agent.end()
    assert (200, "idle", "t1") == (page.status_code, first["screen"], first["till"])
    assert [] == ready["troubles"]
    record_property("answers", at.answers)
    record_property("keys", at.keys)
    record_property("seconds", round(took_s, 2))
    sys.stdout.write(f"{at.answers} answers, {at.keys} keys, {took_s:.2f} s to an idle panel\n")
    assert took_s < 120


def test_back_and_again_and_wrong_numbers(sit: Any, centre: Centre, printer: Any, tmp_path: Path) -> None:
    """Back to the centre, another way of receipts, a device that is not there; nothing is written by leaving."""
    at = sit("setup")
    at.answer("Enter for none", "")
    at.answer("Number [1]", "99")
    at.until("Write a number from 1 to 6.")
    at.answer("Number [1]", "b")
    at.answer("Enter for none", "127.0.0.1:1")
    at.until("https://127.0.0.1:1")
    at.answer("1 try again", "1")
    at.answer("Enter for none", "-")
    at.pick("stand before a receipt printer")
    at.answer("Address of the printer", "127.0.0.1:1")
    at.until("cannot")
    at.answer("1 try again", "")
    at.pick("our own POS")
    at.answer("Number [1]", "a")
    at.pick("none of ours")
    at.answer("Write it?", "q")
    code = at.end()

    assert 130 == code, at.seen
    assert "Nothing was written." in at.seen
    assert not (tmp_path / "config.toml").exists()
    assert not (tmp_path / "state").exists()


def test_the_settings_a_package_brings_are_no_set_up(sit: Any, centre: Centre, tmp_path: Path) -> None:
    """Nobody has set this till up; who goes back need not type the address again; Ctrl-C says what it leaves."""
    (tmp_path / "config.toml").write_text("# of the package\n[doors]\nport = 8765\n", "utf-8")
    at = sit("setup")
    at.answer("Enter for none", "centre of mine")
    at.until("is not a centre's address")
    at.answer("1 try again", "")
    at.answer("Enter for none", centre.url)
    at.answer("Code from", centre.code())
    at.answer("Number [1]", "b")
    at.until(f"[{centre.url}]")
    at.process.send_signal(signal.SIGINT)
    code = at.end()

    assert 130 == code, at.seen
    assert "set up already" not in at.seen
    assert at.seen.rstrip().endswith("Nothing was written.")


def test_a_trouble_names_its_place_once(sit: Any) -> None:
    """The address stands in the sentence already."""
    at = sit("setup")
    at.answer("Enter for none", "127.0.0.1:1")
    said = at.until("1 try again")
    at.type("q")
    at.end()

    assert 1 == said.count("https://127.0.0.1:1"), said


def test_ctrl_c_leaves_everything_as_it_was(sit: Any, centre: Centre, scanner: Any, tmp_path: Path) -> None:
    """Also while a scan is waited for."""
    (tmp_path / "config.toml").write_text("# mine\n", "utf-8")
    at = sit("setup")
    at.answer("Enter for none", centre.url)
    at.answer("Code from", centre.code())
    at.answer("Number [1]", "5")
    at.pick("another one")
    at.answer("Address of the scanner", scanner.address)
    at.until("30 s left")
    at.process.send_signal(signal.SIGINT)
    code = at.end()

    assert 130 == code, at.seen
    assert "Traceback" not in at.seen
    assert "# mine\n" == (tmp_path / "config.toml").read_text("utf-8")
    assert not (tmp_path / "state").exists()


def test_a_code_may_be_typed_where_a_secret_was_given(sit: Any, centre: Centre, tmp_path: Path) -> None:
    """A chain's policy or a property names centre and secret: Enter takes them, a code counts above them."""
    at = sit("setup", TILLPOINT_CENTRE_URL=centre.url, TILLPOINT_CENTRE_SECRET_FILE=str(tmp_path / "secret"))
    at.answer(f"[{centre.url}]")
    at.answer("Enter: the one that was given", centre.code())
    at.pick("our own POS")
    at.pick("none of ours")
    at.answer("Write it?")
    code = at.end()

    assert (0, True) == (code, "Enrolled: till" in at.seen), at.seen


@pytest.fixture
def set_up(centre: Centre, tmp_path: Path) -> str:
    """A till that is set up, with words of somebody in its settings."""
    tree = {
        "centre": {"url": centre.url, "code": centre.code()},
        "till": {"state_folder": str(tmp_path / "state"), "language": "ru"},
    }
    path = tmp_path / "config.toml"
    report = carry_out(plan_for(parsed(tree, name="x"), path), now=datetime.now(UTC))
    assert "enrolled" == report.enrolment
    text = path.read_text("utf-8") + "\n# ours\n[offline]\npoints_cap = 7\n"
    path.write_text(text, "utf-8")
    return text


def test_a_till_that_is_set_up_is_shown_and_kept(sit: Any, set_up: str, tmp_path: Path) -> None:
    """In Russian: Enter through all of it changes nothing."""
    at = sit("setup", language="ru_RU.UTF-8")
    assert "касса t1, магазин s1" in at.until("1 из 3")
    at.answer("без центра)", "")
    at.answer("Код или секрет", "")
    at.pick("вызывает локальный API")
    at.pick("своего нет")
    at.answer("Продолжить?", "")
    assert 0 == at.end(), at.seen

    assert "менять нечего" in at.seen
    assert "Уже подключено: касса t1" in at.seen
    assert set_up == (tmp_path / "config.toml").read_text("utf-8")


def test_a_register_is_added_to_a_till(sit: Any, set_up: str, register: Any, tmp_path: Path) -> None:
    """Found by its driver, tried, a slip printed; what was there stays to the letter, the old file is a copy."""
    at = sit("setup", language="ru_RU.UTF-8")
    at.answer("без центра)", "")
    at.answer("Код или секрет", "")
    at.pick("читать чеки из ККТ")
    at.pick("(shtrih)")
    at.answer("Адрес ККТ", register.address)
    at.answer("Напечатать пробный слип", "")
    at.until("Пробный слип напечатан.")
    at.pick("своего нет")
    at.answer("Настройки уже есть.", "")
    assert 0 == at.end(), at.seen
    after = (tmp_path / "config.toml").read_text("utf-8")
    (device,) = load_settings(tmp_path / "config.toml").devices

    assert after.startswith(set_up)
    assert [set_up] == [path.read_text("utf-8") for path in tmp_path.glob("config.toml.2*")]
    assert ("register", "shtrih", "pull", ("register",)) == (device.name, device.driver, device.way, device.slips_of)
    assert "Пробный слип." in register.paper()


@pytest.mark.parametrize(("choice", "expected"), [("2", 4), ("1", 0)])
def test_settings_of_somebody_are_changed_only_when_that_is_wished(
    sit: Any, tmp_path: Path, choice: str, expected: int
) -> None:
    """2 writes the wish beside them; 1 changes them and keeps a copy with the date."""
    config = tmp_path / "config.toml"
    mine = "# mine\n[panel]\nstandalone = true  # no POS here\n"
    config.write_text(mine, "utf-8")
    at = sit("setup")
    at.answer("Enter for none", "")
    at.pick("our own POS")
    at.pick("none of ours")
    at.answer("There are settings already.", choice)
    assert expected == at.end(), at.seen
    copies = [path.read_text("utf-8") for path in tmp_path.glob("config.toml.2*")]
    written = tmp_path / ("config.toml.new" if choice == "2" else "config.toml")

    assert ([] if choice == "2" else [mine]) == copies
    assert "# mine" in written.read_text("utf-8")
    assert not load_settings(written).panel.standalone
    assert (choice == "2") == (config.read_text("utf-8") == mine)


def test_nobody_at_a_terminal_is_told_so(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A service manager or a script gets a sentence and not a hanging question."""
    from agent.cli import main

    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert 2 == main(["setup", "--config", "/nonexistent/config.toml"])
    assert "give --answers FILE or --no-questions" in capfd.readouterr().err
