"""The Windows installers as they are generated: order, conditions, words handed on, guide; nothing is installed here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from agent.cli import COMMANDS
from agent.setup.answers import SECRETS, keys

WIX = "{http://schemas.microsoft.com/wix/2006/wi}"


@pytest.fixture(scope="module")
def msi(build_tool: Any) -> ModuleType:
    """The MSI's generator."""
    return build_tool("msi")


@pytest.fixture(scope="module")
def options(build_tool: Any) -> ModuleType:
    """The table of what can be told."""
    return build_tool("options")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small version folder."""
    made = tmp_path / "1.0.0"
    for name in ("start.py", "python.exe", "app/agent/till.py", "app/agent/a & b.txt", "release.json"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name, "utf-8")
    return made


def holds(condition: str, **properties: str) -> bool:
    """A condition of the Windows Installer, as far as ours go: NOT, AND, OR, =, ~=; what is not set is empty."""
    if not condition:
        return True
    words = []
    for word in re.findall(r'"[^"]*"|~=|=|\(|\)|\w+', condition):
        if word in {"NOT", "AND", "OR"}:
            words.append(word.lower())
        elif word in {"=", "~="}:
            words.append("==")
        elif word[0] in '"()':
            words.append(word)
        else:
            words.append(repr(properties.get(word, "")))
    return bool(eval(" ".join(words), {"__builtins__": {}}))


OLD, NEW = "{OLD}", "{NEW}"
CASES = {
    "fresh": {"ProductCode": NEW},
    "over the exe": {"ProductCode": NEW, "OWNER": "exe"},
    "upgrade": {"ProductCode": NEW, "OWNER": OLD, "WIX_UPGRADE_DETECTED": OLD},
    "repair": {"ProductCode": NEW, "OWNER": NEW, "Installed": "1", "REINSTALL": "ALL"},
    "replaced": {
        "ProductCode": OLD,
        "OWNER": NEW,
        "Installed": "1",
        "REMOVE": "ALL",
        "UPGRADINGPRODUCTCODE": NEW,
    },
    "replaced under Wine": {"ProductCode": OLD, "OWNER": NEW, "Installed": "1", "REMOVE": "ALL"},
    "removed": {"ProductCode": NEW, "OWNER": NEW, "Installed": "1", "REMOVE": "ALL"},
    "purged": {"ProductCode": NEW, "OWNER": NEW, "Installed": "1", "REMOVE": "ALL", "PURGE": "1"},
}
INSTALLS = ["StartOldAgain", "StopAll", "TakeBack", "TakePlace", "SetUp", "InstallService", "StopNew", "StartService"]
GOES = ["RemovePanel", "RemoveService", "StopGoing"]


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ("fresh", [*INSTALLS[:5], "RemoveServiceAgain", *INSTALLS[5:], "DropCopies"]),
        ("over the exe", [*INSTALLS, "DropCopies"]),
        ("upgrade", [*INSTALLS, "DropCopies"]),
        ("repair", [*INSTALLS, "DropCopies"]),
        ("replaced", []),
        ("replaced under Wine", []),
        ("removed", [*GOES, "Sweep"]),
        ("purged", [*GOES, "Purge"]),
    ],
)
def test_what_is_done_when(msi: ModuleType, case: str, wanted: list[str]) -> None:
    """Above all: the old product, removed by the new one, stops and takes away nothing."""
    own = {name for name, *_ in msi.actions() if not name.startswith("SetUpWords")}
    done = [name for name, condition, _ in msi.sequence() if name in own and holds(condition, **CASES[case])]

    assert wanted == done


@pytest.mark.parametrize("case", ["replaced", "replaced under Wine"])
def test_the_files_of_the_version_before_stay(msi: ModuleType, case: str) -> None:
    """For going back; they go with the version after the next."""
    conditions = {name: condition for name, condition, _ in msi.sequence()}

    assert not holds(conditions["RemoveFiles"], **CASES[case])
    assert not holds(conditions["RemoveRegistryValues"], **CASES[case])
    assert holds(conditions["RemoveFiles"], **CASES["removed"])


def test_the_old_product_goes_last_and_inside_the_transaction(msi: ModuleType) -> None:
    """Until everything of the new one has run, there is a way back."""
    order = [name for name, _, _ in msi.sequence()]

    assert order.index("StartService") < order.index("InstallExecute") < order.index("RemoveExistingProducts")
    assert order.index("RemoveExistingProducts") < order.index("InstallFinalize")
    assert order.index("StopAll") < order.index("InstallFiles") < order.index("TakePlace") < order.index("SetUp")


def test_every_action_has_its_place_and_every_undoing_comes_first(msi: ModuleType) -> None:
    """A rollback action counts only when it stands before what it undoes."""
    names = [name for name, *_ in msi.actions()]
    places = {name: place for name, _, place in msi.sequence()}

    assert len(set(places.values())) == len(places)
    assert set(names) <= set(places)
    for undo, deed in (
        ("TakeBack", "TakePlace"),
        ("RemoveServiceAgain", "InstallService"),
        ("StopNew", "StartService"),
    ):
        assert places[undo] < places[deed]


def test_rows_fit_their_columns(msi: ModuleType) -> None:
    """255 letters, and no tab or quote that the table's own form would take for its end."""
    for name, _, source, target in msi.actions():
        assert len(target) <= 255, name
        assert len(name) <= 72
        assert "\t" not in target + source


def test_every_answer_of_the_set_up_is_handed_on(msi: ModuleType) -> None:
    """What was not told leaves nothing behind: each piece is in braces around its property."""
    words = "".join(msi.set_up_chunks())

    for key in keys():
        assert f'{{ --set "{key.name}=[{key.property}] "}}' in words
    assert '{ --answers "[TILLPOINT_ANSWERS] "}' in words


def test_secrets_are_hidden_and_may_be_set(msi: ModuleType, options: ModuleType, folder: Path) -> None:
    """In the log of the Windows Installer neither the property nor the command with it is seen."""
    text = msi._filled(folder, version="1.0.0")
    hidden = re.search(r'Id="MsiHiddenProperties" Value="([^"]*)"', text)
    assert hidden is not None

    assert {f"TILLPOINT_{name.upper().replace('.', '_')}" for name in SECRETS} | {"TillpointSetUp"} == set(
        hidden[1].split(";")
    )
    assert set(options.hidden()) <= set(options.public())
    assert all(name == name.upper() for name in options.public())
    kinds = {name: kind for name, kind, _, _ in msi.actions()}
    assert kinds["SetUp"] & msi.UNSEEN


def test_each_file_is_a_component_and_start_py_comes_last(msi: ModuleType, folder: Path) -> None:
    """Without `start.py` no launcher takes a folder for a version: a cut leaves nothing that could be started."""
    root = ET.fromstring(msi._filled(folder, version="1.0.0"))
    files = [one.get("Source") for one in root.iter(f"{WIX}File")]
    components = {one.get("Id") for one in root.iter(f"{WIX}Component")}

    assert {"files/app/agent/till.py", "files/app/agent/a & b.txt", "files/release.json"} < set(files)
    assert "files/start.py" == files[-1]
    assert components == {one.get("Id") for one in root.iter(f"{WIX}ComponentRef")}
    assert 7 == len(files) == len(components)


def test_the_same_folder_gives_the_same_identities(msi: ModuleType, folder: Path) -> None:
    """And another version others, but for the launchers, which both versions share."""
    once = msi._filled(folder, version="1.0.0")
    other = msi._filled(folder, version="1.1.0")

    assert once == msi._filled(folder, version="1.0.0")
    guids = [set(re.findall(r'Guid="([^"]+)"', text)) for text in (once, other)]
    assert 2 == len(guids[0] & guids[1])
    assert re.findall(r'Product Id="([^"]+)"', once) != re.findall(r'Product Id="([^"]+)"', other)
    assert re.findall(r'UpgradeCode="([^"]+)"', once) == re.findall(r'UpgradeCode="([^"]+)"', other)


@pytest.mark.parametrize("version", ["1.0.0rc1", "1.0", "1.2.3.4", "v1.0.0", "1.0.0+x"])
def test_a_version_the_windows_installer_cannot_order_is_refused(
    msi: ModuleType, build_tool: Any, version: str
) -> None:
    """It would take a release candidate for the release."""
    with pytest.raises(build_tool("wheels").BuildFailed, match="three numbers"):
        msi.msi_version(version)


@pytest.mark.parametrize(
    ("version", "numbers"), [("1.2.0", "1.2.0.0"), ("1.2.0rc1", "1.2.0.0"), ("1.2", "1.2.0.0"), ("1.2.3.4", "1.2.3.4")]
)
def test_numbers_of_the_file(build_tool: Any, version: str, numbers: str) -> None:
    """Four, whatever the version is."""
    assert numbers == build_tool("nsis").numbers(version)


def test_both_installers_call_commands_that_are_there(msi: ModuleType, project: Path) -> None:
    """A renamed command is noticed here and not at a till."""
    script = (project / "installer/windows/tillpoint.nsi").read_text("utf-8")
    called = set(re.findall(r'(?:tillpoint\.exe|start\.py)" ([a-z]+) ', script))
    called |= {
        target.split('start.py" ')[-1].split()[0].split("[")[0]
        for _, kind, _, target in msi.actions()
        if kind & 0x3F == 18
    }

    assert {"package", "service", "panel"} == called
    assert called <= set(COMMANDS)


def test_the_guide_has_both_tables(options: ModuleType, project: Path) -> None:
    """`python3 installer/build/options.py` prints them."""
    guide = (project / "docs/guides/windows.md").read_text("utf-8")

    assert options.options_table() in guide
    assert options.policies_table() in guide


@pytest.mark.skipif(
    shutil.which("x86_64-w64-mingw32-gcc") is None, reason="SKIPPED LOUDLY: no compiler for Windows here"
)
def test_the_small_program_is_made(build_tool: Any, tmp_path: Path) -> None:
    """Every warning is an error."""
    assert b"MZ" == build_tool("programs").make_clear(tmp_path / "clear.exe").read_bytes()[:2]


@pytest.mark.skipif(
    shutil.which("msibuild") is None or shutil.which("wixl") is None, reason="SKIPPED LOUDLY: no wixl here"
)
def test_a_small_msi_has_our_tables(msi: ModuleType, folder: Path, tmp_path: Path) -> None:
    """What wixl cannot say is in it."""
    launchers = tmp_path / "launchers"
    launchers.mkdir()
    for name in ("tillpoint.exe", "tillpointw.exe", "clear.exe"):
        (launchers / name).write_bytes(b"MZ")
    made = msi.build(folder, launchers, launchers / "clear.exe", tmp_path / "small.msi", version="1.0.0")

    def table(name: str) -> str:
        return subprocess.run(["msiinfo", "export", str(made), name], capture_output=True, text=True, check=True).stdout

    assert "TILLPOINT_CENTRE_SECRET" in re.search(r"SecureCustomProperties\t(.*)", table("Property"))[1]
    assert {name for name, *_ in msi.actions()} == {
        row.split("\t")[0] for row in table("CustomAction").splitlines()[3:]
    }
    assert "RemoveExistingProducts\t\t6550" in table("InstallExecuteSequence")
    assert "uninstall.exe" in table("RemoveFile")
