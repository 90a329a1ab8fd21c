"""The page of `tillpoint simulate` in a real browser: paper, state, buttons, and nothing from anywhere else."""

from __future__ import annotations

import pytest

from drivers.registry import load_driver
from simulation.twins.lines import listen_at
from simulation.twins.stand import Stand
from simulation.twins.view import View

pytestmark = [pytest.mark.browser, pytest.mark.net]


@pytest.fixture
def shown():
    """A register with receipts on its paper, and its page."""
    driver = load_driver("shtrih").driver
    twin = driver.twin(driver.settings_type())
    twin.sell(3)
    place, _ = listen_at("tcp-listen://127.0.0.1:0")
    stand = Stand(twin, place)
    stand.start()
    view = View("127.0.0.1:0", stand, driver.title)
    view.start()
    yield twin, view
    view.stop()
    stand.stop()


def test_paper_state_and_buttons(chromium, shown):
    """What was printed is there, a button takes the paper away, and the page asks only where it came from."""
    twin, view = shown
    context = chromium.new_context()
    page = context.new_page()
    asked, faults = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(view.url)
    page.wait_for_selector('button[data-name="paper_out"]')
    paper = page.inner_text("#paper")
    page.click('button[data-name="paper_out"]')
    page.wait_for_selector('button[data-name="paper_out"][aria-pressed="true"]')
    held = twin.rudenesses()["paper_out"]
    page.click('button[data-name="paper_out"]')
    page.wait_for_selector('button[data-name="paper_out"][aria-pressed="false"]')
    facts = page.inner_text("#facts")
    context.close()

    assert paper.count("ИТОГ") == 3
    assert held
    assert "last document" in facts
    assert all(url.startswith(view.url) for url in asked if not url.endswith("/favicon.ico"))
    assert [] == [fault for fault in faults if "favicon" not in fault]
