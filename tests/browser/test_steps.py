"""REDEEM, ENROL, ASK and store IT's page in a real browser on a real till: keys counted, nothing done twice."""

from __future__ import annotations

import pytest

from tests.browser.real_till import PIN, PIN_IT

pytestmark = [pytest.mark.browser, pytest.mark.net]

CARD, OTHER = "2900000000018", "2900000000025"


def spent(answer) -> list[int]:
    return [one.amount for one in answer.decision.spent]


def test_spending_the_most_is_two_keys(real_panel, real):
    """A card was shown: F2, Enter; the till's next total has it in it."""
    real_panel.scan(CARD)
    real_panel.wait("found")
    real.quote()
    real_panel.page.wait_for_selector("#quote .big")
    real_panel.press("F2")
    real_panel.wait("redeem")

    assert ("353", "из 353 возможных в этом чеке") == (
        real_panel.text("#redeem-number"),
        real_panel.text("#redeem-most"),
    )

    real_panel.press("Enter")
    real_panel.wait("found")

    assert "при следующем итоге кассы" in real_panel.text("#wish")
    assert [353] == spent(real.quote())
    real_panel.page.wait_for_selector("#wish[data-state='good']")
    assert "Списано: 353" == real_panel.text("#wish")
    assert [] == real_panel.errors


def test_another_amount(real_panel, real):
    """F7, digits, Enter; more than there may be is said and capped."""
    real_panel.scan(CARD)
    real_panel.wait("found")
    real.quote()
    real_panel.press("F7")
    real_panel.wait("redeem")
    real_panel.type_slowly("999")
    assert "Сейчас не больше 353" == real_panel.text("#redeem-capped")
    for _ in range(3):
        real_panel.press("Backspace")
    real_panel.type_slowly("100")
    real_panel.press("Enter")
    real_panel.wait("found")

    assert [100] == spent(real.quote())


def test_enter_twice_spends_once(real_panel, real):
    """A nervous finger."""
    real_panel.scan(CARD)
    real_panel.wait("found")
    real_panel.press("F2")
    real_panel.wait("redeem")
    real_panel.press("Enter")
    real_panel.press("Enter")
    real_panel.wait("found")

    assert {"spend_wishes": 1} == real.shown.counts
    assert 1 == len([post for post in real_panel.posts if '"spend"' in post])


def test_a_phone_needs_a_proof_and_the_card_is_one(real_panel, real):
    """No Enter without it; the same customer's card changes the screen to a yes, and asks nothing."""
    real_panel.type_slowly("9000000001")
    real_panel.wait("found")
    real_panel.press("F2")
    real_panel.wait("redeem")
    assert "Сканируйте карту или приложение либо позовите старшего" == real_panel.text("#redeem-proof")
    real_panel.press("Enter")
    assert real.shown.wish is None
    real_panel.scan(CARD)
    real_panel.page.wait_for_selector("#redeem-proof[data-state='good']")
    real_panel.press("Enter")
    real_panel.wait("found")

    assert real.shown.wish is not None


def test_a_supervisor_is_a_proof(real_panel, real):
    """F10, four digits, Enter; a wrong PIN says how many tries are left; the PIN is nowhere in the page."""
    real_panel.type_slowly("9000000001")
    real_panel.wait("found")
    real_panel.press("F2")
    real_panel.wait("redeem")
    real_panel.press("F10")
    real_panel.type_slowly("1111")
    real_panel.press("Enter")
    real_panel.page.wait_for_selector("#toast:text-is('Неверный PIN, осталось 4 попытки')")
    real_panel.type_slowly(PIN)
    assert ("●●●●", False) == (real_panel.text("#redeem-pin"), PIN in real_panel.page.content())
    real_panel.press("Enter")
    real_panel.wait("found")

    assert real.shown.wish is not None
    assert not [url for url in real_panel.requests if PIN in url]


def test_joining_is_three_keys_from_not_found(real_panel, real):
    """F4, F2, Enter: the number is carried over, nothing is ticked before."""
    real_panel.type_slowly("9000000077")
    real_panel.wait("not_found")
    real_panel.press("F4")
    real_panel.wait("enrol")
    assert "+7900***77" == real_panel.text("#enrol-phone")
    assert ["false", "false"] == real_panel.ticks()
    real_panel.press("F2")
    real_panel.page.wait_for_selector("#consents [aria-checked='true']")
    real_panel.press("Enter")
    real_panel.wait("found")

    assert ("joined", {"joined": 1}) == (real.shown.notice, real.shown.counts)
    assert "Теперь участник" == real_panel.text("#toast")
    assert [] == real_panel.errors


def test_joining_from_idle_is_thirteen_keys(real_panel, real):
    """F4, ten digits, F2, Enter."""
    real_panel.page.evaluate("window.keys = 0; addEventListener('keydown', () => { window.keys += 1; }, true)")
    real_panel.press("F4")
    real_panel.wait("enrol")
    real_panel.type_slowly("9000000078")
    real_panel.press("F2")
    real_panel.page.wait_for_selector("#consents [aria-checked='true']")
    real_panel.press("Enter")
    real_panel.wait("found")

    assert 13 == real_panel.page.evaluate("window.keys")
    assert "" == real_panel.page.input_value("#code")


def test_without_the_first_yes_nobody_joins(real_panel, real):
    """Enter does nothing; the second box alone is not enough; touch works as keys do."""
    real_panel.type_slowly("9000000077")
    real_panel.wait("not_found")
    real_panel.press("F4")
    real_panel.wait("enrol")
    real_panel.press("F7")
    real_panel.page.wait_for_selector("#consents button:nth-child(2)[aria-checked='true']")
    real_panel.press("Enter")
    assert "enrol" == real_panel.screen()
    real_panel.page.click("#consents button:nth-child(1)")
    real_panel.page.click("#consents button:nth-child(2)")
    real_panel.page.wait_for_selector("#consents button:nth-child(2)[aria-checked='false']")

    assert ["true", "false"] == real_panel.ticks()


def test_back_from_joining_keeps_the_number(real_panel, real):
    """Esc: NOT_FOUND, and from there the digits can be corrected."""
    real_panel.type_slowly("9000000077")
    real_panel.wait("not_found")
    real_panel.press("F4")
    real_panel.wait("enrol")
    real_panel.press("Escape")
    real_panel.wait("not_found")
    real_panel.press("Escape")
    real_panel.wait("idle")

    assert "900 000-00-77" == real_panel.page.input_value("#code")


def test_a_refusal_is_one_key(real_panel, real):
    """F9 on IDLE: counted, and the screen is as it was."""
    real_panel.press("F9")
    real_panel.page.wait_for_selector("#toast:text-is('Отмечено: не хочет вступать')")

    assert ("idle", {"would_not_join": 1}) == (real_panel.screen(), real.shown.counts)


@pytest.mark.parametrize(("key", "name"), [("Enter", "Борис К."), ("Escape", "Анна П.")])
def test_another_card_is_asked_about_by_the_agent(real_panel, real, key, name):
    """The question is on disk: a reload shows it again."""
    real_panel.scan(CARD)
    real_panel.wait("found")
    real_panel.scan(OTHER)
    real_panel.wait("ask")
    real_panel.page.reload()
    real_panel.wait("ask")
    real_panel.press(key)
    real_panel.wait("found")

    assert name == real_panel.text("#who-name")


@pytest.mark.parametrize("screen", ["found", "redeem", "ask", "enrol", "not_found"])
def test_a_restart_shows_the_same_screen(real_panel, real, screen):
    """Within five seconds, on another process that has only the files."""
    if screen in ("enrol", "not_found"):
        real_panel.type_slowly("9000000077")
        real_panel.wait("not_found")
        if screen == "enrol":
            real_panel.press("F4")
    else:
        real_panel.scan(CARD)
        real_panel.wait("found")
        if screen == "redeem":
            real_panel.press("F2")
        elif screen == "ask":
            real_panel.scan(OTHER)
    real_panel.wait(screen)
    real.restart()
    real_panel.page.wait_for_selector("#overlay", state="hidden", timeout=5000)
    real_panel.wait(screen)
    real_panel.page.reload()
    real_panel.wait(screen)


def test_coupons_have_their_own_words(real_panel, real):
    """Expired and unknown are two sentences."""
    real_panel.scan(CARD)
    real_panel.wait("found")
    real.quote(coupons=("BREAD50", "NO-SUCH"))
    real_panel.page.wait_for_selector("#notes li")

    said = [one.inner_text() for one in real_panel.page.query_selector_all("#notes li")]
    assert ["Срок купона Хлеб истёк 31.01.2026", "Нет такого купона: NO-SUCH"] == said[:2]


def test_a_second_tab_says_so_and_can_take_over(real_panel, real):
    """One panel at a time; the other shows the same screen once it is taken over."""
    real_panel.scan(CARD)
    real_panel.wait("found")
    second = real_panel.page.context.new_page()
    second.goto(f"{real.url}/panel")
    second.wait_for_selector("#overlay:visible")
    assert "Панель уже открыта в другой вкладке" == second.inner_text("#overlay-text")
    second.click("#take-over")
    second.wait_for_selector("#overlay", state="hidden")
    real_panel.page.wait_for_selector("#overlay:visible")

    assert "found" == second.get_attribute("body", "data-screen")


def test_a_tab_that_took_over_at_once_keeps_it(real_panel, real):
    """Somebody quick presses the button before the page has looked for the second time whether the panel is free."""
    second = real_panel.page.context.new_page()
    second.add_init_script(
        "const wait = window.setTimeout; window.later = [];"
        "window.setTimeout = (run, ms, ...more) => ms === 300 ? later.push(run) : wait(run, ms, ...more)"
    )
    second.goto(f"{real.url}/panel")
    second.click("#take-over")
    second.wait_for_selector("#overlay", state="hidden")
    looks = second.evaluate("later.splice(0).map((run) => run()).length")
    second.evaluate("navigator.locks.query()")
    second.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    assert looks
    assert not second.is_visible("#overlay")


def test_the_page_of_it_opens_by_its_pin(real_panel, real):
    """F1, the button, the PIN; facts and counts, nobody's name."""
    real_panel.scan(CARD)
    real_panel.wait("found")
    real_panel.press("F1")
    real_panel.page.click("#it-show")
    real_panel.page.fill("#it-pin", "999999")
    real_panel.press("Enter")
    real_panel.page.wait_for_selector("#it-trouble:text-is('Неверный PIN, осталось 4 попытки')")
    real_panel.page.fill("#it-pin", PIN_IT)
    real_panel.press("Enter")
    real_panel.page.wait_for_selector("#it-rows:visible")
    text = real_panel.text("#it-rows")

    assert ("На связи" in text, "найдено: 1" in text, "Анна" in text) == (True, True, False)

    real_panel.press("Escape")
    assert not real_panel.page.is_visible("#it")
