"""Hundreds of random things a hand, a scanner and a till can do: no error, no stuck screen, no number left behind."""

from __future__ import annotations

import random
import re

import pytest

from tests.browser.states import BLOCKED, CARD, OTHER, PRODUCT

pytestmark = [pytest.mark.browser, pytest.mark.net]

KEYS = ["F1", "F2", "F4", "F7", "F8", "F9", "F10", "Enter", "Escape", "Backspace", "Tab", "Space"]
NUMBERS = ["9000000001", "89000000002", "9000000077", "123", "999999999", "4829", "0000"]
REFUSALS = re.compile(r"status of (403|409|422|429|400) ")  # the agent said no, in words that the page showed


@pytest.mark.parametrize("actions", [200, pytest.param(500, marks=pytest.mark.thorough)])
def test_hundreds_of_random_actions(real_panel, real, actions):
    """Whatever happened, the page shows what the agent says, and one card later a customer is there."""
    dice = random.Random(7)
    unseen = {"idle", "found", "redeem", "enrol", "ask", "not_found"}
    done = 0
    # The same dice on a slower machine meet other screens: it goes on until it has been on each.
    while done < actions or (unseen and done < 10 * actions):
        act(real_panel, real, dice, done)
        real.clock.forward(seconds=3)
        unseen.discard(real_panel.screen())
        done += 1
    for _ in range(3):
        real_panel.press("Escape")
    real.till.panel_clear(timeout_s=10)
    real_panel.wait("idle")
    real_panel.scan(CARD)
    real_panel.wait("found")
    kept = real_panel.page.content() + str(real_panel.page.evaluate("[localStorage.length, sessionStorage.length]"))

    assert [] == [said for said in real_panel.errors if not REFUSALS.search(said)]
    assert not unseen
    assert not re.search(r"9\d\d\D{0,2}\d{3}\D?\d\d\D?\d\d\b(?!\d)", re.sub(r"data-mark=\S+", "", kept))
    assert kept.endswith("[0, 0]")


def act(panel, till, dice, number):
    """One of them; at a person's pace, but not waiting for answers."""
    kind = dice.random()
    if kind < 0.45:
        panel.press(dice.choice(KEYS))
    elif kind < 0.65:
        panel.type_slowly(dice.choice(NUMBERS))
    elif kind < 0.8:
        panel.scan(dice.choice([CARD, OTHER, BLOCKED, PRODUCT]), later_ms=3000)
    elif kind < 0.9:
        uid = f"m-{number}"
        till.quote(uid, str(dice.randint(1, 5000)))
        if dice.random() < 0.7:
            till.drop(uid)
    else:
        panel.page.evaluate(
            """(at) => { const seen = Array.from(document.querySelectorAll("button")).filter((one) => one.offsetParent && !one.closest("[inert]"));
              if (seen.length) seen[Math.floor(at * seen.length)].click(); }""",
            dice.random(),
        )
