"""The register's own table in the settings file; checked without opening anything."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from drivers.vocabulary.errors import SettingsError

from .models import model_named


class ShtrihSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The device's own table in the settings file.

    Attributes:
        model: family of the register (models.py).
        protocol: wire protocol; "auto" goes by the first byte the till sends.
        password: the operator's password when the agent asks by itself; 30 is the system administrator as delivered.
        currency: of every amount.
        discount: what may be done with a receipt that is open: "off" nothing, "advise" prints the loyalty lines in it,
            "cash_only" also takes the discount off when the cash covers it, "always" whatever it is paid with.
        sell_anew: whether a receipt whose register takes no discount may be cancelled and sold again at lower sums.
        utc_offset_minutes: the register's clock, minutes east of UTC.
    """

    model: str = "shtrih-m"
    protocol: Literal["auto", "1", "2"] = "auto"
    password: Annotated[int, Meta(ge=0, le=99_999_999)] = 30
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "RUB"
    discount: Literal["off", "advise", "cash_only", "always"] = "off"
    sell_anew: bool = False
    utc_offset_minutes: Annotated[int, Meta(ge=-840, le=840)] = 180

    def __post_init__(self) -> None:
        try:
            model_named(self.model)
        except SettingsError as error:
            raise ValueError(str(error)) from None
