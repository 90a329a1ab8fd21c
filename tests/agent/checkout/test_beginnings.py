"""Whether a code may still become one that a pattern takes: never no where the answer is yes."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.checkout.codes.beginnings import Beginning
from agent.checkout.codes.patterns import compile_pattern
from agent.checkout.codes.recogniser import DEFAULT_PATTERNS
from drivers.vocabulary.errors import SettingsError


@pytest.mark.parametrize("row", DEFAULT_PATTERNS, ids=lambda row: row.name)
def test_the_shipped_patterns_are_read(row):
    """None of them makes every product wait for its last character."""
    beginning = Beginning(row.pattern)

    assert beginning.is_read
    assert beginning.may_grow("")
    assert not beginning.may_grow("4600000000015")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("2[09][0-9]{11}", ["2", "20", "2000000000015"], ["21", "4", "20000000000155"]),
        (
            "(?P<n>[A-Z]{2}-?[0-9]{6,8})",
            ["", "A", "AB", "AB-", "AB1", "AB-123456", "AB12345678"],
            ["A1", "AB--", "AB123456789"],
        ),
        ("(?:CARD|CLUB)-[0-9]+", ["C", "CA", "CL", "CARD-", "CARD-1111"], ["CX", "CALB", "CARD-X"]),
        ("a{,2}b", ["", "a", "aa", "aab", "b"], ["aaa", "bb"]),
        ("a??b*?c+", ["", "a", "b", "abbb", "ccc"], ["ca"]),
        ("[]x^]{2}", ["]", "^x"], ["y", "]]]"]),
        ("[^0-9]\\d\\.", ["x", "x1", "x1."], ["1", "x1,"]),
        (".\\x41", ["?", "?A"], ["?B"]),
        ("A{B}", ["A{", "A{B}"], ["AB"]),
        ("", [""], ["a"]),
        ("a|", ["", "a"], ["b"]),
    ],
)
def test_what_may_still_grow(pattern, yes, no):
    """Classes, escapes, groups, alternatives and every kind of repeat."""
    beginning = Beginning(pattern)

    assert beginning.is_read
    assert [] == [text for text in yes if not beginning.may_grow(text)]
    assert [] == [text for text in no if beginning.may_grow(text)]


@pytest.mark.parametrize(
    "pattern", ["(?=20)[0-9]{13}", "(a)\\1", "(?i)card", "^20", "20$", "\\bx", "(?:[0-9]{90}){60}"]
)
def test_what_is_beyond_it_is_held(pattern):
    """Then a code is held until it is whole: late, and never wrong."""
    beginning = Beginning(pattern)

    assert not beginning.is_read
    assert beginning.may_grow("anything")


@settings(deadline=None, max_examples=400)
@given(
    st.text(alphabet="ab?*+{}(),|[]12^\\d.-", max_size=14),
    st.text(alphabet="ab12-^]", max_size=8),
)
def test_every_beginning_of_a_match_may_grow(pattern, text):
    """Whatever pattern the settings may hold: what it takes as a whole was never given up on the way."""
    try:
        compiled = compile_pattern(pattern, take=0, where="x")
    except SettingsError:
        return
    beginning = Beginning(pattern)
    if compiled.fullmatch(text) is not None:
        assert all(beginning.may_grow(text[:length]) for length in range(len(text) + 1))


@settings(deadline=None)
@given(st.text(alphabet="ab1", max_size=6))
def test_a_whole_text_that_may_grow_by_nothing_matches(text):
    """The acceptor is no looser than it must be: exact patterns are exact."""
    beginning = Beginning("(?:ab|a1){1,2}b?")
    grown = any(
        re.fullmatch("(?:ab|a1){1,2}b?", text + more) for more in ("", "b", "1", "ab", "a1", "bab", "1ab", "ba1", "1a1")
    )

    assert grown == beginning.may_grow(text)
