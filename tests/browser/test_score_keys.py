"""Rows of the scorecard about keys: how many, how they are told apart, and that everything can be done with them."""

from __future__ import annotations

import pytest

from tests.browser.figures import note
from tests.browser.states import CARD, STATES, reset, show

pytestmark = [pytest.mark.browser, pytest.mark.net]

COUNT = "window.keys = 0; addEventListener('keydown', () => { window.keys += 1; }, true)"
HOT_KEY = 1  # F12 is the desktop's: it brings the panel and never reaches the page


def test_eleven_digits_and_the_hot_key_are_twelve(panel):
    """Row 2: from the till system's window: the hot key, eleven digits, and the customer is there."""
    panel.page.evaluate(COUNT)
    panel.type_slowly("89000000001")
    panel.wait("found")
    keys = HOT_KEY + panel.page.evaluate("window.keys")
    note(2, f"{keys} keys")

    assert keys <= 12


# A page of the same origin without the panel: the scanner's own file, and stamps that are given.
SWEEP = """async () => {
  const { listen } = await import("/panel/keys.js");
  const field = document.body.appendChild(document.createElement("input"));
  field.focus();
  let typed = "";
  let scans = [];
  listen(field, {
    character: (one) => { typed += one; }, key: () => {}, scan: (code) => scans.push(code), mark: () => typed, back: (was) => { typed = was; },
  });
  let at = performance.now() + 1e6;
  const strike = (code, key) => {
    const event = new KeyboardEvent("keydown", {code, key, bubbles: true, cancelable: true});
    Object.defineProperty(event, "timeStamp", {value: at});
    field.dispatchEvent(event);
  };
  const run = (text, gap) => {
    at += 5000; typed = ""; scans = [];
    for (const one of text) { at += gap(); strike("Digit" + one, one); }
    at += gap(); strike("Enter", "Enter");
    return { typed, scans };
  };
  const number = () => String(Math.floor(1e9 + Math.random() * 9e12)).slice(0, 6 + Math.floor(Math.random() * 8));
  const wrong = [];
  for (let time = 0; time < 200; time += 1) {
    const scan = number();
    const pace = 5 + Math.random() * 45;
    const scanned = run(scan, () => pace * (0.9 + Math.random() * 0.1));
    if (scanned.scans.join() !== scan || scanned.typed !== "") wrong.push(["scan", pace, scanned]);
    const slow = number();
    const person = run(slow, () => 150 + Math.random() * 100);
    if (person.scans.length || person.typed !== slow) wrong.push(["person", person]);
  }
  return wrong;
}"""


def test_two_hundred_paces(chromium, till):
    """Row 21: 200 scans of 5 to 50 ms a character are scans, 200 numbers of 150 ms and more are not; stamps decide."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{till.url}/panel")  # without a session: none of the panel's scripts runs here
    wrong = page.evaluate(SWEEP)
    context.close()
    note(21, f"{200 - len(wrong)} of 200 each way")

    assert [] == wrong


LAYOUTS = {
    "en": ["C", "A", "R", "D", "-", "1", "7"],
    "ru": ["С", "Ф", "К", "В", "-", "1", "7"],
    "th": ["ฉ", "ฤ", "พ", "ก", "ข", "ๅ", "็"],
}


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_reads_the_same_code(panel, till, layout):
    """Row 22: what the key says does not matter, where it is does."""
    panel.page.evaluate(
        """(keys) => {
          const codes = ["KeyC", "KeyA", "KeyR", "KeyD", "Minus", "Digit1", "Digit7"];
          codes.forEach((code, place) => document.activeElement.dispatchEvent(
            new KeyboardEvent("keydown", {code, key: keys[place], shiftKey: place < 4, bubbles: true, cancelable: true})));
          document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {code: "Enter", key: "Enter", bubbles: true, cancelable: true}));
        }""",
        LAYOUTS[layout],
    )
    panel.wait("found")

    assert [("CARD-17", True)] == [request for name, request in till.desk.calls if name == "panel_identify"]


FOCUSABLE = """() => Array.from(document.querySelectorAll("button, input")).filter((one) => one.getClientRects().length && !one.disabled && !one.closest("[inert]") && getComputedStyle(one).visibility !== "hidden").map((one) => {
  if (!one.dataset.walk) one.dataset.walk = String(window.walks = (window.walks || 0) + 1);
  return one.dataset.walk;
})"""

FOCUSED = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map((one) => { const c = one / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const paper = (one) => { for (one = one.parentElement; one; one = one.parentElement) { const color = getComputedStyle(one).backgroundColor; if (!/, 0\\)$|transparent/.test(color)) return color; } return "rgb(255,255,255)"; };
  const style = getComputedStyle(node);
  const [a, b] = [light(style.outlineColor), light(paper(node))];
  return [node.dataset.walk || node.tagName, style.outlineStyle !== "none" ? parseFloat(style.outlineWidth) : 0, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
}"""


@pytest.mark.thorough
def test_everything_is_reached_by_tab(real_panel, real):
    """Row 19: in every state the Tab key comes to everything that can be pressed and out again, and shows where it is."""
    lacking, faint, worst = {}, {}, 99.0
    for state in STATES:
        reset(real_panel, real)
        show(real_panel, real, state)
        wanted = set(real_panel.page.evaluate(FOCUSABLE))
        seen = {}
        for _ in range(2 * len(wanted) + 4):
            real_panel.press("Tab")
            focused = real_panel.page.evaluate(FOCUSED)
            if focused is not None:
                seen[focused[0]] = focused[1:]
        if wanted - set(seen):
            lacking[state] = wanted - set(seen)
        worst = min([worst, *(contrast for _, contrast in seen.values())])
        if any(width < 3 or contrast < 3 for width, contrast in seen.values()):
            faint[state] = seen
    note(19, f"{len(STATES)} states, least contrast of the outline {worst:.1f} : 1")

    assert {} == lacking
    assert {} == faint


SCANNED_ON = ["idle", "found", "redeem", "enrol", "not-found", "ask", "help", "it-closed"]


@pytest.mark.parametrize(
    "state",
    [pytest.param(one, marks=() if one in {"idle", "found", "ask"} else pytest.mark.thorough) for one in SCANNED_ON],
)
def test_a_scan_on_every_focusable_element(real_panel, real, state):
    """Row 20: wherever the focus is, a scan is a scan, and its closing Enter presses nothing."""
    reset(real_panel, real)
    show(real_panel, real, state)
    places = len(real_panel.page.evaluate(FOCUSABLE))
    pressed = 0
    for place in range(places):
        reset(real_panel, real)
        show(real_panel, real, state)
        walk = real_panel.page.evaluate(FOCUSABLE)[place]
        real_panel.page.evaluate(
            """(walk) => { window.pressed = 0; document.querySelector(`[data-walk="${walk}"]`).focus(); addEventListener("click", () => { window.pressed += 1; }, true); }""",
            walk,
        )
        before = len(real_panel.posts)
        real_panel.scan(f"46000000{place:02d}{place:02d}8")
        real_panel.page.wait_for_function("(n) => true", arg=0)
        pressed += real_panel.page.evaluate("window.pressed")
        asked = [one for one in real_panel.posts[before:] if "identify" not in one]
        assert [] == asked, (state, walk)
    note(20, f"{state}: {places} elements, {pressed} pressed")

    assert pressed == 0


@pytest.mark.thorough
def test_help_is_in_the_same_place_on_every_state(real_panel, real):
    """Row 44: the button does not move, F1 opens it wherever it may, and without an agent too."""
    places = set()
    closed = []
    for state in STATES:
        reset(real_panel, real)
        show(real_panel, real, state)
        box = real_panel.page.evaluate(
            "(() => { const box = document.getElementById('help-open').getBoundingClientRect(); return [box.x, box.y, box.width].join() })()"
        )
        places.add(box)
        if real_panel.page.locator("#help:visible, #it:visible, #overlay:visible").count():
            continue
        real_panel.press("F1")
        if not real_panel.page.is_visible("#help"):
            closed.append(state)
    reset(real_panel, real)
    port = real.server.port
    real.stop()
    real_panel.page.wait_for_selector("#overlay:visible")
    real_panel.press("F1")
    without_agent = real_panel.page.is_visible("#help")
    real._start(port)
    note(44, f"{len(places)} place in {len(STATES)} states; opens without an agent")

    assert (1, [], True) == (len(places), closed, without_agent)


def test_a_marking_code_with_its_separator_is_no_card(real_panel, real):
    """Row 23: a DataMatrix with GS, as a scanner types it: the sentence within two seconds, nobody is asked for it."""
    asked = []
    real.ask_lookup = asked.append
    code = "0104600000000008215Qbag!\u001d93Zjqw"
    real_panel.page.evaluate(
        """(code) => { for (const one of code) {
          const gs = one === "\\u001d";
          const event = new KeyboardEvent("keydown", {key: gs ? "]" : one, code: gs ? "BracketRight" : "", ctrlKey: gs, bubbles: true, cancelable: true});
          document.activeElement.dispatchEvent(event);
        }
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", code: "Enter", bubbles: true, cancelable: true})); }""",
        code,
    )
    real_panel.wait("product")

    assert [] == asked
    assert CARD not in real_panel.page.content()
