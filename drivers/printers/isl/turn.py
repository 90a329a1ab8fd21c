"""One payment of the till in our hands, as far as it has come."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer

from .fields import Payment
from .frames import Frame, FrameReader
from .link import HostLink
from .offered import Offered


class Ask(Enum):
    """A command of ours."""

    SUBTOTAL = 0x33
    DISCOUNT = -0x33
    LINE = 0x36
    STATUS = 0x4A


@dataclass(slots=True, kw_only=True)
class Turn:
    """One payment of the till.

    Attributes:
        raw: the till's bytes.
        todo: our own commands, in order.
        asked: the one that is under way.
        wanted: minor units still to take off, below zero to give back.
        base: the device's subtotal before, minor units.
        taken: what the device said it has taken off in this turn.
        about: what the agent was asked about, last.
        total_minor: of it.
        heard: of another command of the till, which has given this one up.
    """

    request: Frame
    raw: bytes
    payment: Payment
    link: HostLink
    offered: Offered
    until_s: float
    syn_at_s: float
    reader: FrameReader
    about: Document
    total_minor: int
    todo: deque[tuple[Ask, bytes]] = field(default_factory=deque)
    asked: Ask | None = None
    offer: InsideOffer | None = None
    is_offered: bool = False
    wanted: int = 0
    base: int | None = None
    taken: int = 0
    heard: bytearray = field(default_factory=bytearray)
