"""The claim code printed on a slip: six characters a person can read aloud, two that catch a wrong one."""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["claim_code", "normal_claim"]

# Crockford's base 32: no I, L, O, U, so nothing is misread and nothing is spelled.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD: Final = str.maketrans({"I": "1", "L": "1", "O": "0", "U": "V"})


def claim_code(till: str, receipt_uid: str) -> str:
    """The code of a receipt, ``7K4M0Q-2X``; the same receipt always gets the same code."""
    digest = hashlib.sha256(f"claim\x1f{till}\x1f{receipt_uid}".encode()).digest()
    number = int.from_bytes(digest[:8], "big")
    body = "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(6))
    return f"{body}-{_check(body)}"


def normal_claim(text: str) -> str | None:
    """What somebody typed as a claim code, in its one form; None when it cannot be one."""
    letters = "".join(character for character in text.upper().translate(_MISREAD) if character.isalnum())
    if len(letters) != 8 or any(letter not in _ALPHABET for letter in letters):
        return None
    body, check = letters[:6], letters[6:]
    return f"{body}-{check}" if _check(body) == check else None


def _check(body: str) -> str:
    """Two check characters: the body as a number modulo the prime 1021."""
    number = 0
    for letter in body:
        number = number * 32 + _ALPHABET.index(letter)
    rest = number % 1021
    return _ALPHABET[rest // 32] + _ALPHABET[rest % 32]
