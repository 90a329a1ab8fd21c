"""The panel in a real browser: what the cashier presses and what the cashier sees."""

from __future__ import annotations

import pytest

from tests.agent.doors.memory_desk import BLOCKED_CODE, PRODUCT_CODE

pytestmark = [pytest.mark.browser, pytest.mark.net]


def asked(till):
    return [request for name, request in till.desk.calls if name == "panel_identify"]


def test_phone_is_found_in_ten_keys(panel, till):
    """From IDLE, ten digits and nothing else: the last digit sends."""
    panel.page.evaluate("window.keys = 0; addEventListener('keydown', () => { window.keys += 1; }, true)")
    panel.type_slowly("9000000001")
    panel.wait("found")

    assert (10, [("9000000001", False)]) == (panel.page.evaluate("window.keys"), asked(till))
    assert ("Анна П.", "+7900***01", "1 240") == tuple(
        panel.text(f"#{one}") for one in ("who-name", "who-phone", "balance-number")
    )
    assert [] == panel.errors


def test_phone_is_grouped_as_it_is_read_aloud(panel, till):
    """Eleven digits with 8; the field shows groups, and is empty once the customer is there."""
    panel.type_slowly("8900000000")

    assert "8 900 000-00-0" == panel.page.input_value("#code")

    panel.type_slowly("1")
    panel.wait("found")

    assert [("89000000001", False)] == asked(till)
    assert "9000000001" not in panel.page.content() + panel.page.input_value("#code")


def test_keypad_by_touch(panel, till):
    """The same number by fingers."""
    for digit in "9000000001":
        panel.page.click(f'#keypad [data-key="{digit}"]')
    panel.wait("found")

    assert [("9000000001", False)] == asked(till)


@pytest.mark.parametrize("end", ["Enter", "Tab", None])
@pytest.mark.parametrize("code", ["CARD-17", "2000000000015", "79000000001"])
def test_card_is_found_without_a_key(panel, till, code, end):
    """One scan anywhere on the page, with or without a suffix; nothing of it stays in the field."""
    panel.scan(code, end=end)
    panel.wait("found")

    assert ([(code, True)], "") == (asked(till), panel.page.input_value("#code"))


FOCUSABLE = [
    "#help-open",
    '#keypad [data-key="7"]',
    '#keypad [data-key="Backspace"]',
    '#keypad [data-key="Enter"]',
    "#code",
    "body",
]


@pytest.mark.parametrize("end", ["Enter", "Tab", None])
def test_closing_enter_presses_no_button(panel, till, end):
    """Whatever has the focus, a scan is a scan and no button is pressed by it."""
    clicks = "window.clicks = 0; addEventListener('click', () => { window.clicks += 1; }, true)"
    panel.page.evaluate(clicks)
    for place, selector in enumerate(FOCUSABLE):
        panel.page.focus(selector)
        panel.scan(f"CARD-9{place}", end=end)
        if end is None:  # the suffix may trail: it is still the scanner's
            panel.page.wait_for_selector(f"#verdict-more:has-text('-9{place}')")
            panel.trail("Enter", after_ms=250)
        panel.page.wait_for_selector(f"#verdict-more:has-text('-9{place}')")
        till.clock.pass_s(10)

    assert (0, len(FOCUSABLE)) == (panel.page.evaluate("window.clicks"), len(asked(till)))
    assert {True} == {presented for _, presented in asked(till)}


def test_scan_into_another_field_leaves_it_as_it_was(panel, till):
    """A burst that begins in a text field is taken out of it."""
    panel.page.evaluate(
        "document.querySelector('main').append(Object.assign(document.createElement('input'), {id: 'other', value: 'ab'}))"
    )
    panel.page.focus("#other")
    panel.scan("CARD-17")
    panel.wait("found")

    assert ("ab", [("CARD-17", True)]) == (panel.page.input_value("#other"), asked(till))


def test_digits_typed_before_a_scan_come_back_out(panel, till):
    """The scan counts, the half-typed number does not mix with it."""
    panel.type_slowly("900")
    panel.scan("CARD-17")
    panel.wait("found")

    assert [("CARD-17", True)] == asked(till)


def test_layout_does_not_matter(panel, till):
    """With a Russian layout the keys say Cyrillic; the physical keys still say CARD-17."""
    panel.page.evaluate(
        """() => {
          const keys = [["KeyC","С",1],["KeyA","Ф",1],["KeyR","К",1],["KeyD","В",1],["Minus","-",0],["Digit1","1",0],["Digit7","7",0],["Enter","Enter",0]];
          for (const [code, key, shift] of keys) {
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {code, key, shiftKey: Boolean(shift), bubbles: true, cancelable: true}));
          }
        }"""
    )
    panel.wait("found")

    assert [("CARD-17", True)] == asked(till)


@pytest.mark.parametrize(("gap_ms", "is_scan"), [(5, True), (30, True), (50, True), (80, False), (150, False)])
def test_pace_tells_a_scanner_from_a_person(panel, till, gap_ms, is_scan):
    """5 to 50 ms a character is a scanner, 80 ms and more is a person; event times decide, not the machine's load."""
    panel.page.evaluate(
        """gap => {
          let at = performance.now();
          const field = document.activeElement;
          for (const one of "123456") {
            const event = new KeyboardEvent("keydown", {code: "Digit" + one, key: one, bubbles: true, cancelable: true});
            Object.defineProperty(event, "timeStamp", {value: at += gap});
            field.dispatchEvent(event);
          }
          const enter = new KeyboardEvent("keydown", {code: "Enter", key: "Enter", bubbles: true, cancelable: true});
          Object.defineProperty(enter, "timeStamp", {value: at + gap});
          field.dispatchEvent(enter);
        }""",
        gap_ms,
    )
    panel.wait("not_found")

    assert [("123456", is_scan)] == asked(till)


def test_held_key_is_no_scan(panel, till):
    """A key that is held down repeats fast and means nothing."""
    panel.page.keyboard.down("9")
    for _ in range(20):
        panel.page.keyboard.down("9")
    panel.page.keyboard.up("9")
    panel.page.evaluate("new Promise(done => setTimeout(done, 300))")  # a burst would have ended by now

    assert ([], "9") == (asked(till), panel.page.input_value("#code"))


def test_double_scan_is_one_request(panel, till):
    """A stuttering scanner asks once."""
    panel.scan("CARD-99")
    panel.scan("CARD-99")
    panel.wait("not_found")

    assert 1 == len(asked(till))


@pytest.mark.parametrize("key", ["F8", "Backspace"])
def test_wrong_customer_is_gone_in_one_key(panel, till, key):
    """One key, back to IDLE, ready to type."""
    panel.scan("CARD-17")
    panel.wait("found")
    panel.press(key)
    panel.wait("idle")

    assert ("panel_clear", None) == till.desk.calls[-1]
    assert "code" == panel.page.evaluate("document.activeElement.id")


def test_escape_destroys_nothing(panel, till):
    """Esc on FOUND keeps the customer."""
    panel.scan("CARD-17")
    panel.wait("found")
    panel.press("Escape")
    panel.press("Escape")

    assert ("found", "panel_identify") == (panel.screen(), till.desk.calls[-1][0])


@pytest.mark.parametrize("key", ["Enter", "Escape"])
def test_other_card_asks_first(panel, till, key):
    """Enter replaces, Esc keeps."""
    panel.scan("CARD-17")
    panel.wait("found")
    panel.scan("CARD-18")
    panel.wait("ask")

    assert ("Считана другая карта. Заменить?", "****D-18") == (panel.text("#ask-what"), panel.text("#ask-code"))

    panel.press(key)
    panel.wait("found")
    panel.page.wait_for_selector(f"#who-name:text-is('{'Борис К.' if key == 'Enter' else 'Анна П.'}')")

    assert ["CARD-17", "CARD-18"] == [code for code, _ in asked(till)]


def test_same_card_again_asks_nothing(panel, till):
    """The customer's own card shown twice is no other customer."""
    panel.scan("CARD-17")
    panel.wait("found")
    panel.scan("CARD-17", later_ms=3000)

    assert ("found", 1) == (panel.screen(), len(asked(till)))


def test_digits_on_found_ask_first(panel, till):
    """Typing another number offers to replace; Enter takes it."""
    panel.scan("CARD-17")
    panel.wait("found")
    panel.type_slowly("9000000002")
    panel.wait("ask")
    panel.press("Enter")
    panel.page.wait_for_selector("#who-name:text-is('Борис К.')")

    assert [("CARD-17", True), ("9000000002", False)] == asked(till)


def test_goods_on_found_are_no_other_customer(panel, till):
    """The sentence for two seconds, no question, no request."""
    panel.scan("CARD-17")
    panel.wait("found")
    panel.scan(PRODUCT_CODE)
    panel.page.wait_for_selector("#toast:text-is('Это товар, не карта')")

    assert ("found", 1) == (panel.screen(), len(asked(till)))


def test_goods_on_idle(panel, till):
    """Two seconds of explanation, then ready again."""
    panel.scan(PRODUCT_CODE)
    panel.wait("product")

    assert "Это товар, не карта" == panel.text("#verdict-what")

    panel.wait("idle")


def test_not_found_is_corrected(panel, till):
    """Esc keeps the digits; one erased and one typed finds the customer."""
    panel.type_slowly("9000000003")
    panel.wait("not_found")

    assert ("Номер не участвует", "+7900***03") == (panel.text("#verdict-what"), panel.text("#verdict-more"))

    panel.press("Escape")
    panel.wait("idle")

    assert "900 000-00-03" == panel.page.input_value("#code")

    panel.press("Backspace")
    panel.type_slowly("1")
    panel.wait("found")


def test_enter_out_of_habit_does_nothing(panel, till):
    """The last digit sent the number; the Enter that the hand adds must not answer the question it brings up."""
    panel.type_slowly("9000000003")
    panel.trail("Enter", after_ms=150)
    panel.wait("not_found")
    panel.trail("Enter", after_ms=400)

    assert ("not_found", 1) == (panel.screen(), len(asked(till)))


def test_not_found_without_a_card(panel, till):
    """Enter goes on without a customer, with an empty field."""
    panel.type_slowly("9000000003")
    panel.wait("not_found")
    with panel.page.expect_response("**/panel/clear"):
        panel.press("Enter")
    panel.wait("idle")

    assert ("", "panel_clear") == (panel.page.input_value("#code"), till.desk.calls[-1][0])


def test_blocked(panel):
    """The sentence says what to do."""
    panel.scan(BLOCKED_CODE)
    panel.wait("blocked")

    assert "Карта заблокирована. Предложите новую" == panel.text("#verdict-what")


def test_quote(panel, till):
    """Total, discount, payable, what will be earned and what can be spent."""
    panel.scan("CARD-17")
    panel.wait("found")
    till.desk.show_quote()
    panel.page.wait_for_selector("#quote .big")

    assert ["Сумма 1 293,00 ₽", "Скидка −53,00 ₽", "К оплате 1 240,00 ₽", "Начислим +62", "Можно списать 372"] == [
        row.inner_text().replace("\n", " ").replace("\u00a0", " ")
        for row in panel.page.query_selector_all("#quote div")
    ]


def test_offline_bar(panel, till):
    """Amber, a word, an icon, since when and how many wait; gone when the line is back."""
    till.desk.go_offline(waiting=7)
    panel.page.wait_for_selector("#strip:visible")

    assert "Нет связи с 14:05: начисляем, отправим сами · очередь 7" == panel.text("#strip-text")
    assert ("Нет связи", "очередь 7") == (panel.text("#link"), panel.text("#queue"))
    assert panel.page.is_visible("#strip svg")

    panel.scan("CARD-17")
    panel.wait("found")
    till.desk.show_quote()
    panel.page.wait_for_selector("#strip-text:has-text('списать можно до 372')")

    assert "баланс на 13:50" == panel.text("#balance-seen")

    from agent.snapshot import LinkState

    till.desk.change(link=LinkState.ONLINE, offline_since="", waiting=0)
    panel.page.wait_for_selector("#strip", state="hidden")


def test_reload_shows_the_same_screen(panel):
    """The state machine is the agent's."""
    panel.scan("CARD-17")
    panel.wait("found")
    panel.page.reload()
    panel.wait("found")

    assert "Анна П." == panel.text("#who-name")


def test_restart_of_the_agent(panel, till):
    """The overlay within a second, the typed digits stay, the same session goes on, the old version does not win."""
    for count in range(5):
        till.desk.change(waiting=count)
    panel.type_slowly("900")
    till.stop()
    panel.page.wait_for_selector("#overlay:visible", timeout=1000)

    assert "Агент перезапускается, подождите" == panel.text("#overlay")

    till.start(boot_id="boot-2")
    panel.page.wait_for_selector("#overlay", state="hidden", timeout=5000)
    panel.page.wait_for_selector("#queue:text-is('очередь 0')")

    assert "900" == panel.page.input_value("#code")

    panel.type_slowly("0000001")
    panel.wait("found")


def test_restart_with_a_customer(panel, till):
    """The customer is still there after it."""
    panel.scan("CARD-17")
    panel.wait("found")
    till.stop()
    panel.page.wait_for_selector("#overlay:visible")
    till.start(boot_id="boot-2")
    panel.page.wait_for_selector("#overlay", state="hidden")

    assert ("found", "Анна П.") == (panel.screen(), panel.text("#who-name"))


def test_till_that_does_not_answer(panel, till):
    """Within two seconds and a little: the sale is not blocked."""
    till.desk.free.clear()
    panel.scan("CARD-17", end="Enter")
    panel.page.wait_for_selector("#toast:text-is('Ищем…')")
    panel.page.wait_for_selector("#toast:text-is('Сервер не ответил. Продажа не остановлена')", timeout=2600)
    till.desk.free.set()


def test_too_many_look_ups(panel):
    """The cashier is told how long to wait."""
    for place in range(6):
        panel.scan(f"CARD-9{place}")
    panel.page.wait_for_selector("#toast:text-is('Слишком часто. Повторите через 2 с')")


def test_paste(panel, till):
    """A number pasted with its punctuation."""
    panel.page.evaluate(
        """() => { const field = document.getElementById("code");
          field.value = "8 (900) 000-00-01"; field.dispatchEvent(new InputEvent("input", {bubbles: true})); }"""
    )
    panel.wait("found")

    assert [("89000000001", False)] == asked(till)


def test_help_is_in_the_same_place(panel):
    """F1 opens it, Esc closes it, and what is behind cannot be reached."""
    panel.press("F1")
    panel.page.wait_for_selector("#help:visible")

    assert True is panel.page.evaluate("document.querySelector('main').inert")

    panel.press("Escape")

    assert (False, False) == (
        panel.page.is_visible("#help"),
        panel.page.evaluate("document.querySelector('main').inert"),
    )


def test_focused_button_still_obeys_a_person(panel, till):
    """Enter and Space by a person press the button that has the focus."""
    panel.page.focus('#keypad [data-key="7"]')
    panel.press("Enter")
    panel.press("Space")

    assert "7 7" == panel.page.input_value("#code")
