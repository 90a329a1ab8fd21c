"""The room's own table in the settings file."""

from __future__ import annotations

from msgspec import Struct

from drivers.tills.reports import ReportSettings

__all__ = ["KassirSettings"]


class KassirSettings(Struct, frozen=True, kw_only=True):
    """What a shop may say about its Штрих-М: Кассир.

    Attributes:
        reports: the files in which it tells its transactions.
    """

    reports: ReportSettings = ReportSettings()
