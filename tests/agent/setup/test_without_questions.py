"""The same without questions: exit codes, JSON, idempotence, images, refusals; and a till taken out again."""

from __future__ import annotations

import json
import socket
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.setup.choices import address_of, receipt_choices, scanner_choices
from agent.setup.files import blank_secrets, require_writable
from agent.setup.words import LANGUAGES, Words
from agent.sync.identity import Identity, load, save
from agent.sync.pending import FILE_NAME, pending_in
from central.enrol_secrets import make_secret
from drivers.finding.found import Found, Kind
from drivers.vocabulary.errors import SettingsError
from offline_queue.migrations import TILL, Schema
from offline_queue.store import TillStore
from offline_queue.upkeep import look, migrate
from tests.agent.sync.key_rig import Centre


def secret_of(centre: Centre, **more: Any) -> str:
    with centre.database.write() as connection:
        return make_secret(connection, shop="s1", prefix="k", now=centre.now, **more)


@pytest.fixture
def setup(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs it; (exit code, report)."""
    monkeypatch.setenv("TILLPOINT_TILL_STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        code = main(["setup", "--json", "--config", str(tmp_path / "config.toml"), *words])
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else {"error": told.err}

    return run


@pytest.mark.net
def test_the_same_answers_twice_change_nothing(setup: Any, centre: Centre, tmp_path: Path) -> None:
    """A till of the store's secret; the secret leaves the answer file; the second run says that nothing was to do."""
    answers = tmp_path / "answers.toml"
    secret = secret_of(centre)
    answers.write_text(
        f'# chain\n[centre]\nurl = "{centre.url}"\nsecret = "{secret}"\ntill = "bakery"\n[till]\nlanguage = "en"\n',
        "utf-8",
    )
    code, first = setup("--answers", str(answers))
    text = (tmp_path / "config.toml").read_text("utf-8")
    again, second = setup(
        "--set", f"centre.url={centre.url}", "--set", f"centre.secret={secret}", "--set", "till.language=en"
    )

    assert (0, "created", "enrolled", "bakery", "s1", 1) == (
        code, first["settings"], first["enrolment"], first["till"], first["shop"], first["epoch"],
    )  # fmt: skip
    assert (0, "unchanged", "already", [], "bakery") == (
        again, second["settings"], second["enrolment"], second["differs"], second["till"],
    )  # fmt: skip
    assert text == (tmp_path / "config.toml").read_text("utf-8")
    assert f'# chain\n[centre]\nurl = "{centre.url}"\nsecret = ""\ntill = "bakery"' in answers.read_text("utf-8")
    assert secret not in "".join(path.read_text("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file())


def test_a_secret_goes_however_it_was_written(tmp_path: Path) -> None:
    """Inline tables, dotted keys; and what cannot be written to is named."""
    path = tmp_path / "answers.toml"
    path.write_text("centre = { url = 'https://c.example', secret = 'tps_x' }\n# tps_x again\n", "utf-8")

    assert "" == blank_secrets(path, ("", "tps_x"))
    assert "centre = { url = 'https://c.example', secret = '' }\n#  again\n" == path.read_text("utf-8")
    assert "still stands in" in blank_secrets(tmp_path / "not-there.toml", ("tps_x",))


def test_the_panel_is_opened_when_that_is_wished(setup: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a running agent's ticket; without an agent that is said, and the set-up is none the worse."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    code, told = setup("--no-questions", "--open-panel")

    assert (0, "created", []) == (code, told["settings"], opened)


@pytest.mark.net
def test_a_secret_in_a_file_is_gone_afterwards(setup: Any, centre: Centre, tmp_path: Path) -> None:
    """Overwritten and removed; a second run without it is no error."""
    file = tmp_path / "secret"
    file.write_text(secret_of(centre) + "\n", "utf-8")
    words = ("--set", f"centre.url={centre.url}", "--set", f"centre.secret_file={file}")
    code, _ = setup(*words)

    assert (0, False) == (code, file.exists())
    assert "already" == setup(*words)[1]["enrolment"]


def test_nothing_said_writes_a_commented_file_once(setup: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an installer does that was told nothing."""
    monkeypatch.delenv("TILLPOINT_TILL_STATE_FOLDER")
    code, first = setup("--no-questions")
    path = tmp_path / "config.toml"
    path.write_text("[panel]\nlanguage = 'th'\n", "utf-8")
    again, second = setup("--no-questions")

    assert (0, "created", "none") == (code, first["settings"], first["enrolment"])
    assert (0, "unchanged") == (again, second["settings"])


def test_settings_of_somebody_are_not_written_over(setup: Any, tmp_path: Path) -> None:
    """4: the wish lies beside them; --change changes them and keeps a copy; --dry-run does nothing."""
    path = tmp_path / "config.toml"
    mine = "[panel]\nlanguage = 'th' # ours\n"
    path.write_text(mine, "utf-8")
    dry, said = setup("--set", "till.language=en", "--dry-run")
    assert (0, "dry_run", False) == (dry, said["settings"], (tmp_path / "config.toml.new").exists())
    assert "panel.language: 'en' (was: 'th')" in said["differs"]
    code, told = setup("--set", "till.language=en")
    assert (4, "differs", mine) == (code, told["settings"], path.read_text("utf-8"))
    assert 'language = "en"' in Path(told["draft"]).read_text("utf-8")
    code, told = setup("--set", "till.language=en", "--change")

    assert (0, "changed", mine) == (code, told["settings"], Path(told["backup"]).read_text("utf-8"))
    assert sys.platform == "win32" or 0o644 == path.stat().st_mode & 0o777  # Windows knows no modes


@pytest.mark.skipif(sys.platform == "win32", reason="Windows hands the folder's access list on")
def test_who_may_not_read_the_settings_may_not_read_the_new_ones(setup: Any, tmp_path: Path) -> None:
    """The package closes them, because passwords of till systems may be in them: so are the copy and the draft."""
    path = tmp_path / "config.toml"
    path.write_text("[panel]\nlanguage = 'th'\n", "utf-8")
    path.chmod(0o640)
    draft = Path(setup("--set", "till.language=en")[1]["draft"])
    copy = Path(setup("--set", "till.language=en", "--change")[1]["backup"])

    assert [0o640] * 3 == [one.stat().st_mode & 0o777 for one in (draft, copy, path)]


def test_what_is_written_with_inline_tables_is_kept_whole(setup: Any, tmp_path: Path) -> None:
    """Also lists of tables that are no business of a set-up: cards, consents."""
    path = tmp_path / "config.toml"
    mine = "panel = { language = 'th', hot_key = 'F9' }\n[[cards]]\nname = 'club'\npattern = '29(\\d{10})\\d'\n"
    path.write_text(mine, "utf-8")
    code, _ = setup("--set", "till.language=en", "--change")
    made = tomllib.loads(path.read_text("utf-8"))

    assert (0, tomllib.loads(mine)["cards"]) == (code, made["cards"])
    assert {"language": "en", "hot_key": "F9"} == made["panel"]


def test_a_secret_that_is_not_there_is_said(setup: Any, tmp_path: Path) -> None:
    """It is no failure: a chain's policy names the file on every machine. But whoever mistyped it must see that."""
    words = ("--set", "centre.url=https://centre.example", "--set", f"centre.secret_file={tmp_path / 'secrte'}")
    code, told = setup(*words)

    assert (0, "none") == (code, told["enrolment"])
    assert "secrte is not there or empty" in told["warnings"][0]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--set", "centre.secrt=x"), 2, "did you mean 'centre.secret'?"),
        (("--answers", "/nonexistent/a.toml"), 2, "cannot read --answers"),
        (("--set", "scanner.driver=serial_scaner", "--set", "scanner.port=serial:COM5"), 1, "serial_scanner"),
        (("--set", "scanner.driver=serial_scanner", "--set", "scanner.port=COM5"), 1, 'write "serial:COM5"'),
        (("--set", "till.zone=Mars/Olympus"), 1, "no time zone"),
        (("--set", "receipt.how=calls", "--set", "receipt.system=frontal"), 1, "frontol"),
        (
            ("--set", "receipt.how=inline", "--set", "receipt.device=tcp://127.0.0.1:1", "--set", "trial.devices=1"),
            1,
            "'receipt'",
        ),
    ],
)
def test_what_cannot_be_is_a_sentence_and_nothing_is_written(
    setup: Any, tmp_path: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    """By the same code as `tillpoint check`."""
    given, told = setup(*words)

    assert (code, True) == (given, sentence in told["error"]), told
    assert not (tmp_path / "config.toml").exists()
    assert not (tmp_path / "state").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows: tests/agent/service/test_data_folder.py")
def test_a_file_somebody_laid_there_is_not_trusted(setup: Any, tmp_path: Path) -> None:
    """Whoever may write the folder could say what this till does."""
    import os

    path = tmp_path / "config.toml"
    path.write_text("[doors]\nport = 1\n", "utf-8")
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, 12345)

    code, told = setup("--set", "till.language=en")
    assert (1, True) == (code, "belongs to user 12345" in told["error"])


def test_who_may_not_write_is_told_before_the_first_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not after the last."""
    monkeypatch.setattr("os.access", lambda *_: False)

    with pytest.raises(SettingsError, match="sudo tillpoint setup"):
        require_writable(tmp_path / "not" / "there" / "config.toml")


def test_broken_settings_are_not_built_upon(setup: Any, tmp_path: Path) -> None:
    """Their own mistake is named first."""
    (tmp_path / "config.toml").write_text("[panel]\nlanguag = 'ru'\n", "utf-8")

    assert "did you mean 'language'?" in setup("--set", "till.language=en")[1]["error"]


@pytest.mark.net
def test_a_device_is_tried_and_prints(setup: Any, printer: Any, tmp_path: Path) -> None:
    """As an installer may wish it: fail rather than find out in the morning."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        host = f"tcp-listen://127.0.0.1:{one.getsockname()[1]}"
    words = (
        "--set",
        "receipt.how=inline",
        "--set",
        f"receipt.device={printer.address}",
        "--set",
        f"receipt.host={host}",
    )
    code, told = setup(*words, "--set", "trial.slip=yes")

    assert (0, {"receipt": ""}) == (code, told["tried"])
    assert "TILLPOINT" in printer.paper()


@pytest.mark.net
def test_a_centre_that_is_away_is_tried_later(setup: Any, centre: Centre, tmp_path: Path) -> None:
    """3: everything is in place; `tillpoint enrol --now`, or the agent, does the rest."""
    code, told = setup("--set", "centre.url=http://127.0.0.1:1", "--set", f"centre.secret={'x' * 30}")
    waits = pending_in(tmp_path / "state")

    assert (3, "pending", "created") == (code, told["enrolment"], told["settings"])
    assert waits is not None
    assert sys.platform == "win32" or 0o600 == (tmp_path / "state" / FILE_NAME).stat().st_mode & 0o777
    code, told = setup("--set", f"centre.url={centre.url}", "--set", f"centre.secret={secret_of(centre)}")
    assert (0, "enrolled", "k1") == (code, told["enrolment"], told["till"])


@pytest.mark.net
def test_a_refused_code_is_said_and_not_tried_again(setup: Any, centre: Centre, tmp_path: Path) -> None:
    """5: the settings are in place."""
    code, told = setup("--set", f"centre.url={centre.url}", "--set", "centre.code=2222-2222-2222")

    assert (5, "refused", True) == (code, told["enrolment"], "make a new one" in told["detail"])
    assert pending_in(tmp_path / "state") is None


@pytest.mark.net
def test_an_image_carries_no_identity(setup: Any, centre: Centre, tmp_path: Path) -> None:
    """`--delay-enrol`; and `tillpoint enrol --now` on a copy whose id nobody changed."""
    secret = secret_of(centre)
    words = ("--set", f"centre.url={centre.url}", "--set", f"centre.secret={secret}", "--delay-enrol")
    code, told = setup(*words)
    assert (0, "image") == (code, told["enrolment"])
    assert ["enrolment.json"] == [path.name for path in (tmp_path / "state").iterdir()]
    code, told = setup(*words)
    assert (0, "image", "unchanged") == (code, told["enrolment"], told["settings"])

    assert 0 == main(["enrol", "--now", "--config", str(tmp_path / "config.toml")])
    assert "k1" == load(tmp_path / "state").till
    assert pending_in(tmp_path / "state") is None


@pytest.mark.net
def test_a_dead_tills_place_is_taken(setup: Any, centre: Centre, tmp_path: Path) -> None:
    """`--replace`; once more it is the same till; another centre's till is not taken over."""
    secret = secret_of(centre, may_replace=True)
    common = ("--set", f"centre.url={centre.url}", "--set", f"centre.secret={secret}")
    setup(*common)
    dead = load(tmp_path / "state")
    (tmp_path / "state" / "identity.json").unlink()
    code, told = setup(*common, "--replace", dead.till)

    assert (0, dead.till, 2) == (code, told["till"], told["epoch"])
    assert "already" == setup(*common, "--replace", dead.till)[1]["enrolment"]
    assert "cannot become k9" in setup(*common, "--replace", "k9")[1]["error"]
    other = setup("--set", "centre.url=https://other.example", "--set", f"centre.secret={secret}")
    assert "take it out first: tillpoint forget" in other[1]["error"]


# ── Taken out again ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def till(setup: Any, centre: Centre, tmp_path: Path) -> Identity:
    assert 0 == setup("--set", f"centre.url={centre.url}", "--set", f"centre.code={centre.code()}")[0]
    return load(tmp_path / "state")


def sold(folder: Path, count: int) -> None:
    with TillStore.open(folder / "till.db", epoch=1) as store, store.transaction() as tx:
        for number in range(count):
            tx.append(
                id=f"e{number}", kind="x", occurred_at="2026-03-02T12:00:00+00:00", boot_id="b", uptime_ms=1,
                programme_version=0, body=b"{}",
            )  # fmt: skip


@pytest.mark.net
def test_a_till_leaves_its_centre(
    till: Identity, centre: Centre, setup: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The centre is told with the till's key; nothing secret is left; it may come back under its name."""
    config = ["--config", str(tmp_path / "config.toml")]
    assert 0 == main(["setup", "--undo", *config])

    assert "till t1 has left the centre" in capsys.readouterr().out
    assert not (tmp_path / "state" / "identity.json").exists()
    save(tmp_path / "copy", till)
    assert 0 == main(["forget", *config])
    assert "no till of a centre" in capsys.readouterr().out
    code, told = setup("--set", f"centre.url={centre.url}", "--set", f"centre.code={centre.code()}")
    assert (0, "t1", 2) == (code, told["till"], told["epoch"])


@pytest.mark.net
def test_unsent_receipts_are_not_lost_by_mistake(
    till: Identity, centre: Centre, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The number must be said; the file with them stays; the centre hears how many never came."""
    sold(tmp_path / "state", 3)
    config = ["--config", str(tmp_path / "config.toml")]

    for words in ([], ["--yes-lose", "2"]):
        assert 1 == main(["forget", *words, *config])
        assert "--yes-lose 3" in capsys.readouterr().err
    assert till == load(tmp_path / "state")
    assert 0 == main(["forget", "--yes-lose", "3", "--json", *config])
    told = json.loads(capsys.readouterr().out)
    assert ("t1", 3, True) == (told["till"], told["lost"], told["told"])
    assert "3 envelopes are not at the centre" in told["detail"]
    assert (tmp_path / "state" / "till.db").exists()


@pytest.mark.net
def test_a_till_without_a_line_leaves_all_the_same(
    till: Identity, centre: Centre, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says what a person must do at the centre."""
    centre.stop()
    assert 0 == main(["forget", "--json", "--config", str(tmp_path / "config.toml")])
    told = json.loads(capsys.readouterr().out)

    assert not told["told"]
    assert "leases release t1 --i-take-the-risk" in told["detail"]
    assert not (tmp_path / "state" / "identity.json").exists()


@pytest.mark.net
def test_a_till_that_works_is_not_taken_out(till: Identity, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stop the agent first."""
    sold(tmp_path / "state", 0)
    with TillStore.open(tmp_path / "state" / "till.db", epoch=till.epoch):
        assert 1 == main(["forget", "--config", str(tmp_path / "config.toml")])

    assert "stop it first" in capsys.readouterr().err


# ── The database ────────────────────────────────────────────────────────────────────────────────


def _till_9_more(db: Any) -> None:
    db.execute("CREATE TABLE more (one INTEGER)")


NEWER = Schema(name=TILL.name, steps=(*TILL.steps, _till_9_more))
OTHER = Schema(name=TILL.name, steps=NEWER.steps, breaks={NEWER.version: NEWER.version})


def test_a_database_is_brought_forward_with_a_copy(tmp_path: Path) -> None:
    """The copy opens with the version before; a second run has nothing to do."""
    path = tmp_path / "till.db"
    assert not migrate(path, now=datetime(2026, 3, 2, 12, tzinfo=UTC), schema=NEWER).is_due
    sold(tmp_path, 2)
    assert look(path, NEWER).is_due
    done = migrate(path, now=datetime(2026, 3, 2, 12, tzinfo=UTC), schema=NEWER)

    assert done.copy == tmp_path / f"till.db.tables-{TILL.version}-2026-03-02T120000"
    assert (NEWER.version, TILL.version) == (look(path, NEWER).found, look(done.copy).found)
    with TillStore.open(done.copy, epoch=1) as store:
        assert 2 == store.depth().waiting
    assert migrate(path, now=datetime.now(UTC), schema=NEWER).copy is None


def test_the_command_looks_and_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes for an installer: nothing to do, older, written by a newer one."""
    config = tmp_path / "config.toml"
    config.write_text(f"[till]\nstate_folder = {json.dumps(str(tmp_path))}\n", "utf-8")
    words = ["migrate", "--check", "--config", str(config)]
    assert 0 == main(words)
    assert "not there yet" in capsys.readouterr().out
    sold(tmp_path, 1)
    assert 0 == main(words)
    assert "up to date" in capsys.readouterr().out
    migrate(tmp_path / "till.db", now=datetime.now(UTC), schema=OTHER)
    assert 1 == main(words)
    assert "written by a newer Tillpoint" in capsys.readouterr().err


# ── Choices and words ───────────────────────────────────────────────────────────────────────────

REGISTER = Found(address="serial:/dev/serial/by-id/a", kind=Kind.FISCAL_PRINTER, driver="shtrih", maker="Штрих-М")
PRINTER = Found(address="usb:04b8:0202", kind=Kind.PRINTER, driver="escpos_slip", maker="Epson", model="TM")
HANDHELD = Found(address="hid:0c2e:0b61", kind=Kind.SCANNER, driver="hid_scanner", held_by=("pos.exe",))
PORT = Found(address="serial:COM5", kind=Kind.SERIAL_PORT)


def test_the_probable_comes_first() -> None:
    """A register before a printer before what is typed; a scanner before a port; what is there today before all."""
    say = Words("en")
    first = receipt_choices([PORT, PRINTER, REGISTER], say, pollable=("shtrih",))
    scanners = scanner_choices([PORT, PRINTER, HANDHELD], say)

    assert {"how": "pull", "driver": "shtrih", "device": REGISTER.address} == first[0].answers
    assert ({"how": "inline", "device": PRINTER.address}, "host") == (first[1].answers, first[1].wants)
    assert [HANDHELD.address, "serial:COM5"] == [one.answers.get("port") for one in scanners[:2]]
    assert "in use by pos.exe" in scanners[0].title
    assert {"driver": "none"} == scanner_choices([PORT], say)[0].answers
    assert {} == receipt_choices([REGISTER], say, pollable=("shtrih",), kept="escpos")[0].answers


@pytest.mark.parametrize(
    ("text", "port", "expected"),
    [
        ("192.168.1.50", 9100, "tcp://192.168.1.50:9100"),
        ("printer.shop:9101", 9100, "tcp://printer.shop:9101"),
        ("com5", None, "serial:COM5"),
        ("/dev/ttyACM0", None, "serial:/dev/ttyACM0"),
        ("usb:04b8:0202", 9100, "usb:04b8:0202"),
        ("hid:0c2e:0b61", None, "hid:0c2e:0b61"),
    ],
)
def test_what_a_person_types_as_an_address(text: str, port: int | None, expected: str) -> None:
    """Without knowing our spelling."""
    assert expected == address_of(text, port=port)


def test_both_languages_say_the_same_things(project: Path) -> None:
    """The same keys with the same blanks."""
    import string

    told = {name: json.loads((project / "agent/setup/words" / f"{name}.json").read_text("utf-8")) for name in LANGUAGES}
    blanks = {
        name: {
            key: sorted(part[1] for part in string.Formatter().parse(text) if part[1]) for key, text in words.items()
        }
        for name, words in told.items()
    }

    assert blanks["en"] == blanks["ru"]
