"""How soon the cashier sees something, in a browser slowed down six times: from the key to the picture."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable

import pytest

from drivers.vocabulary.centre import LookupWanted
from tests.browser.conftest import is_busy
from tests.browser.figures import note
from tests.browser.states import CARD

pytestmark = [pytest.mark.browser, pytest.mark.net, pytest.mark.alone]

SLOWER = 6
ROUNDS = 40
TRIES = 5
BUSY = 2.0  # processes that want each core: with more of them a page load tells of the machine

# From the trusted Enter to the second frame after the screen has changed: by then it has been painted.
WATCH = """() => {
  window.took = [];
  let began = 0;
  addEventListener("keydown", (event) => { if (event.key === "Enter") began = performance.now(); }, true);
  new MutationObserver((changes) => {
    if (!began || changes.every((one) => one.oldValue === document.body.dataset.screen)) return; // drawn anew, the same
    const at = began;
    began = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => window.took.push(performance.now() - at)));
  }).observe(document.body, {attributes: true, attributeFilter: ["data-screen"], attributeOldValue: true});
}"""


def skip_when_busy() -> None:
    """A figure of a machine that others want too tells of them."""
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        pytest.skip("SKIPPED LOUDLY: this machine is too busy to say how fast a page is")


def p95(times: list[float]) -> float:
    return sorted(times)[math.ceil(len(times) * 0.95) - 1]


def slow_down(panel, rate: int = SLOWER) -> None:
    panel.page.context.new_cdp_session(panel.page).send("Emulation.setCPUThrottlingRate", {"rate": rate})


def best_of(measure: Callable[[], list[float]], limit_ms: float, *, row: int = 0, words: str = "p95") -> None:
    """Whoever else works on this machine is no part of the panel: one quiet round in five is enough."""
    seen = []
    for _ in range(TRIES):
        seen.append(p95(measure()))
        if seen[-1] <= limit_ms:
            note(row, f"{words} {seen[-1]:.0f} ms")
            return
    skip_when_busy()
    raise AssertionError(f"p95 in ms, each round: {[round(one) for one in seen]}; wanted {limit_ms}")


@pytest.mark.parametrize(
    ("slower", "limit_ms"),
    [(6, 200), *(pytest.param(*one, marks=pytest.mark.thorough) for one in ((1, 100), (20, 600)))],
)
def test_enter_is_seen_at_once(real_panel, real, slower, limit_ms):
    """Row 8: Enter that finds nobody, Enter that goes on without: the agent writes its state to disk each time."""
    real_panel.page.set_default_timeout(30_000)
    real_panel.page.evaluate(WATCH)
    slow_down(real_panel, slower)

    def measure() -> list[float]:
        real_panel.page.evaluate("window.took = []")
        for place in range(ROUNDS // 2):
            real.clock.forward(seconds=10)
            real_panel.type_slowly(f"123{place:03d}")
            real_panel.press("Enter")
            real_panel.wait("not_found")
            real_panel.settle()
            real_panel.press("Enter")
            real_panel.wait("idle")
            real_panel.settle()
        took = real_panel.page.evaluate("window.took")
        assert ROUNDS == len(took)
        return took

    best_of(measure, limit_ms, row=8, words=f"×{slower}: p95")


@pytest.mark.thorough
def test_confirming_points_is_seen_within_200_ms(real_panel, real):
    """F2, Enter: the wish is on disk and FOUND is painted."""
    real_panel.scan(CARD)
    real_panel.wait("found")
    real.quote()
    real_panel.page.evaluate(WATCH)
    slow_down(real_panel)

    def measure() -> list[float]:
        real_panel.page.evaluate("window.took = []")
        for _ in range(ROUNDS // 2):
            real_panel.press("F2")
            real_panel.wait("redeem")
            real_panel.settle()
            real_panel.press("Enter")
            real_panel.wait("found")
            real_panel.settle()
            real_panel.press("F2")  # earn only, after all
            real_panel.page.wait_for_selector("#wish", state="hidden")
        return real_panel.page.evaluate("window.took")

    best_of(measure, 200, row=8, words="points confirmed, ×6: p95")


@pytest.mark.parametrize(("slower", "limit_ms"), [(6, 500), pytest.param(20, 2000, marks=pytest.mark.thorough)])
def test_a_cold_page_is_soon_ready(real_panel, slower, limit_ms):
    """Row 12: loaded anew by a slow machine, until the number can be typed."""
    skip_when_busy()
    slow_down(real_panel, slower)

    def measure() -> list[float]:
        real_panel.page.reload()
        real_panel.wait("idle")
        return [
            real_panel.page.evaluate(
                "Math.max(performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd, ...performance.getEntriesByType('resource').map((one) => one.responseEnd))"
            )
        ]

    best_of(measure, limit_ms, row=12, words=f"×{slower}:")


@pytest.mark.thorough
def test_a_scan_that_asks_the_centre_is_seen_within_a_second(real_panel, real):
    """Row 9: the centre answers after 300 ms, the browser is six times slower."""
    asked = []

    def ask(wanted: LookupWanted) -> None:
        asked.append(wanted)
        time.sleep(0.3)  # the centre's own slowness, which is what is measured

    real.ask_lookup = ask
    real_panel.page.evaluate(WATCH)
    slow_down(real_panel)

    def measure() -> list[float]:
        real_panel.page.evaluate("window.took = []")
        for place in range(ROUNDS // 4):
            real.clock.forward(seconds=10)
            real_panel.scan(with_check_digit(f"29000001{place:04d}"), later_ms=3000)
            real_panel.wait("not_found")
            real_panel.settle()
            real.till.panel_clear(timeout_s=10)
            real_panel.wait("idle")
        return real_panel.page.evaluate("window.took")

    best_of(measure, 1000, row=9)
    assert asked


def with_check_digit(code: str) -> str:
    """GS1: weights 3 and 1, from the right."""
    total = sum(int(one) * (3 if place % 2 == 0 else 1) for place, one in enumerate(reversed(code)))
    return code + str(-total % 10)


FEEDBACK = """() => {
  window.took = [];
  const began = (event) => {
    const at = performance.now();
    requestAnimationFrame(() => requestAnimationFrame(() => window.took.push(performance.now() - at)));
  };
  addEventListener("keydown", began, true);
  addEventListener("pointerdown", began, true);
}"""


def test_every_key_and_tap_is_answered_at_once(real_panel):
    """Row 11: a digit stands in the field, six times slower: by key and by finger."""
    skip_when_busy()
    real_panel.page.evaluate(FEEDBACK)
    slow_down(real_panel)

    def measure() -> list[float]:
        real_panel.page.evaluate("window.took = []")
        for _ in range(ROUNDS // 8):
            real_panel.type_slowly("123")
            real_panel.page.click('#keypad [data-key="4"]')
            real_panel.settle()
            for _ in range(4):
                real_panel.press("Backspace")
            real_panel.settle()
        return real_panel.page.evaluate("window.took")

    best_of(measure, 100, row=11)


def test_a_centre_that_hangs_stops_nobody(real_panel, real):
    """Row 10: with a centre that says nothing for half a minute the cashier is told within two seconds."""
    free = threading.Event()
    real.ask_lookup = lambda _: free.wait(30) and None
    real_panel.page.evaluate(
        "window.began = 0; addEventListener('keydown', (e) => { if (e.key === 'Enter') window.began = performance.now(); }, true)"
    )
    real_panel.scan(with_check_digit("290000019999"))
    real_panel.page.wait_for_selector("#toast:text-is('Сервер не ответил. Продажа не остановлена')")
    took = real_panel.page.evaluate("performance.now() - window.began")
    free.set()
    note(10, f"{took:.0f} ms")

    assert took <= 2000 + (500 if is_busy() else 0)


def heap_and_nodes(panel) -> tuple[float, float]:
    wire = panel.page.context.new_cdp_session(panel.page)
    wire.send("HeapProfiler.enable")
    wire.send("HeapProfiler.collectGarbage")
    wire.send("Performance.enable")
    found = {one["name"]: one["value"] for one in wire.send("Performance.getMetrics")["metrics"]}
    wire.detach()
    return found["JSHeapUsedSize"], found["Nodes"]


@pytest.mark.parametrize("lookups", [200, pytest.param(2000, marks=pytest.mark.soak)])
def test_a_day_of_look_ups_fills_nothing(real_panel, real, lookups):
    """Row 41: the heap grows by less than 10 MB, the page by no node."""

    def look_up(count: int) -> None:
        for place in range(count):
            code = (CARD, "2900000000025")[place % 2]
            real.till.panel_identify(code, presented=True, replace=True, timeout_s=10)
            real_panel.wait("found")
            real.till.panel_clear(timeout_s=10)
            real_panel.wait("idle")

    look_up(20)
    heap, nodes = heap_and_nodes(real_panel)
    look_up(lookups)
    later, more = heap_and_nodes(real_panel)
    note(41, f"{lookups} look-ups: heap {(later - heap) / 1e6:+.2f} MB, nodes {more - nodes:+.0f}")

    assert later - heap < 10e6
    assert more - nodes <= 5
