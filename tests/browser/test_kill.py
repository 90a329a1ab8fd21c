"""`kill -9` of the agent while points are being spent: the same screen within five seconds, and nothing is spent twice."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from agent.clock import SystemClock
from agent.demo.day import closed_receipt
from agent.demo.people import members, next_basket
from agent.demo.story import open_shop
from agent.doors.keys import DoorSecrets
from drivers.vocabulary import codec
from tests.browser.conftest import Panel
from tests.browser.figures import note

pytestmark = [pytest.mark.browser, pytest.mark.net]

BACK_WITHIN_S = 5.0
ANNA = next(one for one in members(40) if one.points > 500)


def test_killed_while_points_are_being_spent(chromium, tmp_path):
    """Killed on REDEEM and again with the wish said; the sale takes the points once, here and at the centre."""
    stage = open_shop(tmp_path, lambda _: None)
    try:
        secrets = DoorSecrets.load_or_create(stage.state, SystemClock())
        server = SimpleNamespace(port=stage.doors_port)
        shop = SimpleNamespace(secrets=secrets, server=server, desk=SimpleNamespace(calls="another process"))
        panel = Panel(chromium.new_context(viewport={"width": 1024, "height": 768}), shop).open()
        panel.scan(ANNA.card)
        panel.wait("found")
        panel.press("F2")
        panel.wait("redeem")
        first = kill(stage, panel, "redeem")
        panel.press("Enter")
        panel.wait("found")
        second = kill(stage, panel, "found")
        assert panel.page.is_visible("#wish")
        spent = sell(stage)
        again = sell(stage)
        stage.wait_until(lambda status: status["waiting"] == 0 and status["link"] == "online")
        panel.page.context.close()
    finally:
        stage.close()

    note(28, f"{first:.1f} s and {second:.1f} s, spent once")
    assert spent > 0 == again  # the wish ended with its receipt
    assert max(first, second) <= BACK_WITHIN_S, (first, second)


def kill(stage, panel, screen: str) -> float:
    """Seconds from the agent's being ready again to the same screen, as the page counts them."""
    stage.kill_agent()
    panel.page.wait_for_selector("#overlay:visible")
    stage.open_agent()
    began = time.monotonic()
    panel.page.wait_for_selector("#overlay", state="hidden", timeout=BACK_WITHIN_S * 1000)
    panel.wait(screen)
    return time.monotonic() - began


NUMBERS = iter(range(900, 1000))


def sell(stage) -> int:
    """One sale by a POS that says nothing of points; how many it took."""
    receipt = next_basket(next(NUMBERS), 7, "till-1").receipt
    quote = stage.api.call("/v1/quote", {"receipt": codec.to_builtins(receipt)})
    final = closed_receipt(receipt, quote)
    answer = stage.api.call(
        "/v1/confirm", {"receipt": codec.to_builtins(final), "decision_mark": quote["decision_mark"]}
    )
    again = stage.api.call(
        "/v1/confirm", {"receipt": codec.to_builtins(final), "decision_mark": quote["decision_mark"]}
    )
    assert again["duplicate"]
    taken = [one for one in answer["decision"].get("effects", []) if one["effect"] == "points_spent"]
    return sum(one["amount"] for one in taken)
