"""The operator's commands about keys and tokens, on a real file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from central.cli import main
from central.database import open_database
from central.tenant import tenant_keys
from drivers.vocabulary.centre import EnrolRequest


@pytest.fixture
def central(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command; (status, what it printed, what it complained)."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main([*words, "--database", f"sqlite:///{tmp_path / 'central.db'}"])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def enrol(tmp_path: Path, code: str) -> None:
    from datetime import UTC, datetime

    from central.tills import enrol as enrol_till

    database = open_database(f"sqlite:///{tmp_path / 'central.db'}")
    with database.write() as connection:
        enrol_till(connection, EnrolRequest(code=code), currency="RUB", now=datetime.now(UTC))
    database.close()


def test_a_tenant_key_is_changed_in_three_commands(central: Any, tmp_path: Path) -> None:
    """Start, status, finish; each says what it did and what comes next."""
    members = tmp_path / "members.csv"
    members.write_text("id,phone,card\nanna,+79000000001,77001\n", encoding="utf-8")
    central("members", "load", str(members))
    assert (0, "one tenant key, generation 1\n", "") == central("rotate-tenant-key", "status")

    status, out, _ = central("rotate-tenant-key", "start")
    assert (0, True) == (status, "when `status` shows nobody, run `finish`" in out)
    out = central("rotate-tenant-key", "status")[1]
    assert "generation 1 is followed by 2" in out
    assert "0 tills do not hold the new key: none" in out
    assert "0 hashes have none" in out
    assert (0, "the new key is the key; 2 hashes under the old one are gone\n", "") == central(
        "rotate-tenant-key", "finish"
    )
    assert (0, "one tenant key, generation 2\n", "") == central("rotate-tenant-key", "status")
    status, _, err = central("rotate-tenant-key", "finish")
    assert (1, True) == (status, "no tenant key follows" in err)


def test_finish_waits_for_the_tills_unless_forced(central: Any, tmp_path: Path) -> None:
    """A till that is not told finds nobody: so it is named."""
    enrol(tmp_path, central("enrol-code", "--shop", "s1", "--till", "t1")[1].strip())
    central("rotate-tenant-key", "start")
    status, _, err = central("rotate-tenant-key", "finish")

    assert (1, True) == (status, "1 tills do not hold the new key yet (t1)" in err)
    assert 0 == central("rotate-tenant-key", "finish", "--force")[0]


def test_tokens_are_replaced_on_demand(central: Any, tmp_path: Path) -> None:
    """All tills, or those that are named; a name nobody has is a mistake."""
    enrol(tmp_path, central("enrol-code", "--shop", "s1", "--till", "t1")[1].strip())

    assert central("rotate-token")[1].startswith("1 tills fetch a new token")
    assert central("rotate-token", "t1")[1].startswith("1 tills fetch a new token")
    status, _, err = central("rotate-token", "t9")
    assert (1, True) == (status, "no till 't9'" in err)


def test_a_key_without_a_certificate_is_refused(central: Any, tmp_path: Path) -> None:
    """Nobody serves http and thinks it is https."""
    for words in (("--key", "k.pem"), ("--client-ca", "ca.pem")):
        status, _, err = central("run", "--listen", "127.0.0.1:0", *words)
        assert (1, True) == (status, "need --certificate" in err)
    status, _, err = central("run", "--listen", "127.0.0.1:0", "--certificate", str(tmp_path / "none.pem"))
    assert (1, True) == (status, "cannot use the certificate" in err)


@pytest.mark.parametrize("days", ["0", "x", "99999"])
def test_an_age_of_tokens_that_makes_no_sense_is_refused(central: Any, days: str) -> None:
    """In the command line's own words."""
    with pytest.raises(SystemExit) as ended:
        central("run", "--token-days", days)

    assert 2 == ended.value.code


def test_the_keys_are_never_shown(tmp_path: Path) -> None:
    """They may land in a log line."""
    database = open_database(f"sqlite:///{tmp_path / 'central.db'}")
    with database.read() as connection:
        keys = tenant_keys(connection)
    database.close()

    assert keys.current.hex() not in repr(keys)
    assert str(keys.current) not in repr(keys)
