"""The till systems of the settings file: checked without opening anything, and the doors they are answered at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import structs

from agent.clock import Clock
from agent.doors.keys import till_key
from agent.settings import Settings, TillSettings, TillSystemSettings, unknown_keys
from agent.till import Till
from drivers import registry
from drivers.tills.contract import DoorContext, TillDoor, TillSystem
from drivers.tills.reports import Reported
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.errors import DriverLoadError, SettingsError
from drivers.vocabulary.spend_codes import CodeSent, CodeVerdict

__all__ = ["KnownSystem", "OpenDoor", "TillAs", "open_door", "system_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSystem:
    """A till system that can be used as the settings say."""

    settings: TillSystemSettings
    system: TillSystem
    own: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDoor:
    """A till system's door, and the till it asks.

    Attributes:
        keep: keeps what an answer reports, within so many seconds; raises CheckoutRefused when that cannot be. None for
            a system that tells nothing after the fact.
        host: where else it is answered, "" for the local API's port only; `port` goes with it.
    """

    name: str
    system: str
    door: TillDoor
    checkout: contract.Checkout
    keep: Callable[[Sequence[Reported], float], None] | None = None
    host: str = ""
    port: int = 0


def system_of(one: TillSystemSettings, till: TillSettings) -> KnownSystem:
    """One till system and its own settings, checked without opening anything; raises SettingsError."""
    system = registry.load_system(one.system)
    if isinstance(system, DriverLoadError):
        raise system
    if system.at_centre:
        raise SettingsError(
            f"{system.title} is answered by the central server, which its cloud can reach; see the room's README"
        )
    wrong = [sentence for _, sentence in unknown_keys(one.settings, system.settings_type)]
    if wrong:
        raise SettingsError(f"settings: {wrong[0]}")
    try:
        fields = {each.encode_name for each in structs.fields(system.settings_type)}
        common = {key: getattr(till, key) for key in ("zone", "currency", "region") if key in fields}
        own = codec.convert({**common, **one.settings}, system.settings_type)
    except codec.WireError as error:
        raise SettingsError(f"settings: {error}") from None
    refusal = system.refusal(own) or (system.reports.refusal(own) if system.reports is not None else "")
    if refusal:
        raise SettingsError(refusal)
    if one.listen and system.door is None:
        raise SettingsError(f"listen is of no use here: {system.title} never calls the agent")
    return KnownSystem(settings=one, system=system, own=own)


def open_door(known: KnownSystem, settings: Settings, till: Till, *, folder: Path, clock: Clock) -> OpenDoor | None:
    """What answers this system, None for one that never calls; makes its key at the first start."""
    one, system = known.settings, known.system
    if system.door is None:
        return None
    context = DoorContext(
        name=one.name,
        key=one.key or till_key(folder, one.name, clock),
        zone=ZoneInfo(settings.till.zone),
        currency=settings.till.currency,
        region=settings.till.region,
    )
    host, _, port = one.listen.rpartition(":")
    return OpenDoor(
        name=one.name,
        system=system.name,
        door=system.door(known.own, context),
        checkout=TillAs(till, f"till:{one.name}"),
        keep=_keeper(known, settings, till),
        host=host.strip("[]"),
        port=int(port or 0),
    )


def _keeper(known: KnownSystem, settings: Settings, till: Till) -> Callable[[Sequence[Reported], float], None] | None:
    reports = known.system.reports
    if reports is None or not known.settings.tells_closed:
        return None
    from agent.reporting import ToldReports

    read_from, zone = reports.settings(known.own).read_from, ZoneInfo(settings.till.zone)
    return ToldReports(till, known.settings.name, read_from=read_from, zone=zone).keep


@dataclass(frozen=True, slots=True)
class TillAs:
    """The till as one POS uses it: the journal says by which of them a receipt came."""

    till: Till
    source: str = field(default="api")

    def identify(self, request: contract.IdentifyRequest, *, timeout_s: float) -> contract.IdentifyAnswer:
        """Who is it."""
        return self.till.identify(request, timeout_s=timeout_s)

    def enrol(self, request: contract.EnrolCustomerRequest, *, timeout_s: float) -> contract.EnrolCustomerAnswer:
        """Make a customer."""
        return self.till.enrol(request, timeout_s=timeout_s)

    def quote(self, request: contract.QuoteRequest, *, timeout_s: float) -> contract.QuoteAnswer:
        """What would this basket cost."""
        return self.till.quote(request, timeout_s=timeout_s)

    def hold(self, request: contract.HoldRequest, *, timeout_s: float) -> contract.HoldAnswer:
        """Reserve points."""
        return self.till.hold(request, timeout_s=timeout_s)

    def confirm(self, request: contract.ConfirmRequest, *, timeout_s: float) -> contract.ConfirmAnswer:
        """The receipt is closed."""
        return self.till.confirm(request, timeout_s=timeout_s, source=self.source)

    def cancel(self, request: contract.CancelRequest, *, timeout_s: float) -> contract.CancelAnswer:
        """The sale will not happen."""
        return self.till.cancel(request, timeout_s=timeout_s)

    def refund(self, request: contract.RefundRequest, *, timeout_s: float) -> contract.RefundAnswer:
        """A return is closed."""
        return self.till.refund(request, timeout_s=timeout_s, source=self.source)

    def attach(self, request: contract.AttachRequest, *, timeout_s: float) -> contract.AttachAnswer:
        """Give a closed receipt to a customer."""
        return self.till.attach(request, timeout_s=timeout_s)

    def reprint(self, request: contract.ReprintRequest, *, timeout_s: float) -> contract.ReprintAnswer:
        """The slip of a closed receipt once more."""
        return self.till.reprint(request, timeout_s=timeout_s)

    def send_code(self, receipt_uid: str, customer_id: str, *, timeout_s: float) -> CodeSent | None:
        """Have a one-time code sent; see `ProvesSpending`."""
        return self.till.send_code(receipt_uid, customer_id, timeout_s=timeout_s)

    def check_code(self, receipt_uid: str, customer_id: str, code: str, *, timeout_s: float) -> CodeVerdict:
        """Whether that is the code; see `ProvesSpending`."""
        return self.till.check_code(receipt_uid, customer_id, code, timeout_s=timeout_s)
