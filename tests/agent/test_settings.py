"""Settings: every key is in the example, every mistake has a sentence with its line."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from agent.checkout.codes.recogniser import CardPattern
from agent.settings import ConsentSettings, DeviceSettings, Settings, TillSystemSettings, load, parse
from drivers.vocabulary.errors import SettingsError


def example(project: Path) -> str:
    """The example with its commented blocks switched on."""
    text = (project / "config.example.toml").read_text("utf-8")
    lines = []
    block = False
    for line in text.splitlines():
        block = (block or line.startswith("# [[")) and line.startswith("#")
        lines.append(line.removeprefix("#").removeprefix(" ") if block else line)
    return "\n".join(lines)


def test_the_example_is_the_defaults(project: Path) -> None:
    """Every value written there is what one gets without it."""
    written = parse(example(project).encode(), name="config.example.toml")
    defaults = Settings()

    for table in ("till", "doors", "panel", "central", "offline", "codes", "slip"):
        assert getattr(defaults, table) == getattr(written, table)


def test_the_example_names_every_key(project: Path) -> None:
    """Both ways: no key without a line, no line without a key."""
    tree = tomllib.loads(example(project))
    wanted = {
        "devices": {field.encode_name for field in msgspec.structs.fields(DeviceSettings)},
        "till_systems": {field.encode_name for field in msgspec.structs.fields(TillSystemSettings)},
        "cards": {field.encode_name for field in msgspec.structs.fields(CardPattern)},
        "consents": {field.encode_name for field in msgspec.structs.fields(ConsentSettings)},
    }
    for field in msgspec.structs.fields(Settings):
        if field.encode_name not in wanted:
            wanted[field.encode_name] = {inner.encode_name for inner in msgspec.structs.fields(field.type)}
    found = {
        name: set().union(*(set(one) for one in table)) if isinstance(table, list) else set(table)
        for name, table in tree.items()
    }

    assert wanted == found


def test_every_key_of_the_example_has_its_sentence(project: Path) -> None:
    """One comment line above each key."""
    lines = example(project).splitlines()
    bare = [
        line
        for above, line in itertools.pairwise(lines)
        if re.match(r"[a-z_]+ = ", line) and not above.startswith("#") and not above.startswith("driver = ")
    ]

    assert [line for line in bare if not line.startswith(("port =", "name =", "driver ="))] == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = ", "config.toml: end of document: invalid value"),
        ("[till]\nzone = 'x", "config.toml: end of document"),
        ('[til]\nzone = "x"', "config.toml, line 1: unknown key 'til'; did you mean 'till'?"),
        ('[till]\nzonne = "x"', "config.toml, line 2: unknown key 'zonne'; did you mean 'zone'?"),
        ("[doors]\nport = 99999", "config.toml, line 2: doors.port: expected `int` <= 65535"),
        ('[doors]\nport = "x"', "config.toml, line 2: doors.port: expected `int`, got `str`"),
        ("doors = 3", "config.toml, line 1: doors: expected `object`, got `int`"),
        (
            '[[devices]]\nname = "a"\ndriver = "x"\n[[devices]]\nname = "b"\ndrive = "x"',
            "config.toml, line 6: unknown key 'drive'; did you mean 'driver'?",
        ),
        (
            '[[devices]]\nname = "a"\ndriver = "x"\n[[devices]]\nname = "a"\ndriver = "x"',
            "config.toml, line 5: two devices are called 'a'; rename one",
        ),
        (
            (
                '[[consents]]\npurpose = "a"\nversion = "1"\ntext = "x"\nrequired = true\n'
                '[[consents]]\npurpose = "a"\nversion = "2"\ntext = "y"'
            ),
            "config.toml, line 7: two consents are for 'a'; one purpose has one text",
        ),
        (
            '[[consents]]\npurpose = "a"\nversion = "1"\ntext = "x"',
            "config.toml, line 2: no consent is required; say required = true for the one that is",
        ),
    ],
)
def test_a_mistake_has_a_sentence(text: str, sentence: str) -> None:
    """File, line, key, and the next step."""
    with pytest.raises(SettingsError) as refused:
        parse(text.encode(), name="config.toml")

    assert str(refused.value).startswith(sentence)


def test_bytes_that_are_no_text_have_a_line() -> None:
    """A file saved as cp1251 is told so."""
    with pytest.raises(SettingsError, match=r"config.toml, line 2: not UTF-8; save the file as UTF-8"):
        parse(b"[till]\n# \xef\xf0", name="config.toml")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """The next step is in the sentence."""
    with pytest.raises(SettingsError, match=r"copy config\.example\.toml there"):
        load(tmp_path / "none.toml")


def test_a_byte_order_mark_is_no_mistake() -> None:
    """Notepad writes one."""
    assert Settings() == parse("﻿[till]\n".encode(), name="config.toml")


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ('name = "front"\nsystem = "kilbil"\n[[till_systems]]\nname = "front"\nsystem = "kilbil"', "line 5: 'front' is the name of something else"),
        ('name = "api"\nsystem = "kilbil"', "line 2: 'api' is the name of something else"),
        ('name = "front"\nsystem = "kilbil"\nlisten = "8090"', "line 4: till_systems.listen"),
    ],
)  # fmt: skip
def test_till_systems_are_checked(block: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        parse(f"[[till_systems]]\n{block}\n".encode(), name="config.toml")
