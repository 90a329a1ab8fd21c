"""Rows of the scorecard about what fits: gaps, a page twice as large, words that are longer, numbers of every size."""

from __future__ import annotations

import json
import shutil

import pytest

from agent.doors import words as panel_words
from tests.browser.conftest import Panel
from tests.browser.figures import note
from tests.browser.real_till import RealTill
from tests.browser.states import STATES, reset, show
from tests.browser.test_page import OVERFLOW
from tests.house.test_catalogues import PANEL

pytestmark = [pytest.mark.browser, pytest.mark.net]

GAPS = """() => {
  const boxes = Array.from(document.querySelectorAll("button")).filter((one) => one.getClientRects().length && !one.closest("[inert]") && !document.querySelector("#overlay:not([hidden])")).map((one) => one.getBoundingClientRect());
  let least = 99;
  for (const a of boxes) for (const b of boxes) {
    if (a === b) continue;
    const x = Math.max(0, b.left - a.right, a.left - b.right);
    const y = Math.max(0, b.top - a.bottom, a.top - b.bottom);
    least = Math.min(least, Math.max(x, y));
  }
  return Math.round(least * 10) / 10;
}"""


@pytest.mark.parametrize("width", [1024, 800, 360])
def test_fingers_have_room_between_keys(open_panel, till, width):
    """Row 15: eight pixels between any two buttons, on the keypad, below it and on FOUND."""
    panel = open_panel(width=width, height=600 if width == 800 else 768)
    least = [panel.page.evaluate(GAPS)]
    panel.scan("CARD-17")
    panel.wait("found")
    till.desk.show_quote()
    panel.page.wait_for_selector("#quote .big")
    least.append(panel.page.evaluate(GAPS))
    note(15, f"{width} px: least gap {min(least)} px")

    assert min(least) >= 8


REACHABLE = """() => {
  const bad = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) bad.push("page is wide");
  for (const node of document.querySelectorAll("button, input, #balance-number, .sums dd, #verdict strong")) {
    if (!node.getClientRects().length || node.closest("[inert]") || getComputedStyle(node).visibility === "hidden") continue;
    node.scrollIntoView({block: "nearest"});
    const box = node.getBoundingClientRect();
    if (box.left < -1 || box.right > innerWidth + 1 || box.top < -1 || box.bottom > innerHeight + 1) bad.push((node.id || node.className || node.textContent) + ` ${Math.round(box.left)},${Math.round(box.top)},${Math.round(box.right)},${Math.round(box.bottom)}`);
  }
  return bad;
}"""


@pytest.mark.thorough
def test_twice_as_large(chromium, real):
    """Row 16: at 200 % on 1024 × 768 nothing is wide, and everything is reached by scrolling the work area (1.4.4)."""
    context = chromium.new_context(
        viewport={"width": 512, "height": 384}, device_scale_factor=2, timezone_id="Europe/Moscow"
    )
    panel = Panel(context, real).open()
    found = {}
    for state in STATES:
        reset(panel, real)
        show(panel, real, state)
        found[state] = panel.page.evaluate(REACHABLE)
    context.close()
    note(16, f"200 %: {len(found)} states, nothing out of reach")

    assert {} == {state: bad for state, bad in found.items() if bad}


NUMBERS = """() => Array.from(document.querySelectorAll("#balance-number, .sums dd, #redeem-number, #sum-number, #clock, #code, #enrol-phone, #ask-code, #verdict-more"))
  .filter((one) => one.getClientRects().length && one.scrollWidth > one.clientWidth + 1).map((one) => one.id || one.textContent)"""

LONGER = str.maketrans("aeiouyAEIOU", "àéîõûýÀÉÎÕÛ")


def longer(text: str) -> str:
    """Accented, and longer by two fifths; blanks to fill in stay."""
    parts = text.split("{")
    first, *rest = parts
    said = first.translate(LONGER) + "".join(
        "{" + one.partition("}")[0] + "}" + one.partition("}")[2].translate(LONGER) for one in rest
    )
    return said + " " + "ẋyž"[: max(0, round(len(text) * 0.4) - 1) % 4] + "ẋ" * max(0, round(len(text) * 0.4) - 4)


@pytest.mark.parametrize(
    "size",
    [(800, 600), (1024, 768)],
    ids=lambda size: f"{size[0]}x{size[1]}",
)
@pytest.mark.thorough
def test_words_that_are_longer(chromium, tmp_path, monkeypatch, size):
    """Row 17: a language whose words are 40 % longer: numbers are whole on every state, nothing is wider than the page."""
    own = tmp_path / "words"
    shutil.copytree(PANEL, own)
    english = json.loads((own / "en.json").read_text("utf-8"))
    stretched = {
        key: text if key.startswith("_") or key == "locale" else "|".join(map(longer, text.split("|")))
        for key, text in english.items()
    }
    (own / "qps.json").write_text(json.dumps(stretched), "utf-8")
    monkeypatch.setattr(panel_words, "_FOLDER", own)
    real = RealTill(tmp_path, language="qps")
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, timezone_id="Europe/Moscow")
    panel = Panel(context, real).open()
    numbers, wide = {}, {}
    for state in STATES:
        reset(panel, real)
        show(panel, real, state)
        numbers[state] = panel.page.evaluate(NUMBERS)
        wide[state] = [one for one in panel.page.evaluate(OVERFLOW) if one.startswith(("page", "outside"))]
    context.close()
    real.stop()
    note(17, f"{size[0]}×{size[1]}: {len(STATES)} states in +40 %, no number cut")

    assert {} == {state: bad for state, bad in numbers.items() if bad}
    assert {} == {state: bad for state, bad in wide.items() if bad}


SAID = """async ([locale, forms, amounts]) => {
  const text = await import("/panel/text.js");
  text.setWords({locale, _forms: forms, p: locale === "ru-RU" ? "балл|балла|баллов" : locale === "en-GB" ? "point|points" : "คะแนน"});
  return [
    [0, 1, 2, 5, 11, 21, 101].map((n) => text.say("p", {n: String(n)})),
    amounts.map((one) => text.money(`${one} ${locale === "th-TH" ? "THB" : "RUB"}`).replace(/\\u00a0|\\u202f/g, " ")),
  ];
}"""
AMOUNTS = ["0.01", "1.00", "1240.50", "9999999.99"]
EXPECTED = {
    ("ru-RU", "one few many"): (
        ["баллов", "балл", "балла", "баллов", "баллов", "балл", "балл"],
        ["0,01 ₽", "1,00 ₽", "1 240,50 ₽", "9 999 999,99 ₽"],
    ),
    ("en-GB", "one other"): (
        ["points", "point", "points", "points", "points", "points", "points"],
        ["0.01 ₽", "1.00 ₽", "1,240.50 ₽", "9,999,999.99 ₽"],
    ),
    ("th-TH", "other"): (["คะแนน"] * 7, ["0.01 ฿", "1.00 ฿", "1,240.50 ฿", "9,999,999.99 ฿"]),
}


@pytest.mark.parametrize(("locale", "forms"), sorted(EXPECTED))
def test_plurals_and_money_in_the_browser(chromium, till, locale, forms):
    """Row 39: 0, 1, 2, 5, 11, 21, 101 and 0.01 to 9 999 999.99, as the page writes them."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{till.url}/panel")
    said = page.evaluate(SAID, [locale, forms, AMOUNTS])
    context.close()

    assert list(EXPECTED[locale, forms]) == said
