"""The room's own table in the settings file."""

from __future__ import annotations

from msgspec import Struct

from drivers.tills.reports import ReportSettings

__all__ = ["SetRetailSettings"]


class SetRetailSettings(Struct, frozen=True, kw_only=True):
    """What a shop may say about its Set Retail 10.

    Attributes:
        reports: the files in which the shop's server tells its purchases.
        soap: the shop's server pushes its purchases to the web service of this till system's door.
    """

    reports: ReportSettings = ReportSettings()
    soap: bool = False
