"""What a room promises that writes load files: cards and tiers for a POS to give the tier's discount without any call.

A till holds no card number in the clear, so these files are made where the numbers are: at the central server. A
writer is a codec: it is given cards and gives bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from drivers.vocabulary.money import Percent

__all__ = ["LoadCard", "LoadPlan", "LoadTarget", "LoadTier", "LoadWriter", "Loads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTier:
    """A tier as the POS keeps it.

    Attributes:
        code: the POS's number of it.
        percent: off a receipt of somebody of this tier.
    """

    name: str
    title: str
    code: int
    percent: Percent


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadCard:
    """One customer's card; name and phone only where the shop wants them on the till."""

    number: str = field(repr=False)
    tier: str
    name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What is written.

    Attributes:
        cards: gives all of them; called once for each block that lists them.
        whole: the POS forgets the cards it has first; otherwise these are added to them.
        generation: which form of the records, of those the room knows; "" is its newest.
        counter: the POS's number of the counter that holds a card's percent; 0 writes no counters.
        clients: names and phones are written too.
        day: from which everything is good.
    """

    tiers: tuple[LoadTier, ...]
    cards: Callable[[], Iterable[LoadCard]]
    whole: bool = True
    generation: str = ""
    counter: int = 0
    clients: bool = False
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTarget:
    """A POS's own load service.

    Attributes:
        url: where it is, with its port.
        shop: the shop's code there.
        name: of this load; the same name again is the same load.
    """

    url: str
    shop: str
    name: str
    user: str = ""
    password: str = field(default="", repr=False)


class LoadWriter(Protocol):
    """Gives the file in pieces."""

    def __call__(self, plan: LoadPlan) -> Iterator[bytes]:
        """A card whose tier is not among the tiers is left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """The field `loads` of a till system's row.

    Attributes:
        generations: forms of the records, the newest first.
        send: gives a plan to the POS's own load service and says how many commands there were, None where a POS takes
            files alone; raises TransportUnavailable or DeviceRefused.
    """

    write: LoadWriter
    generations: tuple[str, ...] = ("",)
    send: Callable[[LoadPlan, LoadTarget], int] | None = None
