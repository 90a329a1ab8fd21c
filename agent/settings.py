"""TOML to frozen settings, read once; an unknown key is an error that names file, line and the nearest known key.

Checking makes no connection and opens no device. Each driver checks its own table (`drivers.registry`).
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from agent.checkout.codes.recogniser import DEFAULT_WEIGHED_PREFIXES, CardPattern
from agent.desktop.hot_keys import HOT_KEY_PATTERN
from agent.program_data import program_data
from drivers.vocabulary import codec
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.signed import KEYS_MAX, PublicKey

__all__ = [
    "CentralSettings",
    "CodesSettings",
    "ConsentSettings",
    "DeviceSettings",
    "DoorsSettings",
    "LimitsSettings",
    "LogSettings",
    "OfflineSettings",
    "Over",
    "PanelSettings",
    "ProgrammeSettings",
    "ServiceSettings",
    "Settings",
    "SlipSettings",
    "TillSettings",
    "TillSystemSettings",
    "UpdatesSettings",
    "default_config_path",
    "default_state_folder",
    "load",
    "toml_sentence",
    "unknown_keys",
]

SETTINGS_BYTES_MAX: Final = 1_048_576  # a settings file is a page or two; more is some other file

Over = Callable[[dict[str, Any]], dict[str, Any]]
"""The tree of a settings file → the same with what counts above it."""

Text = Annotated[str, Meta(max_length=400)]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]


class _Table(Struct, frozen=True, kw_only=True):
    """One table of the settings file."""


class TillSettings(_Table, frozen=True, kw_only=True):
    """[till]: where this till is and where it keeps its files.

    Attributes:
        state_folder: databases, identity, tokens; "" is the system's place for a service.
        region: two letters; how a phone number without a country code is read.
        zone: the shop's time zone (IANA name); times printed on receipts are in it.
        currency: three letters; what receipts are in when their print does not say.
    """

    state_folder: Text = ""
    region: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")] = "RU"
    zone: Text = "Europe/Moscow"
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "RUB"


class DoorsSettings(_Table, frozen=True, kw_only=True):
    """[doors]: the local API and the panel, on loopback only."""

    port: Annotated[int, Meta(ge=0, le=65535)] = 8765
    answer_timeout_s: Annotated[float, Meta(gt=0, le=30)] = 2.0


class PanelSettings(_Table, frozen=True, kw_only=True):
    """[panel]: what the cashier sees.

    Attributes:
        standalone: no till system makes the receipts: the cashier types their sums.
        hot_key: brings the panel to the front where `tillpoint panel --stay` or `--hot-key` runs.
        browser: which `tillpoint panel --stay` starts, by name or path; "" takes the first of those it knows.
        window: where, as ``360x768+664+0`` (width, height, from the left, from the top); "" leaves it to the browser.
        kiosk: the panel has the whole monitor.
        customer_screen: the customer's page is shown on the second monitor.
        clear_after_s: without use, the customer's name leaves the screen; who it is still counts for the receipt.
        forget_after_s: without a receipt, the customer is forgotten; long enough to scan a full trolley.
        training_minutes: after so long a training ends by itself.
        codes: the centre sends one-time codes: the panel offers one as a proof where only a number was typed.
    """

    language: Language = "ru"
    standalone: bool = False
    hot_key: Annotated[str, Meta(pattern=HOT_KEY_PATTERN)] = "F12"
    browser: Text = ""
    window: Annotated[str, Meta(pattern=r"^(|[1-9][0-9]{1,4}x[1-9][0-9]{1,4}\+[0-9]{1,5}\+[0-9]{1,5})$")] = ""
    kiosk: bool = False
    customer_screen: bool = False
    clear_after_s: Annotated[int, Meta(ge=5, le=3600)] = 60
    forget_after_s: Annotated[int, Meta(ge=30, le=7200)] = 900
    training_minutes: Annotated[int, Meta(ge=1, le=600)] = 60
    codes: bool = False


class ConsentSettings(_Table, frozen=True, kw_only=True):
    """[[consents]]: what somebody is asked for who would like to join at the panel, one block for each purpose.

    Attributes:
        purpose: what for, as the centre names it.
        version: which words these are; give changed words another one.
        text: one sentence, read out by the cashier.
        required: without a yes to it nobody joins.
    """

    purpose: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    version: Annotated[str, Meta(min_length=1, max_length=80)]
    text: Annotated[str, Meta(min_length=1, max_length=300)]
    required: bool = False


class CentralSettings(_Table, frozen=True, kw_only=True):
    """[central]: how the central server is reached; its address comes with enrolment.

    Attributes:
        ca_file: PEM file: only its authorities are trusted; "" trusts the machine's.
        client_certificate: PEM file that shows who this till is, where the centre asks for one.
        client_key: PEM file of its private key; "" when it is in the certificate's file.
    """

    proxy: Text = ""
    ca_file: Text = ""
    client_certificate: Text = ""
    client_key: Text = ""
    hold_timeout_s: Annotated[float, Meta(gt=0, le=10)] = 1.0
    poll_wait_s: Annotated[int, Meta(ge=1, le=25)] = 25


class ProgrammeSettings(_Table, frozen=True, kw_only=True):
    """[programme]: whose loyalty programmes this till takes.

    Attributes:
        trusted_keys: public keys in base64 (`tillpoint programme keys`); when there are any, no others count. Without
            them those count that came with enrolment.
    """

    trusted_keys: Annotated[tuple[PublicKey, ...], Meta(max_length=KEYS_MAX)] = ()


class OfflineSettings(_Table, frozen=True, kw_only=True):
    """[offline]: how much may be promised without the centre.

    Attributes:
        single_use_coupons: "leased" takes those in this till's hand, "take" all that are good as far as it knows,
            "refuse" none but those that were leased while a customer waited.
        gift_certificates: "leased" takes what is in this till's hand, "refuse" none.
    """

    points_cap: Annotated[int, Meta(ge=0)] = 500
    single_use_coupons: Literal["leased", "take", "refuse"] = "leased"
    gift_certificates: Literal["leased", "refuse"] = "leased"
    hold_minutes: Annotated[int, Meta(ge=1, le=1440)] = 15
    keep_days: Annotated[int, Meta(ge=1, le=3650)] = 90


class LimitsSettings(_Table, frozen=True, kw_only=True):
    """[limits]: how often is too often at this till; counted here, so they hold without a line; 0 is no limit.

    Attributes:
        card_hour: receipts of one customer in an hour, before the cashier is asked why.
        card_day: the same in 24 hours.
        card_day_hard: the same, before a supervisor is asked for.
        cashier_share: percent of a customer's receipts that one cashier made, where others work here too.
        cashier_share_from: from so many receipts of the customer on.
        till_typed: receipts in an hour of customers who told a number and showed nothing.
        cashier_typed: the same of one cashier.
    """

    card_hour: Annotated[int, Meta(ge=0, le=50)] = 3
    card_day: Annotated[int, Meta(ge=0, le=50)] = 5
    card_day_hard: Annotated[int, Meta(ge=0, le=50)] = 10
    cashier_share: Annotated[int, Meta(ge=0, le=100)] = 80
    cashier_share_from: Annotated[int, Meta(ge=2, le=50)] = 5
    till_typed: Annotated[int, Meta(ge=0, le=200)] = 0
    cashier_typed: Annotated[int, Meta(ge=0, le=200)] = 0


class CodesSettings(_Table, frozen=True, kw_only=True):
    """[codes]: what scanned and typed codes mean in this shop; kinds of cards are rows of [[cards]].

    Attributes:
        weighed_prefixes: first digits of the EAN-13 that the shop's scales print.
        qr_keys: public keys (base64) of whoever signs the codes of the customers' app; without any none counts.
        attach_days: how old a receipt may be that becomes somebody's after the sale.
        same_code_s: the same code within so many seconds is one scan.
    """

    weighed_prefixes: Annotated[tuple[Annotated[str, Meta(pattern=r"^[0-9]{2,7}$")], ...], Meta(max_length=50)] = (
        DEFAULT_WEIGHED_PREFIXES
    )
    qr_keys: Annotated[tuple[PublicKey, ...], Meta(max_length=KEYS_MAX)] = ()
    attach_days: Annotated[int, Meta(ge=0, le=3650)] = 14
    same_code_s: Annotated[float, Meta(ge=0, le=30)] = 2.0


class SlipSettings(_Table, frozen=True, kw_only=True):
    """[slip]: the loyalty lines printed for the customer.

    Attributes:
        header: the shop's own lines at the top of a slip that lies alone (`escpos_slip`).
        qr: what the QR code at its end says, with ``{claim}`` for the receipt's code; "" prints none.
    """

    language: Language = "ru"
    columns: Annotated[int, Meta(ge=24, le=80)] = 42
    programme_title: bool = True
    answer_timeout_s: Annotated[float, Meta(gt=0, le=2)] = 0.25
    header: Annotated[tuple[Text, ...], Meta(max_length=10)] = ()
    qr: Text = ""


class DeviceSettings(_Table, frozen=True, kw_only=True):
    """[[devices]]: one device.

    Attributes:
        name: your name for it; shown on the panel and in the journal; "api" is taken.
        driver: which driver speaks with it (``tillpoint devices --drivers`` lists them).
        port: a reader's address (``serial:COM5?baud=9600``).
        host: an in-line device's address on the till's side (``tcp-listen://127.0.0.1:9100``).
        device: the address of the printer of an in-line, pulled or hosted device (``tcp://192.168.1.50:9100``).
        pass_on: a scanner's: where the POS reads it too; what is not a loyalty code goes there, unchanged and at once.
        way: how the device is used: "" as its driver is made (a reader, or in line); "pull": the agent asks it for
            closed documents and its state; "host": the agent asks for its state.
        slips_of: whose receipts' loyalty lines a slip printer, a pulled or hosted device prints: names of devices, and
            "api" for receipts that a POS confirms over the local API.
        begin_after: number of the closed document after which a pulled device is read the first time; -1 is the newest.
        settings: the driver's own table.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}$")]
    driver: Text
    port: Text = ""
    host: Text = ""
    device: Text = ""
    pass_on: Text = ""
    way: Literal["", "inline", "pull", "host"] = ""
    slips_of: tuple[Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}$")], ...] = ()
    begin_after: Annotated[int, Meta(ge=-1, le=4_294_967_295)] = -1
    settings: dict[str, Any] = {}


class TillSystemSettings(_Table, frozen=True, kw_only=True):
    """[[till_systems]]: a POS that asks this agent in its own protocol, or whose files it reads.

    Attributes:
        name: your name for it; shown on the panel and in the journal, and the last word of its address.
        system: which room speaks with it (``tillpoint tills`` lists them).
        listen: host:port where it is answered besides the local API's own port, for a POS that cannot be told a path,
            or that stands elsewhere in the shop's network.
        key: what this POS shows to be let in; "" makes one at the first start (``tillpoint tills`` tells it).
        settings: the room's own table.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}$")]
    system: Text
    listen: Annotated[str, Meta(max_length=100, pattern=r"^(|(\[[0-9a-fA-F:]+\]|[^:\[\]\s]+):[0-9]{1,5})$")] = ""
    key: Annotated[str, Meta(max_length=200)] = ""
    settings: dict[str, Any] = {}

    @property
    def reports_name(self) -> str:
        """What the reading of its reports is called on the panel, "" when none are read."""
        wanted = {"reports": "folder", "ledger": "host", "service": "url"}
        tables = ((self.settings.get(table), key) for table, key in wanted.items())
        is_read = any(isinstance(table, dict) and table.get(key) for table, key in tables)
        return f"{self.name}-reports" if is_read else ""

    @property
    def tells_closed(self) -> bool:
        """Whether it tells its door closed documents after the fact, as a report would."""
        return bool(self.settings.get("soap"))

    def __repr__(self) -> str:
        return f"TillSystemSettings(name={self.name!r}, system={self.system!r}, listen={self.listen!r})"


class ServiceSettings(_Table, frozen=True, kw_only=True):
    """[service]: how the agent watches itself.

    Attributes:
        memory_max_mb: with more than that it stops, and whoever runs it starts it again; 0 is no limit.
    """

    memory_max_mb: Annotated[int, Meta(ge=0, le=65_536)] = 300


class LogSettings(_Table, frozen=True, kw_only=True):
    """[log]: what is written down, and where; beside the files, systemd's journal or the terminal has it too.

    Attributes:
        folder: of the files; "" is where systemd says (LogsDirectory=), else ``log`` in the state folder.
        file_mb: a file that is so large is kept aside, and the next one begins.
        files: so many are kept, the present one counted; 0 writes none.
        event_log: on Windows warnings and worse go to the event log as well.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    folder: Text = ""
    file_mb: Annotated[int, Meta(ge=1, le=1000)] = 5
    files: Annotated[int, Meta(ge=0, le=100)] = 5
    event_log: bool = True


class UpdatesSettings(_Table, frozen=True, kw_only=True):
    """[updates]: newer versions of Tillpoint itself.

    Attributes:
        install: "auto" fetches what the centre offers and changes over when the till is quiet; "hand" fetches it and
            waits for `tillpoint update now`; "off" asks for nothing.
        hours: when the shop is closed by the till's zone ("22:00-07:00"); "" leaves it to the centre.
        quiet_minutes: nothing has happened at the till for so long.
        shift_minutes: so long after the last receipt a shift counts as closed, where no report said so.
        postpone_days: a version that has lain ready for longer is told by the doctor.
        rate_kib_s: as fast as an archive is fetched, in KiB a second; 0 is no limit.
        watch_s: for so long a new version must be well, or the till goes back.
        root_keys: public keys (base64) whose releases are taken, besides those the version was built with.
        revoked_keys: fingerprints of root or signing keys that count no more.
        versions_folder: where versions lie; "" is the system's place.
    """

    install: Literal["auto", "hand", "off"] = "auto"
    channel: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,19}$")] = "stable"
    hours: Annotated[str, Meta(pattern=r"^(|([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])$")] = ""
    quiet_minutes: Annotated[int, Meta(ge=0, le=240)] = 10
    shift_minutes: Annotated[int, Meta(ge=0, le=1440)] = 120
    postpone_days: Annotated[int, Meta(ge=1, le=365)] = 14
    rate_kib_s: Annotated[int, Meta(ge=0, le=1_048_576)] = 256
    watch_s: Annotated[int, Meta(ge=1, le=7200)] = 600
    root_keys: Annotated[tuple[PublicKey, ...], Meta(max_length=KEYS_MAX)] = ()
    revoked_keys: Annotated[tuple[Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")], ...], Meta(max_length=50)] = ()
    versions_folder: Text = ""


class Settings(_Table, frozen=True, kw_only=True):
    """The whole file."""

    till: TillSettings = TillSettings()
    doors: DoorsSettings = DoorsSettings()
    panel: PanelSettings = PanelSettings()
    central: CentralSettings = CentralSettings()
    programme: ProgrammeSettings = ProgrammeSettings()
    offline: OfflineSettings = OfflineSettings()
    limits: LimitsSettings = LimitsSettings()
    slip: SlipSettings = SlipSettings()
    devices: tuple[DeviceSettings, ...] = ()
    till_systems: Annotated[tuple[TillSystemSettings, ...], Meta(max_length=10)] = ()
    codes: CodesSettings = CodesSettings()
    cards: tuple[CardPattern, ...] = ()
    consents: Annotated[tuple[ConsentSettings, ...], Meta(max_length=4)] = ()
    service: ServiceSettings = ServiceSettings()
    log: LogSettings = LogSettings()
    updates: UpdatesSettings = UpdatesSettings()

    @property
    def state_folder(self) -> Path:
        """Where this till keeps its files."""
        return Path(self.till.state_folder).expanduser() if self.till.state_folder else default_state_folder()


def default_config_path() -> Path:
    """Where a service looks for its settings when nobody says otherwise."""
    if sys.platform == "win32":
        return program_data() / "Tillpoint" / "config.toml"
    return Path("/etc/tillpoint/config.toml")


def default_state_folder() -> Path:
    """Where a service keeps its databases when nobody says otherwise."""
    if sys.platform == "win32":
        return program_data() / "Tillpoint" / "state"
    return Path(os.environ.get("STATE_DIRECTORY", "/var/lib/tillpoint"))


def load(path: Path, *, over: Over | None = None) -> Settings:
    """Read and check a settings file; raises SettingsError with one sentence per problem, one a line.

    `over` puts what counts above the file into its tree (`agent.policy`).
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SettingsError(f"no settings file at {path}: copy config.example.toml there, or pass --config") from None
    except OSError as error:
        who = "run this as administrator (sudo), or check its permissions"
        raise SettingsError(f"cannot read {path}: {error.strerror}; {who}") from None
    if len(data) > SETTINGS_BYTES_MAX:
        raise SettingsError(f"{path} has {len(data)} bytes; that is not a settings file")
    return parse(data, name=path.name, over=over)


def parse(data: bytes, *, name: str, over: Over | None = None) -> Settings:
    """Check the bytes of a settings file; `name` is what messages call it, `over` as in `load`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SettingsError(f"{name}, line {line}: not UTF-8; save the file as UTF-8") from None
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: {toml_sentence(str(error))}") from None
    problems = [f"{name}, line {_line_of(text, at)}: {sentence}" for at, sentence in unknown_keys(tree, Settings)]
    if problems:
        raise SettingsError("\n".join(problems))
    try:
        settings = codec.convert(tree if over is None else over(tree), Settings)
    except codec.WireError as error:
        sentence, _, where = str(error).partition(" - at `")
        at = _path_of(where.rstrip("`"))
        shown = ".".join(str(part) for part in at if not isinstance(part, int)) or "the file"
        raise SettingsError(
            f"{name}, line {_line_of(text, at)}: {shown}: {sentence[:1].lower()}{sentence[1:]}"
        ) from None
    _check_devices(settings, text, name)
    _check_consents(settings, text, name)
    return settings


def unknown_keys(tree: Any, wanted: Any, at: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], str]]:
    """Every key of `tree` that `wanted` does not have, each with a sentence naming the nearest one it has."""
    wanted = _element(wanted)
    if isinstance(tree, list):
        return [found for place, one in enumerate(tree) for found in unknown_keys(one, wanted, (*at, place))]
    if not (isinstance(tree, dict) and isinstance(wanted, type) and issubclass(wanted, Struct)):
        return []
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(wanted)}
    found: list[tuple[tuple[str | int, ...], str]] = []
    for key, value in tree.items():
        if key in fields:
            found += unknown_keys(value, fields[key], (*at, key))
            continue
        near = difflib.get_close_matches(key, fields, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "known here: " + ", ".join(sorted(fields))
        found.append(((*at, key), f"unknown key {key!r}; {hint}"))
    return found


def _element(wanted: Any) -> Any:
    """The struct inside tuple[...] and Annotated[...]."""
    while get_origin(wanted) is not None:
        arguments = get_args(wanted)
        if not arguments:
            return wanted
        wanted = arguments[0]
    return wanted


def toml_sentence(message: str) -> str:
    """`Expected '=' after a key (at line 3, column 5)` → `line 3, column 5: expected '=' after a key`."""
    match = re.fullmatch(r"(.*) \(at (.*)\)", message, re.DOTALL)
    if match is None:
        return message
    return f"{match[2]}: {match[1][:1].lower()}{match[1][1:]}"


def _path_of(where: str) -> tuple[str | int, ...]:
    """`$.devices[1].name` → ("devices", 1, "name")."""
    parts = re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+)\]", where)
    return tuple(int(index) if index else word for word, index in parts)


def _line_of(text: str, at: tuple[str | int, ...]) -> int:
    """The line where a key stands: tomllib tells no places, so the tables are walked as written."""
    words = [part for part in at if isinstance(part, str)]
    nth = next((part for part in at if isinstance(part, int)), None)
    if not words:
        return 1
    table: str = ""
    seen = -1
    header = 1
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        match = re.match(r"\[\[?\s*([A-Za-z0-9_.\"-]+)\s*\]?\]", line)
        if match:
            table = match[1]
            if line.startswith("[[") and table == words[0]:
                seen += 1
            if table == ".".join(words) or (table == words[0] and nth in (None, seen)):
                header = number
            continue
        key = re.match(r"([A-Za-z0-9_\"-]+)\s*[=.]", line)
        inside = table == ".".join(words[:-1]) and (nth is None or nth == seen)
        if key and key[1].strip('"') == words[-1] and inside:
            return number
    return header


def _check_consents(settings: Settings, text: str, name: str) -> None:
    """One text for each purpose, and one that must be agreed to."""
    purposes = [one.purpose for one in settings.consents]
    for place, purpose in enumerate(purposes):
        if purpose in purposes[:place]:
            line = _line_of(text, ("consents", place, "purpose"))
            raise SettingsError(f"{name}, line {line}: two consents are for {purpose!r}; one purpose has one text")
    if purposes and not any(one.required for one in settings.consents):
        line = _line_of(text, ("consents", 0, "purpose"))
        raise SettingsError(f"{name}, line {line}: no consent is required; say required = true for the one that is")


def _check_devices(settings: Settings, text: str, name: str) -> None:
    """Names are used once, and what is printed for a device names one."""
    seen: set[str] = set()
    systems = {system.name for system in settings.till_systems}
    known = {device.name for device in settings.devices} | systems | {"api"}
    for place, device in enumerate(settings.devices):
        if device.name == "api":
            line = _line_of(text, ("devices", place, "name"))
            raise SettingsError(
                f'{name}, line {line}: "api" means the local API in slips_of; call the device otherwise'
            )
        stranger = next((one for one in device.slips_of if one not in known), None)
        if stranger is not None:
            line = _line_of(text, ("devices", place, "slips_of"))
            raise SettingsError(
                f"{name}, line {line}: slips_of: no device is called {stranger!r}; known are {', '.join(sorted(known))}"
            )
        if device.name in seen:
            line = _line_of(text, ("devices", place, "name"))
            raise SettingsError(f"{name}, line {line}: two devices are called {device.name!r}; rename one")
        seen.add(device.name)
    for place, system in enumerate(settings.till_systems):
        if system.name in seen or system.name == "api":
            line = _line_of(text, ("till_systems", place, "name"))
            raise SettingsError(f"{name}, line {line}: {system.name!r} is the name of something else; rename one")
        seen.add(system.name)
