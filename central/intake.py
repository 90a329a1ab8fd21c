"""Takes a batch whatever is in it: what no database can keep is refused by itself and never holds up the others.

A till sends its envelopes in order and cannot leave one out; if one of them failed the whole batch each time, the till
would be stuck behind it for ever. So a batch that fails is taken again envelope by envelope.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DataError

from central.ingest import ingest
from drivers.vocabulary.centre import UploadAnswer, Verdict, WireEnvelope

__all__ = ["POISON", "take_each"]

#: What an envelope does that can be read and cannot be kept: a text longer than its column, a number out of range.
POISON: Final = (DataError, OverflowError)
REASON: Final = "it holds a text or a number that is too long for the centre; kept for a person"

_log = logging.getLogger(__name__)


def take_each(
    writing: Callable[[Callable[[Connection], UploadAnswer]], UploadAnswer],
    envelopes: Sequence[WireEnvelope],
    **known: Any,
) -> UploadAnswer:
    """One transaction for each envelope; `writing` runs it, `known` is what `ingest` wants besides.

    Raises:
        Refusal: as `ingest`; what was taken before stays taken.
    """
    verdicts: list[Verdict] = []
    for envelope in envelopes:
        try:
            answer = writing(partial(ingest, envelopes=(envelope,), **known))
        except POISON as error:
            _log.warning("envelope.poison till=%s sequence=%d error=%s", known["till"], envelope.sequence, type(error))
            answer = writing(partial(ingest, envelopes=(envelope,), refused=REASON, **known))
        verdicts += answer.verdicts
    return msgspec.structs.replace(answer, verdicts=tuple(verdicts))
