"""`tillpoint demo` when it cannot go on: one sentence, and nothing of it is left running."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.cli import demo, main
from agent.demo.pos import ApiRefused
from agent.demo.stage import StageFailed


def raising(error: Exception) -> Callable[..., Any]:
    """A shop that ends like this while it sells."""

    def tell(*args: Any) -> Any:
        raise error

    return tell


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The shop's doors, without the shop: says when they were closed."""
    said: list[str] = []
    stage = SimpleNamespace(
        close=lambda: said.append("closed"),
        config=Path("config.toml"),
        tillpoint=lambda *words: f"http://127.0.0.1:1/panel?ticket={len(said)}",
    )
    monkeypatch.setattr(demo, "open_shop", lambda folder, say: stage)
    return said


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StageFailed("the receipt never came out"), "The demo stopped: the receipt never came out"),
        (
            ApiRefused(503, {"code": "not_recorded", "message": "the disk is full"}),
            "503 not_recorded: the disk is full",
        ),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_what_stops_it_is_one_sentence(
    closed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    sentence: str,
) -> None:
    """And its processes end."""
    monkeypatch.setattr(demo, "tell", raising(error))

    assert 1 == main(["demo", "--once"])
    assert sentence in capsys.readouterr().out
    assert ["closed"] == closed


def test_sigterm_closes_the_shop(closed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As Ctrl-C does."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(demo, "tell", lambda *args: signal.raise_signal(signal.SIGTERM))

    assert 130 == main(["demo", "--once"])
    assert ["closed"] == closed
    assert before == signal.getsignal(signal.SIGTERM)


@pytest.mark.parametrize(("has_browser", "addresses"), [(True, 0), (False, 2)])
def test_without_a_browser_the_panel_has_a_fresh_address_when_it_is_wanted(
    closed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    has_browser: bool,
    addresses: int,
) -> None:
    """The first is good for a minute, and the story before takes most of it."""
    sums = SimpleNamespace(hold=True)
    monkeypatch.setattr(demo.webbrowser, "open", lambda url: has_browser)
    monkeypatch.setattr(demo, "tell", lambda stage, say: sums)
    monkeypatch.setattr(demo, "_summary", lambda sums: None)

    class NoDay:
        """A day on which nobody comes and somebody presses Ctrl-C."""

        def __init__(self, stage: Any, seed: int) -> None:
            pass

        def sell(self, number: int) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr("agent.demo.day.Day", NoDay)

    assert 0 == main(["demo"])
    assert addresses == capsys.readouterr().out.count("within a minute: http://127.0.0.1")
    assert ["closed"] == closed
