"""The devices of the settings file: checked without opening anything, and each with its threads when they run.

Which thread a device gets follows from its driver's shape and from the way the settings use it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from msgspec import structs

from agent.opening import recogniser_of
from agent.pulling import SlipRoutes, TillTaker
from agent.settings import DeviceSettings, Settings, TillSettings, unknown_keys
from agent.shared_scanners import SharedScanner, check_pass_on
from agent.slip_printers import SlipPrinters
from agent.till import Till
from drivers import registry
from drivers.contract import Driver, InlineConversation, ReaderConversation, SlipComposer, SlipConversation
from drivers.inline import InlineWorker
from drivers.polling import PollingWorker
from drivers.slips import SlipWorker
from drivers.transport.address import endpoint
from drivers.visits import ManyVisits
from drivers.vocabulary import codec
from drivers.vocabulary.errors import DriverLoadError, SettingsError
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer
from drivers.worker import ReaderWorker

__all__ = ["Device", "Equipment", "device_of"]

POLLED: Final = frozenset({"pull", "host"})

_Worker = ReaderWorker | InlineWorker | ManyVisits | PollingWorker | SharedScanner | SlipWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that can be started."""

    settings: DeviceSettings
    driver: Driver
    own: Any
    way: str


# ── Checking ────────────────────────────────────────────────────────────────────────────────────


def device_of(device: DeviceSettings, till: TillSettings) -> Device:
    """One device's driver, settings and addresses, checked without opening anything.

    What a driver's table does not say about zone and currency, the till's own table says.
    """
    loaded = registry.load_driver(device.driver)
    if isinstance(loaded, DriverLoadError):
        raise loaded
    driver = loaded.driver
    wrong = [sentence for _, sentence in unknown_keys(device.settings, driver.settings_type)]
    if wrong:
        raise SettingsError(f"settings: {wrong[0]}")
    try:
        fields = {one.encode_name for one in structs.fields(driver.settings_type)}
        common = {key: getattr(till, key) for key in ("zone", "currency") if key in fields}
        own = codec.convert({**common, **device.settings}, driver.settings_type)
    except codec.WireError as error:
        raise SettingsError(f"settings: {error}") from None
    way = _way(device, driver, own)
    wanted = {"inline": ("host", "device"), "reader": ("port",)}.get(way, ("device",))
    for key in ("host", "device", "port"):
        address = getattr(device, key)
        if key in wanted and not address:
            raise SettingsError(f"{key} is missing; {_said(driver, way)} needs {' and '.join(wanted)}")
        if key not in wanted and address:
            raise SettingsError(f"{key} is of no use here; {_said(driver, way)} has {' and '.join(wanted)}")
        if address:
            endpoint(address)
    if device.pass_on:
        check_pass_on(driver, device.port, device.pass_on)
    if driver.shape == "slips":
        driver.conversation(own, device=device.name)  # its profile may be one of a library's many
    return Device(settings=device, driver=driver, own=own, way=way)


def _said(driver: Driver, way: str) -> str:
    return f"a device of driver {driver.name}" + (f' with way = "{way}"' if way in POLLED else "")


def _way(device: DeviceSettings, driver: Driver, own: Any) -> str:
    """How the device is used: reader, inline, pull or host; raises SettingsError when its driver cannot."""
    way = device.way or driver.shape
    if way not in POLLED:
        if way != driver.shape:
            raise SettingsError(f'way = "{way}": driver {driver.name} is a {driver.shape}; leave way out')
        takes_slips = bool(device.slips_of) and driver.shape != "slips"
        for key, is_said in (("slips_of", takes_slips), ("begin_after", device.begin_after >= 0)):
            if is_said:
                raise SettingsError(f'{key} is of no use here; it needs way = "pull"')
        refusal = driver.inline_refusal(own) if way == "inline" and driver.inline_refusal is not None else ""
        if refusal:
            raise SettingsError(refusal)
        return way
    if driver.polling is None:
        raise SettingsError(f'way = "{way}": driver {driver.name} cannot be asked; leave way out')
    refusal = driver.polling.refusal(own) if way == "pull" else ""
    if refusal:
        raise SettingsError(f'way = "{way}": {refusal}')
    if way == "host" and device.begin_after >= 0:
        raise SettingsError('begin_after is of no use here; it needs way = "pull"')
    return way


# ── Running ─────────────────────────────────────────────────────────────────────────────────────


class Equipment:
    """Every device's threads.

    Args:
        till: told of what devices say, and asked what to print.
        settings: of the whole agent.
        slips: printers of our own, which this adds to.
        stop: ends every thread.
        heard: told how many bytes a till has sent to its printer, each time; never waits.
    """

    def __init__(
        self,
        till: Till,
        settings: Settings,
        *,
        slips: SlipPrinters,
        stop: threading.Event,
        heard: Callable[[int], None] = lambda count: None,  # noqa: ARG005 - named for the reader
    ) -> None:
        self._heard = heard
        self._till = till
        self._settings = settings
        self._slips = slips
        self._stop = stop
        self._routes = SlipRoutes()
        self._workers: list[_Worker] = []

    def join(self, timeout_s: float) -> None:
        """Wait for every thread to end, so long for each."""
        for worker in self._workers:
            worker.join(timeout_s)

    def start(self, devices: list[Device]) -> None:
        """Start the threads of every device."""
        for one in devices:
            name, driver = one.settings.name, one.driver
            make = partial(driver.conversation, one.own, device=name)
            worker: _Worker
            # The shape is the driver's promise of which conversation it builds; the conformance suite holds it to that.
            if one.way in POLLED:
                worker = self._polling(one)
            elif driver.shape == "slips":
                worker = self._slip_worker(one)
            elif driver.shape == "inline":
                worker = self._inline_worker(one, cast("Callable[[], InlineConversation]", make))
            elif one.settings.pass_on:
                worker = self._shared(one)
            else:
                worker = ReaderWorker(
                    name=name,
                    endpoint=endpoint(one.settings.port),
                    conversation_factory=cast("Callable[[], ReaderConversation]", make),
                    emit=self._till.emit,
                    stop=self._stop,
                )
            worker.start()
            self._workers.append(worker)

    def _shared(self, one: Device) -> SharedScanner:
        """The threads of a scanner that the POS reads too."""
        return SharedScanner(
            name=one.settings.name,
            driver=one.driver,
            own=one.own,
            port=one.settings.port,
            pass_on=one.settings.pass_on,
            recogniser=recogniser_of(self._settings),
            emit=self._till.emit,
            stop=self._stop,
        )

    def _slip_worker(self, one: Device) -> SlipWorker:
        """The thread of a printer of our own; what it prints is not put into a till's receipt as well."""
        name, sources = one.settings.name, one.settings.slips_of
        make = cast("Callable[[], SlipConversation]", partial(one.driver.conversation, one.own, device=name))
        worker = SlipWorker(
            name=name,
            endpoint=endpoint(one.settings.device),
            conversation_factory=make,
            emit=self._till.emit,
            stop=self._stop,
        )
        self._slips.add(sources, worker, columns=make().columns)
        self._routes.add(sources)
        return worker

    def _polling(self, one: Device) -> PollingWorker:
        """The thread of a device that the agent asks."""
        name, polling = one.settings.name, one.driver.polling
        if polling is None:
            raise AssertionError(f"{name}: settings were not checked")
        worker = PollingWorker(
            name=name,
            endpoint=endpoint(one.settings.device),
            device_factory=partial(polling.device, one.own, device=name),
            emit=self._till.emit,
            stop=self._stop,
            taker=self._taker(one) if one.way == "pull" else None,
        )
        # Its own receipts' lines come with the documents; what else it prints comes as for any printer of ours.
        others = [source for source in one.settings.slips_of if source != name]
        if others:
            columns = polling.columns(one.own) or self._settings.slip.columns
            self._slips.add(others, worker, columns=columns)
            self._routes.add(others)
        return worker

    def _taker(self, one: Device) -> TillTaker:
        """Where the documents of a pulled device go."""
        name, begin_after = one.settings.name, one.settings.begin_after
        return TillTaker(
            self._till,
            name,
            begin_after=begin_after if begin_after >= 0 else None,
            prints_own=name in one.settings.slips_of,
        )

    def _inline_worker(self, one: Device, make: Callable[[], InlineConversation]) -> InlineWorker | ManyVisits:
        """One visit after the other, as a printer has one head; or many at once, where the device is a server."""
        name, host = one.settings.name, endpoint(one.settings.host)
        compose = self._routes.around(name, _composer(self._till, name))
        if one.driver.visitors_max > 1 and not host.is_line:
            return ManyVisits(
                name=name,
                host=host,
                device_factory=partial(endpoint, one.settings.device),
                conversation_factory=make,
                emit=self._till.emit,
                stop=self._stop,
                visitors_max=one.driver.visitors_max,
                compose=compose,
                compose_timeout_s=self._settings.slip.answer_timeout_s,
                adviser=_Adviser(self._till, name),
                heard=self._heard,
            )
        return InlineWorker(
            name=name,
            host=host,
            device=endpoint(one.settings.device),
            conversation_factory=make,
            emit=self._till.emit,
            stop=self._stop,
            compose=compose,
            compose_timeout_s=self._settings.slip.answer_timeout_s,
            adviser=_Adviser(self._till, name),
            heard=self._heard,
        )


def _composer(till: Till, device: str) -> SlipComposer:
    def compose(document: Any, *, timeout_s: float) -> Any:
        return till.document_printed(device, document, timeout_s=timeout_s)

    return compose


class _Adviser:
    """What may be taken off the receipts that are open in one register."""

    def __init__(self, till: Till, device: str) -> None:
        self._till = till
        self._device = device

    def offer(self, document: Document, *, timeout_s: float) -> InsideOffer | None:
        """See `InsideAdviser`."""
        return self._till.offer_inside(self._device, document, timeout_s=timeout_s)

    def dropped(self, quoted: str) -> None:
        """See `InsideAdviser`."""
        self._till.receipt_dropped(quoted)
