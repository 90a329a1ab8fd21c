"""The customer's screen in a real browser, beside the cashier's on a real till."""

from __future__ import annotations

import os

import pytest

from tests.browser.states import CARD
from tests.browser.test_page import CONTRAST, PICTURES

pytestmark = [pytest.mark.browser, pytest.mark.net]

FITS = """() => {
  const bad = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) bad.push("page");
  for (const node of document.querySelectorAll("main *")) {
    const box = node.getBoundingClientRect();
    if (box.width && (box.right > innerWidth + 1 || box.bottom > innerHeight + 1 || box.top < -1)) bad.push(node.id || node.tagName);
  }
  return bad;
}"""


@pytest.fixture
def screen(chromium, real_panel, real):
    """A browser of its own, as on a second screen."""
    context = chromium.new_context(viewport={"width": 800, "height": 600}, timezone_id="Europe/Moscow")
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.said = []
    page.on("console", lambda one: page.said.append(one.text) if one.type in ("error", "warning") else None)
    page.goto(real.secrets.customer_url(real.server.port))
    page.wait_for_selector("#welcome:visible")
    page.wait_for_function("document.getElementById('title').textContent.length > 0")
    yield page
    context.close()


def shows(page, name: str) -> None:
    page.wait_for_selector(f"body[data-screen='{name}']")
    assert ([], []) == (page.evaluate(FITS), page.evaluate(CONTRAST))


def test_it_follows_the_cashier(screen, real_panel, real):
    """Welcome, the points, what is to be paid, thanks; and nobody's name once the customer has gone."""
    shows(screen, "welcome")
    real_panel.scan(CARD)
    real_panel.wait("found")
    real.quote(coupons=("BREAD50", "NO-SUCH"))
    screen.wait_for_selector("#sums .big")
    shows(screen, "member")
    assert ("Анна П., рады вам", "1 240") == (
        screen.inner_text("#name"),
        screen.inner_text("#balance").replace("\u00a0", " "),
    )
    assert "+7900" not in screen.content()
    real.confirm("r-1", "1240", "62")
    shows(screen, "thanks")

    assert "Анна" not in screen.content()
    assert [] == screen.said


def test_consents_can_be_read(screen, real_panel):
    """While somebody joins: the questions, and what was ticked."""
    real_panel.press("F4")
    shows(screen, "joining")
    real_panel.press("F2")
    screen.wait_for_selector("#consents li:has-text('✓')")

    assert 2 == screen.locator("#consents li").count()


def test_without_an_agent_nothing_personal_stays(screen, real_panel, real):
    """The stream breaks: the page forgets at once, and comes back by itself."""
    real_panel.scan(CARD)
    shows(screen, "member")
    port = real.server.port
    real.stop()
    screen.wait_for_selector("#welcome:visible")
    content = screen.content()
    real._start(port)
    shows(screen, "member")

    assert "Анна" not in content


def test_the_panel_opens_it(real_panel):
    """From the help, in a window of the same browser."""
    real_panel.press("F1")
    with real_panel.page.expect_popup() as popup:
        real_panel.page.click("#customer-show")
    popup.value.wait_for_selector("#welcome:visible")

    assert "/panel/customer" in popup.value.url


@pytest.mark.skipif(not os.environ.get("TILLPOINT_REMAKE"), reason="remakes docs/pictures with TILLPOINT_REMAKE=1")
@pytest.mark.parametrize("size", [(1024, 768), (800, 600)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures(screen, real_panel, real, size):
    """One of each, for the guides and for looking at."""
    folder = PICTURES if size[0] == 1024 else PICTURES / f"{size[0]}x{size[1]}"
    screen.set_viewport_size({"width": size[0], "height": size[1]})
    steps = {
        "welcome": lambda: None,
        "joining": lambda: (real_panel.press("F4"), real_panel.press("F2")),
        "member": lambda: (
            real_panel.press("Escape"),
            real_panel.wait("idle"),
            real_panel.scan(CARD),
            real_panel.wait("found"),
            real.quote(),
            screen.wait_for_selector("#sums .big"),
        ),
        "thanks": lambda: real.confirm("r-1", "1240", "62"),
    }
    for name, step in steps.items():
        step()
        shows(screen, name)
        screen.screenshot(path=folder / f"customer-{name}.png")
