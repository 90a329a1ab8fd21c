"""Personal offers, partners' cards, friends, donations, services and tickets, written as receipts."""

from __future__ import annotations

from tests.cases.receipt_case import Case, receipt_case


@receipt_case
def test_row_6_a_personal_offer_on_the_customers_own_goods(case: Case) -> None:
    """The centre chose milk for this customer; the rule says what that brings.

    programme
      offer favourite
      mine: 20 % off | offer favourite | offered
    receipt 2026-11-22 12:00
      Milk 1 x 100.00: product m1
      Tea 1 x 50.00: product t1
    customer
      offer favourite for m1, c9 until 2026-12-01 00:00
    decision
      Milk -20.00 mine
      pays 130.00
    """


@receipt_case
def test_row_6_an_offer_that_names_no_goods_is_for_what_the_rule_selects(case: Case) -> None:
    """All dairy.

    programme
      offer favourite
      mine: 20 % off | on dairy | offer favourite | offered
    receipt 2026-11-22 12:00
      Milk 1 x 100.00: dairy
      Tea 1 x 50.00
    customer
      offer favourite
    decision
      Milk -20.00 mine
      pays 130.00
    """


@receipt_case
def test_row_6_an_offer_ends_at_its_moment(case: Case) -> None:
    """At that very moment it is over.

    programme
      offer favourite Yours
      mine: 20 % off | offer favourite | offered
    receipt 2026-12-01 00:00
      Milk 1 x 100.00: product m1
    customer
      offer favourite for m1 until 2026-12-01 00:00
    decision
      pays 100.00
      why mine: offer_over
    """


@receipt_case
def test_an_offer_that_has_not_begun(case: Case) -> None:
    """It says from when.

    programme
      offer favourite
      mine: 20 % off | offer favourite
    receipt 2026-11-22 12:00
      Milk 1 x 100.00
    customer
      offer favourite from 2026-11-23 00:00
    decision
      pays 100.00
      why mine: offer_not_yet
    """


@receipt_case
def test_somebody_elses_offer(case: Case) -> None:
    """A customer without it hears what it wants.

    programme
      offer favourite
      mine: 20 % off | offer favourite
    receipt 2026-11-22 12:00
      Milk 1 x 100.00
    customer
    decision
      pays 100.00
      why mine: offer_none
    """


@receipt_case
def test_an_offer_without_its_goods_on_the_receipt(case: Case) -> None:
    """Only what the offer names.

    programme
      offer favourite
      mine: 20 % off | offer favourite | offered
    receipt 2026-11-22 12:00
      Tea 1 x 100.00: product t1
    customer
      offer favourite for m1
    decision
      pays 100.00
      why mine: not_for_goods
    """


@receipt_case
def test_row_108_row_116_a_partners_card_gets_what_is_declared_for_it(case: Case) -> None:
    """Its holder is not our customer; what is for customers is not for them.

    programme
      unit bonus worth 1
      partner azs Fuel
      fuel: 3 % off | partner azs
      card: 5 % off | customer identified
      back: earns 5 % in bonus
    receipt 2026-11-22 12:00, partner azs
      Tea 1 x 100.00
    decision
      Tea -3.00 fuel
      pays 97.00
      why card: no_customer
    """


@receipt_case
def test_row_108_an_unknown_partner_is_told(case: Case) -> None:
    """The card does not take part here, and nothing stands in the way of the sale.

    programme
      partner azs
      fuel: 3 % off | partner azs
    receipt 2026-11-22 12:00, partner bank
      Tea 1 x 100.00
    decision
      pays 100.00
      why programme: partner_unknown
      why fuel: not_this_partner
    """


@receipt_case
def test_row_116_a_customer_with_a_partners_card_gets_both(case: Case) -> None:
    """A co-branded card is a card of the customer as well.

    programme
      unit bonus worth 1
      partner bank
      bank: bonus x 2 | partner bank
      back: earns 5 % in bonus
    receipt 2026-11-22 12:00, partner bank
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
      earns 10 bonus
    """


@receipt_case
def test_row_41_both_friends_get_points_on_the_first_purchase(case: Case) -> None:
    """From 500.00 on; a return takes both back in proportion.

    programme
      unit bonus
      bring: thanks friends 50 and 100 bonus | total 500 | active after 14 | expires after 90
    receipt 2026-11-22 12:00
      Tea 2 x 300.00
    customer purchases 0, referrer anna
    returns Tea 1
    returns Tea 1
    decision
      pays 600.00
      earns 50 bonus from 2026-12-06 00:00 until 2027-02-21 00:00
      grants 100 bonus to anna until 2027-02-21 00:00
      return of 300.00 takes back 25 bonus and takes back 50 bonus of anna
      return of 300.00 takes back 25 bonus and takes back 50 bonus of anna
    """


@receipt_case
def test_row_41_the_second_purchase_brings_nothing(case: Case) -> None:
    """It is for the first one only, unless the rule names another.

    programme
      unit bonus
      bring: thanks friends 50 and 100 bonus
      again: thanks friends 5 and 10 bonus on purchase 2
    receipt 2026-11-22 12:00
      Tea 1 x 300.00
    customer purchases 1, referrer anna
    decision
      pays 300.00
      earns 5 bonus
      grants 10 bonus to anna
      why bring: other_purchase
    """


@receipt_case
def test_row_41_nobody_brings_themselves(case: Case) -> None:
    """A customer named as their own friend was brought by nobody.

    programme
      unit bonus
      bring: thanks friends 50 and 100 bonus
    receipt 2026-11-22 12:00
      Tea 1 x 300.00
    customer purchases 0, referrer customer-1
    decision
      pays 300.00
      why bring: no_referrer
    """


@receipt_case
def test_row_41_too_small_a_first_purchase(case: Case) -> None:
    """It says what is missing.

    programme
      unit bonus
      bring: thanks friends 50 and 100 bonus | total 500
    receipt 2026-11-22 12:00
      Tea 1 x 300.00
    customer purchases 0, referrer anna
    decision
      pays 300.00
      why bring: total_too_small
    """


@receipt_case
def test_row_16_points_given_to_a_fund(case: Case) -> None:
    """No money moves, the receipt earns as ever, and a return gives none of them back.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      help: donates bonus to Shelter | step 10
    receipt 2026-11-22 12:00
      Tea 1 x 300.00
    customer
      bonus 200
    donation 55
    returns everything
    decision
      pays 300.00
      earns 15 bonus
      donates 50 bonus to Shelter
      why help: points_donated
      why help: rounded_to_step
      return of 300.00 takes back 15 bonus
    """


@receipt_case
def test_row_16_what_the_receipt_spends_goes_first(case: Case) -> None:
    """Of 200 bonuses 150 pay; 50 can be given.

    programme
      unit bonus worth 1
      spend: spends bonus up to 50 %
      help: donates bonus to Shelter
    receipt 2026-11-22 12:00
      Tea 1 x 300.00
    customer
      bonus 200
    points max
    donation 100
    decision
      Tea -150.00 points
      spends 150 bonus worth 150.00
      pays 150.00
      donates 50 bonus to Shelter
      why help: points_donated
      why help: capped_by_balance
    """


@receipt_case
def test_row_16_a_donation_is_only_made_when_asked(case: Case) -> None:
    """It says how many could be given.

    programme
      unit bonus
      help: donates bonus to Shelter | most 100
    receipt 2026-11-22 12:00
      Tea 1 x 300.00
    customer
      bonus 200
    decision
      pays 300.00
      why help: donation_not_asked
    """
    assert {"most": "100", "unit": "bonus", "fund": "Shelter"} == case.decision.explanations[0].values


@receipt_case
def test_too_few_points_are_not_given(case: Case) -> None:
    """Below the least amount nothing moves.

    programme
      unit bonus
      help: donates bonus to Shelter | least 100
    receipt 2026-11-22 12:00
      Tea 1 x 300.00
    customer
      bonus 200
    donation 20 bonus
    decision
      pays 300.00
      why help: donation_least
    """


@receipt_case
def test_row_57_row_103_row_115_a_service_with_an_instruction(case: Case) -> None:
    """A repair instead of a discount; the slip says what to do.

    programme
      repair: hands out repair | on coats | gives service
      tasting: hands out tasting per 1000 | gives ticket
    receipt 2026-11-22 12:00
      Coat 1 x 2500.00: coats
    customer
    decision
      pays 2500.00
      hands out service repair x 1
      hands out ticket tasting x 2
      why repair: service_due
      why tasting: ticket_due
    """


@receipt_case
def test_row_43_entries_in_a_contest(case: Case) -> None:
    """A chance for every 500.00; they are points that nothing spends.

    programme
      unit entry
      play: earns 1 entry per 500
    receipt 2026-11-22 12:00
      Tea 1 x 1240.00
    customer
    points max entry
    decision
      pays 1240.00
      earns 2 entry
    """


@receipt_case
def test_a_coupon_of_one_use_is_good_again_after_a_full_return(case: Case) -> None:
    """With the last part of it; another kind of coupon says so itself.

    programme
      coupon once: uses 1
      coupon kept: uses 1 | back no
      half: 50 % off | coupon once
      tenth: 10 % off | coupon kept
    receipt 2026-11-22 12:00, coupon K1, coupon K2
      Tea 2 x 100.00
    customer
      coupon K1 of once
      coupon K2 of kept
    returns Tea 1
    returns Tea 1
    decision
      Tea -100.00 half
      Tea -10.00 tenth
      pays 90.00
      uses coupon K1
      uses coupon K2
      return of 45.00 moves no points
      return of 45.00 makes coupon K1 good again
    """


@receipt_case
def test_row_49_money_goes_back_to_the_certificate_first(case: Case) -> None:
    """Of 400.00 a certificate paid 250.00: the first return fills it with 200.00, the second with 50.00.

    programme
      ten: 10 % off | on nothing
    receipt 2026-11-22 12:00, certificate G1 250.00
      Tea 2 x 200.00
    returns Tea 1
    returns Tea 1
    decision
      pays 150.00
      certificate G1 pays 250.00, 0.00 left
      return of 200.00 refills G1 200.00
      return of 200.00 refills G1 50.00
    """


@receipt_case
def test_row_91_a_membership_that_is_returned_is_gone(case: Case) -> None:
    """Whatever else stays bought.

    programme
      club: sells 30 days
    receipt 2026-11-22 12:00
      Membership 1 x 500.00: membership
      Tea 1 x 100.00
    customer
    returns Membership
    returns Tea
    decision
      pays 600.00
      member until 2026-12-22 00:00
      return of 500.00 takes 30 days
      return of 100.00 moves no points
    """


@receipt_case
def test_row_106_points_personal_discounts_tickets_and_donations_together(case: Case) -> None:
    """A whole shop on one receipt: her favourite cheese, the card's 3 % on the rest, a ticket, bonuses for the shelter.

    programme: grocery
    receipt 2026-11-22 12:00
      Cheese 1 x 2000.00: product c1
      Wine 2 x 1000.00
    customer spent 5000
      bonus 500
      offer favourite for c1
    points 300
    donation 50
    decision
      Wine -60.00 card
      Cheese -400.00 favourite
      Cheese -135.59 points
      Wine -164.41 points
      spends 300 bonus worth 300.00
      pays 3240.00
      earns 162 bonus from 2026-11-23 00:00 until 2027-02-21 00:00
      hands out ticket Tasting on Friday at 18:00 x 1
      donates 50 bonus to Shelter for dogs
    """


@receipt_case
def test_two_certificates_are_filled_in_the_order_in_which_they_paid(case: Case) -> None:
    """The first is full after the first return; the second takes the rest.

    programme
      ten: 10 % off | on nothing
    receipt 2026-11-22 12:00, certificate G1 150.00, certificate G2 100.00
      Tea 2 x 200.00
    returns Tea 1
    returns Tea 1
    decision
      pays 150.00
      certificate G1 pays 150.00, 0.00 left
      certificate G2 pays 100.00, 0.00 left
      return of 200.00 refills G1 150.00 and refills G2 50.00
      return of 200.00 refills G2 50.00
    """
