"""A till without a till system: phone, sum, Enter; what is counted, spent and claimed is as at any till."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Panel
from tests.browser.real_till import RealTill

pytestmark = [pytest.mark.browser, pytest.mark.net]

CARD = "2900000000018"


@pytest.fixture
def alone(tmp_path):
    """The agent is the till of its receipts."""
    till = RealTill(tmp_path, standalone=True)
    yield till
    till.stop()


@pytest.fixture
def panel(chromium, alone):
    context = chromium.new_context(viewport={"width": 1024, "height": 768}, timezone_id="Europe/Moscow")
    yield Panel(context, alone).open()
    context.close()


def last(till) -> tuple[str, str, str]:
    glance = till.shown.last_receipt
    return glance["total"], glance["earned"], glance["spent"]


def test_phone_sum_enter(panel, alone):
    """By keys alone: ten digits, the sum, Enter tells what is to be paid, Enter says that it was."""
    panel.type_slowly("9000000001")
    panel.wait("found")
    assert "Введите сумму чека" == panel.text("#quote-none")
    panel.type_slowly("1000")
    panel.wait("sum")
    assert "1 000" == panel.text("#sum-number")
    panel.press("Enter")
    panel.wait("found")
    assert "950,00 ₽" == panel.text("#quote .big dd")
    panel.press("Enter")
    panel.wait("idle")

    assert ("950.00 RUB", "95", "0") == last(alone)
    assert [] == panel.errors


def test_the_same_enter_does_not_pay(panel, alone):
    """A nervous finger counts, and closes nothing."""
    panel.scan(CARD)
    panel.wait("found")
    panel.type_slowly("1000")
    panel.press("Enter")
    panel.trail("Enter", after_ms=300)
    panel.wait("found")

    assert {} == alone.shown.last_receipt
    assert "950,00 ₽" == panel.text("#quote .big dd")


def test_points_are_spent(panel, alone):
    """F2, Enter: the sum is counted again with the points in it; F10 when it was paid by card."""
    panel.scan(CARD)
    panel.wait("found")
    panel.type_slowly("1000,50")
    panel.press("Enter")
    panel.wait("found")
    panel.press("F2")
    panel.wait("redeem")
    panel.press("Enter")
    panel.page.wait_for_selector("#wish[data-state='good']")
    panel.press("F10")
    panel.wait("idle")
    total, _, spent = last(alone)

    assert ("665.47 RUB", "285") == (total, spent)


def test_somebody_without_a_card_gets_a_claim_code(panel, alone):
    """F7, the sum, Enter, Enter: the code stands on the screen, for the customer to take along."""
    panel.press("F7")
    panel.wait("sum")
    panel.type_slowly("500")
    panel.press("Enter")
    panel.wait("sale")
    assert ("Без карты", "500,00 ₽") == (panel.text("#sum-who"), panel.text("#sum-number"))
    panel.press("Enter")
    panel.wait("idle")

    assert alone.shown.last_receipt["claim"] == panel.text("#receipt .claim dd")


def test_a_card_shown_late(panel, alone):
    """The sum is counted already: the scan makes it the member's, and F8 everybody's again."""
    panel.press("F7")
    panel.type_slowly("1000")
    panel.press("Enter")
    panel.wait("sale")
    panel.scan(CARD)
    panel.wait("found")
    panel.page.wait_for_selector("#quote .big dd:text-matches('950')")
    panel.press("F8")
    panel.wait("sale")

    assert "1 000,00 ₽" == panel.text("#sum-number")


def test_a_scan_is_not_a_sum(panel, alone):
    """Another card while one is at the till asks, and its digits stand nowhere."""
    panel.scan(CARD)
    panel.wait("found")
    panel.scan("2900000000025")
    panel.wait("ask")
    panel.press("Escape")
    panel.wait("found")

    assert "Введите сумму чека" == panel.text("#quote-none")


def test_a_restart_shows_the_same_sum(panel, alone):
    """What was counted is on disk, and is paid once."""
    panel.press("F7")
    panel.type_slowly("500")
    panel.press("Enter")
    panel.wait("sale")
    alone.restart()
    panel.page.wait_for_selector("#overlay", state="hidden", timeout=5000)
    panel.wait("sale")
    panel.press("Enter")
    panel.wait("idle")

    assert 1 == alone.till.snapshot.waiting
    assert "500.00 RUB" == last(alone)[0]


def test_by_touch(panel, alone):
    """The number keys, with a comma while a sum is typed."""
    panel.page.click("footer button:has-text('Сумма')")
    for key in "12,50":
        panel.page.click(f'#keypad [data-key="{key}"]')
    panel.page.click('#keypad [data-key="Enter"]')
    panel.wait("sale")

    assert "12,50 ₽" == panel.text("#sum-number")
    panel.page.click("footer button:has-text('Отменить чек')")
    panel.wait("idle")
