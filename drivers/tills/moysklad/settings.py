"""The МойСклад room's own settings, as `tillpoint central shops add moysklad --set …` takes them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["MoySkladSettings"]


class MoySkladSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this account's requests are taken.

    Attributes:
        unit: which points its bonuses are.
        consent_purpose: what a new counterparty agrees to, as the centre names it; "" lets nobody join by this account,
            because the protocol does not say what the customer was asked.
        consent_version: which words the cashier shows the customer.
        ask_code: somebody who joins must read out a code sent to the phone.
        verify_spending: and so must whoever pays with points.
        api_url: the JSON API that closed sales are read from; used when the shop has a token.
        lag_s: a sale younger than this is left to the next visit: it may still be on its way to the Loyalty API.
    """

    unit: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "bonus"
    consent_purpose: Annotated[str, Meta(pattern=r"^([a-z][a-z0-9_]{0,39})?$")] = ""
    consent_version: Annotated[str, Meta(min_length=1, max_length=80)] = "moysklad"
    ask_code: bool = False
    verify_spending: bool = False
    api_url: Annotated[str, Meta(pattern=r"^https?://[^/]+(/.*)?$")] = "https://api.moysklad.ru/api/remap/1.2"
    lag_s: Annotated[int, Meta(ge=0, le=86_400)] = 600
