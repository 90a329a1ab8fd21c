"""The composition root: settings → parts → threads; the only file that knows every part.

Parts start in the order they need one another and stop in the reverse order. A part that cannot start is a sentence and
a state; the others go on, the in-line printers first of all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.checkout.desk import Desk
from agent.checkout.state import TillName
from agent.clock import Clock, SystemClock
from agent.equipment import Device, Equipment, device_of
from agent.opening import open_desk, recogniser_of, zone_of
from agent.service.beats import Beats
from agent.service.pulse import Pulse
from agent.settings import Settings
from agent.slip_printers import SlipPrinters
from agent.slips.text import words
from agent.snapshot import LinkState, Screen, Snapshot
from agent.sync.errors import NotEnrolled
from agent.sync.identity import Identity, relock
from agent.till import Till
from agent.till_loop import LinkChanged
from agent.till_systems import OpenDoor, open_door, system_of
from agent.watching import Watching
from drivers.vocabulary import phones
from drivers.vocabulary.errors import CheckoutRefused, SettingsError, TillpointError

if TYPE_CHECKING:
    from agent.doors.keys import DoorSecrets
    from agent.doors.server import DoorServer
    from agent.enrolling import Enrolling
    from agent.service.logs import Counts
    from agent.sync.service import SyncService
    from agent.updating.turn import UpdateTurn
    from drivers.tills.folders import ReportWorker
    from drivers.tills.ledgers import LedgerWorker

__all__ = ["Agent", "check"]

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S: Final = 30.0  # a till's disk after a power cut: recovery reads the whole WAL
WARM_UP_AFTER_S: Final = 0.5  # the first answer goes before it
STOP_TIMEOUT_S: Final = 5.0  # a service manager loses patience after ten seconds or more


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
            device_of(device, settings.till)
        except TillpointError as error:
            problems.append(f"device {device.name!r}: {error}")
    for pos in settings.till_systems:
        try:
            system_of(pos, settings.till)
        except TillpointError as error:
            problems.append(f"till system {pos.name!r}: {error}")
    return problems


# ── Running ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Agent:
    """Everything that runs beside one till.

    Attributes:
        troubles: sentences about parts that could not start; empty when all is well.
        update_wanted: told when there is work for the updater.
        is_rehearsal: these files are a copy: the centre must not hear of it.
    """

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    troubles: list[str] = field(default_factory=list)
    till: Till = field(init=False)
    doors: DoorServer | None = None
    sync: SyncService | None = None
    _secrets: DoorSecrets | None = None
    _equipment: Equipment = field(init=False)
    _slips: SlipPrinters = field(init=False)
    _reports: list[ReportWorker | LedgerWorker] = field(default_factory=list)
    _enrolling: Enrolling | None = None
    _broken: str = ""
    _late_line: threading.Thread = field(init=False)
    _is_started: threading.Event = field(default_factory=threading.Event)
    watching: Watching = field(init=False)
    log_counts: Counts | None = None
    is_rehearsal: bool = False
    update_wanted: Callable[[], None] = lambda: None
    _updates: UpdateTurn | None = None
    _stop: Beats = field(default_factory=Beats)

    def start(self) -> None:
        """Start every part that can be started."""
        folder = self.settings.state_folder
        identity = self._identity(folder)
        devices = self._devices()
        self._slips = SlipPrinters(self.settings.slip.header)
        self.till = Till(
            partial(open_desk, self.settings, folder, identity, devices, clock=self.clock, slips=self._slips),
            ask_hold=self._ask_hold,
            ask_certificate=self._ask_certificate,
            ask_coupons=self._ask_coupons,
            ask_lookup=self._ask_lookup,
            ask_code=self._ask_code,
            first=self._first_snapshot(identity),
        )
        self.watching = Watching(
            settings=self.settings,
            till=self.till,
            beats=self._stop,
            doors=lambda: self.doors,
            sync=lambda: self.sync,
            troubles=lambda: self.troubles,
            log_counts=self.log_counts,
        )
        # The printers first: whatever happens to the rest, the receipt must pass.
        self._equipment = Equipment(
            self.till, self.settings, slips=self._slips, stop=self._stop, heard=self.watching.heard
        )
        self._equipment.start(devices)
        self._late_line = threading.Thread(
            target=self._start_late_line, args=(folder, identity), name="late-line", daemon=True
        )
        self._broken = self.till.start(OPEN_TIMEOUT_S, opened_late=self._late_line.start)
        if self._broken:
            self._trouble(self._broken)
        self._start_doors(folder)
        self._start_reports()
        if not self._broken:
            self._start_line(folder, identity)
        self._is_started.set()
        threading.Thread(target=self._warm_up, args=(devices,), name="warm-up", daemon=True).start()

    def stop(self) -> None:
        """Stop in the reverse order; whatever is in the inbox is still written."""
        self._stop.set()
        if self._late_line.is_alive():
            self._late_line.join(STOP_TIMEOUT_S)
        if self._updates is not None:
            self._updates.stop(STOP_TIMEOUT_S)
        if self._enrolling is not None:
            self._enrolling.join(STOP_TIMEOUT_S)
        if self.sync is not None:
            self.sync.stop(STOP_TIMEOUT_S)
        if self.doors is not None:
            self.doors.stop()
        self._equipment.join(STOP_TIMEOUT_S)
        for reports in self._reports:
            reports.join(STOP_TIMEOUT_S)
        self.till.stop(STOP_TIMEOUT_S)

    def pulse(self) -> Pulse:
        """What tells whether all of this lives; made once everything has been started."""
        return self.watching.pulse()

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

    def lay_panel_access(self) -> None:
        """Where the cashier's own account finds it, for `tillpoint panel --stay`; only a service does that."""
        from agent.desktop import access
        from agent.sync.client import own_version

        folder = access.panel_folder()
        if folder is not None and self.doors is not None and self._secrets is not None:
            port = self.doors.port
            access.write(folder, access.access_of(self.settings.panel, self._secrets, port, version=own_version()))

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────

    def _identity(self, folder: Path) -> Identity | None:
        """Who we are, or None before enrolment."""
        try:
            return relock(folder)
        except NotEnrolled as error:
            from agent.sync.pending import FILE_NAME as PENDING

            if not (folder / PENDING).exists():  # one that waits tells of itself
                log.warning("agent.alone %s", error)
            return None
        except TillpointError as error:
            self._trouble(str(error))
            return None

    def _devices(self) -> list[Device]:
        found = []
        for device in self.settings.devices:
            try:
                found.append(device_of(device, self.settings.till))
            except TillpointError as error:
                self._trouble(f"device {device.name!r}: {error}")
        return found

    def _start_doors(self, folder: Path) -> None:
        from agent.doctor.inside import AgentDoctor
        from agent.doors.app import build
        from agent.doors.keys import DoorSecrets
        from agent.doors.pins import Pins
        from agent.doors.server import DoorServer
        from agent.doors.tills import TillDoors
        from agent.doors.view import panel_view

        settings = self.settings
        doors = self._till_doors(folder)
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
                tills=TillDoors(
                    doors,
                    clock=self.clock,
                    emit=self.till.emit,
                    answer_timeout_s=settings.doors.answer_timeout_s,
                ),
                doctor=AgentDoctor(settings, lambda: panel_view(self.till.snapshot), metrics=self.watching.metrics),
                metrics=self.watching.metrics,
            )
            also = [(one.host, one.port) for one in doors if one.port]
            self.doors = DoorServer(app, port=settings.doors.port, also=also)
            self.doors.start()
            for sentence in self.doors.troubles:
                self._trouble(sentence)
        except (TillpointError, OSError) as error:
            self._trouble(str(error))
            self.doors = None

    def _till_doors(self, folder: Path) -> list[OpenDoor]:
        found = []
        for one in self.settings.till_systems:
            try:
                known = system_of(one, self.settings.till)
                door = open_door(known, self.settings, self.till, folder=folder, clock=self.clock)
            except TillpointError as error:
                self._trouble(f"till system {one.name!r}: {error}")
                continue
            if door is not None:
                found.append(door)
        return found

    def _start_reports(self) -> None:
        """The threads that read what till systems write into files."""
        wanted = [one for one in self.settings.till_systems if one.reports_name]
        if not wanted:
            return
        from agent.reporting import report_worker

        for one in wanted:
            try:
                worker = report_worker(
                    system_of(one, self.settings.till), self.settings, self.till, emit=self.till.emit, stop=self._stop
                )
            except TillpointError:
                continue  # said by the doors, which look at every till system
            if worker is not None:
                worker.start()
                self._reports.append(worker)

    def _start_late_line(self, folder: Path, identity: Identity | None) -> None:
        """The databases have opened after all; on a thread of its own."""
        self._is_started.wait()
        self.troubles.remove(self._broken)
        if not self._stop.is_set():
            self._start_line(folder, identity)

    def _start_line(self, folder: Path, identity: Identity | None) -> None:
        """The way to the centre, which needs the databases."""
        if self.is_rehearsal:
            return
        if identity is not None:
            self._start_sync(folder, identity)
        else:
            self._start_enrolling(folder)

    def _start_sync(self, folder: Path, identity: Identity) -> None:
        from agent.sync.service import SyncService

        self.sync = SyncService(
            folder,
            identity,
            self.settings.central,
            self.till,
            keys_changed=self._keys_changed,
            told_time=self.watching.health.centre_told,
            report=self.watching.report,
        )
        self.sync.start()
        self._start_updates(identity)

    def _start_updates(self, identity: Identity) -> None:
        """The thread that looks for newer versions; a till sells without it."""
        from agent.updating.starting import start_updates

        try:
            self._updates = start_updates(
                self.settings, identity, self.till, zone=zone_of(self.settings), wished=self.update_wanted
            )
        except TillpointError as error:
            self._trouble(str(error))

    def _start_enrolling(self, folder: Path) -> None:
        """A thread that makes the enrolment that waits, and sees one that somebody makes beside us."""
        from agent.enrolling import Enrolling

        def told(sentence: str) -> None:
            self.till.emit(LinkChanged(state=LinkState.NOT_ENROLLED, detail=sentence))

        self._enrolling = Enrolling(
            folder,
            self.settings.central,
            told=told,
            done=lambda identity: self._enrolled(folder, identity),
            stop=self._stop,
        )
        self._enrolling.start()

    def _enrolled(self, folder: Path, identity: Identity) -> None:
        """On the enrolment's thread: the running till is that one from now on, with all it has sold before."""
        who = TillName(shop=identity.shop, till=identity.till)

        def work(desk: Desk) -> None:
            desk.become(
                who,
                epoch=identity.epoch,
                tenant_keys=identity.tenant_keys,
                sealing_key=identity.centre_key,
                url=identity.url,
                ring=identity.programme_keys,
            )

        self.till.run_on_till(work, timeout_s=OPEN_TIMEOUT_S)
        self.till.emit(LinkChanged(state=LinkState.UNKNOWN))
        if not self._stop.is_set():
            self._start_sync(folder, identity)

    def _keys_changed(self, identity: Identity) -> None:
        """On the sync's thread: the till looks customers up under these keys from now on."""
        present, following = (*identity.tenant_keys, b"")[:2]

        def work(desk: Desk) -> None:
            desk.keys_changed(tenant_key=present, tenant_key_next=following, sealing_key=identity.centre_key)

        try:
            self.till.run_on_till(work, timeout_s=OPEN_TIMEOUT_S)
        except CheckoutRefused as refused:
            log.warning("keys.untold reason=%s", refused)  # told again with the next answer of the centre

    def _warm_up(self, devices: list[Device]) -> None:
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

    def _ask_code(self, asked: Any) -> Any:
        """What the centre says of a one-time code, or None without a line; runs on a thread of its own."""
        return None if self.sync is None else self.sync.ask_code(asked)

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
