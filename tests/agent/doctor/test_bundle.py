"""The support bundle: what support needs, and no phone, no card, no token and no name in any file of it."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest

from agent.cli import main
from agent.service.masks import masked
from agent.sync.identity import Identity, save
from drivers.vocabulary import checkout as contract

CARD = "2900000000018"
PHONE = "+79000000001"
SECRETS = {
    "token": "tt-secret-token-000000000001",
    "tenant key": "ab" * 32,
    "centre key": "cd" * 32,
    "till key": "ef" * 32,
    "api token": "tp_" + "12" * 32,
    "panel key": "34" * 32,
    "proxy password": "hunter2",
}
PEOPLE = {"name": "Anna", "phone": "9000000001", "masked phone": "+7900***01", "card": CARD, "cashier": "Vera"}
JOURNAL = f"""#!/bin/sh
echo '2026-11-22T10:00:00+0300 till tillpoint[7]: INFO agent.till identify code={CARD}'
echo '2026-11-22T10:00:01+0300 till tillpoint[7]: INFO phone=8 900 000-00-01 or +7 (900) 000-00-01'
echo '2026-11-22T10:00:02+0300 till tillpoint[7]: WARNING Authorization: Bearer {SECRETS["api token"]}'
echo '2026-11-22T10:00:03+0300 till tillpoint[7]: INFO store.open epoch=1 sqlite=3.53.0'
"""


@pytest.fixture
def till(rig, tmp_path, monkeypatch) -> Path:
    """A till with everything that must not leave it: sales, an identity, secrets, a log, an agent that shows a member."""
    if sys.platform == "win32":
        pytest.skip("SKIPPED LOUDLY: the log is asked of journalctl, which is not on Windows")
    rig.folder.chmod(0o700)
    rig.desk.identify(contract.IdentifyRequest(code=CARD, presented=True, receipt_uid="r-1"))
    receipt = rig.sale("r-1", "100.00", cashier="Vera", number="1001")
    rig.desk.confirm(contract.ConfirmRequest(receipt=receipt, customer_id="m-1", code=None), source="api")
    save(
        rig.folder,
        Identity(
            url="http://127.0.0.1:9", till="2", shop="17", epoch=1, token=SECRETS["token"],
            tenant_key=SECRETS["tenant key"], centre_key=SECRETS["centre key"], till_key=SECRETS["till key"],
            currency="RUB",
        ),
    )  # fmt: skip
    (rig.folder / "api.token").write_text(SECRETS["api token"])
    (rig.folder / "panel.key").write_text(SECRETS["panel key"])
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "journalctl").write_text(JOURNAL)
    (programs / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    config = tmp_path / "config.toml"
    config.write_text(
        f"[till]\nstate_folder = {json.dumps(str(rig.folder))}\n"
        f'[central]\nproxy = "http://till:{SECRETS["proxy password"]}@127.0.0.1:1"\n'
        f'[slip]\nheader = ["Corner Shop", "Call {PHONE}"]\n'
        '[[devices]]\nname = "scanner"\ndriver = "serial_scanner"\nport = "serial:/dev/null"\n'
    )
    return config


@pytest.fixture
def bundle(till, tmp_path, capsys, centre) -> dict[str, str]:
    """Every file of the bundle by its name, made beside a running agent with a member on its screen."""
    status = {
        "till": "2", "link": "offline", "waiting": 1, "customer": {"name": "Anna P.", "phone": "+7900***01"},
        "mask": "+7 900 ***-**-01", "notice": "Anna", "last_receipt": {"uid": "r-1", "total": "100.00 RUB"},
        "devices": [{"name": "scanner", "driver": "serial_scanner", "state": "on", "detail": ""}],
    }  # fmt: skip
    agent = centre(status=200, problem=status)
    folder = Path(json.loads(till.read_text().splitlines()[1].partition("= ")[2]))
    (folder / "runtime.json").write_text(json.dumps({"pid": 1, "port": agent.port}))
    main(["doctor", "--config", str(till), "--bundle", str(tmp_path / "b.zip")])
    told = capsys.readouterr()
    assert "b.zip" in told.err
    with zipfile.ZipFile(tmp_path / "b.zip") as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


def test_nobody_and_no_secret_is_in_it(bundle):
    """Each of them is on the till, and in no file of the bundle."""
    whole = "\n".join(bundle.values())

    assert [] == [what for what, text in {**SECRETS, **PEOPLE}.items() if text in whole]
    assert "1001" not in bundle["queue.json"]
    assert "r-1" not in whole


def test_what_support_asks_for_first_is_in_it(bundle):
    """Versions, settings, how every hop and the queue are, the log's own events."""
    assert {
        "README.txt",
        "doctor.json",
        "versions.json",
        "settings.json",
        "queue.json",
        "files.json",
        "log.txt",
    } <= set(bundle)
    assert "running" == json.loads(bundle["doctor.json"])["agent"]
    assert {"till": "2", "link": "offline", "waiting": 1} == {
        key: value for key, value in json.loads(bundle["status.json"]).items() if key != "devices"
    }
    assert "http://127.0.0.1:1" == json.loads(bundle["settings.json"])["central"]["proxy"]
    assert ["confirmed" in one["kind"] for one in json.loads(bundle["queue.json"])["envelopes"]] == [True]
    assert "store.open epoch=1 sqlite=3.53.0" in bundle["log.txt"]
    assert "tillpoint" in json.loads(bundle["versions.json"])["packages"]
    assert "till.db" in json.loads(bundle["files.json"])


def test_a_bundle_without_settings(tmp_path, capsys):
    """When the settings cannot be read support still gets the reason."""
    (tmp_path / "c.toml").write_text("nonsense = 1\n")
    code = main(["doctor", "--config", str(tmp_path / "c.toml"), "--bundle", str(tmp_path / "b.zip")])
    with zipfile.ZipFile(tmp_path / "b.zip") as opened:
        names = set(opened.namelist())

    assert 1 == code
    assert "doctor.json" in names
    assert "settings.json" not in names


def test_a_bundle_that_cannot_be_written(till, tmp_path, capsys):
    """The sentence names the file."""
    code = main(["doctor", "--config", str(till), "--bundle", str(tmp_path / "nowhere" / "b.zip")])

    assert 1 == code
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "+7 900 000-00-01", "89000000001", "2900000000018", "tp_" + "a1" * 32, "Bearer abc.def", "anna@example.com",
        "TPC1.eyJhbGciOi",
    ],
)  # fmt: skip
def test_masks(text):
    """What looks like a person or a key is as many signs."""
    assert "a " + "#" * len(text) + " b" == masked(f"a {text} b")


@pytest.mark.parametrize(
    "text",
    ["2026-11-22T10:00:00+0300", "2026-11-22 10:00:00,123", "10.0.0.15:9100", "04b8:0202", "sqlite=3.53.0", "epoch=1"],
)
def test_what_support_must_read_stays(text):
    assert text == masked(text)
