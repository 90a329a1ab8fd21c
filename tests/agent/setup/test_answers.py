"""Answers: one table for files, options and properties; what does not fit is a sentence that names the nearest."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli import main
from agent.settings import parse
from agent.setup.answers import Answers, by_property, gathered, keys, reference
from agent.setup.carrying_out import EXIT_CODES
from agent.setup.plan import changes_of, differences, merged
from agent.setup.toml_text import COMMENTS, changed_text, new_text
from drivers.vocabulary.errors import SettingsError

SECRET = "tps_abcdef_" + "x" * 43
FILE = f"""
[centre]
url = "https://centre.example"
secret = "{SECRET}"
[receipt]
how = "inline"
device = "tcp://192.0.2.50:9100"
[scanner]
driver = "serial_scanner"
port = "serial:COM5?baud=9600"
[till]
language = "en"
port = 8770
"""


def answers(text: str = FILE, **more: Any) -> Answers:
    return gathered(text, name="answers.toml", **{"environment": {}, "pairs": (), **more})


def test_the_nearer_word_counts() -> None:
    """`--set` before a property before the file; an empty property says nothing."""
    environment = {
        "TILLPOINT_CENTRE_URL": "https://property.example",
        "TILLPOINT_TILL_LANGUAGE": "th",
        "TILLPOINT_TILL_PORT": "9000",
        "TILLPOINT_RECEIPT_DEVICE": "",
        "TILLPOINT_CENTRE_PLAIN_HTTP": "1",
    }
    found = answers(environment=environment, pairs=["centre.url=https://option.example", "TILLPOINT_TILL_LANGUAGE=ru"])

    assert ("https://option.example", "ru", 9000) == (found.centre.url, found.till.language, found.till.port)
    assert found.centre.plain_http
    assert "tcp://192.0.2.50:9100" == found.receipt.device


def test_a_code_at_this_till_counts_above_the_chains_secret() -> None:
    """Policy names the secret's file on every machine; whoever has a code for this one need not fight it."""
    chain = {"TILLPOINT_CENTRE_URL": "https://chain.example", "TILLPOINT_CENTRE_SECRET_FILE": "/etc/secret"}
    found = answers("", chain=chain, environment={"TILLPOINT_CENTRE_URL": ""}, pairs=["centre.code=ABCD-1234"])
    filed = answers(chain=chain)

    assert ("https://chain.example", "ABCD-1234", "") == (found.centre.url, found.centre.code, found.centre.secret_file)
    assert ("https://centre.example", SECRET, "") == (filed.centre.url, filed.centre.secret, filed.centre.secret_file)
    assert "/etc/secret" == answers("", chain=chain).centre.secret_file


@pytest.mark.parametrize(
    ("text", "pairs", "sentence"),
    [
        ("[centre]\nurll = 1", [], "centre.urll: unknown key 'urll'; did you mean 'url'?"),
        ("[center]\nurl = 1", [], "did you mean 'centre'?"),
        ("", ["centre.secrt=1"], "did you mean 'centre.secret'?"),
        ("", ["centre.url"], "write it like --set centre.url="),
        ("", ["till.port=many"], "write a whole number"),
        ("", ["centre.delay=perhaps"], "write true or false"),
        ("[till]\nport = 'x'", [], "answers.toml: till.port"),
        ("[receipt]\nhow = 'guess'", [], "receipt.how"),
        ("[receipt]\nhow = 'inline'", [], "receipt.device is missing"),
        ("[receipt]\nhow = 'api'\nfolder = 'x'", [], 'receipt.folder is of no use with receipt.how = "api"'),
        ("[centre]\ncode = 'x'", [], "centre.url is missing"),
        ("[centre]\nurl = 'https://c.example'\ncode = 'x'\nsecret = 'y'", [], "one of them makes a till"),
        ("[centre]\nurl = 'https://c.example'\ncode = 'x'\nreplaces = 't1'", [], "names its till itself"),
        ("[centre]\nurl = 'https://c.example'\ncode = 'x'\ndelay = true", [], "an image many"),
        ("[scanner]\nport = 'serial:COM5'", [], "say both"),
        ("nonsense", [], "answers.toml: end of document: expected"),
        ("centre = 5", ["centre.url=https://c.example"], "centre: write it as a table, [centre]"),
    ],
)
def test_what_does_not_fit_is_a_sentence(text: str, pairs: list[str], sentence: str) -> None:
    """With the key, and what to write."""
    with pytest.raises(SettingsError) as error:
        answers(text, pairs=pairs)

    assert sentence in str(error.value)


def test_no_secret_is_shown() -> None:
    """Answers end up in logs of installers."""
    assert SECRET not in repr(answers())


def test_every_property_is_one_of_an_installer() -> None:
    """Capital letters, digits and underscores, 72 characters at most (Windows Installer, public properties)."""
    names = [key.property for key in keys()]

    assert len(set(names)) == len(names)
    assert [] == [name for name in names if not re.fullmatch(r"[A-Z][A-Z0-9_]{2,71}", name)]
    assert {} == by_property(dict.fromkeys(names, " "))


def test_the_guide_has_the_table(project: Path) -> None:
    """Made by `tillpoint setup --keys`; a new key is not forgotten."""
    guide = (project / "docs" / "guides" / "setting-up.md").read_text("utf-8")

    assert reference() in guide, "paste what `tillpoint setup --keys` prints"


def test_the_guide_has_the_exit_codes_and_the_options(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the command has them."""
    guide = (project / "docs" / "guides" / "setting-up.md").read_text("utf-8")
    with pytest.raises(SystemExit):
        main(["setup", "--help"])
    options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help", "--config"}

    assert [] == [code for code in EXIT_CODES if f"\n| {code} | " not in guide]
    assert [] == sorted(option for option in options if option not in guide)


def test_comments_are_those_of_the_example(project: Path) -> None:
    """Somebody who knows one file knows the other; keys that a set-up says otherwise are few."""
    example = (project / "config.example.toml").read_text("utf-8")
    own = {"devices.port", "devices.way", "devices.slips_of", "till_systems.name"}

    assert own == {name for name, words in COMMENTS.items() if f"# {words}" not in example}


# ── Settings ────────────────────────────────────────────────────────────────────────────────────


def test_answers_become_a_commented_file() -> None:
    """Which the agent takes, and which a second run finds nothing to change in."""
    changes = changes_of(answers(), {})
    text = new_text(changes)
    settings = parse(text.encode(), name="config.toml")

    assert ["receipt", "scanner"] == [device.name for device in settings.devices]
    assert ("tcp-listen://127.0.0.1:9100", "escpos") == (settings.devices[0].host, settings.devices[0].driver)
    assert (8770, "en", "en") == (settings.doors.port, settings.panel.language, settings.slip.language)
    assert SECRET not in text
    assert "# Where the POS prints to.\nhost = " in text
    today = tomllib.loads(text)
    assert [] == differences(today, changes_of(answers(), today))


HIS = """\
# ours since 2024
[till]
zone = "Asia/Bangkok"   # the shop's

[offline]
points_cap = 0

[[devices]]
# before the printer
name = "receipt"
driver = "escpos"
host = "tcp-listen://127.0.0.1:9100"
device = "tcp://192.0.2.1:9100"
[devices.settings]
profile = "TM-T88V"

# the handheld
[[devices]]
name = "pistol"
driver = "serial_scanner"
port = "serial:COM3"
"""


def test_what_somebody_wrote_stays_as_he_wrote_it() -> None:
    """Only what differs is touched; comments, order and other devices stay."""
    changes = changes_of(answers(), tomllib.loads(HIS))
    made = changed_text(HIS, changes)

    assert merged(tomllib.loads(HIS), changes) == tomllib.loads(made)
    for kept in (
        "# ours since 2024",
        '"Asia/Bangkok"   # the shop',
        '# the handheld\n[[devices]]\nname = "pistol"',
        "points_cap = 0",
    ):
        assert kept in made
    assert "TM-T88V" not in made
    assert made == changed_text(made, changes_of(answers(), tomllib.loads(made)))
    lines = differences(tomllib.loads(HIS), changes)
    assert "devices.receipt.device: 'tcp://192.0.2.50:9100' (was: 'tcp://192.0.2.1:9100')" in lines
    assert "devices.receipt.settings: taken away (was: {'profile': 'TM-T88V'})" in lines


def test_no_password_is_told_among_the_differences() -> None:
    """Installers write them into logs."""
    mine = "[central]\nproxy = 'http://till:hunter2@proxy:3128'\n[[till_systems]]\nname = 'artix'\nsystem = 'artix'\n"
    mine += "[till_systems.settings.ledger]\nhost = '192.0.2.7'\npassword = 'only-reads'\n"
    changes = changes_of(
        answers("[receipt]\nhow = 'calls'\nsystem = 'artix'", pairs=["centre.proxy=http://till:other@proxy:3128"]),
        tomllib.loads(mine),
    )
    told = "\n".join(differences(tomllib.loads(mine), changes))

    assert "central.proxy: 'http://proxy:3128'" in told
    assert "192.0.2.7" in told
    assert not [word for word in ("hunter2", "other", "only-reads") if word in told]


def test_one_way_of_knowing_receipts_takes_the_place_of_the_other() -> None:
    """A register that is read instead of a printer in line; then the cashier types."""
    pulled = answers("[receipt]\nhow = 'pull'\ndriver = 'shtrih'\ndevice = 'tcp://192.0.2.9:7778'")
    made = changed_text(HIS, changes_of(pulled, tomllib.loads(HIS)))
    names = [device.name for device in parse(made.encode(), name="x").devices]
    typed = changed_text(made, changes_of(answers("[receipt]\nhow = 'panel'"), tomllib.loads(made)))

    assert ["pistol", "register"] == names
    assert ["pistol"] == [device.name for device in parse(typed.encode(), name="x").devices]
    assert parse(typed.encode(), name="x").panel.standalone


def test_what_cannot_be_changed_in_place_is_said() -> None:
    """An inline table: the whole file is written anew instead, beside the old one."""
    with pytest.raises(ValueError, match="cannot be changed in place"):
        changed_text("doors = { port = 1 }\n", changes_of(answers(), {"doors": {"port": 1}}))


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40))
def test_any_text_comes_back(folder: str) -> None:
    """Backslashes, quotes, letters of any language."""
    wanted = {"how": "files", "system": "frontol", "folder": folder or "x"}
    from agent.setup.answers import parsed

    changes = changes_of(parsed({"receipt": wanted}, name="x"), {})

    assert merged({}, changes) == tomllib.loads(new_text(changes))
