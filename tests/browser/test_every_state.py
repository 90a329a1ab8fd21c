"""What holds on every state of the panel, in every language: axe finds nothing, nothing overflows, targets fit fingers."""

from __future__ import annotations

import os
import re
from importlib import resources
from pathlib import Path

import pytest

from tests.browser.case_states import CASE_STATES
from tests.browser.conftest import Panel, is_busy
from tests.browser.figures import note
from tests.browser.real_till import RealTill
from tests.browser.states import STATES, reset, show
from tests.browser.test_page import OVERFLOW
from tests.browser.test_score_layout import GAPS

pytestmark = [pytest.mark.browser, pytest.mark.net]

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
EXPECTED = re.compile(r"status of (403|409|423|429) ")  # the agent said no, in words that the page showed
LANGUAGES = ["ru", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("en", "th"))]
SIZES = [(1024, 768), (800, 600), (360, 768)]

# target-size is switched off by default in axe-core; WCAG 2.2 AA has it (2.5.8).
AXE = """async () => {
  const found = await axe.run(document, {
    runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    rules: {"target-size": {enabled: true}},
  });
  const said = (rows) => rows.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(" ")}`));
  return {violations: said(found.violations), unsure: said(found.incomplete), passes: found.passes.length};
}"""

TARGETS = """() => {
  const bad = [];
  for (const node of document.querySelectorAll("button, input")) {
    const box = node.getBoundingClientRect();
    if (!box.width || node.closest("[inert]")) continue;
    const least = node.closest("#keypad") ? 67 : 44;
    if (Math.min(box.width, box.height) < least) bad.push(`${node.id || node.className || node.dataset.key} ${box.width}x${box.height}`);
  }
  return bad;
}"""


# Beside the POS there is room for all but joining and the long quote, which want the whole window.
NARROW = {"idle", "typing", "not-found", "found", "redeem", "redeem-by-phone", "ask", "blocked", "product", "joined"}
NARROW |= {"help", "it-closed", "it", *CASE_STATES}


@pytest.fixture
def walk(chromium, tmp_path):
    """Opens a real till in a language and a window of a size."""
    running = []

    def start(language: str, size: tuple[int, int], **more):
        till = RealTill(tmp_path, language=language)
        running.append(till.stop)
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, timezone_id="Europe/Moscow", **more
        )
        running.append(context.close)
        return Panel(context, till).open(), till

    yield start
    for stop in reversed(running):
        stop()


@pytest.fixture(scope="module")
def axe_core():
    """The source of axe-core."""
    try:
        return (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    except ModuleNotFoundError:
        pytest.skip("SKIPPED LOUDLY: no axe-core here (pip install axe-playwright-python)")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_in_every_size(walk, axe_core, language):
    """Rows 14 to 16: each state is brought up once and looked at in three sizes.

    axe finds no violation of WCAG 2.2 A and AA, target size included, and is unsure only of what is known; no
    scrolling, nothing cut, fingers fit, also between keys; nothing is said in the console.
    """
    panel, till = walk(language, SIZES[0], bypass_csp=True)
    bad, unsure, rules = {}, set(), 0
    for state in STATES:
        reset(panel, till)
        show(panel, till, state)
        panel.page.evaluate(axe_core)
        found = panel.page.evaluate(AXE)
        assert found["passes"] > 5
        rules = max(rules, found["passes"])
        unsure |= {one.partition(":")[0] for one in found["unsure"]}
        seen = list(found["violations"])
        for size in SIZES if state in NARROW else SIZES[:2]:
            panel.page.set_viewport_size({"width": size[0], "height": size[1]})
            panel.settle()
            seen += [f"{size[0]}: {one}" for one in panel.page.evaluate(OVERFLOW) + panel.page.evaluate(TARGETS)]
            gap = panel.page.evaluate(GAPS)
            seen += [f"{size[0]}: gap {gap}"] if gap < 8 else []
        panel.page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
        bad[state] = seen
    note(14, f"{language}: 0 violations in {len(STATES)} states, {rules} rules passed, unsure: {sorted(unsure)}")

    assert {} == {state: rows for state, rows in bad.items() if rows}
    assert unsure <= {"color-contrast"}  # over a half-transparent ground: worked out by test_contrast instead
    # A till that many want answers "busy" in time rather than late, and the panel asks again.
    said = [one for one in panel.errors if not EXPECTED.search(one) and not (is_busy() and "503" in one)]
    assert [] == said


AT_19_42 = """() => {
  hold();
  document.getElementById("clock").textContent = "19:42";
  const training = document.getElementById("training-text");
  training.textContent = training.textContent.replace(/\\d+:\\d+/, "20:40");
}"""


@pytest.mark.skipif(not os.environ.get("TILLPOINT_REMAKE"), reason="remakes docs/pictures with TILLPOINT_REMAKE=1")
@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures_of_every_state(walk, size, monkeypatch):
    """One picture of each, for the guides and for looking at."""
    folder = PICTURES if size[0] == 1024 else PICTURES / f"{size[0]}x{size[1]}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("system", "Windows"), ("release", "10"), ("python_version", "3.11")):
        monkeypatch.setattr(f"platform.{name}", lambda text=text: text)
    panel, till = walk("ru", size)
    for state in STATES:
        reset(panel, till)
        show(panel, till, state)
        panel.page.evaluate(AT_19_42)
        panel.page.screenshot(path=folder / f"panel-{state}.png")
