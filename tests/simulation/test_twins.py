"""`tillpoint simulate DRIVER`: a twin on a wire, its troubles on keys, its paper in the terminal and on a page."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.contract import Driver
from drivers.printers.shtrih.pos_script import classic_receipt, request, wire
from drivers.printers.shtrih.session import Session
from drivers.registry import LoadedDriver, known_drivers, load_driver
from drivers.transport.address import endpoint
from drivers.transport.contract import Transport
from drivers.twins import ServerTwin, ShownTwin
from drivers.vocabulary.errors import SettingsError, TransportUnavailable
from simulation.cli import main
from simulation.twins import cli
from simulation.twins.lines import listen_at
from simulation.twins.stand import Stand
from simulation.twins.view import PAGE, View

net = pytest.mark.net
posix = pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals")


def shown() -> list[Any]:
    """Every driver whose twin can be shown."""
    return [pytest.param(driver, id=driver.name) for driver in map(loaded, known_drivers()) if driver is not None]


def loaded(name: str) -> Driver | None:
    """A driver with a shown twin."""
    found = load_driver(name)
    if not isinstance(found, LoadedDriver) or found.driver.twin is None:
        return None
    return found.driver if isinstance(twin_of(found.driver), ShownTwin) else None


def twin_of(driver: Driver) -> Any:
    """A twin with the default settings."""
    assert driver.twin is not None
    return driver.twin(driver.settings_type())


class Patient:
    """A terminal that remembers, and lets a test wait for a word."""

    def __init__(self) -> None:
        self.text = ""
        self.changed = threading.Condition()

    def write(self, text: str) -> None:
        with self.changed:
            self.text += text
            self.changed.notify_all()

    def flush(self) -> None:
        """Nothing is kept back."""

    def wait_for(self, word: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: word in self.text, 10), self.text


@pytest.fixture
def stand() -> Iterator[Callable[..., tuple[Stand, Any, str]]]:
    """Makes (stand, twin, where it listens)."""
    made: list[Stand] = []

    def make(name: str = "shtrih", listen: str = "tcp-listen://127.0.0.1:0") -> tuple[Stand, Any, str]:
        driver = loaded(name)
        assert driver is not None
        place, there = listen_at(listen)
        twin = twin_of(driver)
        made.append(Stand(twin, place))
        made[-1].start()
        return made[-1], twin, there

    yield make
    for one in made:
        one.stop()


def call(there: str) -> Transport:
    """A till connects."""
    place = endpoint(there.replace("tcp-listen", "tcp") if there.startswith("tcp") else f"serial:{there}")
    opened = None
    while opened is None:
        opened = place.open(1.0)
    return opened


def wait_for(stand: Stand, wanted: Callable[[Any], bool]) -> Any:
    """The twin as it is once that is so."""
    version = -1
    for _ in range(200):
        version = stand.wait(version, 0.1)
        seen = stand.look()
        if wanted(seen):
            return seen
    raise AssertionError(f"it never came to that: {stand.look()}")


@pytest.mark.parametrize("driver", shown())
def test_every_shown_twin_can_be_simulated(driver: Driver) -> None:
    """It is offered without being named anywhere, has facts, and each trouble goes on and off."""
    twin = twin_of(driver)

    assert driver.title == cli.drivers_with_twins()[driver.name]
    assert all(text for text in twin.facts().values())
    assert {"paper_out", "cover_open"} <= set(twin.rudenesses())
    for name in twin.rudenesses():
        twin.set_rude(name, is_on=True)
        assert twin.rudenesses()[name], name
        twin.set_rude(name, is_on=False)
        assert name == "printing_interrupted" or not twin.rudenesses()[name], name
    with pytest.raises(ValueError, match="no_such"):
        twin.set_rude("no_such", is_on=True)


@net
def test_a_till_talks_to_it_and_its_paper_is_seen(stand: Any) -> None:
    """Over TCP, one till after the other."""
    one, _, there = stand()
    for count in (1, 2):
        pipe = call(there)
        ask = Session(pipe)
        for body in classic_receipt():
            pipe.write(wire([body]), 5)
        assert ask("short_status", password=30).error == 0
        seen = wait_for(one, lambda seen, count=count: sum(line.startswith("ИТОГ") for line in seen.lines) == count)
        pipe.close()

    assert "somebody is connected" == seen.wire
    assert seen.bytes_in > 300


@posix
@pytest.mark.parametrize("linked", [False, True])
def test_a_pseudo_terminal_is_a_port_a_till_opens(stand: Any, tmp_path: Path, linked: bool) -> None:
    """A till may come and go; a link has a name that stays."""
    link = tmp_path / "register"
    one, _, there = stand(listen=f"pty:{link}" if linked else "pty:")
    for _ in range(2):
        pipe = call(there)
        assert Session(pipe)("short_status", password=30).error == 0
        pipe.close()
    one.stop()

    assert (str(link) == there) == linked
    assert not link.exists()


def test_on_windows_a_pseudo_terminal_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module as Windows reads it."""
    import importlib

    from simulation.twins import lines

    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        there = importlib.reload(lines)
        try:
            with pytest.raises(SettingsError, match=r"no pseudo-terminals; use tcp-listen://.*com0com"):
                there.listen_at("pty:")
        finally:
            patch.undo()
            importlib.reload(lines)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("tcp://127.0.0.1:9100", "waits to be called"), ("nonsense", "unknown kind"), ("memory:x", "waits to be called")],
)
def test_an_address_that_cannot_be_listened_at(address: str, sentence: str) -> None:
    """Named, with the next step."""
    with pytest.raises(SettingsError, match=sentence):
        listen_at(address)


@net
def test_keys_switch_troubles_while_it_runs(stand: Any) -> None:
    """By key or by name; ? says how it is; anything else is answered with the keys."""
    one, _, there = stand()
    out = Patient()
    said = io.StringIO("1\ncover_open\n?\nwhat\n1\nq\n")
    cli._serve(one, said, out, 0)  # type: ignore[arg-type]
    pipe = call(there)
    answer = Session(pipe)("short_status", password=30)
    pipe.close()

    assert "[paper_out on]" in out.text
    assert "[paper_out off]" in out.text
    assert "paper_out, cover_open]" in out.text
    assert 2 == out.text.count("keys: 1 paper_out, 2 cover_open")
    assert answer.number("flags") & 1 << 10


@net
def test_paper_comes_out_in_the_terminal(stand: Any) -> None:
    """As it is printed, with who is connected."""
    one, twin, there = stand()
    out = Patient()
    stop = threading.Event()
    thread = threading.Thread(target=cli._print_paper, args=(one, out, stop, 0))
    thread.start()
    try:
        pipe = call(there)
        pipe.write(wire([request("print_line", flags=2, text="Добрый день")]), 5)
        out.wait_for("  Добрый день\n")
        pipe.close()
    finally:
        stop.set()
        thread.join(5)

    assert "[somebody is connected]" in out.text
    assert twin.roll.count


@net
def test_a_device_that_is_a_server_serves_several_at_once(stand: Any) -> None:
    """A till keeps its connection; somebody else asks meanwhile."""
    names = [one.values[0].name for one in shown() if isinstance(twin_of(one.values[0]), ServerTwin)]
    assert names
    for name in names:
        one, _, there = stand(name)
        first, second = (http.client.HTTPConnection(there.removeprefix("tcp-listen://"), timeout=5) for _ in range(2))
        with contextlib.closing(first), contextlib.closing(second):
            for connection in (first, second, first):
                connection.request("GET", "/")  # whatever it answers, it answers now
                assert connection.getresponse().read() is not None
            assert "2 are connected" == wait_for(one, lambda seen: "2" in seen.wire).wire


# ── The page ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def page(stand: Any) -> Iterator[tuple[Stand, Any, View]]:
    """A twin with its page."""
    one, twin, _ = stand()
    view = View("127.0.0.1:0", one, "Register <1>")
    view.start()
    yield one, twin, view
    view.stop()


def fetch(view: View, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
    """One request of a browser on this machine."""
    host = view.url.split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=5)
    with contextlib.closing(connection):
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def ours(view: View) -> dict[str, str]:
    """What our own page sends along."""
    return {"Origin": view.url.rstrip("/"), "Content-Type": "application/json"}


@net
def test_the_page_asks_nobody_else(page: Any) -> None:
    """One page, no address of another host in it, and a policy that forbids any."""
    _, _, view = page
    status, text = fetch(view, "GET", "/")

    assert 200 == status
    assert "Register &lt;1&gt;" in text
    assert [] == re.findall(r"(?:https?:)?//\w[\w.]*\.\w+", PAGE.read_text("utf-8"))
    assert 404 == fetch(view, "GET", "/etc/passwd")[0]


@net
def test_the_page_is_told_what_is_printed_and_what_is_wrong(page: Any) -> None:
    """Server-sent events, one after each change."""
    one, twin, view = page
    connection = http.client.HTTPConnection(view.url.split("/")[2], timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/events")
        answer = connection.getresponse()
        first = json.loads(answer.readline().removeprefix(b"data: "))
        answer.readline()
        one.set_rude("paper_out", is_on=True)
        second = json.loads(answer.readline().removeprefix(b"data: "))

    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not first["rude"]["paper_out"]
    assert second["rude"]["paper_out"]
    assert "shift" in second["facts"]
    assert twin.rudenesses()["paper_out"]


@net
def test_a_button_of_the_page_switches_a_trouble(page: Any) -> None:
    """And what is no trouble is said."""
    _, twin, view = page

    assert 200 == fetch(view, "POST", "/rude", {"name": "cover_open", "is_on": True}, **ours(view))[0]
    assert twin.rudenesses()["cover_open"]
    assert 400 == fetch(view, "POST", "/rude", {"name": "nothing", "is_on": True}, **ours(view))[0]
    assert 400 == fetch(view, "POST", "/rude", ["x"], **ours(view))[0]
    assert 400 == fetch(view, "POST", "/rude", {"name": "x" * 2000, "is_on": True}, **ours(view))[0]


@net
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "application/json", "Origin": "http://evil.example"},
        {"Content-Type": "text/plain"},
    ],
)
def test_another_site_cannot_switch_anything(page: Any, headers: dict[str, str]) -> None:
    """A page of the internet reaches loopback through the browser; it does not get further."""
    _, twin, view = page

    assert 403 == fetch(view, "POST", "/rude", {"name": "cover_open", "is_on": True}, **headers)[0]
    assert 421 == fetch(view, "GET", "/", Host="evil.example")[0]
    assert not twin.rudenesses()["cover_open"]


@pytest.mark.parametrize("where", ["0.0.0.0:8801", "192.168.1.5:8801", "8801", "127.0.0.1:99999", "example.com:80"])
def test_the_page_is_for_this_machine_only(stand: Any, where: str) -> None:
    """Paper of a shop is nobody else's."""
    one, _, _ = stand()
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1:8801"):
        View(where, one, "x")


@net
def test_a_taken_port_is_a_sentence(page: Any) -> None:
    """With the next step."""
    one, _, view = page
    with pytest.raises(TransportUnavailable, match="take another port"):
        View(view.url.split("/")[2], one, "x")


# ── The command ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["shtri"], "did you mean 'shtrih'"),
        (["isl", "--listen", "tcp-listen://127.0.0.1:0", "--set", "modl=datecs-x"], "did you mean 'model'"),
        (["isl", "--listen", "tcp-listen://127.0.0.1:0", "--set", "model=nothing"], "no ISL model"),
        (["isl", "--listen", "tcp-listen://127.0.0.1:0", "--set", "model"], "--set model=NAME"),
        (["isl", "--listen", "tcp-listen://127.0.0.1:0", "--rude", "tired"], "no rudeness 'tired'; known are"),
        (["escpos", "--listen", "tcp-listen://127.0.0.1:0", "--sell", "3"], "keeps no receipts"),
        (["serial_scanner", "--listen", "tcp-listen://127.0.0.1:0"], "no twin that can be shown"),
        (["isl", "--listen", "tcp-listen://127.0.0.1:0", "--view", "0.0.0.0:1"], "for this machine only"),
    ],
)
def test_a_mistake_is_a_sentence(words: list[str], sentence: str) -> None:
    """Before anything is served, and the port is given back."""
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        main(words)


def test_it_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Fleet and drivers."""
    assert 0 == main([])
    told = capsys.readouterr().out

    assert all(f"  {name} " in told for name in ("fleet", "shtrih", "isl", "escpos"))


@net
def test_the_command_from_start_to_quit() -> None:
    """A process of its own: says where it listens, shows paper, obeys, and ends in order."""
    command = [sys.executable, "-m", "agent.cli", "simulate", "shtrih", "--listen", "tcp-listen://127.0.0.1:0"]
    process = subprocess.Popen(
        [*command, "--rude", "duplicate_answer", "--sell", "3", "--view", "127.0.0.1:0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        text=True,
        encoding="utf-8",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        there = process.stdout.readline().rpartition(" ")[2].strip()
        assert "its paper: http://127.0.0.1:" in process.stdout.readline()
        pipe = call(there)
        pipe.write(wire([request("print_line", flags=2, text="Hello")]), 5)
        while "Hello" not in process.stdout.readline():
            assert process.poll() is None
        pipe.close()
        process.stdin.write("q\n")
        process.stdin.flush()
        assert 0 == process.wait(10)
    finally:
        process.kill()
        process.wait(5)
        process.stdin.close()
        process.stdout.close()
