"""The three questions: what is asked, what is tried at once, and what was said, as a part of an answer file.

Each question returns its part of the answers; `Back` and `Again` (`agent.setup.console`) leave it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agent.settings import CentralSettings, DeviceSettings, Settings, TillSettings
from agent.setup.answers import CentreAnswers
from agent.setup.choices import Choice, address_of, receipt_choices, scanner_choices
from agent.setup.console import Again, Console
from agent.setup.plan import RECEIPT_DEVICES
from agent.setup.trials import ScanTrial, Tried, ask_centre, free_host, print_slip, try_device
from agent.setup.words import Words
from agent.sync.identity import Identity
from drivers import registry
from drivers.finding.found import Found
from drivers.registry import LoadedDriver
from drivers.transport.address import endpoint
from drivers.vocabulary.errors import DriverLoadError, SettingsError
from drivers.vocabulary.events import BankCardRead, CodeScanned

__all__ = ["SCAN_S", "Asker", "devices_in_words"]

SCAN_S: Final = 30  # a person takes a handheld out of its cradle and finds something to scan
END_CHARS: Final = 4  # of a code that was read: enough to see that it is the right one, too few to be somebody's card
OF_A_STORE: Final = "tps_"  # how a store's secret begins; codes are letters and digits
TICK_S: Final = 1.0
NO: Final = frozenset({"n", "no", "нет"})

Tree = dict[str, Any]


def devices_in_words(settings: Settings | None, names: Sequence[str]) -> str:
    """The devices of these names as they are set up, "" for none."""
    if settings is None:
        return ""
    there = [one for one in settings.devices if one.name in names]
    return ", ".join(f"{one.driver} {one.device or one.port}" for one in there)


@dataclass(slots=True, kw_only=True)
class Asker:
    """Asks whoever sits at the terminal.

    Attributes:
        console: the terminal.
        say: the words.
        look: what is plugged in now.
        settings: as they are today, None before the first set-up.
        identity: the till this is already, or None.
        central: how the centre is reached, as far as that is said already.
        given: what is said of the centre already, by policy or by properties; taken with Enter.
        scan_s: how long a scan is waited for.
    """

    console: Console
    say: Words
    look: Callable[[], Sequence[Found]]
    settings: Settings | None = None
    identity: Identity | None = None
    central: CentralSettings = field(default_factory=CentralSettings)
    given: CentreAnswers = field(default_factory=CentreAnswers)
    scan_s: int = SCAN_S
    _found: Sequence[Found] | None = field(default=None, init=False)
    _url: str = field(default="", init=False)  # of a centre that answered: who comes back need not type it again

    @property
    def till(self) -> TillSettings:
        """The table [till]."""
        return self.settings.till if self.settings is not None else TillSettings()

    def found(self) -> Sequence[Found]:
        """What is plugged in; looked at once, and anew when that was asked for."""
        if self._found is None:
            self._found = self.look()
        return self._found

    def look_again(self) -> None:
        """The next question shows what is plugged in then."""
        self._found = None

    # ── The centre ──────────────────────────────────────────────────────────────────────────────

    def centre(self) -> Tree:
        """Its address, and a code or secret."""
        console, say = self.console, self.say
        known = self._url or (self.identity.url if self.identity is not None else self.given.url)
        console.say()
        console.say(say("q_centre"))
        prompt = say("url", default=known) if known else say("url_no_default")
        url = console.ask(prompt) or known
        if url in {"", "-"}:
            return {"url": "", "code": "", "secret": "", "secret_file": "", "till": "", "replaces": "", "delay": False}
        if "://" not in url:
            url = f"https://{url}"
        plain_http = url.startswith("http://") and not _is_here(url)
        if plain_http and console.ask(say("plain")).lower() in NO:
            raise Again
        tried = ask_centre(url, self.central, plain_http=plain_http)
        if not self._good(tried, say("centre_ok"), url):
            raise Again
        self._url = url
        till = self.identity.till if self.identity is not None else ""
        is_given = bool(self.given.code or self.given.secret or self.given.secret_file)
        prompt = say("code_kept", till=till) if till else say("code_given") if is_given else say("code")
        code = console.ask(prompt)
        if not (code or till or is_given):
            console.say(say("code_missing"))
            raise Again
        shown = {} if not code else {"secret" if code.startswith(OF_A_STORE) else "code": code}
        return {"url": url, **shown, **({"plain_http": True} if plain_http else {})}

    # ── Receipts ────────────────────────────────────────────────────────────────────────────────

    def receipt(self) -> Tree:
        """How receipts come to be known; tried, and a test slip printed."""
        self._head("q_receipt")
        kept = self._kept_receipt()
        pollable = _pollable()
        choice = self._pick(receipt_choices(self.found(), self.say, pollable=tuple(pollable), kept=kept))
        answers = dict(choice.answers)
        if not answers:
            return {}
        more: dict[str, Callable[[], Mapping[str, Any]]] = {
            "printer": self._printer,
            "host": lambda: self._host(str(answers["device"])),
            "register": lambda: self._register(pollable),
            "calls": lambda: {"system": self._system(lambda one: one.door is not None)},
            "files": self._files,
        }
        if choice.wants:
            answers |= more[choice.wants]()
        device = _receipt_device(answers)
        if device is not None and not self._try(device):
            raise Again
        self._tell(answers)
        return answers

    def _kept_receipt(self) -> str:
        if self.settings is None:
            return ""
        systems = ", ".join(one.system for one in self.settings.till_systems)
        panel = self.say("panel") if self.settings.panel.standalone else ""
        return devices_in_words(self.settings, RECEIPT_DEVICES) or systems or panel

    def _printer(self) -> Tree:
        device = self._address("printer_address", 9100)
        return {"device": device, **self._host(device)}

    def _host(self, device: str) -> Tree:
        """Only a printer on a port leaves open where the POS prints to."""
        default = self._own_host() or free_host()
        if not device.startswith("serial:"):
            return {"host": default}
        return {"host": self._address("host", None, default=default)}

    def _own_host(self) -> str:
        """Where the POS prints to today."""
        devices = self.settings.devices if self.settings is not None else ()
        return next((one.host for one in devices if one.name == "receipt"), "")

    def _register(self, pollable: Mapping[str, str]) -> Tree:
        self.console.say(self.say("register_driver"))
        choices = [Choice(f"{title} ({name})", {"driver": name}) for name, title in pollable.items()]
        driver = self._pick(choices).answers["driver"]
        return {"driver": driver, "device": self._address("register_address", None)}

    def _files(self) -> Tree:
        system = self._system(lambda one: one.reports is not None)
        return {"system": system, "folder": self._text("folder")}

    def _system(self, fits: Callable[[Any], bool]) -> str:
        self.console.say(self.say("system"))
        rows = [registry.load_system(name) for name in registry.known_systems()]
        systems = [one for one in rows if not isinstance(one, DriverLoadError) and not one.at_centre and fits(one)]
        choice = self._pick([Choice(f"{one.title} ({one.name})", {"system": one.name}) for one in systems])
        return str(choice.answers["system"])

    def _tell(self, answers: Mapping[str, Any]) -> None:
        """What to set in the POS."""
        host = str(answers.get("host", ""))
        if host.startswith("tcp-listen://"):
            name, _, port = host.removeprefix("tcp-listen://").rpartition(":")
            self.console.say(self.say("tell_pos_tcp", host=name, port=port))
        elif host:
            self.console.say(self.say("tell_pos_line", host=host))
        if answers["how"] == "calls":
            self.console.say(self.say("tell_calls"))

    # ── The scanner ─────────────────────────────────────────────────────────────────────────────

    def scanner(self) -> Tree:
        """Which one; tried with a scan."""
        self._head("q_scanner")
        kept = devices_in_words(self.settings, ("scanner",))
        choice = self._pick(scanner_choices(self.found(), self.say, kept=kept))
        answers = dict(choice.answers)
        if choice.wants:
            answers["port"] = self._address("scanner_address", None)
        if "port" not in answers:
            return answers
        device = DeviceSettings(name="scanner", driver=answers["driver"], port=answers["port"])
        if not self._scan(device):
            raise Again
        return answers

    def _scan(self, device: DeviceSettings) -> bool:
        """Wait for a scan with the seconds shown; False when the scanner is to be chosen again."""
        console, say = self.console, self.say
        try:
            trial = ScanTrial(device, self.till)
        except SettingsError as error:
            return self._good(Tried(ok=False, words=str(error)), "", device.port)
        try:
            for left in range(self.scan_s if trial.is_open() else 0, 0, -1):
                typed = console.wait(say("scan_now", left=left), TICK_S)
                heard = trial.heard()
                if heard is not None:
                    console.say(_heard(heard, say))
                    return True
                if typed is not None:
                    console.say(say("scan_skipped"))
                    return True
                if trial.state.words and not trial.state.ok:
                    break
        finally:
            trial.close()
        words = trial.state.words or say("scan_none", seconds=self.scan_s)
        return self._good(Tried(ok=False, words=words), "", device.port)

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────

    def _head(self, key: str) -> None:
        self.console.say()
        self.console.say(self.say(key))

    def _pick(self, choices: Sequence[Choice]) -> Choice:
        for number, one in enumerate(choices, start=1):
            self.console.say(f"  {number:>2}  {one.title}")
        while True:
            text = self.console.ask(self.say("choose", default=1)) or "1"
            if text.isascii() and text.isdigit() and 1 <= int(text) <= len(choices):
                return choices[int(text) - 1]
            self.console.say(self.say("no_number", most=len(choices)))

    def _text(self, key: str, *, default: str = "") -> str:
        while True:
            text = self.console.ask(self.say(key, default=default)) or default
            if text:
                return text

    def _address(self, key: str, port: int | None, *, default: str = "") -> str:
        """An address that means something; asked until it does."""
        while True:
            address = address_of(self._text(key, default=default), port=port)
            try:
                endpoint(address)
            except SettingsError as error:
                self.console.say(f"  {error}")
                continue
            return address

    def _try(self, device: DeviceSettings) -> bool:
        """Ask the device how it is, and print a test slip on it; False when it is to be chosen again."""
        console, say = self.console, self.say
        console.say(say("trying", name=device.device))
        tried = try_device(device, self.till, is_ours=bool(device.host) and device.host == self._own_host())
        if not self._good(tried, say("works", name=device.device), device.device):
            return False
        if not tried.ok or console.ask(say("slip_ask", name=device.device)).lower() in NO:
            return True
        lines = (say("slip_head"), say("slip_text", letters=say("slip_letters")))
        return self._good(print_slip(device, self.till, lines), say("slip_done"), device.device)

    def _good(self, tried: Tried, fine: str, name: str) -> bool:
        """Say how a trial ended; True to go on, after a failure only when that is wished."""
        console, say = self.console, self.say
        if tried.ok:
            console.say(say("works_but", name=name, words=tried.words) if tried.words else fine)
            return True
        is_named = name in tried.words  # most sentences name the thing themselves
        console.say(f"  {tried.words}" if is_named else say("fails", name=name, words=tried.words))
        return console.ask(say("retry")) == "2"


def _receipt_device(answers: Mapping[str, Any]) -> DeviceSettings | None:
    """The device that these answers make, for a trial."""
    if answers.get("how") == "inline":
        driver = str(answers.get("driver", "escpos"))
        return DeviceSettings(name="receipt", driver=driver, host=answers["host"], device=answers["device"])
    if answers.get("how") == "pull":
        return DeviceSettings(name="register", driver=answers["driver"], device=answers["device"], way="pull")
    return None


def _pollable() -> dict[str, str]:
    """Drivers whose devices can be read out, by their titles."""
    found = {}
    for name in registry.known_drivers():
        loaded = registry.load_driver(name)
        if isinstance(loaded, LoadedDriver) and loaded.driver.polling is not None:
            own = loaded.driver.settings_type()
            if not loaded.driver.polling.refusal(own):
                found[name] = loaded.driver.title
    return found


def _heard(event: CodeScanned | BankCardRead, say: Words) -> str:
    if isinstance(event, BankCardRead):
        return say("scan_bank")
    return say("scan_heard", count=len(event.code), end=event.code[-END_CHARS:])


def _is_here(url: str) -> bool:
    """Whether an address is this machine's, to which a line needs no secrecy."""
    from urllib.parse import urlsplit

    return (urlsplit(url).hostname or "") in {"localhost", "127.0.0.1", "::1"}
