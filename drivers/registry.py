"""Finds drivers and till systems by entry point and loads only what is asked for; one that does not load is a value."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final, TypeVar

from drivers.contract import Driver
from drivers.tills.contract import TillSystem
from drivers.vocabulary.errors import DriverLoadError, SettingsError

__all__ = [
    "GROUP",
    "SYSTEMS",
    "LoadedDriver",
    "known_drivers",
    "known_systems",
    "load_driver",
    "load_drivers",
    "load_system",
]

GROUP: Final = "tillpoint.drivers"
SYSTEMS: Final = "tillpoint.tills"

Row = TypeVar("Row", Driver, TillSystem)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDriver:
    """A driver that is there.

    Attributes:
        distribution: the package that brought it, "" when the system does not say.
    """

    driver: Driver
    distribution: str = ""


def known_drivers() -> tuple[str, ...]:
    """Names of the registered drivers, in alphabetical order; nothing is imported."""
    return _known(GROUP)


def known_systems() -> tuple[str, ...]:
    """Names of the registered till systems, in alphabetical order; nothing is imported."""
    return _known(SYSTEMS)


def load_driver(name: str) -> LoadedDriver | DriverLoadError:
    """Import one driver.

    Returns:
        The driver, or why it cannot be used, as a value: the till works on without it and the panel says so.

    Raises:
        SettingsError: no driver has that name.
    """
    entry = _only(GROUP, "driver", name)
    if isinstance(entry, DriverLoadError):
        return entry
    driver = _load(entry, "driver", Driver)
    return driver if isinstance(driver, DriverLoadError) else LoadedDriver(driver=driver, distribution=_package(entry))


def load_drivers(names: Iterable[str]) -> dict[str, LoadedDriver | DriverLoadError]:
    """Import the drivers that the settings name, each once; see `load_driver`."""
    return {name: load_driver(name) for name in dict.fromkeys(names)}


def load_system(name: str) -> TillSystem | DriverLoadError:
    """Import one till system; as `load_driver`."""
    entry = _only(SYSTEMS, "till system", name)
    return entry if isinstance(entry, DriverLoadError) else _load(entry, "till system", TillSystem)


def _known(group: str) -> tuple[str, ...]:
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def _only(group: str, what: str, name: str) -> EntryPoint | DriverLoadError:
    found = [entry for entry in entry_points(group=group) if entry.name == name]
    if not found:
        raise SettingsError(_unknown(group, what, name))
    # Two copies of one distribution on the path give the same line twice.
    places = {entry.value for entry in found}
    if len(places) > 1:
        packages = ", ".join(sorted(f"{_package(entry)} ({entry.value})" for entry in found))
        return DriverLoadError(f'{what} "{name}" is registered more than once: {packages}; uninstall all but one')
    return found[0]


def _load(entry: EntryPoint, what: str, wanted: type[Row]) -> Row | DriverLoadError:
    try:
        row = entry.load()
    except Exception as error:  # noqa: BLE001 - foreign code at import; whatever it raises, the sale goes on
        return DriverLoadError(
            f'{what} "{entry.name}" of {_package(entry)} does not load: {type(error).__name__}: {error};'
            " install it again, or ask its maker",
        )
    if not isinstance(row, wanted):
        return DriverLoadError(
            f'{what} "{entry.name}": {entry.value} is a {type(row).__name__}, not a {wanted.__name__}; ask its maker',
        )
    if row.name != entry.name:
        return DriverLoadError(
            f'{what} "{entry.name}": {entry.value} calls itself "{row.name}"; the two names must be the same',
        )
    return row


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else ""


def _unknown(group: str, what: str, name: str) -> str:
    known = _known(group)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if nearest:
        return f'unknown {what} "{name}"; did you mean "{nearest[0]}"?'
    return f'unknown {what} "{name}"; known are {", ".join(known) or "none"}'
