"""What a test measured, beside the row of the scorecard it measured it for; written down with TILLPOINT_FIGURES=FILE."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["note"]


def note(row: int, figure: str) -> None:
    """Add one figure to the file, if there is one; docs/scorecard.md quotes them."""
    path = os.environ.get("TILLPOINT_FIGURES")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{row}\t{figure}\n")
