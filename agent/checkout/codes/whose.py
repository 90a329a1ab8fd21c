"""Whose a scanned code is, ours or the POS's, for a scanner that both read; pure, so that any thread may ask.

Ours is what names a customer: a card, a phone in an app's code, a signed code. A closed receipt's code is told to
both: a POS takes returns by it. Products, weighed goods, marking codes, coupons and bank cards are the POS's.
"""

from __future__ import annotations

from typing import Final

from agent.checkout.codes.recogniser import CodeKind, Recogniser
from drivers.sharing import Fate
from drivers.vocabulary.events import CodeScanned

__all__ = ["LoyaltyJudge"]

_FATES: Final = {CodeKind.CUSTOMER: Fate.OURS, CodeKind.SIGNED: Fate.OURS, CodeKind.RECEIPT: Fate.BOTH}


class LoyaltyJudge:
    """See `drivers.sharing.Judge`."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser

    def fate(self, scanned: CodeScanned) -> Fate:
        """Of a whole code."""
        recognised = self._recogniser.recognise(scanned.code, presented=True, symbology=scanned.symbology)
        return _FATES.get(recognised.kind, Fate.POS)

    def may_be_kept(self, beginning: str) -> bool:
        """Whether a code that begins so may still turn out to be a customer's."""
        return self._recogniser.may_be_ours(beginning)
