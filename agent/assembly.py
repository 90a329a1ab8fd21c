"""The composition root: settings → parts → threads; the only file that knows every part.

Parts start in the order they need one another and stop in the reverse order. A part that cannot start is a sentence and
a state; the others go on, the in-line printers first of all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import structs

from agent.checkout import phones
from agent.checkout.codes import DEFAULT_PATTERNS, Recogniser
from agent.checkout.consents import SHIPPED_CONSENTS, ConsentText
from agent.checkout.desk import Desk
from agent.checkout.knowledge import Knowledge
from agent.checkout.programmes import Programmes
from agent.checkout.state import DeskRules, TillName
from agent.clock import Clock, SystemClock
from agent.pulling import SlipRoutes, TillTaker
from agent.settings import DeviceSettings, OfflineSettings, Settings, TillSettings, unknown_keys
from agent.shared_scanners import SharedScanner, check_pass_on
from agent.slip_printers import SlipPrinters
from agent.slips.compose import SlipStyle
from agent.slips.text import words
from agent.snapshot import DeviceView, LinkState, Screen, Snapshot
from agent.sync.identity import Identity, relock
from agent.till import Till
from drivers import registry
from drivers.contract import Driver, InlineConversation, ReaderConversation, SlipComposer, SlipConversation
from drivers.inline import InlineWorker
from drivers.polling import PollingWorker
from drivers.slips import SlipWorker
from drivers.transport.address import endpoint
from drivers.visits import ManyVisits
from drivers.vocabulary import codec
from drivers.vocabulary.errors import CheckoutRefused, DriverLoadError, SettingsError, TillpointError
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer
from drivers.vocabulary.signed import KeyRing
from drivers.vocabulary.value_leases import ValueKind
from drivers.worker import ReaderWorker
from offline_queue.replica import ReplicaReader
from offline_queue.store import TillStore

if TYPE_CHECKING:
    from agent.doors.keys import DoorSecrets
    from agent.doors.server import DoorServer
    from agent.sync.service import SyncService

__all__ = ["Agent", "check"]

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S: Final = 30.0  # a till's disk after a power cut: recovery reads the whole WAL
WARM_UP_AFTER_S: Final = 0.5  # the first answer goes before it
STOP_TIMEOUT_S: Final = 5.0  # a service manager loses patience after ten seconds or more
LATE_PRINTS: Final = timedelta(days=45)  # a fiscal memory keeps whole receipts for 30 days, and its cable may be out
_POLLED: Final = frozenset({"pull", "host"})


_Worker = ReaderWorker | InlineWorker | ManyVisits | PollingWorker | SharedScanner | SlipWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class _Device:
    """A device that can be started."""

    settings: DeviceSettings
    driver: Driver
    own: Any
    way: str


# ── Checking ────────────────────────────────────────────────────────────────────────────────────


def check(settings: Settings) -> list[str]:
    """Every problem of the settings that can be seen without opening anything, one sentence each."""
    problems: list[str] = []
    for one in (lambda: zone_of(settings), lambda: recogniser_of(settings)):
        try:
            one()
        except SettingsError as error:
            problems.append(str(error))
    for device in settings.devices:
        try:
            _device(device, settings.till)
        except TillpointError as error:
            problems.append(f"device {device.name!r}: {error}")
    return problems


def zone_of(settings: Settings) -> ZoneInfo:
    """The shop's time zone."""
    try:
        return ZoneInfo(settings.till.zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsError(
            f"till.zone: there is no time zone {settings.till.zone!r}; write it like Europe/Moscow or Asia/Bangkok",
        ) from None


def recogniser_of(settings: Settings) -> Recogniser:
    """What a code is: the shop's own card patterns first, then the shipped ones."""
    normalise = partial(phones.normalise, region=settings.till.region)
    return Recogniser(
        (*settings.cards, *DEFAULT_PATTERNS),
        normalise_phone=normalise,
        weighed_prefixes=settings.codes.weighed_prefixes,
    )


def _device(device: DeviceSettings, till: TillSettings) -> _Device:
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
    return _Device(settings=device, driver=driver, own=own, way=way)


def _said(driver: Driver, way: str) -> str:
    return f"a device of driver {driver.name}" + (f' with way = "{way}"' if way in _POLLED else "")


def _way(device: DeviceSettings, driver: Driver, own: Any) -> str:
    """How the device is used: reader, inline, pull or host; raises SettingsError when its driver cannot."""
    way = device.way or driver.shape
    if way not in _POLLED:
        if way != driver.shape:
            raise SettingsError(f'way = "{way}": driver {driver.name} is a {driver.shape}; leave way out')
        takes_slips = bool(device.slips_of) and driver.shape != "slips"
        for key, is_said in (("slips_of", takes_slips), ("begin_after", device.begin_after >= 0)):
            if is_said:
                raise SettingsError(f'{key} is of no use here; it needs way = "pull"')
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


@dataclass(slots=True)
class Agent:
    """Everything that runs beside one till.

    Attributes:
        troubles: sentences about parts that could not start; empty when all is well.
    """

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    troubles: list[str] = field(default_factory=list)
    till: Till = field(init=False)
    doors: DoorServer | None = None
    sync: SyncService | None = None
    _secrets: DoorSecrets | None = None
    _workers: list[_Worker] = field(default_factory=list)
    _routes: SlipRoutes = field(default_factory=SlipRoutes)
    _slips: SlipPrinters = field(init=False)
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start every part that can be started."""
        folder = self.settings.state_folder
        identity = self._identity(folder)
        devices = self._devices()
        self._slips = SlipPrinters(self.settings.slip.header)
        self.till = Till(
            partial(self._open_desk, folder, identity, devices),
            ask_hold=self._ask_hold,
            ask_certificate=self._ask_certificate,
            ask_coupons=self._ask_coupons,
            ask_lookup=self._ask_lookup,
            first=self._first_snapshot(identity),
        )
        # The printers first: whatever happens to the rest, the receipt must pass.
        self._start_devices(devices)
        broken = self.till.start(OPEN_TIMEOUT_S)
        if broken:
            self._trouble(broken)
        self._start_doors(folder)
        if identity is not None and not broken:
            self._start_sync(folder, identity)
        threading.Thread(target=self._warm_up, args=(devices,), name="warm-up", daemon=True).start()

    def stop(self) -> None:
        """Stop in the reverse order; whatever is in the inbox is still written."""
        self._stop.set()
        if self.sync is not None:
            self.sync.stop(STOP_TIMEOUT_S)
        if self.doors is not None:
            self.doors.stop()
        for worker in self._workers:
            worker.join(STOP_TIMEOUT_S)
        self.till.stop(STOP_TIMEOUT_S)

    @property
    def port(self) -> int:
        """The doors' port; 0 when they could not open."""
        return self.doors.port if self.doors is not None else 0

    def panel_url(self, *, ticket: bool) -> str:
        """The panel, with a ticket that lets one browser in once if wished; "" when the doors could not open."""
        if self.doors is None or self._secrets is None:
            return ""
        url = self._secrets.panel_url(self.doors.port)
        return url if ticket else url.partition("?")[0]

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────

    def _identity(self, folder: Path) -> Identity | None:
        """Who we are, or None before enrolment."""
        try:
            return relock(folder)
        except TillpointError as error:
            self._trouble(str(error))
            return None

    def _devices(self) -> list[_Device]:
        found = []
        for device in self.settings.devices:
            try:
                found.append(_device(device, self.settings.till))
            except TillpointError as error:
                self._trouble(f"device {device.name!r}: {error}")
        return found

    def _open_desk(self, folder: Path, identity: Identity | None, devices: list[_Device]) -> Desk:
        """Runs on the till thread: the one writer opens its database."""
        settings = self.settings
        # What a settings mistake can break comes before the file is taken.
        zone, recogniser = zone_of(settings), recogniser_of(settings)
        _make_folder(folder)
        epoch = identity.epoch if identity is not None else 1
        store = TillStore.open(folder / "till.db", epoch=epoch)
        log.info("store.open folder=%s epoch=%d sqlite=%s", folder, store.epoch, store.sqlite_version)
        replica = ReplicaReader.open(folder / "replica.db")
        views = {
            one.settings.name: DeviceView(name=one.settings.name, driver=one.driver.name, state="off", detail="")
            for one in devices
        }
        return Desk(
            store=store,
            knowledge=Knowledge(replica, store, *(identity.tenant_keys if identity is not None else (b"",))),
            clock=self.clock,
            name=TillName(
                shop=identity.shop if identity is not None else "",
                till=identity.till if identity is not None else "",
            ),
            rules=DeskRules(
                currency=settings.till.currency,
                hide_after=timedelta(seconds=settings.panel.clear_after_s),
                forget_after=timedelta(seconds=settings.panel.forget_after_s),
                points_cap=settings.offline.points_cap,
                refuses_single_use=settings.offline.single_use_coupons != "take",
                leased=_leased(settings.offline),
                hold_for=timedelta(minutes=settings.offline.hold_minutes),
                keep=timedelta(days=settings.offline.keep_days),
                columns=settings.slip.columns,
                qr_keys=settings.codes.qr_keys,
                attach_within=timedelta(days=settings.codes.attach_days),
                same_code_s=settings.codes.same_code_s,
                consents=tuple(
                    ConsentText(purpose=one.purpose, version=one.version, text=one.text, required=one.required)
                    for one in settings.consents
                )
                or SHIPPED_CONSENTS,
                panel_language=settings.panel.language,
                awaits_print=LATE_PRINTS if any(one.way == "pull" for one in devices) else timedelta(hours=24),
                slip=SlipStyle(
                    language=settings.slip.language,
                    zone=zone,
                    title="shown" if settings.slip.programme_title else "",
                    qr=settings.slip.qr,
                ),
            ),
            recogniser=recogniser,
            programmes=Programmes(
                store=store,
                replica=replica,
                clock=self.clock,
                pinned=settings.programme.trusted_keys,
                enrolled=identity.programme_keys if identity is not None else KeyRing(),
                url=identity.url if identity is not None else "",
            ),
            devices=views,
            link=LinkState.UNKNOWN if identity is not None else LinkState.NOT_ENROLLED,
            sealing_key=identity.centre_key if identity is not None else "",
            prints_are_seen=any(one.way in {"inline", "pull"} for one in devices),
            slips=self._slips,
        )

    def _start_devices(self, devices: list[_Device]) -> None:
        for one in devices:
            name, driver = one.settings.name, one.driver
            make = partial(driver.conversation, one.own, device=name)
            worker: _Worker
            # The shape is the driver's promise of which conversation it builds; the conformance suite holds it to that.
            if one.way in _POLLED:
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
                    emit=self.till.emit,
                    stop=self._stop,
                )
            worker.start()
            self._workers.append(worker)

    def _shared(self, one: _Device) -> SharedScanner:
        """The threads of a scanner that the POS reads too."""
        return SharedScanner(
            name=one.settings.name,
            driver=one.driver,
            own=one.own,
            port=one.settings.port,
            pass_on=one.settings.pass_on,
            recogniser=recogniser_of(self.settings),
            emit=self.till.emit,
            stop=self._stop,
        )

    def _slip_worker(self, one: _Device) -> SlipWorker:
        """The thread of a printer of our own; what it prints is not put into a till's receipt as well."""
        name, sources = one.settings.name, one.settings.slips_of
        make = cast("Callable[[], SlipConversation]", partial(one.driver.conversation, one.own, device=name))
        worker = SlipWorker(
            name=name,
            endpoint=endpoint(one.settings.device),
            conversation_factory=make,
            emit=self.till.emit,
            stop=self._stop,
        )
        self._slips.add(sources, worker, columns=make().columns)
        self._routes.add(sources)
        return worker

    def _polling(self, one: _Device) -> PollingWorker:
        """The thread of a device that the agent asks."""
        name, polling = one.settings.name, one.driver.polling
        if polling is None:
            raise AssertionError(f"{name}: settings were not checked")
        worker = PollingWorker(
            name=name,
            endpoint=endpoint(one.settings.device),
            device_factory=partial(polling.device, one.own, device=name),
            emit=self.till.emit,
            stop=self._stop,
            taker=self._taker(one) if one.way == "pull" else None,
        )
        # Its own receipts' lines come with the documents; what else it prints comes as for any printer of ours.
        others = [source for source in one.settings.slips_of if source != name]
        if others:
            columns = polling.columns(one.own) or self.settings.slip.columns
            self._slips.add(others, worker, columns=columns)
            self._routes.add(others)
        return worker

    def _taker(self, one: _Device) -> TillTaker:
        """Where the documents of a pulled device go."""
        name, begin_after = one.settings.name, one.settings.begin_after
        return TillTaker(
            self.till,
            name,
            begin_after=begin_after if begin_after >= 0 else None,
            prints_own=name in one.settings.slips_of,
        )

    def _inline_worker(self, one: _Device, make: Callable[[], InlineConversation]) -> InlineWorker | ManyVisits:
        """One visit after the other, as a printer has one head; or many at once, where the device is a server."""
        name, host = one.settings.name, endpoint(one.settings.host)
        compose = self._routes.around(name, _composer(self.till, name))
        if one.driver.visitors_max > 1 and not host.is_line:
            return ManyVisits(
                name=name,
                host=host,
                device_factory=partial(endpoint, one.settings.device),
                conversation_factory=make,
                emit=self.till.emit,
                stop=self._stop,
                visitors_max=one.driver.visitors_max,
                compose=compose,
                compose_timeout_s=self.settings.slip.answer_timeout_s,
                adviser=_Adviser(self.till, name),
            )
        return InlineWorker(
            name=name,
            host=host,
            device=endpoint(one.settings.device),
            conversation_factory=make,
            emit=self.till.emit,
            stop=self._stop,
            compose=compose,
            compose_timeout_s=self.settings.slip.answer_timeout_s,
            adviser=_Adviser(self.till, name),
        )

    def _start_doors(self, folder: Path) -> None:
        from agent.doors.app import build
        from agent.doors.keys import DoorSecrets
        from agent.doors.pins import Pins
        from agent.doors.server import DoorServer

        settings = self.settings
        try:
            self._secrets = DoorSecrets.load_or_create(folder, self.clock)
            app = build(
                self.till,
                secrets=self._secrets,
                clock=self.clock,
                pins=Pins(folder, self.clock),
                language=settings.panel.language,
                region=settings.till.region,
                answer_timeout_s=settings.doors.answer_timeout_s,
            )
            self.doors = DoorServer(app, port=settings.doors.port)
            self.doors.start()
        except (TillpointError, OSError) as error:
            self._trouble(str(error))
            self.doors = None

    def _start_sync(self, folder: Path, identity: Identity) -> None:
        from agent.sync.service import SyncService

        self.sync = SyncService(folder, identity, self.settings.central, self.till, keys_changed=self._keys_changed)
        self.sync.start()

    def _keys_changed(self, identity: Identity) -> None:
        """On the sync's thread: the till looks customers up under these keys from now on."""
        present, following = (*identity.tenant_keys, b"")[:2]

        def work(desk: Desk) -> None:
            desk.keys_changed(tenant_key=present, tenant_key_next=following, sealing_key=identity.centre_key)

        try:
            self.till.run_on_till(work, timeout_s=OPEN_TIMEOUT_S)
        except CheckoutRefused as refused:
            log.warning("keys.untold reason=%s", refused)  # told again with the next answer of the centre

    def _warm_up(self, devices: list[_Device]) -> None:
        """Import what was put off at the start, before the first customer has to wait for it."""
        if self._stop.wait(WARM_UP_AFTER_S):
            return
        phones.normalise("", region=self.settings.till.region)
        words(self.settings.slip.language)
        for one in devices:
            if one.driver.warm_up is not None:
                one.driver.warm_up()

    def _ask_hold(self, request: Any) -> Any:
        """The centre's word on a hold, or None without a line; runs on the asking thread."""
        return None if self.sync is None else self.sync.ask_hold(request)

    def _ask_certificate(self, wanted: Any) -> Any:
        """What the centre says of a gift certificate, or None without a line; runs on the asking thread."""
        return None if self.sync is None else self.sync.ask_certificate(wanted)

    def _ask_coupons(self, wanted: Any) -> Any:
        """Which coupons the centre puts into this till's hand, or None without a line; runs on the asking thread."""
        return None if self.sync is None else self.sync.ask_coupons(wanted)

    def _ask_lookup(self, wanted: Any) -> Any:
        """Whom the centre knows by a keyed hash, or None without a line; runs on the asking thread."""
        return None if self.sync is None else self.sync.ask_lookup(wanted)

    def _first_snapshot(self, identity: Identity | None) -> Snapshot:
        return Snapshot(
            version=0,
            boot_id=self.clock.boot_id,
            screen=Screen.IDLE,
            shop=identity.shop if identity is not None else "",
            till=identity.till if identity is not None else "",
            link=LinkState.UNKNOWN if identity is not None else LinkState.NOT_ENROLLED,
            offline_since="",
            waiting=0,
            waiting_oldest_at="",
            shelved=0,
            programme_version=0,
            programme_title="",
            currency=self.settings.till.currency,
            devices=(),
        )

    def _trouble(self, sentence: str) -> None:
        """Note a part that cannot start, once, for the log, the command line and the panel."""
        log.error("agent.trouble %s", sentence)
        self.troubles.append(sentence)


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


def _leased(offline: OfflineSettings) -> frozenset[ValueKind]:
    """What this till would like to have in its hand."""
    kinds = {ValueKind.COUPON: offline.single_use_coupons, ValueKind.CERTIFICATE: offline.gift_certificates}
    return frozenset(kind for kind, word in kinds.items() if word != "refuse")


def _make_folder(folder: Path) -> None:
    """The state folder, for us alone; the installer sets the access list on Windows."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"cannot make the state folder {folder}: {error.strerror}; set till.state_folder or its permissions",
        ) from None
