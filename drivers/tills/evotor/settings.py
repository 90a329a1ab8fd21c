"""The Эвотор room's own settings, as `tillpoint central shops add evotor --set …` takes them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["EvotorSettings"]


class EvotorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this user's receipts are taken.

    Attributes:
        stores: ids of the stores whose documents are read, with commas between them; "" reads none.
        api_url: the cloud that documents are read from; used when the shop has a token.
        delay_s: a receipt younger than this waits: where the terminal's app asks an agent, the agent's word goes first.
    """

    stores: Annotated[str, Meta(max_length=2_000)] = ""
    api_url: Annotated[str, Meta(pattern=r"^https?://[^/]+(/.*)?$")] = "https://api.evotor.ru"
    delay_s: Annotated[int, Meta(ge=0, le=604_800)] = 0
