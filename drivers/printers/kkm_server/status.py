"""What KKM-Server says is wrong, in its own words → our codes and a sentence for the cashier; pure.

It passes on the register's sentence (``Error``) and has no code of its own, so the sentence is searched for the words
that every maker uses.
"""

from __future__ import annotations

from typing import Final

from drivers.polled import Condition
from drivers.vocabulary.errors import DeviceRefused

#: Words of a sentence, our code, what the cashier should do; the first that fits counts.
SENTENCES: Final = (
    (("крышк", "cover"), "E302", "the cover is open: close it"),
    (("бумаг", "paper"), "E301", "out of paper: put in a new roll"),
    (("24 час", "смена превы", "shift"), "E310", "the shift is over 24 hours: close it on the POS"),
    (("нет связи", "не подключ", "no connection"), "E300", "KKM-Server cannot reach the register: check its cable"),
)
OTHER: Final = ("E306", "the register reports an error: look at KKM-Server's own page")
PASSWORD: Final = ("E313", "KKM-Server does not know this user or password: ask store IT")


def condition_of(error: str) -> Condition:
    """How the register is, by the sentence the server gives; all is well for ""."""
    if not error:
        return Condition()
    code, sentence = _found(error)
    return Condition(code=code, sentence=sentence, maker_code=error[:120])


def refusal(what: str, error: str) -> DeviceRefused:
    """The exception for a command that failed."""
    code, sentence = _found(error)
    return DeviceRefused(f"{what}: {sentence} ({error[:120]})", code=code, maker_code=error[:120])


def _found(error: str) -> tuple[str, str]:
    words = error.casefold()
    return next(((code, sentence) for known, code, sentence in SENTENCES if any(one in words for one in known)), OTHER)
