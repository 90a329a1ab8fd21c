"""The printer's own table in the settings file; checked without opening anything."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from drivers.vocabulary.errors import SettingsError

from .models import model_named


class IslSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The device's own table in the settings file.

    Attributes:
        model: the family (`datecs-p`, `datecs-c`, `datecs-x`, `daisy`, `eltrade`, `incotex`).
        currency: of every amount.
        discount: what may be done with a receipt that is open: "off" nothing, "advise" prints the loyalty lines in it,
            "cash_only" also takes the discount off when it is paid in cash, "always" whatever it is paid with.
        zone: the printer's wall clock (IANA name), for receipts read back; "" is the till's own.
    """

    model: str = "datecs-p"
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "EUR"
    discount: Literal["off", "advise", "cash_only", "always"] = "off"
    zone: Annotated[str, Meta(max_length=64)] = ""

    def __post_init__(self) -> None:
        try:
            model_named(self.model)
        except SettingsError as error:
            raise ValueError(str(error)) from None
