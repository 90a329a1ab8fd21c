"""What a till system, or a driver that a POS speaks with, can do for loyalty: one row of the support matrix."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Support"]


class Support(Struct, frozen=True, kw_only=True):
    """One row of the support matrix. Each cell begins with "yes", "partly", "no" or "n/a"; the rest says how.

    Attributes:
        offline: what still works when the centre cannot be reached.
        verified: against what this room was tried: a vendor's document, a public client, samples, the device.
    """

    identify: str
    quote: str
    redeem: str
    offline: str
    refund: str
    slip: str
    coupon: str
    certificate: str
    verified: str
