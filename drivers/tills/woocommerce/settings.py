"""The WooCommerce room's own settings, as `tillpoint central shops add woocommerce --set …` takes them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["WooSettings"]


class WooSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this shop's orders are taken.

    Attributes:
        unit: which points its customers spend and earn.
        paid: statuses of an order that is paid, with commas between them.
        consent_purpose: what the tick box "take part" agrees to, as the centre names it; "" lets nobody join on line.
        consent_version: which words stand beside the box.
    """

    unit: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "bonus"
    paid: Annotated[str, Meta(min_length=1, max_length=200)] = "processing,completed"
    consent_purpose: Annotated[str, Meta(pattern=r"^([a-z][a-z0-9_]{0,39})?$")] = ""
    consent_version: Annotated[str, Meta(min_length=1, max_length=80)] = "web"
