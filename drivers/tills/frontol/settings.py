"""What a shop may say about its Frontol."""

from __future__ import annotations

from drivers.tills.priority.settings import PrioritySettings
from drivers.tills.reports import ReportSettings

__all__ = ["FrontolSettings"]


class FrontolSettings(PrioritySettings, frozen=True, kw_only=True):
    """The room's own table: what the Priority API needs, and where the sales reports are.

    Attributes:
        reports: the files in which Frontol tells its transactions.
    """

    reports: ReportSettings = ReportSettings()
