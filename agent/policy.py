"""Settings that whoever runs many tills gives by policy; they count above `config.toml`, and a bad one stops no till.

Windows: values of the registry's key `REGISTRY_PATH`, written by group policy or Intune; a value is called like its key
(``central.proxy`` is ``CentralProxy``). Elsewhere: the files ``conf.d/*.toml`` beside the settings file, in the
order of their names, the last word counting.

A value that is wrong, or a key that is no policy, is named and left out; what `config.toml` or the default says counts
instead. Only the keys of `ALL_KEYS` may be given: a till's devices are the till's own.
"""

from __future__ import annotations

import difflib
import logging
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from agent import settings
from agent.settings import Settings
from drivers.vocabulary import codec

__all__ = [
    "ALL_KEYS",
    "KEYS",
    "REGISTRY_PATH",
    "SET_UP_KEYS",
    "Policies",
    "PolicyRegistry",
    "load",
    "read",
    "type_of",
    "value_name",
]

REGISTRY_PATH: Final = r"Software\Policies\Tillpoint"
FILES_MAX: Final = 100
FILE_BYTES_MAX: Final = 262_144

#: What may be given by policy: keys of the settings. ADMX, ADML and the store-IT guide's table are made from these.
KEYS: Final = (
    "central.proxy",
    "central.ca_file",
    "programme.trusted_keys",
    "offline.points_cap",
    "panel.language",
    "updates.install",
    "updates.channel",
    "updates.hours",
    "log.level",
    "service.memory_max_mb",
)
#: The same for answers of the set-up: a machine that joins the shop finds its centre without anybody at it.
SET_UP_KEYS: Final = ("centre.url", "centre.secret_file")


ALL_KEYS: Final = (*SET_UP_KEYS, *KEYS)


class PolicyRegistry(Protocol):
    """The one question to the registry; a test brings its own."""

    def values(self, path: str) -> list[tuple[str, object]]:
        """Names and values of a key of HKEY_LOCAL_MACHINE, %NAMES% filled in; none when it is not there."""


@dataclass(slots=True)
class Policies:
    """What was found.

    Attributes:
        values: key → the value that counts.
        origins: key → where it came from, in words ("conf.d/10-chain.toml").
        ignored: one sentence for each value that was left out.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)

    def take(self, key: str, value: object, origin: str) -> None:
        """Let one value count, or say why it does not."""
        if key not in ALL_KEYS:
            self.ignored.append(_no_policy(origin, key, ALL_KEYS))
            return
        try:
            codec.convert(value, type_of(key))
        except codec.WireError as error:
            sentence = str(error)
            self.ignored.append(f"{origin}: {key}: {sentence[:1].lower()}{sentence[1:]}; it is ignored")
            return
        self.values[key], self.origins[key] = value, origin

    def over(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        """The tree of a settings file with these values in place of its own."""
        merged = dict(tree)
        for key, value in self.values.items():
            if key in SET_UP_KEYS:
                continue
            table, _, name = key.partition(".")
            below = merged.get(table, {})
            if isinstance(below, dict):  # what is no table is the settings file's own mistake, and told as one
                merged[table] = {**below, name: value}
        return merged

    def for_set_up(self) -> dict[str, str]:
        """Answers of the set-up, called as the environment calls them (``TILLPOINT_CENTRE_URL``)."""
        return {
            f"TILLPOINT_{key.upper().replace('.', '_')}": str(self.values[key])
            for key in SET_UP_KEYS
            if key in self.values
        }

    def decided(self) -> list[str]:
        """One sentence for each key that policy decides: ``central.proxy from policy (conf.d/10-chain.toml)``."""
        return [f"{key} from policy ({origin})" for key, origin in sorted(self.origins.items())]

    def log_to(self, log: logging.Logger) -> None:
        """For the log of a service that starts; what was given is not written there, only that it was."""
        for sentence in self.decided():
            log.info("settings.policy %s", sentence)
        for sentence in self.ignored:
            log.warning("settings.policy_ignored reason=%s", sentence)


def load(path: Path, *, registry: PolicyRegistry | None = None) -> tuple[Settings, Policies]:
    """The settings file with what policy says above it.

    Raises:
        SettingsError: the settings file itself is missing or wrong, one sentence per problem.
    """
    found = read(path.parent, registry=registry)
    return settings.load(path, over=found.over), found


def read(folder: Path, *, registry: PolicyRegistry | None = None) -> Policies:
    """All policies of this machine: the registry's on Windows, else those of the files in ``folder/conf.d``."""
    registry = registry if registry is not None else _system_registry()
    found = Policies()
    if registry is not None:
        _from_registry(registry, found)
    else:
        _from_files(folder / "conf.d", found)
    return found


def value_name(key: str) -> str:
    """What a key is called in the registry and, in capitals, as a property of the MSI.

    >>> value_name("central.ca_file")
    'CentralCaFile'
    """
    return "".join(part.capitalize() for part in key.replace(".", "_").split("_"))


def type_of(key: str) -> Any:
    """The type that the settings, or the set-up's answers, give a key; raises KeyError when they have no such key."""
    table, _, name = key.partition(".")
    whole: Any = Settings
    if key in SET_UP_KEYS:
        from agent.setup.answers import Answers

        whole = Answers
    below = {one.encode_name: one.type for one in msgspec.structs.fields(whole)}[table]
    return {one.encode_name: one.type for one in msgspec.structs.fields(below)}[name]


def _no_policy(origin: str, name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "docs/guides/store-it.md lists what policy may say."
    return f"{origin}: {name!r} is no policy; {hint} It is ignored"


# ── Windows ─────────────────────────────────────────────────────────────────────────────────────


def _from_registry(registry: PolicyRegistry, found: Policies) -> None:
    names = {value_name(key).lower(): key for key in ALL_KEYS}
    for name, value in registry.values(REGISTRY_PATH):
        if not name:
            continue  # the key's own default value; group policy never writes it
        key = names.get(name.lower())
        origin = f"HKLM\\{REGISTRY_PATH}"
        if key is None:
            found.ignored.append(_no_policy(origin, name, [value_name(one) for one in ALL_KEYS]))
            continue
        found.take(key, _from_kind(value, type_of(key)), origin)


def _from_kind(value: object, wanted: Any) -> object:
    """The registry has numbers for yes and no, and texts for what is no whole number."""
    kind = _plain(wanted)
    if kind is bool and isinstance(value, int) and value in {0, 1}:
        return bool(value)
    if kind in {int, float} and isinstance(value, str):
        try:
            return kind(value.strip().replace(",", "."))
        except ValueError:
            return value
    if kind is tuple and isinstance(value, str):
        return [one for one in value.replace(",", " ").split() if one]
    return value


def _plain(wanted: Any) -> type:
    """What a type is without its limits: ``Annotated[int, …]`` is int, ``tuple[…]`` tuple, ``Literal`` str."""
    from typing import Annotated, Literal, get_args, get_origin

    while get_origin(wanted) is Annotated:
        wanted = get_args(wanted)[0]
    origin = get_origin(wanted)
    if origin is Literal:
        return str
    return origin if isinstance(origin, type) else wanted


def _system_registry() -> PolicyRegistry | None:
    """The registry of Windows; None elsewhere."""
    if sys.platform == "win32":
        return _WindowsRegistry()
    return None


if sys.platform == "win32":

    class _WindowsRegistry:
        """winreg; the 64-bit view, whichever program asks."""

        def values(self, path: str) -> list[tuple[str, object]]:
            """As the seam says."""
            import winreg

            found: list[tuple[str, object]] = []
            try:
                access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
                with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path, 0, access) as key:
                    for place in range(winreg.QueryInfoKey(key)[1]):
                        name, value, kind = winreg.EnumValue(key, place)
                        if kind == winreg.REG_EXPAND_SZ:
                            value = winreg.ExpandEnvironmentStrings(value)
                        found.append((name, value))
            except OSError:
                return found
            return found


# ── Files ───────────────────────────────────────────────────────────────────────────────────────


def _from_files(folder: Path, found: Policies) -> None:
    try:
        paths: Sequence[Path] = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        found.ignored.append(f"{folder}: {error.strerror}; what is in it is ignored")
        return
    if len(paths) > FILES_MAX:
        found.ignored.append(f"{folder} has {len(paths)} files; only the first {FILES_MAX} are read")
    for path in paths[:FILES_MAX]:
        _from_file(path, f"{folder.name}/{path.name}", found)


def _from_file(path: Path, origin: str, found: Policies) -> None:
    try:
        data = path.read_bytes()
        if len(data) > FILE_BYTES_MAX:
            found.ignored.append(f"{origin} has {len(data)} bytes; that is not a policy; it is ignored")
            return
        tree = tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        found.ignored.append(f"{origin}: cannot be read ({error.strerror}); it is ignored")
        return
    except UnicodeDecodeError:
        found.ignored.append(f"{origin}: not UTF-8; save the file as UTF-8; it is ignored")
        return
    except tomllib.TOMLDecodeError as error:
        found.ignored.append(f"{origin}: {settings.toml_sentence(str(error))}; the file is ignored")
        return
    for table, below in tree.items():
        if not isinstance(below, dict):
            found.take(table, below, origin)
            continue
        for name, value in below.items():
            found.take(f"{table}.{name}", value, origin)
