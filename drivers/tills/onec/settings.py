"""The 1C room's own table in the settings file."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["OnecSettings"]


class OnecSettings(Struct, frozen=True, kw_only=True):
    """How 1C's packages are taken.

    Attributes:
        phone_is_customer: the phone that a receipt is sent to names the customer, if it is one's.
    """

    phone_is_customer: bool = True
