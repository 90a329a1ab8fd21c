"""Amounts, prices, stages and sets of goods, written as receipts."""

from __future__ import annotations

from tests.cases.receipt_case import Case, receipt_case


@receipt_case
def test_row_34_an_amount_off_each_piece(case: Case) -> None:
    """5.00 off each bottle, 5.00 a kilogram off apples: 0.333 kg lose 1.665, told as 1.67.

    programme
      five: 5.00 off each | on drinks, fruit
    receipt 2026-03-01 12:00
      Juice 3 x 40.00: drinks
      Apples 0.333 x 90.00: fruit
      Bread 1 x 30.00
    decision
      Juice -15.00 five
      Apples -1.67 five
      pays 163.30
    """


@receipt_case
def test_an_amount_off_each_piece_stops_at_nothing(case: Case) -> None:
    """A bag for 3.00 less 5.00 costs nothing, and nobody else loses the rest.

    programme
      five: 5.00 off each
    receipt 2026-03-01 12:00
      Bag 1 x 3.00
      Juice 1 x 40.00
    decision
      Bag -3.00 five
      Juice -5.00 five
      pays 35.00
    """


@receipt_case
def test_row_34_an_amount_off_the_receipt_is_shared_out(case: Case) -> None:
    """100.00 off 3 x 100.00: 33.34, 33.33 and 33.33.

    programme
      hundred: 100.00 off the receipt | total 300.00
    receipt 2026-03-01 12:00
      A 1 x 100.00
      B 1 x 100.00
      C 1 x 100.00
    decision
      A -33.34 hundred
      B -33.33 hundred
      C -33.33 hundred
      pays 200.00
    """


@receipt_case
def test_an_amount_off_a_receipt_stops_at_floors(case: Case) -> None:
    """100.00 off vodka at 450.00 (floor 409.00) and bread at 50.00: all the room there is is 91.00.

    programme
      hundred: 100.00 off the receipt
    receipt 2026-03-01 12:00
      Vodka 1 x 450.00: floor 409.00
      Bread 1 x 50.00
    decision
      Vodka -41.00 hundred
      Bread -50.00 hundred
      pays 409.00
    """


@receipt_case
def test_a_fixed_price_never_raises(case: Case) -> None:
    """Milk comes down to 49.90 a piece, cheese to 899.00 a kilogram, and cheaper kefir stays.

    programme
      milk: price 49.90 | on dairy
      cheese: price 899.00 | on cheese
    receipt 2026-03-01 12:00
      Milk 2 x 62.00: dairy
      Kefir 1 x 45.00: dairy
      Cheese 0.351 x 1000.00: cheese
    decision
      Milk -24.20 milk
      Cheese -35.45 cheese
      pays 460.35
    """


@receipt_case
def test_row_24_a_personal_price_is_for_its_segment(case: Case) -> None:
    """Coffee at 199.00 is for coffee lovers alone, and beats 10 % in a group of the best.

    programme
      group price: best
      lover: price 199.00 | on coffee | segments coffee_lover | group price
      ten: 10 % off | group price
    receipt 2026-03-01 12:00
      Coffee 1 x 260.00: coffee
      Bread 1 x 40.00
    customer segment coffee_lover
    decision
      Coffee -61.00 lover
      Bread -4.00 ten
      pays 235.00
    """


@receipt_case
def test_a_personal_price_is_not_for_others(case: Case) -> None:
    """Nobody else has it.

    programme
      lover: price 199.00 | on coffee | segments coffee_lover
    receipt 2026-03-01 12:00
      Coffee 1 x 260.00: coffee
    customer
    decision
      pays 260.00
      why lover: not_this_segment
    """


@receipt_case
def test_the_more_pieces_the_larger_the_percent(case: Case) -> None:
    """Five wines together reach the stage from 3, not the one from 6.

    programme
      wine: from 3 pieces: 5 %, 6 pieces: 10 % | on wine
    receipt 2026-03-01 12:00
      Red 2 x 500.00: wine
      White 3 x 400.00: wine
      Bread 1 x 40.00
    decision
      Red -50.00 wine
      White -60.00 wine
      pays 2130.00
    """


@receipt_case
def test_a_stage_by_quantity_takes_an_amount_off_each(case: Case) -> None:
    """From 6 wines on, 40.00 off each of them.

    programme
      wine: from 3 pieces: 20.00, 6 pieces: 40.00 | on wine
    receipt 2026-03-01 12:00
      Red 6 x 500.00: wine
    decision
      Red -240.00 wine
      pays 2760.00
    """


@receipt_case
def test_the_threshold_of_a_stage_is_enough(case: Case) -> None:
    """1 000.00 exactly is the second stage: 100.00 off the receipt.

    programme
      sum: from 500.00: 30.00, 1000.00: 100.00 | target receipt
    receipt 2026-03-01 12:00
      A 1 x 750.00
      B 1 x 250.00
    decision
      A -75.00 sum
      B -25.00 sum
      pays 900.00
    """


@receipt_case
def test_below_the_first_stage(case: Case) -> None:
    """499.99 is told how much is missing.

    programme
      sum: from 500.00: 5 %, 1000.00: 10 %
    receipt 2026-03-01 12:00
      A 1 x 499.99
    decision
      pays 499.99
      why sum: total_too_small
    """
    assert {"have": "499.99 RUB", "from": "500.00 RUB", "missing": "0.01 RUB"} == case.decision.explanations[0].values


@receipt_case
def test_row_38_three_for_two(case: Case) -> None:
    """One of three is not paid; on the receipt two are 66.66 and one 66.68.

    programme
      yoghurt: 3 for 2 | on yoghurt
    receipt 2026-03-01 12:00
      Yoghurt 3 x 100.00: yoghurt
    decision
      Yoghurt -100.00 yoghurt
      pays 200.00
      prints Yoghurt 1 x 66.66 + 2 x 66.67
    """


@receipt_case
def test_three_for_two_of_mixed_prices_gives_the_cheapest_of_each_set(case: Case) -> None:
    """90 80 70 and 70 50 50: sets from the dearest down, a 70 and a 50 are not paid; 40 is in no set.

    programme
      tea: 3 for 2 | on tea
    receipt 2026-03-01 12:00
      Mint 2 x 70.00: tea
      Black 1 x 90.00: tea
      Green 1 x 80.00: tea
      Fruit 2 x 50.00: tea
      Rooibos 1 x 40.00: tea
    decision
      Mint -70.00 tea
      Fruit -50.00 tea
      pays 330.00
    """


@receipt_case
def test_the_cheapest_of_all_are_not_paid(case: Case) -> None:
    """The same receipt: two sets, and the two cheapest of everything are not paid.

    programme
      tea: 3 for 2 | on tea | cheapest_of_all
    receipt 2026-03-01 12:00
      Mint 2 x 70.00: tea
      Black 1 x 90.00: tea
      Green 1 x 80.00: tea
      Fruit 2 x 50.00: tea
      Rooibos 1 x 40.00: tea
    decision
      Fruit -50.00 tea
      Rooibos -40.00 tea
      pays 360.00
    """


@receipt_case
def test_every_fifth_is_for_nothing(case: Case) -> None:
    """N + 1 with N = 4: eleven coffees make two sets, two are not paid.

    programme
      fifth: 5 for 4 | on coffee
    receipt 2026-03-01 12:00
      Coffee 11 x 150.00: coffee
    decision
      Coffee -300.00 fifth
      pays 1350.00
    """


@receipt_case
def test_the_second_at_half_price_once_a_receipt(case: Case) -> None:
    """The dearest pair is the one; 33.33 is halved half a kopeck up.

    programme
      second: 2 for 1 at 50 % | times 1
    receipt 2026-03-01 12:00
      A 1 x 10.00
      B 1 x 33.33
      C 1 x 40.00
    decision
      B -16.67 second
      pays 66.66
    """


@receipt_case
def test_row_15_one_short_of_a_set_says_so(case: Case) -> None:
    """2 of 3, one is missing.

    programme
      yoghurt: 3 for 2 | on yoghurt
    receipt 2026-03-01 12:00
      Yoghurt 2 x 100.00: yoghurt
    decision
      pays 200.00
      why yoghurt: quantity_too_small
    """
    assert {"have": "2", "from": "3", "missing": "1"} == case.decision.explanations[0].values


@receipt_case
def test_weighed_goods_are_in_no_set(case: Case) -> None:
    """0.351 kg of cheese is no piece; two pieces are not three.

    programme
      cheese: 3 for 2 | on cheese
    receipt 2026-03-01 12:00
      Cheese 0.351 x 899.00: cheese
      Brie 2 x 300.00: cheese
    decision
      pays 915.55
      why cheese: quantity_too_small
    """


@receipt_case
def test_a_piece_that_is_not_paid_keeps_its_floor(case: Case) -> None:
    """The third bottle may not be given away: the line keeps 3 x 409.00.

    programme
      vodka: 3 for 2 | on spirits
    receipt 2026-03-01 12:00
      Vodka 3 x 450.00: spirits, floor 409.00
    decision
      Vodka -123.00 vodka
      pays 1227.00
    """


@receipt_case
def test_a_set_at_a_price(case: Case) -> None:
    """Soup, main and drink for 300.00 instead of 380.00: 80.00 in proportion to what each costs.

    programme
      lunch: set 1 soup + 1 main + 1 drink for 300.00
    receipt 2026-03-01 12:00
      Borscht 1 x 120.00: soup
      Cutlet 1 x 200.00: main
      Kompot 1 x 60.00: drink
    decision
      Borscht -25.26 lunch
      Cutlet -42.11 lunch
      Kompot -12.63 lunch
      pays 300.00
    """


@receipt_case
def test_a_set_of_which_a_third_of_a_line_is_part(case: Case) -> None:
    """One of three pieces for 10.00 together is 3.333: the set of it and bread costs 13.33, 3.33 is taken off.

    programme
      pair: set 1 jam + 1 bread for 10.00
    receipt 2026-03-01 12:00
      Jam 3 x 3.50 -0.50: jam
      Bread 1 x 10.00: bread
    decision
      Jam -0.83 pair
      Bread -2.50 pair
      pays 16.67
      prints Jam 1 x 3.05 + 2 x 3.06
      prints Bread 1 x 7.50
    """


@receipt_case
def test_all_three_thirds_make_the_price_exact(case: Case) -> None:
    """Three sets of the same cost three times 10.00, with no kopeck over.

    programme
      pair: set 1 jam + 1 bread for 10.00
    receipt 2026-03-01 12:00
      Jam 3 x 3.50 -0.50: jam
      Bread 3 x 10.00: bread
    decision
      Jam -2.50 pair
      Bread -7.50 pair
      pays 30.00
    """


@receipt_case
def test_a_set_takes_the_dearest_pieces_and_only_whole_sets(case: Case) -> None:
    """Two shirts and a tie, 20 % off: the dearest two of three shirts.

    programme
      suit: set 2 shirt + 1 tie less 20 %
    receipt 2026-03-01 12:00
      White shirt 1 x 1000.00: shirt
      Blue shirt 1 x 3000.00: shirt
      Grey shirt 1 x 2000.00: shirt
      Tie 2 x 500.00: tie
    decision
      Blue shirt -600.00 suit
      Grey shirt -400.00 suit
      Tie -100.00 suit
      pays 5900.00
    """


@receipt_case
def test_a_set_less_an_amount(case: Case) -> None:
    """Two sets of shampoo and balm, 50.00 off each.

    programme
      care: set 1 shampoo + 1 balm less 50.00
    receipt 2026-03-01 12:00
      Shampoo 2 x 200.00: shampoo
      Balm 3 x 300.00: balm
    decision
      Shampoo -40.00 care
      Balm -60.00 care
      pays 1200.00
    """


@receipt_case
def test_an_incomplete_set(case: Case) -> None:
    """Soup without a main is no lunch.

    programme
      lunch: set 1 soup + 1 main for 200.00
    receipt 2026-03-01 12:00
      Borscht 2 x 120.00: soup
    decision
      pays 240.00
      why lunch: set_incomplete
    """


@receipt_case
def test_a_set_is_never_dearer_than_its_goods(case: Case) -> None:
    """Soup and main for 300.00, and they cost 250.00: there is nothing to take off.

    programme
      lunch: set 1 soup + 1 main for 300.00
    receipt 2026-03-01 12:00
      Borscht 1 x 100.00: soup
      Cutlet 1 x 150.00: main
    decision
      pays 250.00
      why lunch: nothing_left
    """


@receipt_case
def test_a_piece_is_in_one_set_of_its_group(case: Case) -> None:
    """Five teas: three are in 3 for 2, the other two make the pair at 20 % off; nothing is counted twice.

    programme
      group sets: stack
      three: 3 for 2 | on tea | group sets
      pair: set 2 tea less 20 % | group sets
    receipt 2026-03-01 12:00
      Tea 5 x 100.00: tea
    decision
      Tea -100.00 three
      Tea -40.00 pair
      pays 360.00
    """


@receipt_case
def test_rules_of_different_groups_do_not_share_pieces(case: Case) -> None:
    """Each by itself: 3 for 2, and then 20 % off the pair at what is left, 66.67 a piece.

    programme
      three: 3 for 2 | on tea
      pair: set 2 tea less 20 %
    receipt 2026-03-01 12:00
      Tea 3 x 100.00: tea
    decision
      Tea -100.00 three
      Tea -26.67 pair
      pays 173.33
    """


@receipt_case
def test_initial_looks_at_the_prices_before(case: Case) -> None:
    """The same pair at the prices before: 20 % of 200.00.

    programme
      three: 3 for 2 | on tea
      pair: set 2 tea less 20 % | initial
    receipt 2026-03-01 12:00
      Tea 3 x 100.00: tea
    decision
      Tea -100.00 three
      Tea -40.00 pair
      pays 160.00
    """


@receipt_case
def test_the_best_order_of_sets(case: Case) -> None:
    """3 for 2 first would give 40.00 and leave the dinner incomplete; the dinner first gives 100.00.

    programme
      group sets: best
      three: 3 for 2 | on food | group sets
      dinner: set 1 steak + 1 wine for 200.00 | group sets
    receipt 2026-03-01 12:00
      Steak 1 x 200.00: food, steak
      Salad 2 x 40.00: food
      Wine 1 x 100.00: wine
    decision
      Steak -66.67 dinner
      Wine -33.33 dinner
      pays 280.00
      why dinner: set_applied
      why three: beaten
    """


@receipt_case
def test_row_75_exclusive_against_best(case: Case) -> None:
    """A set that admits no other stands alone, even where the card would have given more.

    programme
      group alone: exclusive
      group card: best
      three: 3 for 2 | on tea | group alone
      half: 50 % off | group card
      ten: 10 % off | group card
    receipt 2026-03-01 12:00
      Tea 3 x 100.00: tea
      Cake 1 x 900.00
    decision
      Tea -100.00 three
      pays 1100.00
      why half: beaten_by_exclusive
      why ten: beaten_by_exclusive
    """


@receipt_case
def test_an_exclusive_set_without_effect_gives_way_to_the_best(case: Case) -> None:
    """Two teas are no set, and the card acts.

    programme
      group alone: exclusive
      group card: best
      three: 3 for 2 | on tea | group alone
      half: 50 % off | group card
      ten: 10 % off | group card
    receipt 2026-03-01 12:00
      Tea 2 x 100.00: tea
    decision
      Tea -100.00 half
      pays 100.00
      why three: quantity_too_small
      why ten: beaten
    """


@receipt_case
def test_the_first_set_of_a_list(case: Case) -> None:
    """`list_order`: the first that makes a set is the only one.

    programme
      group sets: list_order
      six: 6 for 4 | on tea | group sets
      three: 3 for 2 | on tea | group sets
      pair: set 2 tea less 10 % | group sets
    receipt 2026-03-01 12:00
      Tea 5 x 100.00: tea
    decision
      Tea -100.00 three
      pays 400.00
      why six: quantity_too_small
      why pair: beaten
    """


@receipt_case
def test_tobacco_is_in_no_set(case: Case) -> None:
    """Cigarettes neither complete a set nor are given away.

    programme
      three: 3 for 2
    receipt 2026-03-01 12:00
      Cigarettes 2 x 217.00: tobacco
      Lighter 1 x 40.00
    decision
      pays 474.00
      why three: quantity_too_small
    """


@receipt_case
def test_row_17_a_refund_of_one_of_three(case: Case) -> None:
    """3 for 2 for 200.00 earned 20; each piece back is 66.66 and takes its part, the last one the rest.

    programme
      unit bonus worth 1
      three: 3 for 2 | on tea
      back: earns 10 % in bonus
    receipt 2026-03-01 12:00
      Tea 3 x 100.00: tea
    customer
    returns Tea 1
    returns Tea 1
    returns Tea 1
    decision
      Tea -100.00 three
      pays 200.00
      earns 20 bonus
      return of 66.66 takes back 6 bonus
      return of 66.66 takes back 7 bonus
      return of 66.66 takes back 7 bonus
    """


@receipt_case
def test_more_overlapping_sets_than_can_be_tried(case: Case) -> None:
    """Five rules want the same teas: the largest goes first, and it says so.

    programme
      group sets: best
      a: set 2 tea less 1 % | group sets
      b: set 2 tea less 2 % | group sets
      c: set 2 tea less 5 % | group sets
      d: set 2 tea less 4 % | group sets
      e: set 2 tea less 3 % | group sets
    receipt 2026-03-01 12:00
      Tea 2 x 100.00: tea
    decision
      Tea -10.00 c
      pays 190.00
      why c: sets_ranked
      why c: set_applied
      why a: beaten
    """


@receipt_case
def test_a_weighed_remainder_goes_to_another_line(case: Case) -> None:
    """10 % off 2.5 kg at 2.50 leaves 5.62, and 2.5 kg cost 5.60 or 5.63: bread pays a kopeck less.

    programme
      ten: 10 % off
    receipt 2026-03-01 12:00
      Potatoes 2.5 x 2.50
      Bread 1 x 30.00
    decision
      Potatoes -0.63 ten
      Bread -3.00 ten
      pays 32.62
      prints Potatoes 2.5 x 2.25
      prints Bread 1 x 26.99
    """
