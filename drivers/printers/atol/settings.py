"""The register's own table in the settings file; checked without opening anything."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from drivers.vocabulary.errors import SettingsError

from .models import model_named


class AtolSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The device's own table in the settings file.

    Attributes:
        interface: what the agent speaks with: the web server of the maker's driver ("web"), or the register itself by
            its low-level protocol "2" or "3".
        model: family of the register (models.py).
        device_id: which register of the web server; "" is its default one.
        user: of the web server, where its users are switched on; "" is none.
        password: of that user; on the low level digits, the operator's password for the modes.
        access_password: on the low level, the password that stands before every command.
        currency: of every amount.
        discount: what may be done with a sale on its way to the web server: "off" nothing, "advise" prints the loyalty
            lines in it, "cash_only" also takes the discount off when the cash covers it, "always" whatever pays for it.
        utc_offset_minutes: the register's clock, minutes east of UTC.
    """

    interface: Literal["web", "2", "3"] = "web"
    model: str = "atol-80"
    device_id: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9._-]*$")] = ""
    user: Annotated[str, Meta(max_length=64)] = ""
    password: Annotated[str, Meta(max_length=64)] = "30"  # noqa: S105 - printed in every manual
    access_password: Annotated[int, Meta(ge=0, le=9999)] = 0
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "RUB"
    discount: Literal["off", "advise", "cash_only", "always"] = "off"
    utc_offset_minutes: Annotated[int, Meta(ge=-840, le=840)] = 180

    def __post_init__(self) -> None:
        try:
            model_named(self.model)
        except SettingsError as error:
            raise ValueError(str(error)) from None
        if self.interface != "web" and not (self.password.isascii() and self.password.isdigit()):
            raise ValueError("password: on the low level it is digits, 30 is the system administrator's as delivered")
