"""The device's own table in the settings file; checked without opening anything."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class KkmServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The device's own table in the settings file.

    Attributes:
        discount: what may be done with a sale on its way to KKM-Server: "off" nothing, "advise" prints the loyalty
            lines in it, "cash_only" also takes the discount off when the cash covers it, "always" whatever pays for it.
        columns: characters in a line of the register's paper.
        currency: of every amount.
        utc_offset_minutes: the register's clock, minutes east of UTC.
        num_device: for our own slips: which device of the server, 0 is its first one.
        inn: for our own slips: the owner's tax number by which the server finds the register, "" for any.
        user: for our own slips: a user of the server; "" is none.
        password: of that user.
    """

    discount: Literal["off", "advise", "cash_only", "always"] = "off"
    columns: Annotated[int, Meta(ge=20, le=80)] = 48
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "RUB"
    utc_offset_minutes: Annotated[int, Meta(ge=-840, le=840)] = 180
    num_device: Annotated[int, Meta(ge=0, le=99)] = 0
    inn: Annotated[str, Meta(max_length=12, pattern=r"^[0-9]*$")] = ""
    user: Annotated[str, Meta(max_length=64)] = ""
    password: Annotated[str, Meta(max_length=64)] = ""
