"""The text of one scan → what is told of it; the one door through which every scanner's codes pass.

What is no text is nothing, what lacks its prefix is half a code, and a bank card ends here: its digits go no further.
"""

from __future__ import annotations

import re
from typing import Final

from drivers.scanners.symbologies import SYMBOLOGY_SIZE_MAX, SymbologyIds, split_symbology
from drivers.vocabulary.check_digits import holds_bank_number
from drivers.vocabulary.events import BankCardRead, CodeScanned

__all__ = ["TEXT_SIZE_MAX", "read_beginning", "read_bytes", "read_text"]

TEXT_SIZE_MAX: Final = 4_296  # the longest QR code there can be (ISO/IEC 18004, version 40-L, letters and digits)

#: All control characters but those that belong to codes: EOT, FS, GS, RS (ISO/IEC 15434 envelopes, GS1 separators).
_NOISE: Final = re.compile(r"[\x00-\x03\x05-\x1b\x1f]")


def read_bytes(
    data: bytes,
    *,
    device: str,
    code_length_max: int,
    encoding: str = "utf-8",
    prefix: str = "",
    ids: SymbologyIds = SymbologyIds.AIM,
    symbology: str = "",
) -> CodeScanned | BankCardRead | None:
    """The same as `read_text`; bytes that are no text in `encoding` are line noise, or another speed than ours."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return read_text(text, device=device, code_length_max=code_length_max, prefix=prefix, ids=ids, symbology=symbology)


def read_text(
    text: str,
    *,
    device: str,
    code_length_max: int,
    prefix: str = "",
    ids: SymbologyIds = SymbologyIds.AIM,
    symbology: str = "",
) -> CodeScanned | BankCardRead | None:
    """One code; None for what is none: nothing, noise, half a code.

    Args:
        text: between two ends, without them.
        device: the scanner's name in the settings.
        code_length_max: a longer code is noise.
        prefix: what every code must begin with, before or after its symbology.
        ids: what the scanner puts before a code to say which kind it is.
        symbology: the AIM id, when the scanner told it apart from the code.
    """
    text = _without_noise(text).strip(" ")
    is_prefix_due = bool(prefix)
    # Scanners differ in which of the two comes first.
    for _ in range(2):
        if is_prefix_due and text.startswith(prefix):
            text, is_prefix_due = text[len(prefix) :], False
        elif not symbology:
            symbology, text = split_symbology(text, ids)
    if is_prefix_due or not text or len(text) > code_length_max:
        return None
    if holds_bank_number(text):
        return BankCardRead(device=device)
    return CodeScanned(device=device, code=text, symbology=symbology)


def _without_noise(text: str) -> str:
    return _NOISE.sub("", text)


def read_beginning(text: str, *, prefix: str = "", ids: SymbologyIds = SymbologyIds.AIM) -> str | None:
    """What has come of a code, without its prefix and its symbology; None as long as those may not be whole."""
    text = _without_noise(text).lstrip(" ")
    if prefix.startswith(text) and text != prefix:
        return None
    text = text.removeprefix(prefix)
    is_short = len(text) < SYMBOLOGY_SIZE_MAX
    if is_short and (text.startswith("]") or ids is not SymbologyIds.AIM):
        return None
    rest = split_symbology(text, ids)[1]
    # The symbology may stand before the prefix too.
    if prefix and rest != text and prefix.startswith(rest) and rest != prefix:
        return None
    return rest.removeprefix(prefix) if rest != text else rest
