"""Limits, doubles, lost cards, consents taken back, recent customers: each once in a real browser on a real till."""

from __future__ import annotations

import pytest

from agent.checkout.customers.limits import LimitRules
from tests.browser.real_till import PIN

pytestmark = [pytest.mark.browser, pytest.mark.net]

CARD, OTHER = "2900000000018", "2900000000025"


def buy(panel, real, uid):
    panel.scan(CARD, later_ms=3000)
    panel.page.wait_for_selector("body[data-screen='found'], body[data-screen='limit']")
    real.confirm(uid, "100", "0")
    panel.wait("idle")


def test_a_limit_asks_why_and_then_for_a_supervisor(real_panel, real):
    """Scorecard row 37: one key answers a soft limit, a PIN a hard one; Esc lets the sale go on."""
    real.set_rules(limits=LimitRules(card_hour=1, card_day_hard=2))
    buy(real_panel, real, "r-1")
    real_panel.scan(CARD, later_ms=3000)
    real_panel.wait("limit")
    assert "2-й чек за час. Почему?" == real_panel.text("#ask-what")
    real_panel.press("F7")
    real_panel.wait("found")
    real.confirm("r-2", "100", "0")
    real_panel.wait("idle")
    real_panel.scan(CARD, later_ms=3000)
    real_panel.wait("limit")
    real_panel.type_slowly(PIN)
    assert (True, False) == (
        "●●●●" in real_panel.text("#ask-code"), PIN in real_panel.page.content(),
    )  # fmt: skip
    real_panel.press("Enter")
    real_panel.wait("found")

    assert "m-1" == real.confirm("r-3", "100", "0").customer_id
    assert {"limits_answered": 2} == real.shown.counts
    assert [] == real_panel.errors


def test_a_limit_that_stands_offers_nothing_that_is_refused(real_panel, real):
    """A hard one asks for a person and not why; after Esc the sale goes on, without points to spend."""
    real.set_rules(limits=LimitRules(card_day_hard=1))
    buy(real_panel, real, "r-1")
    real_panel.scan(CARD, later_ms=3000)
    real_panel.wait("limit")
    assert "2-й чек за день" == real_panel.text("#ask-what")
    real_panel.press("Escape")
    real_panel.wait("found")

    assert "Без старшего чек будет ничьим" == real_panel.text("#toast")
    assert ["F4", "F8"] == [one.inner_text() for one in real_panel.page.query_selector_all("footer kbd:visible")]
    assert real.confirm("r-2", "100", "0").customer_id is None


def test_training_is_seen_on_every_screen_and_leaves_nothing(real_panel, real):
    """Scorecard row 43: a supervisor's PIN begins it, the orange bar stays, one button ends it."""
    real_panel.press("F1")
    real_panel.page.fill("#train-pin", "1111")
    real_panel.page.click("#train-begin")
    real_panel.page.wait_for_selector("#train-trouble:text-is('Неверный PIN, осталось 4 попытки')")
    real_panel.page.fill("#train-pin", PIN)
    real_panel.page.click("#train-begin")
    real_panel.page.wait_for_selector("#training:visible")
    seen = []
    for code, screen in (("9000000001", "found"), ("9000000077", "not_found"), ("9000000005", "blocked")):
        real_panel.type_slowly(code)
        real_panel.wait(screen)
        seen.append(real_panel.page.is_visible("#training"))
        real_panel.press("F8" if screen == "found" else "Enter")
        real_panel.wait("idle")
    assert "УЧЕБНЫЙ РЕЖИМ – ничего не сохраняется" in real_panel.text("#training-text")
    real_panel.page.click("#training-end")
    real_panel.page.wait_for_selector("#training", state="hidden")

    assert [True] * 3 == seen
    assert ({}, 0) == (real.shown.counts, real.shown.waiting)
    assert not [url for url in real_panel.requests if PIN in url]


def test_four_digits_and_one_key(real_panel):
    """Last digits among recent customers: 4 digits, Enter, 1; the row is masked."""
    real_panel.type_slowly("9000000001")
    real_panel.wait("found")
    real_panel.press("F8")
    real_panel.wait("idle")
    real_panel.type_slowly("0001")
    real_panel.press("Enter")
    real_panel.wait("pick")
    assert real_panel.text("#picks").replace("\n", " ").startswith("1 Анна П. · +7900***01 · был ")
    real_panel.press("1")
    real_panel.wait("found")

    assert "Анна П." == real_panel.text("#who-name")
    assert [] == real_panel.errors


def test_a_lost_card_a_double_and_a_consent(real_panel, real):
    """F4 and a digit each; a supervisor answers for the new card; the number of a withdrawal is on the screen."""
    real_panel.type_slowly("9000000002")
    real_panel.wait("found")
    real_panel.press("F4")
    real_panel.wait("case")
    real_panel.press("1")
    real_panel.wait("reissue")
    real_panel.type_slowly(PIN)
    real_panel.press("Enter")
    real_panel.page.wait_for_selector("#ask-what:text-is('Отсканируйте новую карту')")
    real_panel.scan("2900000000056", later_ms=3000)
    real_panel.wait("found")
    real_panel.page.wait_for_selector("#toast:text-is('Новая карта работает. Старую закроет сервер')")
    real_panel.press("F4")
    real_panel.wait("case")
    real_panel.press("2")
    real_panel.wait("withdrawn")
    assert 9 == len(real_panel.text("#ask-code"))
    real_panel.press("Enter")
    real_panel.wait("found")
    real_panel.scan(CARD, later_ms=3000)
    real_panel.wait("ask")
    real_panel.press("F9")
    real_panel.page.wait_for_selector("#toast:text-is('Отмечено: офис проверит обоих')")

    assert {"cards_given": 1, "withdrawals": 1, "duplicates": 1} == real.shown.counts
    assert [] == real_panel.errors
