"""`tillpoint panel --stay` with a real X server of two monitors, a real window manager and a real Chromium."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.assembly import Agent
from agent.desktop import access
from agent.desktop.session import TITLE
from agent.settings import DoorsSettings, PanelSettings, Settings, TillSettings
from tests.agent.desktop.test_x11 import Shop, manages, shown
from tests.agent.desktop.test_x11 import until as until_within

pytestmark = [
    pytest.mark.browser,
    pytest.mark.machine,  # three browsers take some ten seconds
    pytest.mark.net,
    pytest.mark.skipif(sys.platform != "linux", reason="X11 is a thing of Linux"),
    pytest.mark.skipif(
        not all(map(shutil.which, ("Xvfb", "openbox", "chromium"))),
        reason="SKIPPED LOUDLY: wants an X server, a window manager and a browser (apt install xvfb openbox chromium)",
    ),
]
CUSTOMERS = "For our customers"
WAIT_S = 60.0  # a browser's first start on a busy machine


def until(true: Any, what: str) -> None:
    """Wait for a browser to get somewhere."""
    until_within(true, what, WAIT_S)


TEST_WORDS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
RUN = """
import sys
from pathlib import Path
from agent.desktop import access
from agent.desktop.staying import start_again, stay
folder, profiles, *more = sys.argv[1:]
if stay(lambda: access.read(Path(folder)), profiles=Path(profiles), more=tuple(more)):
    start_again(sys.orig_argv)
"""


def two_monitors(name: str) -> None:
    """RandR 1.5 lets a client cut one screen into monitors (RRSetMonitor); python-xlib cannot say it, so here it is."""
    from Xlib import display
    from Xlib.protocol import rq

    class SetMonitor(rq.Request):
        _request = rq.Struct(
            rq.Card8("opcode"), rq.Opcode(43), rq.RequestLength(), rq.Window("window"), rq.Card32("name"),
            rq.Bool("primary"), rq.Bool("automatic"), rq.LengthOf("outputs", 2), rq.Int16("x"), rq.Int16("y"),
            rq.Card16("width"), rq.Card16("height"), rq.Card32("mm_width"), rq.Card32("mm_height"),
            rq.List("outputs", rq.Card32Obj),
        )  # fmt: skip

    made = display.Display(name)
    root = made.screen().root
    outputs = root.xrandr_get_screen_resources().outputs
    for title, x, width, height, own in (("cashier", 0, 800, 600, outputs), ("customer", 800, 640, 480, [])):
        SetMonitor(
            display=made.display, opcode=made.display.get_extension_major("RANDR"), window=root,
            name=made.intern_atom(title), primary=int(x == 0), automatic=0, x=x, y=0, width=width, height=height,
            mm_width=200, mm_height=150, outputs=own,
        )  # fmt: skip
    made.sync()
    made.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An X server with two monitors and a window manager; gives its name."""
    read, write = os.pipe()
    log = (tmp_path / "x.log").open("wb")
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1440x600x24", "-nolisten", "tcp", "-noreset"]
    running = [subprocess.Popen(command, pass_fds=[write], stdout=log, stderr=log)]
    os.close(write)
    with os.fdopen(read) as told:
        name = f":{told.readline().strip()}"
    two_monitors(name)
    env = {**os.environ, "DISPLAY": name, "HOME": str(tmp_path)}
    running.append(subprocess.Popen(["openbox"], env=env, stdout=log, stderr=log))
    until(lambda: manages(name), "the window manager starts")
    yield name
    for one in reversed(running):
        one.terminate()
        one.wait(WAIT_S)
    log.close()


@pytest.fixture
def session(server: str, tmp_path: Path) -> Iterator[Any]:
    """A till system with the focus, and a keeper started before the agent is there."""
    from agent.desktop.x11 import X11Desktop

    (tmp_path / "run").mkdir()
    shop, eye = Shop(server), X11Desktop(server)
    shop.panel.destroy()
    shop.display.sync()
    until(lambda: shown(eye, "Frontol"), "the till system is there")
    eye.activate(shop.pos.id)
    until(lambda: eye.active() == shop.pos.id, "it has the focus")
    env = {**os.environ, "DISPLAY": server, "HOME": str(tmp_path)}
    env.pop("WAYLAND_DISPLAY", None)
    words = [sys.executable, "-c", RUN, str(tmp_path / "run"), str(tmp_path / "profiles"), *TEST_WORDS]
    with (tmp_path / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(words, env=env, stdout=log, stderr=log)
    yield shop, eye, keeper, tmp_path
    keeper.send_signal(signal.SIGTERM)
    try:
        keeper.wait(30)
    finally:
        keeper.kill()
        keeper.wait()
        eye.close()
        shop.display.close()


def rectangle(eye: Any, title: str) -> tuple[int, int, int, int]:
    window = eye._display.create_resource_object("window", eye.find(title))
    size, at = window.get_geometry(), window.translate_coords(eye._root, 0, 0)
    return -at.x, -at.y, size.width, size.height


def browsers(profile: Path) -> list[int]:
    """The processes that show this window: those with its folder and no kind of their own."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().decode() if entry.name.isdigit() else ""
        except OSError:
            continue
        if f"--user-data-dir={profile}\0" in line and "--type=" not in line:
            found.append(int(entry.name))
    return found


def test_a_whole_session(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logon before the agent is up; then both screens, the focus at the till system; a browser that dies comes back."""
    shop, eye, keeper, tmp_path = session
    until(lambda: eye.find("Tillpoint – …"), "the page that waits is there")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    panel = PanelSettings(language="en", customer_screen=True, window="400x500+100+40")
    agent = Agent(
        Settings(till=TillSettings(state_folder=str(tmp_path / "state")), doors=DoorsSettings(port=0), panel=panel)
    )
    agent.start()
    try:
        agent.lay_panel_access()
        until(lambda: eye.find(f"{TITLE} cashier"), "the panel is there")
        until(lambda: eye.find(CUSTOMERS), "the customer's page is there")
        until(lambda: rectangle(eye, CUSTOMERS) == (800, 0, 640, 480), "the customer's page has the second monitor")
        until(lambda: rectangle(eye, f"{TITLE} cashier")[:2] == (100, 40), "the panel lies where it is told to")
        until(lambda: eye.active() == shop.pos.id, "the till system has the focus")
        (first,) = browsers(tmp_path / "profiles" / "panel")
        os.kill(first, signal.SIGKILL)
        until(lambda: set(browsers(tmp_path / "profiles" / "panel")) - {first}, "another browser is started")
        until(lambda: eye.find(f"{TITLE} cashier"), "the panel is back")
        until(lambda: eye.active() == shop.pos.id, "and the till system has the focus")
        shop.strike()
        until(lambda: eye.active() == eye.find(f"{TITLE} cashier"), "the hot key brings the panel")
        (second,) = browsers(tmp_path / "profiles" / "panel")
        assert_an_update_is_followed(shop, eye, tmp_path, second)
        assert keeper.poll() is None
    finally:
        agent.stop()
    assert_one_a_session(tmp_path, keeper)
    assert_nothing_is_left(tmp_path, keeper)


def assert_an_update_is_followed(shop: Any, eye: Any, tmp_path: Path, browser: int) -> None:
    """Another version runs: its keeper takes over in the same process, with one browser, and the till system has the focus."""
    eye.activate(shop.pos.id)
    known = access.read(tmp_path / "run")
    access.write(tmp_path / "run", msgspec.structs.replace(known, version="99.0"))
    panel = tmp_path / "profiles" / "panel"
    until(lambda: len(browsers(panel)) == 1 and browser not in browsers(panel), "one other browser runs")
    until(lambda: eye.find(f"{TITLE} cashier"), "the panel is back")
    until(lambda: eye.active() == shop.pos.id, "and the till system has the focus")


def assert_one_a_session(tmp_path: Path, keeper: subprocess.Popen[bytes]) -> None:
    """However often it is started: the second one leaves at once."""
    words = [sys.executable, "-c", RUN, str(tmp_path / "run"), str(tmp_path / "profiles")]
    second = subprocess.run(words, env=os.environ | {"HOME": str(tmp_path)}, check=False, timeout=30)

    assert 0 == second.returncode
    assert keeper.poll() is None


def assert_nothing_is_left(tmp_path: Path, keeper: subprocess.Popen[bytes]) -> None:
    """A session that ends takes its browsers along."""
    keeper.send_signal(signal.SIGTERM)
    keeper.wait(30)
    until(lambda: not browsers(tmp_path / "profiles" / "panel"), "the panel's browser has ended")
    until(lambda: not browsers(tmp_path / "profiles" / "customer"), "and the customer's")

    assert 0 == keeper.returncode
