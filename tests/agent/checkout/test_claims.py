"""Claim codes: read aloud, typed wrongly, found or refused."""

from __future__ import annotations

from drivers.vocabulary.claims import claim_code, normal_claim


def test_the_same_receipt_has_the_same_code() -> None:
    """A reprint shows what the first print showed."""
    assert claim_code("t1", "r-1") == claim_code("t1", "r-1")
    assert claim_code("t1", "r-1") != claim_code("t2", "r-1")


def test_what_people_type_is_understood() -> None:
    """Lower case, spaces, a letter O for a zero."""
    code = claim_code("t1", "r-17")

    assert code == normal_claim(code.lower().replace("-", " "))
    assert code == normal_claim(code.replace("0", "O").replace("1", "l"))


def test_one_wrong_character_is_noticed() -> None:
    """Every single substitution is refused."""
    code = claim_code("t1", "r-3").replace("-", "")
    accepted = [
        code[:place] + letter + code[place + 1 :]
        for place in range(8)
        for letter in "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
        if letter != code[place] and normal_claim(code[:place] + letter + code[place + 1 :])
    ]

    assert accepted == []


def test_a_code_of_another_length_is_none() -> None:
    """A phone number is not a claim code."""
    assert normal_claim("79000000001") is None
