"""Policy counts above config.toml, each value says where it came from, and a bad one stops nothing."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import policy
from agent.cli import main
from agent.settings import Settings
from agent.setup.answers import keys
from drivers.vocabulary.errors import SettingsError


class Registry:
    """What group policy wrote."""

    def __init__(self, **values: object) -> None:
        self.pairs = list(values.items())

    def values(self, path: str) -> list[tuple[str, object]]:
        """The one key that is asked for."""
        assert policy.REGISTRY_PATH == path
        return self.pairs


NO_REGISTRY: Any = None


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A till's own settings with a proxy of its own."""
    path = tmp_path / "config.toml"
    path.write_text(
        f'[till]\nstate_folder = "{tmp_path.as_posix()}/state"\n[central]\nproxy = "http://own:3128"\n', "utf-8"
    )
    return path


def conf_d(config: Path, name: str, text: str | bytes) -> None:
    """One file of policies."""
    folder = config.parent / "conf.d"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize("key", policy.ALL_KEYS)
def test_every_policy_is_a_key_of_the_settings(key: str) -> None:
    """A renamed setting cannot leave its policy behind; its name in the registry leads back to it."""
    assert policy.type_of(key) is not None
    assert 1 == [policy.value_name(one).lower() for one in policy.ALL_KEYS].count(policy.value_name(key).lower())


def test_policy_counts_above_the_file_and_the_file_above_the_default(config: Path) -> None:
    """Only the key that is named changes."""
    registry = Registry(CentralProxy="http://chain:3128", OfflinePointsCap=0)

    settings, found = policy.load(config, registry=registry)

    assert "http://chain:3128" == settings.central.proxy
    assert 0 == settings.offline.points_cap
    assert Settings().central.hold_timeout_s == settings.central.hold_timeout_s
    assert [
        r"central.proxy from policy (HKLM\Software\Policies\Tillpoint)",
        r"offline.points_cap from policy (HKLM\Software\Policies\Tillpoint)",
    ] == found.decided()


def test_without_policy_the_file_counts(config: Path) -> None:
    """An empty key, and no key at all."""
    settings, found = policy.load(config, registry=Registry())

    assert "http://own:3128" == settings.central.proxy
    assert ([], []) == (found.decided(), found.ignored)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"OfflinePointsCap": -1}, "offline.points_cap: expected `int` >= 0; it is ignored"),
        ({"OfflinePointsCap": "many"}, "offline.points_cap: expected `int`, got `str`; it is ignored"),
        ({"CentralProxy": 7}, "central.proxy: expected `str`, got `int`; it is ignored"),
        ({"PanelLanguage": "Russian"}, "panel.language: "),
        ({"CentralProxi": "http://x"}, "'CentralProxi' is no policy; did you mean 'CentralProxy'?"),
        ({"Zzzz": 1}, "'Zzzz' is no policy; docs/guides/store-it.md lists what policy may say"),
        ({"CentralProxy": b"\x00"}, "central.proxy: expected `str`"),
    ],
)
def test_a_bad_value_is_named_and_ignored(config: Path, values: dict[str, object], sentence: str) -> None:
    """The till starts with what its own file says."""
    settings, found = policy.load(config, registry=Registry(**values))

    assert "http://own:3128" == settings.central.proxy
    assert Settings().offline.points_cap == settings.offline.points_cap
    assert 1 == len(found.ignored)
    assert sentence in found.ignored[0]
    assert [] == found.decided()


def test_one_bad_value_takes_no_good_one_with_it(config: Path) -> None:
    """Each value stands for itself."""
    settings, found = policy.load(config, registry=Registry(OfflinePointsCap="x", ServiceMemoryMaxMb=256))

    assert 256 == settings.service.memory_max_mb
    assert 1 == len(found.ignored)


def test_what_the_registry_has_no_type_for(config: Path) -> None:
    """Names in any case, numbers as text, lists of several lines."""
    key = "A" * 43 + "="
    registry = Registry(centralproxy="http://p", ProgrammeTrustedKeys=[key], ServiceMemoryMaxMb=" 250 ")

    settings, found = policy.load(config, registry=registry)

    assert [] == found.ignored
    assert ("http://p", (key,), 250) == (
        settings.central.proxy,
        settings.programme.trusted_keys,
        settings.service.memory_max_mb,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reads the registry")
def test_files_in_the_order_of_their_names(config: Path) -> None:
    """The last word counts; what is no .toml is nobody's."""
    conf_d(config, "10-chain.toml", '[central]\nproxy = "http://ten"\n[offline]\npoints_cap = 100\n')
    conf_d(config, "20-shop.toml", '[central]\nproxy = "http://twenty"\n')
    conf_d(config, "30-old.toml.bak", '[central]\nproxy = "http://backup"\n')

    settings, found = policy.load(config)

    assert ("http://twenty", 100) == (settings.central.proxy, settings.offline.points_cap)
    assert {"central.proxy": "conf.d/20-shop.toml", "offline.points_cap": "conf.d/10-chain.toml"} == found.origins


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reads the registry")
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("proxy = ", "conf.d/10.toml: end of document: invalid value; the file is ignored"),
        (b"\xff\xfe", "conf.d/10.toml: not UTF-8"),
        ("a = 1\n", "conf.d/10.toml: 'a' is no policy"),
        ("[doors]\nport = 1\n", "conf.d/10.toml: 'doors.port' is no policy"),
        ("[[devices]]\nname = 'x'\n", "conf.d/10.toml: 'devices' is no policy"),
        ("#" * (policy.FILE_BYTES_MAX + 1), "that is not a policy"),
    ],
)
def test_a_bad_file_is_named_and_ignored(config: Path, text: str | bytes, sentence: str) -> None:
    """Whatever somebody put there, the till starts."""
    conf_d(config, "10.toml", text)

    settings, found = policy.load(config)

    assert "http://own:3128" == settings.central.proxy
    assert 1 == len(found.ignored)
    assert sentence in found.ignored[0]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reads the registry")
def test_the_settings_file_has_its_own_errors_still(config: Path) -> None:
    """Policy mends no file: what is no table is told of the file, with its line."""
    conf_d(config, "10.toml", "[central]\nproxy = 'http://x'\n")
    config.write_text("central = 3\n", "utf-8")

    with pytest.raises(SettingsError, match=r"config\.toml, line 1: central"):
        policy.load(config)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reads the registry")
def test_check_tells_where_a_value_came_from(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before somebody looks for it in config.toml; a value that is ignored is told too and is no failure."""
    conf_d(config, "10.toml", "[central]\nproxy = 'http://x'\nca_fil = 'y'\n")

    assert 0 == main(["check", "--config", str(config)])
    said = capsys.readouterr().out

    assert "central.proxy from policy (conf.d/10.toml)" in said
    assert "policy: conf.d/10.toml: 'central.ca_fil' is no policy; did you mean 'central.ca_file'?" in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reads the registry")
def test_doctor_warns_of_a_policy_that_is_ignored(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever gives the policies hears of it."""
    conf_d(config, "10.toml", "[offline]\npoints_cap = 'all'\n")
    main(["doctor", "--config", str(config)])

    assert "offline.points_cap: expected `int`, got `str`; it is ignored" in capsys.readouterr().out


def test_a_set_up_finds_its_centre_by_policy(config: Path) -> None:
    """What a set-up is told so is no setting of the running agent."""
    registry = Registry(CentreUrl="https://centre.example", CentreSecretFile=r"C:\secret.txt", CentralProxy="http://p")

    settings, found = policy.load(config, registry=registry)

    assert [] == found.ignored
    assert "http://p" == settings.central.proxy
    wanted = {"TILLPOINT_CENTRE_URL": "https://centre.example", "TILLPOINT_CENTRE_SECRET_FILE": r"C:\secret.txt"}
    assert wanted == found.for_set_up()
    assert set(wanted) <= {key.property for key in keys()}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reads the registry")
def test_the_set_up_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret without an address is a mistake; with the chain's policy it is none."""
    path = tmp_path / "config.toml"
    words = ["setup", "--config", str(path), "--set", f"till.state_folder={tmp_path}/state", "--dry-run", "--set"]
    words.append("centre.secret=0123456789-0123456789-0123456789")

    assert 2 == main(words)
    conf_d(path, "10.toml", "[centre]\nurl = 'https://centre.example'\n")
    assert 0 == main(words)


def test_the_log_says_which_and_not_what(config: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A value may be a secret; logs travel."""
    _, found = policy.load(config, registry=Registry(CentralProxy="http://user:secret@p", OfflinePointsCap=-1))
    with caplog.at_level(logging.INFO):
        found.log_to(logging.getLogger("test"))

    assert "central.proxy from policy" in caplog.text
    assert "secret" not in caplog.text
    assert ["INFO", "WARNING"] == [record.levelname for record in caplog.records]
