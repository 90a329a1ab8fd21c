"""What of a snapshot leaves the agent: everything, except that a full phone number is masked once more on its way out.

The till masks already. This is the second lock: a name typed as a number at the centre, or a sentence that quotes
one, must not reach a screen that the whole queue can read.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec.structs import replace

from agent.snapshot import Snapshot

__all__ = ["mask_phones", "panel_view"]

#: 10 to 15 digits (E.164 has at most 15), with the marks people write between them.
_PHONE: Final = re.compile(r"\+?\d(?:[ ()\u00a0.-]{0,2}\d){9,14}(?!\d)")


def mask_phones(text: str) -> str:
    """Each full phone number in `text` as its first four and last two digits: ``+7900***01``."""

    def masked(match: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", match[0])
        plus = "+" if match[0].startswith("+") else ""
        return f"{plus}{digits[:4]}***{digits[-2:]}"

    return _PHONE.sub(masked, text)


def panel_view(snapshot: Snapshot) -> Snapshot:
    """The same snapshot without a full phone number in any text about a customer."""
    customer = snapshot.customer
    if customer is not None:
        customer = replace(customer, name=mask_phones(customer.name), phone=mask_phones(customer.phone))
    return replace(
        snapshot,
        customer=customer,
        mask=mask_phones(snapshot.mask),
        notice=mask_phones(snapshot.notice),
    )
