"""The panel at logon: opened when the agent answers, opened again when its browser dies, and the focus left where it was."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from agent.desktop.access import Access
from agent.desktop.hot_keys import HotKey
from agent.desktop.keeper import LASTED_S, PAUSE_S_MAX, Keeper, Window, waiting_page
from agent.desktop.monitors import Monitor
from drivers.vocabulary.errors import TillpointError

POS, PANEL, CUSTOMERS = 11, 22, 33
SECOND = Monitor(x=800, y=0, width=640, height=480)
ACCESS = Access(port=8765, panel_key="ab" * 32)


class PaperProcess:
    """A browser that lives until it is told or made to end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.code: int | None = None
        self.is_deaf = False

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        if not self.is_deaf:
            self.code = 0

    def wait(self, timeout: float | None = None) -> int:
        if self.code is None:
            raise subprocess.TimeoutExpired("browser", timeout or 0)
        return self.code

    def kill(self) -> None:
        self.code = -9


class PaperDesktop:
    """Windows appear with their browser and take the focus, as window managers let them."""

    def __init__(self) -> None:
        self.front: int | None = POS
        self.there: dict[str, int] = {}
        self.places: dict[int, Monitor] = {}

    def active(self) -> int | None:
        return self.front

    def find(self, title: str) -> int | None:
        return self.there.get(title)

    def activate(self, window: int) -> bool:
        self.front = window
        return True

    def place(self, window: int, monitor: Monitor) -> None:
        self.places[window] = monitor

    def listen(self, key: HotKey, pressed: Callable[[], None], stop: Callable[[], bool]) -> None:
        """Nobody presses keys on paper."""

    def appear(self, title: str, number: int) -> None:
        self.there[title] = number
        self.front = number


class Session:
    """A keeper with everything around it on paper; `seconds` is its clock."""

    def __init__(self, **given: Any) -> None:
        self.now_s, self.is_up, self.has_access = 0.0, True, True
        self.started: list[PaperProcess] = []
        self.desktop = PaperDesktop()
        self.panel = Window(name="panel", title="Tillpoint –")
        self.customers = Window(name="customer", title="Customers", place=SECOND, is_full=True, is_customers=True)
        self.keeper = Keeper(
            windows=[self.panel, self.customers], start=self.start, access=self.access, is_up=lambda port: self.is_up,
            waiting="data:waiting", desktop=self.desktop, **given,
        )  # fmt: skip

    def start(self, window: Window, url: str) -> PaperProcess:
        self.started.append(PaperProcess(url))
        return self.started[-1]

    def access(self) -> Access:
        if not self.has_access:
            raise TillpointError("no agent runs here")
        return ACCESS

    def step(self, seconds: float = 1.0) -> list[str]:
        """So much later; the addresses that were opened."""
        self.now_s += seconds
        count = len(self.started)
        self.keeper.step(self.now_s)
        return [one.url.partition("?")[0] for one in self.started[count:]]


PAGES = ["http://127.0.0.1:8765/panel", "http://127.0.0.1:8765/panel/customer"]


def test_both_windows_are_opened_with_a_ticket_each() -> None:
    session = Session()

    assert PAGES == session.step()
    assert [] == session.step()
    assert all("?ticket=" in one.url for one in session.started)


@pytest.mark.parametrize("missing", ["has_access", "is_up"])
def test_a_page_waits_until_the_agent_answers(missing: str) -> None:
    """The till was switched on just now; the customer's screen stays dark until there is something to show."""
    session = Session()
    setattr(session, missing, False)
    first = session.step()
    waiting = session.started[0]
    assert [] == session.step()
    setattr(session, missing, True)
    then = session.step()

    assert (["data:waiting"], PAGES) == (first, then)
    assert 0 == waiting.code  # it is closed before the panel opens


def test_a_browser_that_dies_is_started_again_and_ever_more_slowly() -> None:
    """One that cannot live must not keep a slow till busy."""
    session = Session()
    session.step()
    pauses = []
    for _ in range(7):
        session.started[-2 if len(session.started) == 2 else -1].code = 1
        waited = 0.5
        while not session.step(0.5):
            waited += 0.5
        pauses.append(waited)

    assert sorted(pauses) == pauses
    assert pauses[0] <= 2
    assert pauses[-1] <= PAUSE_S_MAX + 1


def test_a_browser_that_lived_and_was_closed_by_mistake_is_back_at_once() -> None:
    session = Session()
    session.step()
    session.step(LASTED_S)
    session.started[0].code = 0

    assert PAGES[:1] == session.step(0.5)


def test_while_the_agent_starts_again_the_page_minds_itself() -> None:
    """It has its own way to come back; closing it would flicker."""
    session = Session()
    session.step()
    session.is_up = False

    assert [] == session.step(5)
    assert [None, None] == [one.code for one in session.started]


def test_the_till_system_has_its_focus_back() -> None:
    session = Session()
    session.step()
    session.desktop.appear("Tillpoint –", PANEL)
    session.step()

    assert POS == session.desktop.front


def test_who_clicks_into_the_panel_later_is_left_alone() -> None:
    """Given back once: from then on the focus is the cashier's own."""
    session = Session()
    session.step()
    session.desktop.appear("Tillpoint –", PANEL)
    session.step()
    session.desktop.front = PANEL
    session.step()

    assert PANEL == session.desktop.front


def test_the_customers_window_lies_on_the_second_monitor() -> None:
    session = Session()
    session.step()
    session.desktop.appear("Customers", CUSTOMERS)
    session.step()

    assert {CUSTOMERS: SECOND} == session.desktop.places
    assert POS == session.desktop.front


def test_a_session_without_windows_to_ask_works_too() -> None:
    session = Session()
    session.keeper.desktop = None

    assert PAGES == session.step()


def test_a_browser_that_cannot_be_started_is_tried_again() -> None:
    session = Session()

    def refuse(window: Window, url: str) -> PaperProcess:
        raise FileNotFoundError(2, "No such file", "chromium")

    session.keeper.start = refuse
    session.step()
    session.keeper.start = session.start

    assert [] == session.step(0.5)
    assert PAGES == session.step(1)


def test_the_end_closes_all_and_kills_the_deaf() -> None:
    session = Session()
    session.step()
    session.started[1].is_deaf = True
    session.keeper.close(0.01)

    assert [0, -9] == [one.code for one in session.started]


def test_the_page_that_waits_is_an_address_by_itself() -> None:
    """And known as the panel by its title."""
    import base64

    page = base64.b64decode(waiting_page().removeprefix("data:text/html;base64,")).decode()

    assert "<title>Tillpoint –" in page
    assert "src=" not in page
    assert "href=" not in page
