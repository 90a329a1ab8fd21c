"""The till systems that the centre answers: found by entry point, loaded when needed, their settings checked."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, Final
from zoneinfo import ZoneInfo

from central.errors import CentralStartError
from central.shops.shop import Shop
from drivers.tills.contract import DoorContext, TillSystem
from drivers.vocabulary import codec

__all__ = ["GROUP", "context_of", "known_rooms", "room_of", "settings_of"]

GROUP: Final = "tillpoint.tills"


def known_rooms() -> dict[str, TillSystem]:
    """Every system whose requests the centre answers, by name; one that does not load is left out."""
    found: dict[str, TillSystem] = {}
    for entry in entry_points(group=GROUP):
        try:
            row = entry.load()
        except Exception:  # noqa: BLE001, S112 - foreign code at import; `room_of` says what is wrong with it
            continue
        if isinstance(row, TillSystem) and row.at_centre:
            found[entry.name] = row
    return found


def room_of(name: str) -> TillSystem:
    """One system.

    Raises:
        CentralStartError: none has that name, it does not load, or a till's own agent answers it.
    """
    entry = next((one for one in entry_points(group=GROUP) if one.name == name), None)
    if entry is None:
        known = ", ".join(sorted(known_rooms()))
        raise CentralStartError(f"no till system is called {name!r}; the centre answers {known}")
    try:
        row = entry.load()
    except Exception as error:  # noqa: BLE001 - foreign code at import, told to the operator
        raise CentralStartError(f"till system {name!r} does not load: {type(error).__name__}: {error}") from None
    if not isinstance(row, TillSystem) or not row.at_centre:
        raise CentralStartError(f"{name!r} is answered by the agent at the till; name it in its settings file")
    return row


def settings_of(room: TillSystem, told: dict[str, Any]) -> Any:
    """A shop's settings as the room reads them.

    Raises:
        CentralStartError: a setting is unknown or cannot be used.
    """
    try:
        own = codec.convert(told, room.settings_type)
    except codec.WireError as error:
        raise CentralStartError(f"settings of {room.name}: {error}") from None
    refusal = room.refusal(own)
    if refusal:
        raise CentralStartError(f"settings of {room.name}: {refusal}")
    return own


def context_of(shop: Shop, currency: str) -> DoorContext:
    """What the shop's door and reader know of their place."""
    return DoorContext(
        name=shop.name, key=shop.key, zone=ZoneInfo(shop.zone), currency=currency, region=shop.region, token=shop.token
    )
