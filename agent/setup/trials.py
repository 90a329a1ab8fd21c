"""Tries what was chosen: does the centre answer, is the device there, does a slip come out, does a scan come in.

The same threads do it that the agent runs later (`drivers.worker`, `drivers.slips`, `drivers.polling`), so what works
here works there, and their sentences say what is wrong. Nothing of a trial is kept.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, cast

from agent.equipment import Device, device_of
from agent.settings import CentralSettings, DeviceSettings, TillSettings
from agent.slips.own import own_note
from agent.sync.enrol import check_address
from agent.sync.errors import CentreRefused
from agent.sync.line import Line
from agent.sync.tls import tls_of
from drivers import registry
from drivers.contract import ReaderConversation, SlipConversation
from drivers.polled import PolledDevice
from drivers.polling import Pace, PollingWorker
from drivers.registry import LoadedDriver
from drivers.slips import SlipWorker
from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint
from drivers.vocabulary.errors import TillpointError, TransportUnavailable
from drivers.vocabulary.events import BankCardRead, CodeScanned, DeviceState, DeviceStateChanged, Event
from drivers.worker import ReaderWorker

__all__ = ["ScanTrial", "Tried", "ask_centre", "free_host", "print_slip", "try_device"]

CENTRE_S: Final = 10.0
DEVICE_S: Final = 8.0  # a TCP connection to a printer that is off takes five
SLIP_S: Final = 30.0  # the first slip loads what draws letters, on a slow machine from a slow disk
JOIN_S: Final = 3.0
GRACE_S: Final = 3.0  # a port that another program has just let go of comes at the second try
FIRST_PORT: Final = 9100  # where every POS expects a network printer
PORTS: Final = 10
COLUMNS: Final = 32  # what the narrowest receipt paper takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How a trial ended; `words` is what the device or the line says, "" when there is nothing to say."""

    ok: bool
    words: str = ""


class _Worker(Protocol):
    def start(self) -> None: ...

    def join(self, timeout_s: float) -> bool: ...


def ask_centre(url: str, settings: CentralSettings, *, plain_http: bool = False) -> Tried:
    """Whether a centre answers at an address."""
    try:
        address = check_address(url, plain_http=plain_http)
        line = Line(address, tls=tls_of(settings), proxy=settings.proxy)
        try:
            line.ask("GET", "/v1/health", deadline_s=CENTRE_S)
        finally:
            line.close()
    except CentreRefused as refused:
        return Tried(ok=False, words=f"something answers there that is no centre: {refused}")
    except TillpointError as error:
        return Tried(ok=False, words=str(error))
    return Tried(ok=True)


def free_host(first: int = FIRST_PORT) -> str:
    """Where a POS can print to on this machine: the first port that nobody listens on, from 9100."""
    places = [f"tcp-listen://127.0.0.1:{port}" for port in range(first, first + PORTS)]
    return next((place for place in places if not _port_taken(place)), places[0])


def try_device(device: DeviceSettings, till: TillSettings, *, is_ours: bool = False) -> Tried:
    """Ask a device how it is; for one in line also whether its port is free for the POS.

    Args:
        device: its block of the settings.
        till: the table [till].
        is_ours: the port may be taken: a running agent of ours has it.
    """
    try:
        one = device_of(device, till)
        if one.way == "inline" and not is_ours:
            taken = _port_taken(device.host)
            if taken:
                return Tried(ok=False, words=taken)
    except TillpointError as error:
        return Tried(ok=False, words=str(error))
    return _watched(one, [])


def print_slip(device: DeviceSettings, till: TillSettings, lines: Sequence[str]) -> Tried:
    """Print a few lines on the device of a printer, a register or a printer in line."""
    try:
        return _watched(device_of(device, till), lines)
    except TillpointError as error:
        return Tried(ok=False, words=str(error))


def _port_taken(host: str) -> str:
    place = endpoint(host)
    if not isinstance(place, TcpListenEndpoint):
        return ""
    try:
        place.listen()
    except TransportUnavailable as error:
        return str(error)
    finally:
        place.close()
    return ""


def _watched(one: Device, lines: Sequence[str]) -> Tried:
    """Run the device's thread until it says how it is, and printed what it was given."""
    said: queue.Queue[Event] = queue.Queue()
    stop, printed = threading.Event(), threading.Event()
    worker = _worker(one, lines, said.put, stop, printed)
    if worker is None:
        return _opened(one.settings.device or one.settings.port)
    worker.start()
    wait_s = SLIP_S if lines else DEVICE_S
    found = Tried(ok=False, words=f"{one.settings.name} did not answer within {wait_s:g} s")
    ends_s = time.monotonic() + wait_s
    try:
        while (rest_s := ends_s - time.monotonic()) > 0:
            event = said.get(timeout=rest_s)
            if isinstance(event, DeviceStateChanged):
                found = Tried(ok=event.state is DeviceState.ON, words=event.detail)
                break
        if found.ok and lines and not printed.wait(max(0.0, ends_s - time.monotonic())):
            found = Tried(ok=False, words=found.words or "it is there, and printed nothing")
    except queue.Empty:
        pass
    finally:
        stop.set()
        worker.join(JOIN_S)
    return found


def _worker(
    one: Device, lines: Sequence[str], emit: Callable[[Event], Any], stop: threading.Event, printed: threading.Event
) -> _Worker | None:
    """The thread that asks this device; None for one that can only be opened."""
    name, driver = one.settings.name, one.driver
    common: dict[str, Any] = {"name": name, "emit": emit, "stop": stop}
    if one.way == "reader":
        make = cast("Callable[[], ReaderConversation]", partial(driver.conversation, one.own, device=name))
        return ReaderWorker(endpoint=endpoint(one.settings.port), conversation_factory=make, **common)
    place = endpoint(one.settings.device)
    if driver.polling is not None:
        factory = _Printing(partial(driver.polling.device, one.own, device=name), printed)
        polling = PollingWorker(endpoint=place, device_factory=factory, pace=Pace(poll_s=0.2, quiet_s=0.0), **common)
        if lines:
            polling.print_soon(lines)
        return polling
    conversation = _slip_conversation(one)
    if conversation is None:
        return None
    slips = SlipWorker(endpoint=place, conversation_factory=conversation, **common)
    if lines:
        slips.print(own_note("set-up", tuple(lines), header=(), columns=conversation().columns or COLUMNS))
        printed.set()  # it says how it is after it has printed
    return slips


def _slip_conversation(one: Device) -> Callable[[], SlipConversation] | None:
    """How a printer is asked and printed on: its own way, or for a receipt printer in line that of its family."""
    driver, own = one.driver, one.own
    if one.way == "inline":
        if driver.name != "escpos":
            return None
        loaded = registry.load_driver("escpos_slip")
        if not isinstance(loaded, LoadedDriver):
            return None
        driver, own = loaded.driver, loaded.driver.settings_type()
    return cast("Callable[[], SlipConversation]", partial(driver.conversation, own, device=one.settings.name))


@dataclass(frozen=True, slots=True)
class _Printing:
    """Makes polled devices that tell when a slip was printed."""

    make: Callable[..., PolledDevice]
    printed: threading.Event

    def __call__(self, **how: Any) -> PolledDevice:
        device = self.make(**how)
        inner = device.print_slip

        def print_slip(lines: Sequence[str]) -> None:
            inner(lines)
            self.printed.set()

        return cast("PolledDevice", _Instead(device, print_slip))


class _Instead:
    """A device whose `print_slip` is another."""

    def __init__(self, device: PolledDevice, print_slip: Callable[[Sequence[str]], None]) -> None:
        self._device = device
        self.print_slip = print_slip

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)


def _opened(address: str) -> Tried:
    """Whether a place can be opened at all."""
    place = endpoint(address)
    ends_s = time.monotonic() + DEVICE_S
    try:
        while time.monotonic() < ends_s:
            pipe = place.open(0.5)
            if pipe is not None:
                pipe.close()
                return Tried(ok=True)
    except TillpointError as error:
        return Tried(ok=False, words=str(error))
    finally:
        place.close()
    return Tried(ok=False, words=f"{address} does not answer")


class ScanTrial:
    """Waits for one scan of a scanner of ours; to be closed.

    Args:
        device: its block of the settings.
        till: the table [till].

    Raises:
        SettingsError: the block cannot be used.
    """

    def __init__(self, device: DeviceSettings, till: TillSettings) -> None:
        self._said: queue.Queue[Event] = queue.Queue()
        self._stop, self._printed = threading.Event(), threading.Event()
        worker = _worker(device_of(device, till), (), self._said.put, self._stop, self._printed)
        if worker is None:
            raise AssertionError(f"{device.name} is no reader")
        self._worker = worker
        self.state = Tried(ok=False)
        worker.start()

    def is_open(self) -> bool:
        """Wait until the scanner says how it is; whether it can be heard."""
        ends_s = time.monotonic() + GRACE_S
        while not self.state.ok and (rest_s := ends_s - time.monotonic()) > 0:
            try:
                event = self._said.get(timeout=rest_s)
            except queue.Empty:
                break
            if isinstance(event, DeviceStateChanged):
                self.state = Tried(ok=event.state is DeviceState.ON, words=event.detail)
        return self.state.ok

    def heard(self) -> CodeScanned | BankCardRead | None:
        """What was scanned since the last question, if anything; never waits."""
        while True:
            try:
                event = self._said.get_nowait()
            except queue.Empty:
                return None
            if isinstance(event, DeviceStateChanged):
                self.state = Tried(ok=event.state is DeviceState.ON, words=event.detail)
            elif isinstance(event, CodeScanned | BankCardRead):
                return event

    def close(self) -> None:
        """Let go of the scanner."""
        self._stop.set()
        self._worker.join(JOIN_S)
