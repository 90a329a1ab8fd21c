"""Gift certificates beside discounts, coupons and points, written as receipts."""

from __future__ import annotations

from tests.cases.receipt_case import Case, receipt_case


@receipt_case
def test_row_49_a_certificate_pays_and_takes_nothing_off(case: Case) -> None:
    """The prices stay; what is not used stays on it.

    programme
      unit bonus worth 1
    receipt 2026-03-01 12:00, certificate G1 500.00
      Tea 1 x 300.00
    decision
      pays 0.00
      certificate G1 pays 300.00, 200.00 left
    """
    assert 0 == case.decision.discount.minor


@receipt_case
def test_row_49_what_is_left_may_burn(case: Case) -> None:
    """As its flag says, and the text says so.

    programme
      unit bonus worth 1
    receipt 2026-03-01 12:00, certificate G1 500.00 burns
      Tea 1 x 300.00
    decision
      pays 0.00
      certificate G1 pays 300.00, 200.00 burned
      why certificates: certificate_burned
    """


@receipt_case
def test_row_49_two_certificates_in_the_order_shown(case: Case) -> None:
    """The third finds nothing to pay; one shown twice pays once.

    programme
      unit bonus worth 1
    receipt 2026-03-01 12:00, certificate G1 100.00, certificate G1 100.00, certificate G2 500.00, certificate G3 50.00
      Tea 1 x 300.00
    decision
      pays 0.00
      certificate G1 pays 100.00, 0.00 left
      certificate G2 pays 200.00, 300.00 left
      why certificates: certificate_paid
      why certificates: certificate_paid
      why certificates: certificate_nothing_to_pay
    """


@receipt_case
def test_row_49_what_a_certificate_pays_earns_nothing(case: Case) -> None:
    """Points are for money.

    programme
      unit bonus worth 1
      back: earns 10 % in bonus
    receipt 2026-03-01 12:00, certificate G1 200.00
      Tea 1 x 300.00
    customer
    decision
      pays 100.00
      earns 10 bonus
      certificate G1 pays 200.00, 0.00 left
    """


@receipt_case
def test_row_49_topping_up_earns_nothing_and_is_not_paid_by_a_certificate(case: Case) -> None:
    """A top-up is a product line: no discount, no points, no certificate on it.

    programme
      unit bonus worth 1
      ten: 10 % off
      back: earns 10 % in bonus
    receipt 2026-03-01 12:00, certificate G1 500.00
      Top-up 1 x 1000.00: gift_certificate
      Tea 1 x 100.00
    customer
    decision
      Tea -10.00 ten
      pays 1000.00
      certificate G1 pays 90.00, 410.00 left
      why back: nothing_paid
    """


@receipt_case
def test_points_certificate_and_coupon_on_one_receipt(case: Case) -> None:
    """First the coupon lowers the price, then points, then the certificate, and money earns.

    programme
      unit bonus worth 1
      coupon ten: codes TEN
      ten: 10 % off the receipt | coupon ten
      spend: spends bonus up to 30 %
      back: earns 10 % in bonus
    receipt 2026-03-01 12:00, coupon TEN, certificate G1 330.00
      Tea 1 x 600.00
      Cake 1 x 400.00
    customer
      bonus 500
    points max
    decision
      Tea -60.00 ten
      Cake -40.00 ten
      Tea -162.00 points
      Cake -108.00 points
      spends 270 bonus worth 270.00
      pays 300.00
      earns 30 bonus
      uses coupon TEN
      certificate G1 pays 330.00, 0.00 left
    """


@receipt_case
def test_row_49_a_certificate_beside_points_as_a_payment(case: Case) -> None:
    """Both pay; neither lowers a price.

    programme
      unit bonus worth 1
      spend: spends bonus up to 50 % | tender
    receipt 2026-03-01 12:00, certificate G1 30.00
      Tea 1 x 100.00
    customer
      bonus 500
    points max
    decision
      spends 50 bonus worth 50.00
      pays 20.00
      certificate G1 pays 30.00, 0.00 left
    """


@receipt_case
def test_row_49_a_certificate_ends_at_its_moment(case: Case) -> None:
    """Over at midnight.

    programme
      unit bonus worth 1
    receipt 2026-06-01 00:00, certificate G1 500.00 until 2026-06-01 00:00, certificate G2 0.00
      Tea 1 x 300.00
    decision
      pays 300.00
      why certificates: certificate_over
      why certificates: certificate_empty
    """
