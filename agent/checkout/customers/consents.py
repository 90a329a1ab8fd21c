"""What a person is asked for before joining: one text for each purpose, in versions; data and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["SHIPPED_CONSENTS", "ConsentText"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentText:
    """One thing that is asked for; `text` "" leaves the words to the panel's catalogue."""

    purpose: str
    version: str
    text: str = ""
    required: bool = False


#: What is asked for where the shop has no texts of its own.
SHIPPED_CONSENTS: Final = (
    ConsentText(purpose="loyalty", version="tillpoint-1", required=True),
    ConsentText(purpose="messages", version="tillpoint-1"),
)
