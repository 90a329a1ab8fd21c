"""What a set-up wants to know, in one table: keys of an answer file, of `--set`, and names of properties; no I/O.

A property is an environment variable or a property of the Windows installer: `centre.url` is `TILLPOINT_CENTRE_URL`.
An empty property says nothing, because installers hand on all they know.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from agent.settings import toml_sentence, unknown_keys
from drivers.vocabulary import codec
from drivers.vocabulary.errors import SettingsError

__all__ = ["SECRETS", "Answers", "Key", "by_property", "gathered", "keys", "over", "parsed", "reference"]

PREFIX: Final = "TILLPOINT_"
#: Never shown, never left on the till.
SECRETS: Final = frozenset({"centre.code", "centre.secret"})
#: With what a machine becomes a till: one of them.
_SHOWN: Final = ("code", "secret", "secret_file")
_TRUE: Final = {"1", "true", "yes", "on"}
_WANTED: Final = {
    "inline": ("device",),
    "pull": ("driver", "device"),
    "calls": ("system",),
    "files": ("system", "folder"),
}
_FALSE: Final = {"0", "false", "no", "off"}

Text = Annotated[str, Meta(max_length=400)]
How = Literal["", "inline", "pull", "calls", "files", "api", "panel"]


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of an answer file."""


class CentreAnswers(_Table, frozen=True, kw_only=True):
    """The centre, and with what this machine becomes one of its tills."""

    url: Annotated[
        Text, "The centre's address, `https://centre.example`; without it the till works without a centre."
    ] = ""
    code: Annotated[Text, "One-time code (`tillpoint central enrol-code`); it names the till."] = ""
    secret: Annotated[Text, "The store's secret (`tillpoint central enrol-secret new`), instead of a code."] = ""
    secret_file: Annotated[Text, "A file with the secret; overwritten and removed once the secret is kept or used."] = (
        ""
    )
    till: Annotated[Text, "With a secret: the name this till would like; the centre numbers it otherwise."] = ""
    replaces: Annotated[Text, "With a secret: the dead till whose place this machine takes."] = ""
    delay: Annotated[bool, "This machine is an image: it does not enrol itself, each copy does at its first start."] = (
        False
    )
    plain_http: Annotated[bool, "Allow an unencrypted line to a centre in a closed network."] = False
    proxy: Annotated[Text, "The shop's proxy, `http://host:port`."] = ""
    ca_file: Annotated[Text, "Certificate of a private authority (PEM): only it is trusted then."] = ""


class ReceiptAnswers(_Table, frozen=True, kw_only=True):
    """How receipts come to be known."""

    how: Annotated[
        How,
        "`inline` before the printer, `pull` read out of a fiscal register, `calls` the POS asks in its own protocol, "
        "`files` its reports are read, `api` it calls the local API, `panel` the cashier types the sums; without an "
        "answer it stays as it is.",
    ] = ""
    driver: Annotated[Text, "With `inline` and `pull`: who speaks with the device (`tillpoint devices --drivers`)."] = (
        ""
    )
    device: Annotated[Text, "With `inline` and `pull`: the printer's or register's address (`tillpoint devices`)."] = ""
    host: Annotated[
        Text, "With `inline`: where the POS prints to; `tcp-listen://127.0.0.1:9100` when it is left out."
    ] = ""
    system: Annotated[Text, "With `calls` and `files`: the till system (`tillpoint tills`)."] = ""
    folder: Annotated[Text, "With `files`: where the reports appear."] = ""


class ScannerAnswers(_Table, frozen=True, kw_only=True):
    """The scanner the agent reads; without one the panel takes what is typed into it."""

    driver: Annotated[
        Text, "`serial_scanner`, `hid_scanner`, `keyboard_scanner`, or `none` to have no scanner of ours."
    ] = ""
    port: Annotated[Text, "Its address (`tillpoint devices`)."] = ""
    pass_on: Annotated[Text, "Where the POS reads the same scanner."] = ""


class SlipsAnswers(_Table, frozen=True, kw_only=True):
    """A printer of the agent's own."""

    device: Annotated[Text, "Its address: `usb:…`, `serial:…`, `tcp://…`, `spool:NAME`."] = ""
    profile: Annotated[Text, "Its family (`TM-T88V`)."] = ""


class TillAnswers(_Table, frozen=True, kw_only=True):
    """This till."""

    language: Annotated[Text, "Of the panel and the slips: `ru`, `en`, `th`."] = ""
    region: Annotated[Text, "Two letters: how a phone number without a country code is read."] = ""
    zone: Annotated[Text, "The shop's time zone, `Europe/Moscow`."] = ""
    currency: Annotated[Text, "Three letters."] = ""
    state_folder: Annotated[
        Text, "Where databases, identity and keys lie; the system's place for a service otherwise."
    ] = ""
    port: Annotated[int, Meta(ge=0, le=65535), "Of the local API and the panel; 0 leaves it as it is."] = 0


class TryAnswers(_Table, frozen=True, kw_only=True):
    """What is tried before anything is written."""

    devices: Annotated[bool, "Ask each device that is set up how it is; one that does not answer is a failure."] = False
    slip: Annotated[bool, "Print a test slip on the printer that is set up."] = False


class Answers(_Table, frozen=True, kw_only=True):
    """Everything; what is left out is left as it is."""

    centre: CentreAnswers = CentreAnswers()
    receipt: ReceiptAnswers = ReceiptAnswers()
    scanner: ScannerAnswers = ScannerAnswers()
    slips: SlipsAnswers = SlipsAnswers()
    till: TillAnswers = TillAnswers()
    trial: TryAnswers = TryAnswers()

    def __repr__(self) -> str:
        return "Answers(…)"  # there are secrets in it


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table."""

    name: str
    type: Any
    sentence: str

    @property
    def property(self) -> str:
        """The environment variable, and the installer's property."""
        return PREFIX + self.name.upper().replace(".", "_")


def keys() -> Iterator[Key]:
    """Every row, in the order of the file."""
    for table in msgspec.structs.fields(Answers):
        for one in msgspec.structs.fields(table.type):
            kind, *more = get_args(one.type)
            while get_origin(kind) is Annotated:
                kind = get_args(kind)[0]
            sentence = next(word for word in reversed(more) if isinstance(word, str))
            yield Key(f"{table.name}.{one.name}", kind, sentence)


def by_property(environment: Mapping[str, str]) -> dict[str, Any]:
    """The tree that properties say; raises SettingsError for one that cannot be read."""
    tree: dict[str, Any] = {}
    for key in keys():
        text = environment.get(key.property, "").strip()
        if text:
            _put(tree, key, text, key.property)
    return tree


def by_pairs(pairs: Sequence[str]) -> dict[str, Any]:
    """The tree of ``--set centre.url=https://…``; a property's name will do for a key."""
    known = {name: key for key in keys() for name in (key.name, key.property)}
    tree: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise SettingsError(f"--set {name[:40]}: write it like --set centre.url=https://centre.example")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else "tillpoint setup --keys lists them"
            raise SettingsError(f"--set: unknown key {name!r}; {hint}")
        _put(tree, known[name], text, f"--set {name}")
    return tree


def gathered(
    file: str,
    *,
    name: str,
    environment: Mapping[str, str],
    pairs: Sequence[str],
    chain: Mapping[str, str] | None = None,
) -> Answers:
    """All that was said, the nearer word first: `--set`, then properties, then the file, then the chain's.

    Args:
        file: text of the answer file, "" for none.
        name: what messages call it.
        environment: where properties stand.
        pairs: of `--set`.
        chain: properties that policy gives to every till.

    Raises:
        SettingsError: one sentence for each mistake.
    """
    try:
        said = tomllib.loads(file)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: {toml_sentence(str(error))}") from None
    wrong = [f"{name}: {'.'.join(map(str, at))}: {sentence}" for at, sentence in unknown_keys(said, Answers)]
    wrong += [f"{name}: {table}: write it as a table, [{table}]" for table in said if not isinstance(said[table], dict)]
    if wrong:
        raise SettingsError("\n".join(wrong))
    tree: dict[str, Any] = by_property(chain or {})
    for more in (said, by_property(environment), by_pairs(pairs)):
        for table, values in more.items():
            tree[table] = over(tree.get(table, {}), values)
    return parsed(tree, name=name)


def over(farther: Mapping[str, Any], nearer: Mapping[str, Any]) -> dict[str, Any]:
    """One table with a nearer word above it: who shows a code means it instead of the secret said before."""
    hidden = _SHOWN if any(nearer.get(name) for name in _SHOWN) else ()
    return {**{name: value for name, value in farther.items() if name not in hidden}, **nearer}


def parsed(tree: Mapping[str, Any], *, name: str) -> Answers:
    """A tree as answers that fit to one another; raises SettingsError."""
    try:
        answers = codec.convert(tree, Answers)
    except codec.WireError as error:
        sentence, _, where = str(error).partition(" - at `$.")
        shown = where.rstrip("`") or "the file"
        raise SettingsError(f"{name}: {shown}: {sentence[:1].lower()}{sentence[1:]}") from None
    problems = list(_problems(answers))
    if problems:
        raise SettingsError("\n".join(f"{name}: {sentence}" for sentence in problems))
    return answers


def _problems(answers: Answers) -> Iterator[str]:
    """What does not fit together."""
    yield from _centre_problems(answers.centre)
    yield from _receipt_problems(answers.receipt)
    scanner = answers.scanner
    if (scanner.driver not in {"", "none"}) != bool(scanner.port):
        yield "scanner.driver and scanner.port: say both, or none of them"
    if scanner.pass_on and not scanner.port:
        yield "scanner.pass_on is of no use without scanner.port"


def _centre_problems(centre: CentreAnswers) -> Iterator[str]:
    shown = [name for name in _SHOWN if getattr(centre, name)]
    if len(shown) > 1:
        yield f"centre.{shown[1]}: centre.{shown[0]} is there too; one of them makes a till"
    if shown and not centre.url:
        yield f"centre.url is missing; centre.{shown[0]} is for a centre"
    if not (centre.secret or centre.secret_file):
        for name in ("till", "replaces"):
            if getattr(centre, name):
                yield f"centre.{name} is of no use without centre.secret: a one-time code names its till itself"
        if centre.delay:
            yield "centre.delay needs centre.secret: a one-time code makes one till, an image many"
    if centre.till and centre.replaces:
        yield "centre.till: centre.replaces names the till already"
    if centre.delay and centre.replaces:
        yield "centre.replaces: an image cannot take one till's place many times"


def _receipt_problems(receipt: ReceiptAnswers) -> Iterator[str]:
    wanted = _WANTED.get(receipt.how, ())
    allowed = {*wanted, *({"driver", "host"} if receipt.how == "inline" else ())}
    for name in ("driver", "device", "host", "system", "folder"):
        said = getattr(receipt, name)
        if name in wanted and not said:
            yield f'receipt.{name} is missing; receipt.how = "{receipt.how}" needs it'
        if said and name not in allowed:
            yield f'receipt.{name} is of no use with receipt.how = "{receipt.how}"'


def reference() -> str:
    """The table of keys in Markdown, for the guide."""
    rows = ["| key | property, variable | |", "|---|---|---|"]
    rows += [f"| `{key.name}` | `{key.property}` | {key.sentence} |" for key in keys()]
    return "\n".join(rows)


def _put(tree: dict[str, Any], key: Key, text: str, where: str) -> None:
    table, _, name = key.name.partition(".")
    tree.setdefault(table, {})[name] = _value(key, text, where)


def _value(key: Key, text: str, where: str) -> Any:
    if key.type is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise SettingsError(f"{where}: write true or false, not {text[:20]!r}")
    if key.type is int:
        if text.isascii() and text.isdigit():
            return int(text)
        raise SettingsError(f"{where}: write a whole number, not {text[:20]!r}")
    return text
