"""GS1 element strings and marking codes, whole, without separators, in brackets, and broken."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.checkout.codes.gs1 import read_elements
from agent.checkout.codes.marking import is_marking, marked_product

MILK = "0104600653105990" + "21" + "52CUnq\x1d93Gk30"


def test_a_marking_code_of_milk():
    """GTIN, serial number, and the check the state wants."""
    found = read_elements(MILK)

    assert {"01": "04600653105990", "21": "52CUnq", "93": "Gk30"} == found.values
    assert (True, "04600653105990", "52CUnq") == (found.is_whole, found.gtin, found.serial)


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("\x1d" + MILK, {"01": "04600653105990", "21": "52CUnq", "93": "Gk30"}),
        ("(01)04600000000015(21)5AbCdEf", {"01": "04600000000015", "21": "5AbCdEf"}),
        ("01046000000000153103001250", {"01": "04600000000015", "3103": "001250"}),
        ("01046000000000151726123110LOT7\x1d3700", {"01": "04600000000015", "17": "261231", "10": "LOT7", "37": "00"}),
        ("8005012345\x1d91EE06", {"8005": "012345", "91": "EE06"}),
        ("4210643ABC", {"421": "0643ABC"}),
    ],
)
def test_elements_of_fixed_and_open_length(code, values):
    """Fixed ones follow one another, open ones end with GS."""
    found = read_elements(code)

    assert (values, True) == (found.values, found.is_whole)


def test_a_weighed_pack_says_its_weight():
    """AI 3103: three decimal places of a kilogram."""
    assert Decimal("1.250") == read_elements("01046000000000153103001250").weight_kg
    assert read_elements(MILK).weight_kg is None


@pytest.mark.parametrize(
    "code", ["", "01", "0104600000000", "XX123", "0104600000000015XX", "(01", "(01)", "(A)1", "21\x1d", "1٣00"]
)
def test_what_cannot_be_taken_apart_says_so(code):
    """And keeps what stood before."""
    assert not read_elements(code).is_whole


def test_a_wrong_check_digit_is_no_product():
    """The number is told only when it is right."""
    assert "" == read_elements("010460065310599121X").gtin


@pytest.mark.parametrize(
    ("code", "product"),
    [
        (MILK, "04600653105990"),
        (MILK.replace("\x1d", ""), "04600653105990"),
        ("04600000000015" + "AbCd!fG" + "ABCD" + "x1y2", "04600000000015"),
        ("12ABC" + "A1" * 31 + "Z", ""),
    ],
)
def test_the_product_of_a_marking_code(code, product):
    """With and without separators, and from a pack of tobacco; an excise stamp does not say."""
    assert is_marking(code, "")
    assert product == marked_product(code)


@settings(deadline=None)
@given(st.text(max_size=120), st.sampled_from(["", "]d2", "]E0"]))
def test_no_code_makes_it_fail(code, symbology):
    """Whatever is scanned."""
    found = read_elements(code)
    is_marking(code, symbology)
    marked_product(code)

    assert len(found.values) <= 20
    assert all(found.values.values())


_ELEMENTS = st.lists(
    st.one_of(
        st.tuples(st.just("01"), st.just("04600000000015")),
        st.tuples(st.sampled_from(["10", "21", "91", "93"]), st.text("ABCdef123/+=", min_size=1, max_size=20)),
        st.tuples(st.just("17"), st.just("261231")),
        st.tuples(st.just("3103"), st.just("001250")),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda pair: pair[0],
)


@given(_ELEMENTS)
def test_what_was_put_together_is_taken_apart(pairs):
    """Encode then decode is identity."""
    code = "".join(name + value + ("" if name in ("01", "17", "3103") else "\x1d") for name, value in pairs)

    assert (dict(pairs), True) == read_elements(code)
