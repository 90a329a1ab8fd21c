"""Which browser of this machine shows the panel, and with which words it is started; it starts nothing.

Sources: chromium.googlesource.com, chrome_switches.cc; Microsoft, "Microsoft Edge kiosk mode"; Mozilla, "Command line
parameters". Browsers made from Chromium (Edge, Chrome, Yandex) take the same words.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.desktop.monitors import Monitor
from drivers.vocabulary.errors import SettingsError

__all__ = ["Browser", "find", "words"]

#: In the order they are tried: those that show a page without bars of their own first.
_LINUX: Final = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "microsoft-edge-stable",
    "yandex-browser", "yandex-browser-stable", "firefox-esr", "firefox",
)  # fmt: skip
_WINDOWS: Final = (
    r"Microsoft\Edge\Application\msedge.exe",
    r"Google\Chrome\Application\chrome.exe",
    r"Chromium\Application\chrome.exe",
    r"Yandex\YandexBrowser\Application\browser.exe",
    r"Mozilla Firefox\firefox.exe",
)
_WINDOWS_ROOTS: Final = ("PROGRAMFILES(X86)", "PROGRAMFILES", "PROGRAMW6432", "LOCALAPPDATA")
#: No first-run page, no question, no balloon, nothing fetched beside the till's own page.
_CHROMIUM: Final = (
    "--no-first-run", "--no-default-browser-check", "--disable-session-crashed-bubble", "--disable-infobars",
    "--disable-component-update", "--disable-sync", "--disable-background-networking", "--disable-quic",
    "--disable-translate", "--disable-features=Translate,TranslateUI", "--noerrdialogs", "--password-store=basic",
    "--overscroll-history-navigation=0", "--disable-pinch",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """A program and its family.

    Attributes:
        is_firefox: else it takes Chromium's words.
    """

    program: str
    is_firefox: bool


def find(
    named: str,
    *,
    platform: str = sys.platform,
    which: Callable[[str], str | None] = shutil.which,
    exists: Callable[[str], bool] = os.path.isfile,
    environment: Callable[[str], str | None] = os.environ.get,
) -> Browser:
    """The one of the settings, else the first there is.

    Raises:
        SettingsError: none is here, or not the one that is named.
    """
    if named:
        found = which(named) or (named if exists(named) else None)
        if found is None:
            raise SettingsError(f"panel.browser: there is no {named} on this machine; leave it empty to take any")
        return _browser(found)
    candidates: Iterable[str | None]
    if platform == "win32":
        roots = [root for root in map(environment, _WINDOWS_ROOTS) if root]
        places = [f"{root}\\{path}" for path in _WINDOWS for root in roots]
        candidates = (place for place in places if exists(place))
    else:
        candidates = map(which, _LINUX)
    first = next((one for one in candidates if one), None)
    if first is None:
        raise SettingsError(
            "no browser is on this machine: install Chromium, Edge, Chrome or Firefox, or set panel.browser"
        )
    return _browser(first)


def _browser(program: str) -> Browser:
    return Browser(program=program, is_firefox="firefox" in Path(program.replace("\\", "/")).name.lower())


def words(
    browser: Browser, url: str, *, profile: Path, place: Monitor | None, is_full: bool, more: tuple[str, ...] = ()
) -> list[str]:
    """The command that shows `url` in a window of its own, without bars.

    Args:
        browser: which.
        url: the page.
        profile: the browser's folder for this window alone: its process is then ours to watch, and no other's.
        place: where on the desktop; None leaves it to the browser.
        is_full: the whole monitor.
        more: words of a test.
    """
    if browser.is_firefox:
        size = [f"--width={place.width}", f"--height={place.height}"] if place is not None else []
        return [
            browser.program,
            "--no-remote",
            "--profile",
            str(profile),
            *size,
            *more,
            "--kiosk" if is_full else "--new-window",
            url,
        ]
    at = [f"--window-position={place.x},{place.y}", f"--window-size={place.width},{place.height}"] if place else []
    full = ["--start-fullscreen"] if is_full else []
    return [browser.program, f"--user-data-dir={profile}", *_CHROMIUM, *at, *full, *more, f"--app={url}"]
