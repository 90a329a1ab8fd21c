"""A till behind real doors, and the system's Chromium in front of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.doors.app import build
from agent.doors.keys import DoorSecrets
from agent.doors.pins import Pins
from agent.doors.server import DoorServer
from tests.agent.doors.memory_desk import MemoryDesk, TestClock
from tests.browser.real_till import RealTill

# Our own arguments and no others: Chromium with its web security switched off would prove nothing here.
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",  # a name that was rebound to loopback
    "--remote-debugging-pipe",
]


PAUSE_MS = 1000  # between two things a person does
NAMED_KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Tab": ("Tab", 9, ""),
    "Space": ("Space", 32, " "),
    "Escape": ("Escape", 27, ""),
    "Backspace": ("Backspace", 8, ""),
    "F1": ("F1", 112, ""),
    "F2": ("F2", 113, ""),
    "F4": ("F4", 115, ""),
    "F7": ("F7", 118, ""),
    "F8": ("F8", 119, ""),
    "F9": ("F9", 120, ""),
    "F10": ("F10", 121, ""),
    "-": ("Minus", 189, "-"),
}


# Timers of the page that come due between hold() and release() run at release(), if nobody has cleared them.
HOLD_TIMERS = """(() => {
  const [start, stop] = [window.setTimeout.bind(window), window.clearTimeout.bind(window)];
  const due = new Map();
  let isHeld = false;
  window.setTimeout = (run, ms, ...more) => {
    const id = start(() => { if (isHeld) due.set(id, () => run(...more)); else run(...more); }, ms);
    return id;
  };
  window.clearTimeout = (id) => { due.delete(id); stop(id); };
  window.hold = () => { isHeld = true; };
  window.release = () => { isHeld = false; const ready = [...due.values()]; due.clear(); for (const run of ready) run(); };
})()"""


def is_busy() -> bool:
    """Whether many want this machine: then a page may take its time, and only that."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > 3 * (os.cpu_count() or 1)


def chromium_path() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path is not None), None)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    path = chromium_path()
    if path is None:
        pytest.skip("SKIPPED LOUDLY: no Chromium here, the panel was not tried in a browser (apt install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="SKIPPED LOUDLY: no playwright here")
    profile = tmp_path_factory.mktemp("profile")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path,
            ignore_default_args=True,
            args=[*ARGUMENTS, f"--user-data-dir={profile}", "about:blank"],
        )
        yield browser
        browser.close()


class Till:
    """The desk, its doors, and how they are restarted on the same port."""

    def __init__(self, folder: Path) -> None:
        self.clock = TestClock()
        self.secrets = DoorSecrets.load_or_create(folder, self.clock)
        self.pins = Pins(folder, self.clock)
        self.desk = MemoryDesk()
        self.language, self.region = "ru", "RU"
        self.server = self._serve(0)

    def _serve(self, port: int) -> DoorServer:
        app = build(
            self.desk,
            secrets=self.secrets,
            clock=self.clock,
            pins=self.pins,
            language=self.language,
            region=self.region,
        )
        server = DoorServer(app, port=port)
        server.start()
        return server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def stop(self) -> None:
        self.server.stop()

    def start(self, *, boot_id: str) -> None:
        """A new process on the same files: the screen is what was on disk, the version starts again."""
        shown = self.desk.snapshot
        self.desk = MemoryDesk(boot_id)
        self.desk.change(screen=shown.screen, customer=shown.customer, quote=shown.quote, mask=shown.mask)
        self.server = self._serve(self.server.port)

    def reopen(self, *, language: str = "ru", region: str = "RU") -> None:
        self.stop()
        self.language, self.region = language, region
        self.server = self._serve(0)


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    one = Till(tmp_path / "state")
    yield one
    one.stop()


class Panel:
    """A page on the panel, with what its console and its network said."""

    def __init__(self, context, till: Till) -> None:
        self.till = till
        self.page = context.new_page()
        self.page.set_default_timeout(15_000 if is_busy() else 5000)
        self.page.add_init_script(HOLD_TIMERS)
        self._wire = context.new_cdp_session(self.page)
        self._at_ms = 0.0
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.posts: list[str] = []
        self.page.on(
            "console",
            lambda message: self.errors.append(message.text) if message.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._note)

    def _note(self, request) -> None:
        self.requests.append(request.url)
        if request.method == "POST":
            self.posts.append(request.url.rpartition("/")[2] + " " + (request.post_data or ""))

    def open(self) -> Panel:
        self.page.goto(self.till.secrets.panel_url(self.till.server.port))
        self.wait("idle")
        self.settle()
        return self

    def settle(self) -> None:
        """Chromium drops keys that come before a fresh page's first frames are on the screen."""
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def wait(self, screen: str) -> None:
        try:
            self.page.wait_for_selector(f'body[data-screen="{screen}"]')
        except Exception as error:
            told = [self.page.input_value("#code"), self.text("#toast"), self.posts[-3:], self.errors[-3:]]
            raise AssertionError(
                f"wanted {screen}, is {self.screen()}; asked {self.till.desk.calls}; field, toast, posts, errors {told}"
            ) from error

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector).replace("\u00a0", " ").replace("\u202f", " ").strip()

    def press(self, key: str) -> None:
        """A person presses one key, after a pause."""
        self._catch_up()
        self._strike(key, PAUSE_MS)

    def type_slowly(self, text: str, *, gap_ms: int = 120) -> None:
        """As a person: one key after another, at a person's pace."""
        self._catch_up()
        for character in text:
            self._strike(character, gap_ms)

    def scan(self, code: str, *, end: str | None = "Enter", gap_ms: int = 20, later_ms: int = PAUSE_MS) -> None:
        """As a scanner: the code at the scanner's pace, capitals with Shift, and its suffix.

        The stamps of the keys are ours; the page's timers wait meanwhile, or a busy machine would end the burst early.
        """
        self._catch_up()
        self.page.evaluate("hold()")
        self._strike(code[0], later_ms)
        for character in code[1:]:
            self._strike(character, gap_ms)
        if end is not None:
            self._strike(end, gap_ms)
        self.page.evaluate("release()")

    def trail(self, key: str, *, after_ms: int) -> None:
        """One more key of the scanner, `after_ms` after its last one."""
        self._strike(key, after_ms)

    def _catch_up(self) -> None:
        """Stamps from before the page's own beginning are all made 0 by the browser: every key would be a scanner's."""
        self._at_ms = max(self._at_ms, self.page.evaluate("performance.timeOrigin") + PAUSE_MS)

    def _strike(self, key: str, gap_ms: int) -> None:
        """A trusted key event of the browser; its stamp is ours, so that a busy machine changes nothing in the test."""
        self._at_ms += gap_ms
        kind = "Digit" if key.isdigit() else "Key"
        code, number, text = NAMED_KEYS.get(key, (f"{kind}{key.upper()}", ord(key[0].upper()), key))
        stroke = {
            "key": " " if key == "Space" else key,
            "code": code,
            "windowsVirtualKeyCode": number,
            "timestamp": self._at_ms / 1000,
            "modifiers": 8 if len(key) == 1 and key.isupper() else 0,
        }
        self._wire.send("Input.dispatchKeyEvent", stroke | {"type": "keyDown" if text else "rawKeyDown", "text": text})
        if key in NAMED_KEYS:  # what a button could still answer to
            self._wire.send("Input.dispatchKeyEvent", stroke | {"type": "keyUp"})

    def ticks(self) -> list[str]:
        """What is ticked on ENROL."""
        return [one.get_attribute("aria-checked") for one in self.page.query_selector_all("#consents button")]

    def screen(self) -> str:
        return self.page.get_attribute("body", "data-screen")


@pytest.fixture
def open_panel(chromium, till):
    contexts = []

    def start(*, width: int = 1024, height: int = 768) -> Panel:
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, timezone_id="Europe/Moscow"))
        return Panel(contexts[-1], till).open()

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealTill]:
    """A till with a real desk behind the doors."""
    one = RealTill(tmp_path)
    yield one
    one.stop()


@pytest.fixture
def real_panel(chromium, real):
    context = chromium.new_context(viewport={"width": 1024, "height": 768}, timezone_id="Europe/Moscow")
    yield Panel(context, real).open()
    context.close()


@pytest.fixture
def panel(open_panel):
    return open_panel()
