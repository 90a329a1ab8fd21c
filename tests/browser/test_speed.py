"""How soon the cashier sees something, in a browser slowed down six times: from the key to the picture."""

from __future__ import annotations

import math
import os
from collections.abc import Callable

import pytest

from tests.browser.states import CARD

pytestmark = [pytest.mark.browser, pytest.mark.net]

SLOWER = 6
ROUNDS = 40
TRIES = 5
BUSY = 2.0  # processes that want each core: with more of them a page load tells of the machine

# From the trusted Enter to the second frame after the screen has changed: by then it has been painted.
WATCH = """() => {
  window.took = [];
  let began = 0;
  addEventListener("keydown", (event) => { if (event.key === "Enter") began = performance.now(); }, true);
  new MutationObserver(() => {
    if (!began) return;
    const at = began;
    began = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => window.took.push(performance.now() - at)));
  }).observe(document.body, {attributes: true, attributeFilter: ["data-screen"]});
}"""


def p95(times: list[float]) -> float:
    return sorted(times)[math.ceil(len(times) * 0.95) - 1]


def slow_down(panel) -> None:
    panel.page.context.new_cdp_session(panel.page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})


def best_of(measure: Callable[[], list[float]], limit_ms: float) -> None:
    """Whoever else works on this machine is no part of the panel: one quiet round in five is enough."""
    seen = []
    for _ in range(TRIES):
        seen.append(p95(measure()))
        if seen[-1] <= limit_ms:
            return
    raise AssertionError(f"p95 in ms, each round: {[round(one) for one in seen]}; wanted {limit_ms}")


def test_enter_is_seen_within_200_ms(real_panel, real):
    """Enter that finds nobody, Enter that goes on without: the agent writes its state to disk each time."""
    real_panel.page.evaluate(WATCH)
    slow_down(real_panel)

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

    best_of(measure, 200)


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

    best_of(measure, 200)


def test_a_cold_page_is_ready_within_half_a_second(real_panel):
    """Loaded anew, six times slower, until the number can be typed."""
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        pytest.skip("SKIPPED LOUDLY: this machine is too busy to say how fast a page loads")
    slow_down(real_panel)

    def measure() -> list[float]:
        real_panel.page.reload()
        real_panel.wait("idle")
        return [
            real_panel.page.evaluate(
                "Math.max(performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd, ...performance.getEntriesByType('resource').map((one) => one.responseEnd))"
            )
        ]

    best_of(measure, 500)
