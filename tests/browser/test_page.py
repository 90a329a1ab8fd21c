"""The page itself: size, foreign requests, overflow, contrast of targets, what is left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.agent.doors.memory_desk import ANNA, BLOCKED_CODE, PRODUCT_CODE

pytestmark = [pytest.mark.browser, pytest.mark.net]

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
CODES = {
    "found": "CARD-17",
    "quote": "CARD-17",
    "ask": "CARD-17",
    "offline": "CARD-17",
    "product": PRODUCT_CODE,
    "blocked": BLOCKED_CODE,
}
WAITS = {"quote": "found", "ask": "found", "offline": "found"}


def show(panel, till, screen):
    """Bring one screen up; codes come as from a scanner that the agent reads, digits from the keyboard."""
    if screen == "typing":
        panel.type_slowly("890000000")
    elif screen == "not-found":
        panel.type_slowly("9000000003" if till.region == "RU" else "0812345678")
        panel.wait("not_found")
    elif screen in CODES:
        till.desk.panel_identify(CODES[screen], presented=True, timeout_s=1)
        panel.wait(WAITS.get(screen, screen))
    if screen in ("quote", "offline"):
        till.desk.show_quote()
        panel.page.wait_for_selector("#quote .big")
    if screen == "offline":
        till.desk.go_offline()
        panel.page.wait_for_selector("#strip:visible")
    elif screen == "ask":
        panel.scan("CARD-18")
        panel.wait("ask")
    elif screen == "restarting":
        till.stop()
        panel.page.wait_for_selector("#overlay:visible")
    elif screen == "help":
        panel.press("F1")


OVERFLOW = """() => {
  const bad = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth || root.scrollHeight > root.clientHeight) bad.push("page");
  for (const node of document.querySelectorAll("main, footer, header, .slot, #keypad button, #balance-number, .sums dd, #verdict, .balance, .quote, #strip, #toast, #code, #training, #ask, #ask p, #pick, #picks button, #redeem p, #help > div, #it > div")) {
    const box = node.getBoundingClientRect();
    if (!box.width) continue;
    const name = node.id || node.className || node.tagName;
    if (box.right > innerWidth + 1 || box.bottom > innerHeight + 1 || box.left < -1 || box.top < -1) bad.push("outside " + name);
    if (node.scrollWidth > node.clientWidth + 1 && node.tagName !== "HEADER") bad.push("wide " + name);
    if (node.className.includes && node.className.includes("slot") && node.scrollHeight > node.clientHeight + 1) bad.push("tall slot " + node.textContent);
    if (node.tagName === "MAIN" && node.scrollHeight > node.clientHeight + 1) bad.push("tall " + name);
  }
  return bad;
}"""


@pytest.mark.parametrize("language", ["ru", "th", pytest.param("en", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("size", [(1024, 768), (800, 600)], ids=["1024x768", "800x600"])
def test_nothing_overflows(till, open_panel, language, size):
    """No scrolling and nothing cut on any screen, with long names, big balances and the strip shown."""
    till.reopen(language=language, region="TH" if language == "th" else "RU")
    panel = open_panel(width=size[0], height=size[1])
    found = {}
    for screen in ("idle", "typing", "not-found", "product", "blocked", "found", "quote", "ask"):
        till.clock.pass_s(20)
        till.desk.panel_clear(timeout_s=1)
        panel.page.reload()
        panel.wait("idle")
        show(panel, till, screen)
        till.desk.go_offline(waiting=12_345)
        if till.desk.snapshot.customer is not None:
            rich = replace(ANNA.balances[0], available=123_456_789)
            long = replace(
                ANNA, name="Константин Константинопольский-Шестаков", balances=(rich, replace(rich, unit="stamp"))
            )
            till.desk.change(customer=long)
        panel.page.wait_for_selector("#strip:visible")
        panel.page.wait_for_selector("#queue:has-text('12345')")
        found[screen] = panel.page.evaluate(OVERFLOW)

    assert {} == {screen: bad for screen, bad in found.items() if bad}
    assert [] == panel.errors


@pytest.mark.parametrize("screen", ["idle", "found", "not-found"])
def test_narrow_window_beside_the_pos(till, open_panel, screen):
    """360 pixels are enough."""
    panel = open_panel(width=360, height=768)
    show(panel, till, screen)

    assert [] == panel.page.evaluate(OVERFLOW)


def test_targets_are_as_large_as_fingers(panel):
    """Number keys of 72 px with 8 px between, everything else at least 44 px."""
    boxes = [node.bounding_box() for node in panel.page.query_selector_all("#keypad button:visible")]
    panel.scan("CARD-17")
    panel.wait("found")
    others = [node.bounding_box() for node in panel.page.query_selector_all("button:visible")]

    assert min(min(box["width"], box["height"]) for box in boxes) >= 72
    assert boxes[1]["x"] - boxes[0]["x"] - boxes[0]["width"] >= 8
    assert min(min(box["width"], box["height"]) for box in others) >= 44


CONTRAST = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map((one) => { const c = one / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)$|transparent/.test(color)) return color;
    }
    return "rgb(255,255,255)";
  };
  const bad = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = Array.from(node.childNodes).some((one) => one.nodeType === 3 && one.textContent.trim());
    if (!own || !node.getClientRects().length) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(paper(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(`${node.id || node.className || node.tagName} ${ratio.toFixed(2)}`);
  }
  return bad;
}"""


@pytest.mark.parametrize("screen", ["idle", "quote", "not-found", "product", "offline", "help"])
def test_contrast(panel, till, screen):
    """Every text has 4.5 to 1 against what is behind it."""
    show(panel, till, screen)

    assert [] == panel.page.evaluate(CONTRAST)


def test_balance_is_read_at_arms_length(panel):
    """The number the cashier says aloud is at least 44 px high."""
    panel.scan("CARD-17")
    panel.wait("found")

    assert panel.page.evaluate("parseFloat(getComputedStyle(document.getElementById('balance-number')).fontSize)") >= 44


def test_focus_can_be_seen(panel):
    """Each stop of the Tab key has an outline."""
    seen = []
    for _ in range(15):
        panel.press("Tab")
        seen.append(
            panel.page.evaluate(
                "[document.activeElement.tagName, parseFloat(getComputedStyle(document.activeElement).outlineWidth)]"
            )
        )

    assert {"BUTTON", "INPUT"} <= {tag for tag, _ in seen}
    assert all(width >= 3 for tag, width in seen if tag in ("BUTTON", "INPUT"))


def test_first_load(panel, till):
    """Under 60 kB, nothing from elsewhere, no error; the ticket is gone from the address."""
    size = panel.page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation')).reduce((sum, one) => sum + one.transferSize, 0)"
    )

    assert [] == [url for url in panel.requests if not url.startswith(till.url + "/")]
    assert (True, f"{till.url}/panel", []) == (0 < size <= 60_000, panel.page.url, panel.errors)


def test_nothing_is_left_behind(panel, till):
    """No storage, no script-readable cookie, no full phone in the page or in an address."""
    panel.type_slowly("9000000001")
    panel.wait("found")
    panel.press("F8")
    panel.wait("idle")
    kept = panel.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")

    assert [0, 0, ""] == kept
    assert not [url for url in panel.requests if "9000000001" in url]
    assert "9000000001" not in panel.page.content() + panel.page.input_value("#code")


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Tillpoint – cashier panel"), ("th", "Tillpoint – หน้าจอแคชเชียร์")]
)
def test_languages(till, open_panel, language, title):
    """Language and title are the page's own; money and dates follow."""
    till.reopen(language=language, region="TH" if language == "th" else "RU")
    panel = open_panel()
    panel.scan("CARD-17")
    panel.wait("found")

    assert (language, title) == (panel.page.get_attribute("html", "lang"), panel.page.title())
    assert "1,240" == panel.text("#balance-number")
    assert ("2569" in panel.text("#balance-expires")) == (language == "th")


@pytest.mark.parametrize("path", ["/panel", "/panel/panel.js", "/healthz", "/nowhere"])
def test_rebound_name_is_misdirected(chromium, till, path):
    """A foreign name that resolves to loopback gets nothing but the refusal."""
    context = chromium.new_context()
    answer = context.new_page().goto(f"http://evil.example:{till.server.port}{path}")
    status, body = answer.status, answer.json()
    context.close()

    assert (421, "wrong_host") == (status, body["code"])


def test_page_of_another_origin_cannot_read_or_act(chromium, till):
    """Not even from another name of this machine, with the cashier's session in the same browser."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(till.secrets.panel_url(till.server.port))
    other = f"http://localhost:{till.server.port}"
    page.goto(f"{other}/healthz")
    tried = page.evaluate(
        """async (url) => {
          const outcome = async (run) => { try { return await run(); } catch (error) { return error.name; } };
          const headers = {"Content-Type": "application/json", "X-Tillpoint": "1"};
          return [
            await outcome(async () => (await fetch(url + "/panel/identify", {method: "POST", mode: "cors", credentials: "include", headers, body: '{"code":"CARD-17"}'})).status),
            await outcome(async () => (await fetch(url + "/panel/identify", {method: "POST", mode: "no-cors", credentials: "include", body: '{"code":"CARD-17"}'})).type),
            await outcome(async () => await (await fetch(url + "/v1/status")).text()),
          ];
        }""",
        till.url,
    )
    context.close()

    assert ("TypeError", "TypeError") == (tried[0], tried[2])
    assert [] == till.desk.calls


@pytest.mark.skipif(not os.environ.get("TILLPOINT_REMAKE"), reason="remakes docs/pictures with TILLPOINT_REMAKE=1")
@pytest.mark.parametrize("screen", ["restarting"])
def test_pictures(panel, till, screen):
    """What the other pictures cannot show: they need a running agent."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    show(panel, till, screen)
    panel.page.evaluate("document.getElementById('clock').textContent = '19:42'")
    panel.page.screenshot(path=PICTURES / f"panel-{screen}.png")
