"""Settings become a desk: the rules a till works by, and the files it works on."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agent.checkout.codes.recogniser import DEFAULT_PATTERNS, Recogniser
from agent.checkout.customers.consents import SHIPPED_CONSENTS, ConsentText
from agent.checkout.customers.knowledge import Knowledge
from agent.checkout.customers.limits import LimitRules
from agent.checkout.desk import Desk
from agent.checkout.observed import report_places
from agent.checkout.programmes import Programmes
from agent.checkout.state import DeskRules, TillName
from agent.clock import Clock
from agent.settings import OfflineSettings, Settings
from agent.slip_printers import SlipPrinters
from agent.slips.compose import SlipStyle
from agent.snapshot import DeviceView, LinkState
from agent.sync.identity import Identity
from drivers.vocabulary import phones
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.signed import KeyRing
from drivers.vocabulary.value_leases import ValueKind
from offline_queue.errors import StoreError
from offline_queue.replica import ReplicaReader
from offline_queue.store import TillStore

if TYPE_CHECKING:
    from agent.equipment import Device

__all__ = ["open_desk", "recogniser_of", "zone_of"]

log = logging.getLogger(__name__)

LATE_PRINTS: Final = timedelta(days=45)  # a fiscal memory keeps whole receipts for 30 days, and its cable may be out


def open_desk(
    settings: Settings,
    folder: Path,
    identity: Identity | None,
    devices: list[Device],
    *,
    clock: Clock,
    slips: SlipPrinters,
) -> Desk:
    """Open a till's databases and put its desk together; runs on the till thread, the one writer.

    Raises:
        SettingsError: a zone or a card pattern is wrong, or the state folder cannot be made.
        StoreError: the databases cannot be opened.
    """
    # What a settings mistake can break comes before the file is taken.
    zone, recogniser = zone_of(settings), recogniser_of(settings)
    _make_folder(folder)
    epoch = identity.epoch if identity is not None else 1
    store = TillStore.open(folder / "till.db", epoch=epoch)
    log.info("store.open folder=%s epoch=%d sqlite=%s", folder, store.epoch, store.sqlite_version)
    try:
        replica = ReplicaReader.open(folder / "replica.db")
        return _desk(
            settings, identity, devices, store, replica, zone=zone, recogniser=recogniser, clock=clock, slips=slips
        )
    except BaseException:
        store.close()  # it is tried again, and must not be in its own way
        raise


def _desk(
    settings: Settings,
    identity: Identity | None,
    devices: list[Device],
    store: TillStore,
    replica: ReplicaReader,
    *,
    zone: ZoneInfo,
    recogniser: Recogniser,
    clock: Clock,
    slips: SlipPrinters,
) -> Desk:
    """A desk of these settings on open files."""
    views = {
        one.settings.name: DeviceView(name=one.settings.name, driver=one.driver.name, state="off", detail="")
        for one in devices
    }
    for pos in settings.till_systems:
        for name in filter(None, (pos.name, pos.reports_name)):
            views[name] = DeviceView(name=name, driver=pos.system, state="closed", detail="")
    reads_reports = any(pos.reports_name or pos.tells_closed for pos in settings.till_systems)
    reads_late = reads_reports or any(one.way == "pull" for one in devices)
    desk = Desk(
        store=store,
        knowledge=Knowledge(replica, store, *(identity.tenant_keys if identity is not None else (b"",))),
        clock=clock,
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
            codes=settings.panel.codes,
            training=timedelta(minutes=settings.panel.training_minutes),
            limits=LimitRules(**msgspec.structs.asdict(settings.limits)),
            standalone=settings.panel.standalone,
            awaits_print=LATE_PRINTS if reads_late else timedelta(hours=24),
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
            clock=clock,
            pinned=settings.programme.trusted_keys,
            enrolled=identity.programme_keys if identity is not None else KeyRing(),
            url=identity.url if identity is not None else "",
        ),
        devices=views,
        link=LinkState.UNKNOWN if identity is not None else LinkState.NOT_ENROLLED,
        sealing_key=identity.centre_key if identity is not None else "",
        prints_are_seen=reads_reports or any(one.way in {"inline", "pull"} for one in devices),
        reports_are_read=reads_reports,
        slips=slips,
    )
    for pos in settings.till_systems:
        if pos.tells_closed:
            # What is closed from the first start on is counted; on a full disk, from the first package on.
            with suppress(StoreError):
                report_places.begin(desk, pos.name)
    return desk


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
