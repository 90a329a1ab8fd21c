"""The MSI: `tillpoint.wxs` filled in and compiled by wixl, then what wixl cannot say, written with msibuild.

Nothing is decided here. The order: stop what runs, lay the files beside the old version, let the new version look at
itself and take its place (`tillpoint package`), set up, install and start the service; only then is the old product
removed, inside the same transaction, so that any failure before it leaves the old version running. What a product takes
away when it is removed, it takes only while the registry says that it is the one installed (`Owner`).

Sources: Microsoft's Windows Installer reference (Custom Action Types, InstallExecuteSequence, RemoveExistingProducts,
SecureCustomProperties, MsiHiddenProperties, Formatted); what wixl 0.101 lacks is in its own source.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

import options
from telling import at
from wheels import BuildFailed

__all__ = ["actions", "build", "is_orderly", "msi_version", "sequence", "set_up_chunks"]

TEMPLATE: Final = Path(__file__).resolve().parents[1] / "windows" / "tillpoint.wxs"
NAMESPACE: Final = uuid.UUID("0d6f4d0e-58c4-4f3c-a1a1-5d0b2c1f7e55")
TARGET_MAX: Final = 255  # a column of the table CustomAction
SECURE: Final = ("WIX_DOWNGRADE_DETECTED", "WIX_UPGRADE_DETECTED")

# Kinds of custom actions.
FROM_BINARY: Final = 2
FROM_FILE: Final = 18
SET_PROPERTY: Final = 51
GO_ON: Final = 0x40
DEFERRED: Final = 0x400
ROLLBACK: Final = 0x400 | 0x100
COMMIT: Final = 0x400 | 0x200
AS_SYSTEM: Final = 0x800
UNSEEN: Final = 0x2000

STAYS: Final = 'NOT REMOVE~="ALL"'
FRESH: Final = "NOT Installed AND NOT OWNER"
_OWN: Final = "NOT UPGRADINGPRODUCTCODE AND (OWNER=ProductCode OR NOT OWNER)"
GOES: Final = f'REMOVE~="ALL" AND {_OWN}'
OURS: Final = f'NOT REMOVE~="ALL" OR ({_OWN})'
PURGES: Final = f'{GOES} AND PURGE="1"'

#: The MSI takes over what the .exe installed: its entry among the programs and its uninstaller go.
REMOVE_REGISTRY: Final = (
    "RemoveRegistry\tRoot\tKey\tName\tComponent_\r\ns72\ti2\tl255\tL255\ts72\r\nRemoveRegistry\tRemoveRegistry\r\n"
    "ExeEntry\t2\tSoftware\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\Tillpoint\t-\tLauncher\r\n"
)
REMOVE_FILE: Final = (
    "FileKey\tComponent_\tFileName\tDirProperty\tInstallMode\r\ns72\ts72\tL255\ts72\ti2\r\nRemoveFile\tFileKey\r\n"
    "ExeUninstaller\tLauncher\tuninst~1.exe|uninstall.exe\tINSTALLFOLDER\t1\r\n"
)

Action = tuple[str, int, str, str]
"""Name, kind, source, target of a row of CustomAction."""
Place = tuple[str, str, int]
"""Action, condition, place of a row of InstallExecuteSequence."""

STANDARD: Final[tuple[Place, ...]] = (
    ("AppSearch", "", 50),
    ("LaunchConditions", "", 100),
    ("FindRelatedProducts", "", 200),
    ("ValidateProductID", "", 700),
    ("CostInitialize", "", 800),
    ("FileCost", "", 900),
    ("CostFinalize", "", 1000),
    ("MigrateFeatureStates", "", 1200),
    ("InstallValidate", "", 1400),
    ("InstallInitialize", "", 1500),
    ("ProcessComponents", "", 1600),
    ("UnpublishFeatures", "", 1800),
    ("RemoveRegistryValues", OURS, 2600),
    ("RemoveFiles", OURS, 3500),
    ("RemoveFolders", OURS, 3600),
    ("CreateFolders", "", 3700),
    ("InstallFiles", "", 4000),
    ("WriteRegistryValues", "", 5000),
    ("RegisterUser", "", 6000),
    ("RegisterProduct", "", 6100),
    ("PublishFeatures", "", 6300),
    ("PublishProduct", "", 6400),
    ("InstallExecute", "", 6500),
    ("RemoveExistingProducts", "", 6550),
    ("InstallFinalize", "", 6600),
)


def build(folder: Path, launchers: Path, clear: Path, target: Path, *, version: str) -> Path:
    """Make the MSI of a version folder.

    Args:
        folder: the version folder, with runtime and release.json.
        launchers: where tillpoint.exe and tillpointw.exe lie.
        clear: tillpoint-clear.exe.
        target: the file to make.
        version: of Tillpoint.

    Raises:
        BuildFailed: a tool is missing or refused, or the version is none that the Windows Installer can order.
    """
    for tool in ("wixl", "msibuild"):
        if shutil.which(tool) is None:
            raise BuildFailed(f"{tool} is missing; apt-get install --no-install-recommends wixl msitools")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        source, draft = Path(scratch, "tillpoint.wxs"), Path(scratch, target.name)
        source.write_text(_filled(folder, version=msi_version(version)), "utf-8")
        for name, path in (("files", folder), ("launchers", launchers), ("clear.exe", clear)):
            Path(scratch, name).symlink_to(path.resolve())  # wixl wants names below the folder it stands in
        at("packing the MSI")
        _run("wixl", "--arch", "x64", "--output", draft.name, source.name, folder=scratch)
        tables = {
            "CustomAction": _actions_table(),
            "InstallExecuteSequence": _sequence_table(),
            "RemoveRegistry": REMOVE_REGISTRY,
            "RemoveFile": REMOVE_FILE,
        }
        for name, text in tables.items():
            Path(scratch, f"{name}.idt").write_bytes(text.encode("cp1252"))
            _run("msibuild", str(draft), "-i", str(Path(scratch, f"{name}.idt")))
        secure = ";".join((*SECURE, *options.public()))
        _run("msibuild", str(draft), "-q",
             f"UPDATE Property SET Value='{secure}' WHERE Property='SecureCustomProperties'")  # fmt: skip # noqa: S608 - names of ours
        shutil.move(draft, target)
    return target


def msi_version(version: str) -> str:
    """A version as the Windows Installer orders it: three numbers and nothing behind them.

    Raises:
        BuildFailed: it is an early one ("1.2.0rc1"), which the Windows Installer would take for the final one.
    """
    if not is_orderly(version):
        raise BuildFailed(f"an MSI has a version of three numbers, not {version}; try it with the .exe instead")
    return version


def is_orderly(version: str) -> bool:
    """Whether the Windows Installer can order a version."""
    return re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,5}", version) is not None


# ── What is done, and when ──────────────────────────────────────────────────────────────────────


def set_up_chunks() -> list[str]:
    """The words of `tillpoint setup`, in pieces that fit: what was not told leaves nothing behind (curly braces)."""
    # With a space: a backslash at the end of a folder would take the quote away; `package set-up` drops it.
    told = [(options.ANSWERS, f'--answers "[{options.ANSWERS}] "')]
    told += [(one.name, f'--set "{one.key}=[{one.name}] "') for one in options.answers()]
    chunks = [""]
    for name, words in told:
        piece = f"{{ {words}}}"
        if len("[TillpointSetUp]") + len(chunks[-1]) + len(piece) > TARGET_MAX:
            chunks.append("")
        chunks[-1] += piece
        if len(piece) > TARGET_MAX:
            raise BuildFailed(f"{name} is too long for a property of the MSI")
    return chunks


def actions() -> list[Action]:
    """Every custom action: each is one call of a program that does the work."""
    system = DEFERRED | AS_SYSTEM
    root = '"[INSTALLFOLDER]."'  # with a point: a backslash before the quote would take it away
    python = '-I -S -B "[VERSIONFOLDER]start.py"'
    chunks = [
        (f"SetUpWords{place}", SET_PROPERTY, "TillpointSetUp", f"[TillpointSetUp]{chunk}")
        for place, chunk in enumerate(set_up_chunks(), start=1)
    ]
    return [
        *chunks,
        ("StartOldAgain", FROM_BINARY | ROLLBACK | AS_SYSTEM | GO_ON, "Clear", f"{root} --start"),
        ("StopAll", FROM_BINARY | system | GO_ON, "Clear", f"{root} --keep"),
        ("TakeBack", FROM_FILE | ROLLBACK | AS_SYSTEM | GO_ON, "python.exe", f"{python} package take-back"),
        ("TakePlace", FROM_FILE | system, "python.exe", f"{python} package take-place --by msi"),
        ("SetUp", FROM_FILE | system | UNSEEN, "tillpoint.exe", "package set-up[TillpointSetUp]"),
        ("RemoveServiceAgain", FROM_BINARY | ROLLBACK | AS_SYSTEM | GO_ON, "Clear", f"{root} --delete-services"),
        ("InstallService", FROM_FILE | system, "tillpoint.exe", "service install"),
        ("StopNew", FROM_BINARY | ROLLBACK | AS_SYSTEM | GO_ON, "Clear", root),
        ("StartService", FROM_FILE | system, "tillpoint.exe", "service start"),
        ("PanelAtLogon", FROM_FILE | system | GO_ON, "tillpoint.exe", "panel --install-logon"),
        ("RemovePanel", FROM_FILE | system | GO_ON, "tillpoint.exe", "panel --remove-logon"),
        ("RemoveService", FROM_FILE | system | GO_ON, "tillpoint.exe", "service remove"),
        ("StopGoing", FROM_BINARY | system | GO_ON, "Clear", f"{root} --delete-services"),
        ("DropCopies", FROM_BINARY | COMMIT | AS_SYSTEM | GO_ON, "Clear", f"{root} --drop"),
        ("Sweep", FROM_BINARY | COMMIT | AS_SYSTEM | GO_ON, "Clear", f"{root} --remove"),
        ("Purge", FROM_BINARY | COMMIT | AS_SYSTEM | GO_ON, "Clear",
         f'{root} --remove --purge "[CommonAppDataFolder]{options.DATA}"'),
    ]  # fmt: skip


def sequence() -> list[Place]:
    """The whole order, ours among the standard actions."""
    words = [(name, STAYS, 1410 + place) for place, (name, kind, _, _) in enumerate(actions()) if kind == SET_PROPERTY]
    ours = [
        ("StartOldAgain", STAYS, 1510),
        ("StopAll", STAYS, 1520),
        ("RemovePanel", GOES, 1530),
        ("RemoveService", GOES, 1540),
        ("StopGoing", GOES, 1550),
        ("TakeBack", STAYS, 5810),
        ("TakePlace", STAYS, 5820),
        ("SetUp", STAYS, 5830),
        ("RemoveServiceAgain", FRESH, 5840),
        ("InstallService", STAYS, 5850),
        ("StopNew", STAYS, 5860),
        ("StartService", STAYS, 5870),
        ("PanelAtLogon", f'{STAYS} AND {options.PANEL}="1"', 5880),
        ("DropCopies", STAYS, 6505),
        ("Sweep", f'{GOES} AND NOT PURGE="1"', 6510),
        ("Purge", PURGES, 6520),
    ]
    return sorted([*STANDARD, *words, *ours], key=lambda row: row[2])


# ── Tables ──────────────────────────────────────────────────────────────────────────────────────


def _actions_table() -> str:
    head = "Action\tType\tSource\tTarget\tExtendedType\r\ns72\ti2\tS72\tS255\tI4\r\nCustomAction\tAction\r\n"
    return head + "".join(f"{name}\t{kind}\t{source}\t{target}\t\r\n" for name, kind, source, target in actions())


def _sequence_table() -> str:
    head = "Action\tCondition\tSequence\r\ns72\tS255\tI2\r\nInstallExecuteSequence\tAction\r\n"
    return head + "".join(f"{name}\t{condition}\t{place}\r\n" for name, condition, place in sequence())


def _filled(folder: Path, *, version: str) -> str:
    """The template with its files; the same folder gives the same identities."""
    release = hashlib.sha256((folder / "release.json").read_bytes()).hexdigest()
    components: list[str] = []
    files = "\n".join(_tree(folder, folder, version, components, depth=7))
    text = TEMPLATE.read_text("utf-8")
    for name, value in {
        "PRODUCT": str(uuid.uuid5(NAMESPACE, f"product {version} {release}")).upper(),
        "VERSION": version,
        "HIDDEN": ";".join(options.hidden()),
        "FILES": files,
        "REFERENCES": "\n".join(f'      <ComponentRef Id="{one}"/>' for one in components),
    }.items():
        text = text.replace(f"@{name}@", value)
    return text


def _tree(root: Path, folder: Path, version: str, components: list[str], *, depth: int) -> Iterator[str]:
    """One folder: a component for each file. `start.py` comes last of all: before it no launcher takes the folder."""
    pad = "  " * depth
    for path in sorted(folder.iterdir(), key=lambda one: (one.name == "start.py", one.is_file(), one.name)):
        inside = path.relative_to(root).as_posix()
        name = hashlib.sha256(inside.encode()).hexdigest()[:24]
        if path.is_dir():
            yield f'{pad}<Directory Id="d{name}" Name={quoteattr(path.name)}>'
            yield from _tree(root, path, version, components, depth=depth + 1)
            yield f"{pad}</Directory>"
            continue
        components.append(f"c{name}")
        identity = "python.exe" if inside == "python.exe" else f"f{name}"
        guid = str(uuid.uuid5(NAMESPACE, f"{version}/{inside}")).upper()
        source = quoteattr(f"files/{inside}")
        yield f'{pad}<Component Id="c{name}" Guid="{guid}" Win64="yes">'
        yield f'{pad}  <File Id="{identity}" Name={quoteattr(path.name)} Source={source} KeyPath="yes"/>'
        yield f"{pad}</Component>"


def _run(*words: str, folder: str | None = None) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600, cwd=folder)  # noqa: S603
    if done.returncode or "error" in done.stderr.lower():
        raise BuildFailed(f"{words[0]} failed: {' '.join((done.stderr or done.stdout).split())[-400:]}")
