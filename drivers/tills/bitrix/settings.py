"""The Bitrix room's own settings, as `tillpoint central shops add bitrix --set …` takes them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["BitrixSettings"]


class BitrixSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this shop's orders are taken.

    Attributes:
        unit: which points its customers spend and earn.
        consent_purpose: what the tick box "take part" agrees to, as the centre names it; "" lets nobody join on line.
        consent_version: which words stand beside the box.
        skew_s: how far the site's clock may be from the centre's; a request outside it was recorded and sent again.
    """

    unit: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "bonus"
    consent_purpose: Annotated[str, Meta(pattern=r"^([a-z][a-z0-9_]{0,39})?$")] = ""
    consent_version: Annotated[str, Meta(min_length=1, max_length=80)] = "web"
    skew_s: Annotated[int, Meta(ge=30, le=86_400)] = 600
