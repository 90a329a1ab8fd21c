"""The focus contract: who has the keyboard when; and the names of hot keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from agent.desktop.companion import Companion, is_done
from agent.desktop.hot_keys import HotKey, parse
from agent.desktop.session import TITLE
from agent.desktop.windows import virtual_key
from agent.doors.words import languages, load_words
from agent.snapshot import Screen, WishView
from drivers.vocabulary.errors import SettingsError
from tests.agent.doors.memory_desk import ANNA, first_snapshot

POS, PANEL, OTHER = 11, 22, 33
IDLE = first_snapshot()
FOUND = replace(IDLE, screen=Screen.FOUND, customer=ANNA)
WISHED = replace(FOUND, wish=WishView(unit="bonus", points=None, is_in_quote=False))


class PaperDesktop:
    """Windows as numbers; `front` has the focus."""

    def __init__(self, *, has_panel: bool = True) -> None:
        self.front: int | None = POS
        self.windows = {POS, OTHER} | ({PANEL} if has_panel else set())

    def active(self) -> int | None:
        return self.front

    def find(self, title: str) -> int | None:
        return PANEL if title == TITLE and PANEL in self.windows else None

    def activate(self, window: int) -> bool:
        if window in self.windows:
            self.front = window
        return window in self.windows

    def listen(self, key: HotKey, pressed: Callable[[], None], stop: Callable[[], bool]) -> None:
        """Nobody presses keys on paper."""


@pytest.fixture
def desktop() -> PaperDesktop:
    return PaperDesktop()


@pytest.fixture
def companion(desktop: PaperDesktop) -> Companion:
    def open_panel() -> None:
        desktop.windows.add(PANEL)
        desktop.front = PANEL

    return Companion(desktop, title=TITLE, open_panel=open_panel)


def test_the_key_goes_there_and_back(desktop: PaperDesktop, companion: Companion) -> None:
    """Once to the panel, once more to the till system."""
    companion.pressed()
    there = desktop.front
    companion.pressed()

    assert (PANEL, POS) == (there, desktop.front)


def test_a_panel_that_is_not_open_is_opened(companion: Companion, desktop: PaperDesktop) -> None:
    """And the till system has its focus back all the same."""
    desktop.windows.discard(PANEL)
    companion.pressed()
    there = desktop.front
    companion.pressed()

    assert (PANEL, POS) == (there, desktop.front)


@pytest.mark.parametrize(
    ("before", "after"),
    [(FOUND, WISHED), (FOUND, IDLE), (IDLE, replace(IDLE, screen=Screen.NOT_LOYALTY))],
    ids=["points", "gone", "product"],
)
def test_what_is_done_gives_the_focus_back(desktop: PaperDesktop, companion: Companion, before, after) -> None:
    """Without a key: the sale goes on."""
    companion.changed(before)
    companion.pressed()
    companion.changed(after)

    assert desktop.front == POS


@pytest.mark.parametrize(("before", "after"), [(IDLE, FOUND), (WISHED, WISHED), (FOUND, replace(FOUND, waiting=3))])
def test_what_is_not_done_keeps_it(before, after) -> None:
    """Somebody was found: the cashier reads the balance, and may spend."""
    assert not is_done(before, after)


def test_the_panel_never_takes_the_focus_by_itself(desktop: PaperDesktop, companion: Companion) -> None:
    """Whatever a scanner of ours reads."""
    for snapshot in (IDLE, FOUND, WISHED, IDLE):
        companion.changed(snapshot)

    assert desktop.front == POS


def test_a_cashier_who_went_elsewhere_is_left_alone(desktop: PaperDesktop, companion: Companion) -> None:
    """By mouse, to a third window: nothing is taken from under the hands."""
    companion.changed(FOUND)
    companion.pressed()
    desktop.front = OTHER
    companion.changed(IDLE)

    assert desktop.front == OTHER


def test_a_till_system_that_ended_is_no_error(desktop: PaperDesktop, companion: Companion) -> None:
    """The focus stays where it is."""
    companion.pressed()
    desktop.windows.discard(POS)
    companion.pressed()

    assert desktop.front == PANEL


def test_the_panel_is_known_by_its_title() -> None:
    """In every language, as the window's title begins."""
    assert [] == [name for name in languages() if not load_words(name)["title"].startswith(TITLE)]


@pytest.mark.parametrize(
    ("text", "key", "windows"),
    [
        ("F12", HotKey(key="F12"), (0x4000, 0x7B)),
        ("Ctrl+Alt+F1", HotKey(key="F1", ctrl=True, alt=True), (0x4003, 0x70)),
        ("Pause", HotKey(key="Pause"), (0x4000, 0x13)),
        ("Shift+ScrollLock", HotKey(key="ScrollLock", shift=True), (0x4004, 0x91)),
    ],
)
def test_names_of_keys(text: str, key: HotKey, windows: tuple[int, int]) -> None:
    """As the settings write them, and as Windows numbers them."""
    assert (key, windows) == (parse(text), virtual_key(parse(text)))


@pytest.mark.parametrize("text", ["A", "F25", "Enter", "Ctrl+", "Win+F1", ""])
def test_a_key_that_types_is_none(text: str) -> None:
    """A letter as a hot key would never reach the till system again."""
    with pytest.raises(SettingsError, match=r"panel\.hot_key"):
        parse(text)
