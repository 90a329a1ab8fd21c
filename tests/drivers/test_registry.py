"""The registry: lazy, and a driver that does not load is a value."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from drivers import registry
from drivers.contract import Driver
from drivers.registry import LoadedDriver, known_drivers, load_driver, load_drivers
from drivers.vocabulary.errors import DriverLoadError, SettingsError


def _register(monkeypatch, **values):
    entries = [EntryPoint(name, value, registry.GROUP) for name, value in values.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)


def test_our_own_drivers_are_registered():
    """The entry points of this distribution are found."""
    assert {"escpos", "serial_scanner"} <= set(known_drivers())


def test_a_driver_is_loaded_by_name():
    """What comes back is the driver and who brought it."""
    loaded = load_driver("serial_scanner")

    assert isinstance(loaded, LoadedDriver)
    assert ("serial_scanner", "tillpoint") == (loaded.driver.name, loaded.distribution)


def test_an_unknown_name_is_told_the_nearest():
    """A slip of the pen in the settings is named."""
    with pytest.raises(SettingsError, match='unknown driver "serial_scaner"; did you mean "serial_scanner"'):
        load_driver("serial_scaner")
    with pytest.raises(SettingsError, match="known are "):
        load_driver("qqq")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("no_such_module_at_all:driver", "does not load: ModuleNotFoundError"),
        ("drivers.scanners.serial:nothing", "does not load: AttributeError"),
        ("os.path:join", "is a function, not a Driver"),
        ("drivers.scanners.serial:driver", 'calls itself "serial_scanner"'),
    ],
)
def test_a_broken_driver_is_a_state(monkeypatch, value, sentence):
    """It is said in one sentence, and nothing is raised."""
    _register(monkeypatch, broken=value)
    answer = load_drivers(["broken"])["broken"]

    assert isinstance(answer, DriverLoadError)
    assert sentence in str(answer)


def test_two_packages_with_one_name_are_refused(monkeypatch):
    """Nobody's choice decides which of two drivers runs."""
    entries = [EntryPoint("twice", value, registry.GROUP) for value in ("a:driver", "b:driver")]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)

    assert "is registered more than once" in str(load_driver("twice"))


def test_loading_is_lazy():
    """Listing imports no driver, and loading one does not import another."""
    script = (
        "import sys; from drivers.registry import known_drivers, load_driver; known_drivers();"
        "assert not any(m.startswith('drivers.scanners.serial') for m in sys.modules);"
        "load_driver('serial_scanner');"
        "assert 'drivers.printers.escpos' not in sys.modules and 'serial' not in sys.modules"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_every_registered_driver_loads():
    """What this distribution registers is whole."""
    for name in known_drivers():
        loaded = load_driver(name)
        assert isinstance(loaded, LoadedDriver), loaded
        assert isinstance(loaded.driver, Driver)
        assert loaded.driver.shape in ("reader", "inline", "slips")
        assert loaded.driver.settings_type() is not None
