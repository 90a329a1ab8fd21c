"""Finds drivers by entry point and loads only those that are asked for; a driver that fails to load is a value."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from drivers.contract import Driver
from drivers.vocabulary.errors import DriverLoadError, SettingsError

__all__ = ["GROUP", "LoadedDriver", "known_drivers", "load_driver", "load_drivers"]

GROUP = "tillpoint.drivers"


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
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def load_driver(name: str) -> LoadedDriver | DriverLoadError:
    """Import one driver.

    Returns:
        The driver, or why it cannot be used, as a value: the till works on without it and the panel says so.

    Raises:
        SettingsError: no driver has that name.
    """
    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    if not found:
        raise SettingsError(_unknown(name))
    # Two copies of one distribution on the path give the same line twice.
    places = {entry.value for entry in found}
    if len(places) > 1:
        packages = ", ".join(sorted(f"{_package(entry)} ({entry.value})" for entry in found))
        return DriverLoadError(f'driver "{name}" is registered more than once: {packages}; uninstall all but one')
    return _load(found[0])


def load_drivers(names: Iterable[str]) -> dict[str, LoadedDriver | DriverLoadError]:
    """Import the drivers that the settings name, each once; see `load_driver`."""
    return {name: load_driver(name) for name in dict.fromkeys(names)}


def _load(entry: EntryPoint) -> LoadedDriver | DriverLoadError:
    try:
        driver = entry.load()
    except Exception as error:  # noqa: BLE001 - foreign code at import; whatever it raises, the sale goes on
        return DriverLoadError(
            f'driver "{entry.name}" of {_package(entry)} does not load: {type(error).__name__}: {error};'
            " install it again, or ask its maker",
        )
    if not isinstance(driver, Driver):
        return DriverLoadError(
            f'driver "{entry.name}": {entry.value} is a {type(driver).__name__}, not a Driver; ask its maker',
        )
    if driver.name != entry.name:
        return DriverLoadError(
            f'driver "{entry.name}": {entry.value} calls itself "{driver.name}"; the two names must be the same',
        )
    return LoadedDriver(driver=driver, distribution=_package(entry))


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else ""


def _unknown(name: str) -> str:
    known = known_drivers()
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if nearest:
        return f'unknown driver "{name}"; did you mean "{nearest[0]}"?'
    return f'unknown driver "{name}"; known are {", ".join(known) or "none"}'
