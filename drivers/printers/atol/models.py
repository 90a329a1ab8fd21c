"""Families of ATOL cash registers as rows; a difference between models is data, never a class.

None was at hand: widths are the makers' of the paper they take. What else a model has not, it says with error 7Ah.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One family; `columns` is the characters in a line of its usual font."""

    name: str
    title: str
    columns: int
    has_cutter: bool = True


MODELS: Final[tuple[Model, ...]] = (
    Model(name="atol-80", title="ATOL 55F, 77F, 22 v2 F, 25F, FPrint-22PTK: paper of 80 mm", columns=48),
    Model(name="atol-58", title="ATOL 30F, 20F, 27F, 50F, 11F, 15F, 91F, 92F: paper of 57 mm", columns=32,
          has_cutter=False),
    Model(name="atol-1f", title="ATOL 1F, 42FS and others for vending: no printer", columns=42, has_cutter=False),
)  # fmt: skip


def model_named(name: str) -> Model:
    """A row; raises SettingsError naming the rows there are."""
    for model in MODELS:
        if model.name == name:
            return model
    raise SettingsError(f"no model {name!r}; known are {', '.join(model.name for model in MODELS)}")
