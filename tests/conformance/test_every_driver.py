"""One suite for every registered driver against its own twin, over every kind of line, good and bad."""

import random
import threading
import time

import pytest

from drivers.registry import LoadedDriver, known_drivers, load_driver
from drivers.transport.faulty import Delayed, Duplicating, Lossy, OneByteAtATime
from drivers.twins import ShownTwin
from drivers.vocabulary.errors import TransportError
from drivers.vocabulary.events import DocumentPrinted


def _lossy(inner, line):
    seeded = random.Random(11).random
    # Asked when bytes arrive, so that a read that began on the bad line ends on the good one.
    return Lossy(inner, rate=0.05, random=lambda: 1.0 if line.is_good else seeded())


FAULTS = {
    "loses bytes": _lossy,
    "doubles chunks": lambda inner, line: Duplicating(inner, every=2),
}
WRAPS = {
    "as it comes": None,
    "one byte at a time": lambda inner, line: OneByteAtATime(inner),
    "late": lambda inner, line: Delayed(inner, delay_s=0.01, wait=threading.Event().wait),
}
SENTINEL = b"the end of the bad line\r\n"


def _loaded():
    for name in known_drivers():
        loaded = load_driver(name)
        if not isinstance(loaded, LoadedDriver):
            yield pytest.param(None, id=name, marks=pytest.mark.xfail(reason=str(loaded), strict=True))
        elif loaded.driver.twin is None:
            yield pytest.param(None, id=name, marks=pytest.mark.skip(reason=f"SKIPPED LOUDLY: {name} has no twin"))
        elif loaded.driver.shape != "slips":  # those are played in test_every_slip_printer.py
            yield pytest.param(loaded.driver, id=name)


every_driver = pytest.mark.parametrize("driver", list(_loaded()))


def _hear(till, count):
    heard = b""
    deadline_s = time.monotonic() + 15
    while len(heard) < count:
        assert time.monotonic() < deadline_s, heard
        heard += till.read(0.5)
    return heard


def _play(bench, scenes, till, device, far):
    """Play scenes on lines that are up; everything must be as the script says."""
    for scene in scenes:
        if bench.driver.shape == "reader":
            far.write(scene.from_device, 5)
            assert list(scene.codes) == bench.codes(len(scene.codes)), scene.name
            continue
        before = len(device.received)
        till.write(scene.from_host, 10)
        answers = bench.reference.feed(scene.from_host, 0.0)
        device.wait_for(before + len(scene.from_host))
        assert scene.from_host == bytes(device.received[before:]), scene.name
        assert answers == _hear(till, len(answers)), scene.name
        assert scene.documents == len(bench.documents(scene.documents)), scene.name


def _connect(bench, serve):
    till, far = bench.connect()
    bench.reference = bench.twin()
    device = serve(far, bench.twin()) if bench.driver.shape == "inline" else None
    return till, device, far


@every_driver
def test_the_twin_has_a_script(driver):
    """A driver without scenes would pass everything else."""
    scenes = driver.twin(driver.settings_type()).script()

    assert scenes
    assert all(scene.from_host or scene.from_device for scene in scenes)
    assert any(scene.codes or scene.documents for scene in scenes)
    assert len(scenes) == len({scene.name for scene in scenes})


@every_driver
@pytest.mark.parametrize("slicing", WRAPS)
def test_the_script_is_played(driver, wire, slicing, bench, serve):
    """Every scene is understood, and every byte reaches the other side."""
    bench = bench(driver)
    bench.start(wire, wrap=WRAPS[slicing])
    till, device, far = _connect(bench, serve)
    _play(bench, bench.twin().script(), till, device, far)

    assert bench.complaints == []


@every_driver
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_line_is_survived(driver, wire, fault, bench, serve):
    """On a bad line nothing fails and what was read is passed on; on a good one everything is as before."""
    bench = bench(driver)
    bench.start(wire, wrap=FAULTS[fault])
    till, device, far = _connect(bench, serve)
    for scene in bench.twin().script():
        if driver.shape == "reader":
            far.write(scene.from_device, 5)
        else:
            till.write(scene.from_host, 10)
    bench.line.is_good = True
    (far if driver.shape == "reader" else till).write(SENTINEL, 5)
    bench.line.wait_for(SENTINEL)  # the line keeps the order: all that survived before it has been read
    if driver.shape == "inline":
        device.wait_for(len(bench.line.read_bytes))
        assert bytes(bench.line.read_bytes) == bytes(device.received)
    _leave(till, device, far)
    _forget(bench)
    till, device, far = _connect(bench, serve)
    _play(bench, bench.twin().script()[:1], till, device, far)

    assert bench.complaints == []


@every_driver
def test_a_device_restart_is_survived(driver, wire, bench, serve):
    """A device that goes away in the middle and comes back works as if it had just been plugged in."""
    bench = bench(driver)
    bench.start(wire)
    scene = bench.twin().script()[0]
    for part in (0.3, 0.7):
        till, device, far = _connect(bench, serve)
        if driver.shape == "reader":
            far.write(scene.from_device[: int(len(scene.from_device) * part)], 5)
        else:
            half = scene.from_host[: int(len(scene.from_host) * part)]
            till.write(half, 5)
            device.wait_for(len(half) - 1)  # one byte may be kept back, to see what follows it
        _leave(till, device, far)
    _forget(bench)
    till, device, far = _connect(bench, serve)
    _play(bench, bench.twin().script()[:2], till, device, far)

    assert bench.complaints == []


def _shown_inline():
    return [
        driver
        for name in known_drivers()
        if isinstance(loaded := load_driver(name), LoadedDriver)
        and (driver := loaded.driver).shape == "inline"
        and isinstance(driver.twin and driver.twin(driver.settings_type()), ShownTwin)
    ]


def _troubles():
    """Every rudeness of every twin that has some."""
    for driver in _shown_inline():
        for name in driver.twin(driver.settings_type()).rudenesses():
            yield pytest.param(driver, name, id=f"{driver.name}-{name}")


def _trials():
    for driver in _shown_inline():
        for place, trial in enumerate(driver.twin(driver.settings_type()).trials()):
            yield pytest.param(driver, place, id=f"{driver.name}-{trial.name}")


def _say(bench, till, device, data, name):
    """A till sends, and hears what the twin answers; every byte passes both ways, also the unasked ones."""
    before = len(device.received)
    till.write(data, 10)
    answers, bench.unasked = bench.unasked + bench.reference.feed(data, 0.0), b""
    device.wait_for(before + len(data))
    assert data == bytes(device.received[before:]), name
    assert answers == _hear(till, len(answers)), name


def _switch(bench, device, name, *, is_on):
    bench.unasked += bench.reference.set_rude(name, is_on=is_on)
    device.set_rude(name, is_on=is_on)


@pytest.mark.parametrize(("driver", "place"), list(_trials()))
@pytest.mark.parametrize("slicing", ["as it comes", "one byte at a time"])
def test_trouble_in_the_middle_of_a_receipt_is_gone_through(driver, place, wire, slicing, bench, serve):
    """No paper, open cover, a shift over 24 hours, interrupted printing: every byte passes, each document counts once."""
    bench = bench(driver)
    bench.start(wire, wrap=WRAPS[slicing])
    bench.unasked = b""
    till, device, _ = _connect(bench, serve)
    trial = bench.twin().trials()[place]
    for act in trial.acts:
        if act.rude:
            _switch(bench, device, act.rude, is_on=act.is_on)
        if act.from_host:
            _say(bench, till, device, act.from_host, trial.name)
    bench.documents(trial.documents)

    assert trial.documents == sum(isinstance(event, DocumentPrinted) for event in bench.events)
    assert bench.complaints == []


@pytest.mark.parametrize(("driver", "rude"), list(_troubles()))
def test_a_rude_device_is_passed_on_as_it_is(driver, rude, wire, bench, serve):
    """What the device says wrong, the till hears as it was said; on a good day all is as before."""
    bench = bench(driver)
    bench.start(wire)
    bench.unasked = b""
    till, device, far = _connect(bench, serve)
    _switch(bench, device, rude, is_on=True)
    for scene in bench.twin().script()[:2]:
        _say(bench, till, device, scene.from_host, scene.name)
    _leave(till, device, far)
    _forget(bench)
    till, device, far = _connect(bench, serve)
    _play(bench, bench.twin().script()[:1], till, device, far)

    assert bench.complaints == []


def _leave(till, device, far):
    """Everybody goes, the device first."""
    if device is not None:
        device.leave()
    else:
        far.abort()
    if till is not None:
        try:
            till.abort()
        except TransportError:
            return


def _forget(bench):
    """What was understood of half a scene is not asked for; the states that follow are."""
    while not bench._queue.empty():
        bench._queue.get()
