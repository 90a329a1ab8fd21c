"""The administrative templates say what agent/policy.py says, in every language, and offer nothing a till refuses."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from agent import policy
from agent.settings import Settings

NAMES = {"p": "http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions"}


@pytest.fixture(scope="module")
def policies(project: Path) -> ModuleType:
    """The script, which is no package's."""
    spec = importlib.util.spec_from_file_location("build_policies", project / "installer/build/policies.py")
    assert spec is not None
    assert spec.loader is not None
    before = list(sys.path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


@pytest.fixture(scope="module")
def folder(project: Path) -> Path:
    """What is shipped."""
    return project / "installer/windows/policies"


def test_the_files_that_are_shipped_are_what_is_made(policies: ModuleType, folder: Path) -> None:
    """Whoever changes a setting's limits or a policy runs `python3 installer/build/policies.py`."""
    assert [] == [name for name, data in policies.files().items() if (folder / name).read_bytes() != data]


def test_a_stale_file_is_told(
    policies: ModuleType, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """--check writes nothing and says which."""
    (tmp_path / "words.toml").write_bytes((folder / "words.toml").read_bytes())
    monkeypatch.setattr(policies, "FOLDER", tmp_path)

    assert 1 == policies.main(["--check"])
    assert "Tillpoint.admx is not what agent/policy.py says" in capsys.readouterr().out
    assert ["words.toml"] == [path.name for path in tmp_path.iterdir()]


def test_there_are_words_for_each_policy_and_for_no_other(folder: Path) -> None:
    """Title and explanation, in English and in Russian."""
    words = tomllib.loads((folder / "words.toml").read_text("utf-8"))

    assert list(policy.ALL_KEYS) == list(words["policies"])
    assert {key.partition(".")[0] for key in policy.ALL_KEYS} == set(words["categories"])
    for key, told in words["policies"].items():
        assert [2, 2] == [len(told[language]) for language in ("en", "ru")], key


def test_each_value_is_called_as_the_till_reads_it(folder: Path) -> None:
    """The registry's name and key."""
    root = ET.parse(folder / "Tillpoint.admx").getroot()
    found = root.findall("p:policies/p:policy", NAMES)

    assert [policy.value_name(key) for key in policy.ALL_KEYS] == [one.get("name") for one in found]
    for one in found:
        values = {inner.get("valueName") for inner in one.iter() if inner.get("valueName")}
        assert {one.get("name")} == values
        assert (policy.REGISTRY_PATH, "Machine") == (one.get("key"), one.get("class"))


@pytest.mark.parametrize("language", ["en-US", "ru-RU"])
def test_every_reference_has_its_words(folder: Path, language: str) -> None:
    """$(string.X) and $(presentation.X) are there in each language, and nothing that nobody asks for."""
    admx = (folder / "Tillpoint.admx").read_text("utf-8")
    adml = ET.parse(folder / language / "Tillpoint.adml").getroot()
    strings = {one.get("id") for one in adml.findall("p:resources/p:stringTable/p:string", NAMES)}
    shown = {one.get("id") for one in adml.findall("p:resources/p:presentationTable/p:presentation", NAMES)}
    wanted = {word.split(")")[0] for word in admx.split("$(string.")[1:]}

    assert wanted == strings
    assert {word.split(")")[0] for word in admx.split("$(presentation.")[1:]} == shown
    elements = {one.get("id") for one in ET.fromstring(admx.encode()).findall(".//p:elements/*", NAMES)}
    assert elements == {one.get("refId") for one in adml.findall(".//p:presentation/*", NAMES)}


def test_limits_of_numbers_are_those_of_the_settings(folder: Path, tmp_path: Path) -> None:
    """What the template lets through, the till takes; one more or less, it does not."""

    class Registry:
        def __init__(self, name: str, value: int) -> None:
            self.pair = (name, value)

        def values(self, path: str) -> list[tuple[str, object]]:
            return [self.pair]

    root = ET.parse(folder / "Tillpoint.admx").getroot()
    for one in root.findall(".//p:elements/p:decimal", NAMES):
        name, least, most = str(one.get("id")), int(str(one.get("minValue"))), int(str(one.get("maxValue")))
        taken = [policy.read(tmp_path, registry=Registry(name, value)).ignored == [] for value in (least, most)]
        assert [True, True] == taken, name
        assert policy.read(tmp_path, registry=Registry(name, least - 1)).ignored, name
    assert Settings()
