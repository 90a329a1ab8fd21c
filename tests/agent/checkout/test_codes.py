"""What a code is: cards, phones, products, marking codes and bank cards; the two promises above all patterns."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.checkout.codes.patterns import compile_pattern
from agent.checkout.codes.recogniser import DEFAULT_PATTERNS, CardPattern, CheckRule, CodeKind, Recogniser
from drivers.vocabulary.check_digits import ean8_ok, ean13_ok, gtin_ok, is_bank_number, luhn_ok, upca_ok
from drivers.vocabulary.customer import Identifier, IdentifierKind
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.phones import normalise

CARD, PHONE = IdentifierKind.CARD, IdentifierKind.PHONE
# Numbers that every payment system publishes for tests; no card has them.
TEST_BANK_NUMBERS = [
    "4242424242424242",
    "5555555555554444",
    "2200000000000004",
    "2223003122003222",
    "378282246310005",
    "6200000000000005",
    "30569309025904",
    "3530111333300000",
]


def _recogniser(patterns=DEFAULT_PATTERNS, **kwargs):
    return Recogniser(patterns, normalise_phone=lambda text: normalise(text, "RU"), **kwargs)


def _kind(code, *, presented=True, symbology="", **kwargs):
    return _recogniser(**kwargs).recognise(code, presented=presented, symbology=symbology).kind


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (
            ean13_ok,
            ["4006381333931", "4600000000015", "2000000000015", "0000000000000"],
            ["4006381333932", "400638133393"],
        ),
        (ean8_ok, ["73513537", "96385074"], ["73513538", "7351353"]),
        (upca_ok, ["036000291452", "012345678905"], ["036000291453", "0360002914521"]),
        (gtin_ok, ["10012345678902", "73513537"], ["10012345678903", "", "1", "٣٣"]),
        (luhn_ok, ["79927398713", *TEST_BANK_NUMBERS], ["79927398710", "", "x"]),
        (is_bank_number, TEST_BANK_NUMBERS, ["4242424242424241", "7992739871300004", "424242424242", "2" * 20]),
    ],
)
def test_check_digits(check, right, wrong):
    """Published vectors and their neighbours."""
    assert all(check(text) for text in right)
    assert not any(check(text) for text in wrong)


@pytest.mark.parametrize(
    ("code", "presented", "kind", "value", "pattern"),
    [
        ("2000000000015", True, CARD, "2000000000015", "in-store card"),
        ("]E02000000000015", True, CARD, "2000000000015", "in-store card"),
        ("2900000000018", False, CARD, "2900000000018", "in-store card"),
        (";2001234567890?", True, CARD, "2001234567890", "magnetic card"),
        (";1234567=99120000?", True, CARD, "1234567", "magnetic card"),
        ("TP1:CARD-17", True, CARD, "CARD-17", "app"),
        ("TP1:2000000000015", True, CARD, "2000000000015", "app"),
        ("TP1:+79000000001", True, PHONE, "+79000000001", "app, by phone"),
        ("8 900 000-00-01", False, PHONE, "+79000000001", "phone"),
        ("9000000001", False, PHONE, "+79000000001", "phone"),
        ("66810000001", False, PHONE, "+66810000001", "phone"),
        ("123456", False, CARD, "123456", "typed number"),
    ],
)
def test_a_customer_is_recognised(code, presented, kind, value, pattern):
    """Every way a shop has that has set nothing."""
    answer = _recogniser().recognise(code, presented=presented)

    assert Identifier(kind=kind, value=value, presented=presented) == answer.identifier
    assert (CodeKind.CUSTOMER, pattern) == (answer.kind, answer.pattern)


@pytest.mark.parametrize(
    "code",
    ["4600000000015", "036000291452", "73513537", "10012345678902", "2100000000012", "2200155005006"],
)
@pytest.mark.parametrize("presented", [True, False])
def test_a_product_is_no_customer(code, presented):
    """Products and weighed goods, scanned or typed."""
    assert gtin_ok(code)
    assert CodeKind.PRODUCT is _kind(code, presented=presented)


@pytest.mark.parametrize(
    ("code", "symbology"),
    [
        ("0104600000000015215AbCdEf\x1d93Abcd", "]d2"),
        ("0104600000000015215AbCdEf\x1d93Abcd", ""),
        ("010460000000001521ABCDEFG93Abcd", ""),
        ("\x1d0104600000000015215AbCdEf", ""),
        ("(01)04600000000015(21)5AbCdEf", ""),
        ("12ABC" + "A1" * 31 + "Z", ""),
        ("A1" * 75, ""),
        ("ANYTHING", "]d2"),
    ],
)
def test_a_marking_code_is_no_customer(code, symbology):
    """With and without the separator, tobacco and excise stamps too."""
    assert CodeKind.MARKING is _kind(code, symbology=symbology)


def test_a_pack_of_tobacco_is_a_marking_code():
    """Fourteen digits, seven of the serial number, four of the price, and four of the check."""
    assert CodeKind.MARKING is _kind("04600000000015" + "AbCd!fG" + "ABCD" + "x1y2")


@pytest.mark.parametrize("number", TEST_BANK_NUMBERS)
@pytest.mark.parametrize("form", ["{0}", ";{0}=30011010000012345678?", "%B{0}^NAME/TEST^3001101?", "TP1:{0}", ";{0}?"])
@pytest.mark.parametrize("presented", [True, False])
def test_a_bank_card_is_never_taken(number, form, presented):
    """Whatever the pattern says, and no digit of it is in the answer."""
    greedy = CardPattern(name="greedy", pattern=".*?([0-9]{13,19}).*", take=1)
    answer = _recogniser([*DEFAULT_PATTERNS, greedy]).recognise(form.format(number), presented=presented)

    assert CodeKind.BANK_CARD is answer.kind
    assert not any(character.isdigit() for character in repr(answer))


def test_a_bank_card_typed_in_groups_is_never_taken():
    """Spaces and dashes do not hide it."""
    assert CodeKind.BANK_CARD is _kind("4242 4242-4242 4242", presented=False)


@pytest.mark.parametrize("code", ["", "   ", "CARD-17", "https://shop.example/c/1", "x" * 201, "9" * 200, "]E0"])
def test_the_rest_is_unknown(code):
    """What no pattern takes is nobody's."""
    assert CodeKind.UNKNOWN is _kind(code)


def test_a_scanned_phone_is_not_guessed():
    """A barcode of eleven digits is no phone unless a pattern says so."""
    assert CodeKind.UNKNOWN is _kind("79000000001", presented=True)


def test_a_public_product_is_only_taken_by_a_pattern_that_knows_it_is_one():
    """A careless pattern does not make customers of products; an explicit one may."""
    careless = [CardPattern(name="any", pattern="[0-9]{13}")]
    explicit = [CardPattern(name="ours", pattern="46000000000[0-9]{2}", check=CheckRule.EAN13)]

    assert CodeKind.PRODUCT is _kind("4600000000015", patterns=careless)
    assert CodeKind.CUSTOMER is _kind("4600000000015", patterns=explicit)


def test_weighed_goods_win_over_cards():
    """A scale's range is never a card, and a shop may move the range."""
    anything = [CardPattern(name="any in-store", pattern="2[0-9]{12}", check=CheckRule.EAN13)]

    assert CodeKind.PRODUCT is _kind("2200155005006", patterns=anything)
    assert CodeKind.CUSTOMER is _kind("2200155005006", patterns=anything, weighed_prefixes=("25",))


@pytest.mark.parametrize(
    ("pattern", "take", "hint"),
    [
        ("([0-9", 0, "is no regular expression"),
        ("[0-9]{13}", "number", "has no group 'number' to take"),
        ("[0-9]{13}", 1, "has no group 1 to take"),
        ("([0-9]+)+x", 0, "a repeat inside a repeat"),
        ("([0-9]*)*", 0, "a repeat inside a repeat"),
        ("(a|ab)*c", 0, "a repeat inside a repeat"),
        ("((a?){30}a{30})", 0, "a repeat inside a repeat"),
        ("a?" * 9 + "a" * 9, 0, "too many repeats"),
        (".*.*.*x", 0, "too many repeats"),
        (".{0,60}.{0,60}.{0,60}x", 0, "too many repeats"),
    ],
)
def test_a_pattern_that_cannot_be_used_names_its_key(pattern, take, hint):
    """Wrong or slow is found when the settings are read."""
    with pytest.raises(SettingsError, match=hint) as caught:
        _recogniser([CardPattern(name="x", pattern=pattern, take=take)])

    assert "cards[0].pattern" in str(caught.value)


@pytest.mark.parametrize(
    "pattern",
    [r"\(+[0-9]{13}", r"[*+?{}|()\]]{3}[^]]x", "(?:ab){2,3}", "(?P<n>[A-Z]{2}-?[0-9]{6,10})", "A{,}B", "a+?b"],
)
def test_honest_patterns_are_not_refused(pattern):
    """Escapes and classes are no repeats."""
    assert compile_pattern(pattern, take=0, where="x").pattern == pattern


@settings(deadline=None)
@given(st.text(alphabet="ab?*+{}(),|[]12^\\", max_size=14), st.sampled_from(["a", "b", "ab", "1", "a1"]))
def test_an_accepted_pattern_is_quick(pattern, seed):
    """Whatever pattern is let through, the longest code is answered soon."""
    try:
        compiled = compile_pattern(pattern, take=0, where="x")
    except SettingsError:
        return
    began_s = time.perf_counter()
    compiled.fullmatch((seed * 200)[:199] + "!")

    assert time.perf_counter() - began_s < 0.5


@settings(deadline=None)
@given(st.text(max_size=60), st.booleans())
def test_no_code_makes_it_fail(code, presented):
    """Whatever is scanned or typed, there is an answer, and an identifier exactly for a customer."""
    answer = _recogniser().recognise(code, presented=presented)

    assert (answer.kind is CodeKind.CUSTOMER) == (answer.identifier is not None)


# ── Swipes, receipts, app codes, other layouts ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "value", "pattern"),
    [
        ("%2001234567890?", "2001234567890", "magnetic card, track 1"),
        ("%B2001234567890^NAME/TEST^?", "2001234567890", "magnetic card, track 1"),
        ("+7654321=99?", "7654321", "magnetic card, track 3"),
        ("%NO NUMBER HERE?;2001234567890?", "2001234567890", "magnetic card"),
        ("%?;?+2001234567890?", "2001234567890", "magnetic card, track 3"),
        (";2001234567890?X", "2001234567890", "magnetic card"),
    ],
)
def test_each_track_of_a_swipe_is_tried(code, value, pattern):
    """Readers send one, two or three in one go; the first that a pattern takes counts."""
    answer = _recogniser().recognise(code, presented=True)

    assert (value, pattern) == (answer.identifier.value, answer.pattern)


@pytest.mark.parametrize("code", [";2001234567890?+4242424242424242?", "%B4242424242424242^X^?;2001234567890?"])
def test_a_bank_number_on_any_track_makes_it_a_bank_card(code):
    """A card of a bank and a club at once is the bank's: its number must not be near us."""
    assert CodeKind.BANK_CARD is _kind(code)


def test_what_a_receipt_and_an_app_code_say_is_told_apart():
    """Neither names a customer by itself."""
    receipt = _recogniser().recognise("t=20260302T1200&s=1.00&fn=9999078900004792&i=1&fp=2&n=1", presented=True)
    signed = _recogniser().recognise("TP2:c2000000000015:1:2:Zk3jQ9xT:" + "A" * 86, presented=True)

    assert (CodeKind.RECEIPT, "f-9999078900004792-1-2") == (receipt.kind, receipt.receipt.uid)
    assert (CodeKind.SIGNED, None) == (signed.kind, signed.identifier)
    assert CodeKind.UNKNOWN is _kind("TP2:c2000000000015:1:2:Zk3jQ9xT:" + "A" * 85)
    assert CodeKind.UNKNOWN is _kind("TP3:2000000000015")


@pytest.mark.parametrize(
    ("typed", "value"),
    [("ЕЗ1Ж2000000000015", "2000000000015"), ("ЕЗ1ЖСФКВ-17", "CARD-17"), ("ЕЗ1Жсфкв-17", "card-17")],
)
def test_a_code_typed_through_a_russian_layout(typed, value):
    """The keys were those of TP1:… on a US keyboard; the computer was set to Russian."""
    assert value == _recogniser().recognise(typed, presented=True).identifier.value


def test_a_pattern_may_name_its_programme_and_its_partner():
    """Carried along for whoever decides about them."""
    row = CardPattern(name="x", pattern="28[0-9]{11}", partner="fuel", programme="Club")
    answer = _recogniser([row], weighed_prefixes=("21",)).recognise("2800000000019", presented=True)

    assert ("fuel", "Club") == (answer.partner, answer.programme)


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.text(max_size=40),
        st.sampled_from(
            [
                "2000000000015",
                "TP1:CARD-17",
                ";2001234567890?",
                "%B2001234567890^N^?",
                "TP2:c2000:1:2:abcdef:" + "A" * 86,
            ]
        ),
    )
)
def test_every_beginning_of_a_customers_code_may_be_ours(code):
    """A shared scanner never passes on the beginning of a card."""
    recogniser = _recogniser()
    if recogniser.recognise(code, presented=True).kind in (CodeKind.CUSTOMER, CodeKind.SIGNED):
        text = code.strip(" \r\n\t")
        text = text[3:] if text.startswith("]") else text
        assert all(recogniser.may_be_ours(text[:length]) for length in range(len(text) + 1))


@pytest.mark.parametrize(
    ("beginning", "is_ours"),
    [("4", False), ("01", False), ("21", False), ("2", True), ("T", True), ("TP2:", True), (";", True), ("t=", False)],
)
def test_what_a_product_begins_with_is_not_ours(beginning, is_ours):
    """So it need not wait."""
    assert is_ours is _recogniser().may_be_ours(beginning)
