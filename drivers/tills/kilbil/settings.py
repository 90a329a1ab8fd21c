"""The kilbil room's own table in the settings file."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["KilbilSettings"]


class KilbilSettings(Struct, frozen=True, kw_only=True):
    """How this POS's requests are taken.

    Attributes:
        unit: which points its bonuses are.
        consent_purpose: what `addclient` agrees to, as the centre names it; "" lets nobody join by this POS, because
            the protocol does not say what the customer was asked.
        consent_version: which words the POS shows the customer.
    """

    unit: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "bonus"
    consent_purpose: Annotated[str, Meta(pattern=r"^([a-z][a-z0-9_]{0,39})?$")] = ""
    consent_version: Annotated[str, Meta(min_length=1, max_length=80)] = "kilbil"
