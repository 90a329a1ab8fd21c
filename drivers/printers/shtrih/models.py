"""Families of Shtrih-M cash registers as rows; a difference between models is data, never a class.

Known from the maker's protocol documents and real exchanges, see README.md. What a model supports beyond this is asked
with the command itself: 37h means "not supported".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One family.

    Attributes:
        columns: characters of font 1 in a line; a text field has 40 whatever the paper has.
        has_memory: it has a fiscal memory with FF-commands; False for the register of before 2017.
        protocols: wire protocols it speaks, the usual one first.
        short_status_size: bytes of the answer to 10h, command included.
        full_status_size: bytes of the answer to 11h, command included.
        block_size_max: how much TLV one FF3B gives at the most; 0 gives one top-level tag.
        is_prefixing: it sends FF before ACK and NAK (USB networks).
    """

    name: str
    title: str
    columns: int
    has_memory: bool = True
    protocols: tuple[int, ...] = (1,)
    short_status_size: int = 17
    full_status_size: int = 48
    block_size_max: int = 200
    is_prefixing: bool = False


MODELS: Final[tuple[Model, ...]] = (
    Model(name="shtrih-m", title="SHTRIH-M-01F, SHTRIH-M-02F, SHTRIH-ON-LINE", columns=48),
    Model(name="shtrih-light", title="SHTRIH-LIGHT-01F, -02F, RR-01F", columns=32),
    Model(name="shtrih-mini", title="SHTRIH-MINI-01F, NANO-F", columns=32, protocols=(1, 2)),
    Model(name="rndis", title="the same on a USB network", columns=48, protocols=(1, 2), is_prefixing=True),
    Model(
        name="cashcore", title="SmartPOS and Android registers (cashcore)", columns=32, protocols=(2, 1),
        full_status_size=50, block_size_max=0,
    ),
    Model(
        name="classic", title="SHTRIH-FR-K, COMBO-FR-K, LIGHT-PTK, 950K: without fiscal memory", columns=36,
        has_memory=False, short_status_size=16,
    ),
)  # fmt: skip


def model_named(name: str) -> Model:
    """A row; raises SettingsError naming the rows there are."""
    for model in MODELS:
        if model.name == name:
            return model
    raise SettingsError(f"no model {name!r}; known are {', '.join(model.name for model in MODELS)}")
