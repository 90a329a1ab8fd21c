"""The 1C room's own table in the settings file."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["HttpService", "OnecSettings"]

Word = Annotated[str, Meta(max_length=400)]


class HttpService(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[till_systems.settings.service]: the HTTP service in which 1C tells closed receipts.

    Attributes:
        url: ``http://SERVER/BASE/hs/tillpoint``; "" reads none.
        user: of the infobase, with the right to this service.
        poll_s: seconds between two looks.
        read_from: "now" counts what is closed from the first start on; "all" everything; a day ("2026-03-01") what
            was closed since it began.
    """

    url: Word = ""
    user: Word = ""
    password: Word = ""
    poll_s: Annotated[float, Meta(ge=0.2, le=3600)] = 5.0
    read_from: Annotated[str, Meta(pattern=r"^(now|all|\d{4}-\d\d-\d\d)$")] = "now"

    def __repr__(self) -> str:
        return f"HttpService(url={self.url!r}, user={self.user!r})"


class OnecSettings(Struct, frozen=True, kw_only=True):
    """How 1C's packages are taken.

    Attributes:
        phone_is_customer: the phone that a receipt is sent to names the customer, if it is one's.
        service: the HTTP service that is read.
    """

    phone_is_customer: bool = True
    service: HttpService = HttpService()
