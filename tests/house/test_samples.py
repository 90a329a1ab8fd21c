"""Every sample of what till systems say is read by a test; what is a list of names is compared with what we say."""

from __future__ import annotations

import ast
import re
from datetime import date
from pathlib import Path

from drivers.tills.contract import TwinContext
from drivers.tills.evotor.twin import EvotorTwin
from drivers.tills.frontol.load import write
from drivers.tills.loads import LoadCard, LoadPlan, LoadTier
from drivers.tills.set_retail.report import REQUEST
from drivers.vocabulary.money import Percent
from tests.conformance.test_every_centre_system import MOSCOW
from tests.drivers.tills.set_retail.test_soap import tell

#: For people only: it says where each of the others is from.
ABOUT = {"README.md"}


def test_no_sample_of_a_till_system_is_left_unread(samples: Path, project: Path) -> None:
    """By its name in some test; a sample that is added fails here until somebody reads it."""
    said = "".join(path.read_text(encoding="utf-8") for path in (project / "tests").rglob("test_*.py"))
    folder = samples / "tills"
    files = {path.name for path in folder.rglob("*") if path.is_file()} - ABOUT

    assert len(files) >= 15
    assert set() == {name for name in files if name not in said}


def test_every_load_command_of_ours_is_one_of_frontols(samples: Path) -> None:
    known = (samples / "tills" / "frontol" / "load_command_names.txt").read_text(encoding="utf-8")
    plan = LoadPlan(
        tiers=(LoadTier(name="gold", title="Золотая", code=101, percent=Percent.parse("7")),),
        cards=lambda: (LoadCard(number="2900000000018", tier="gold", name="Анна", phone="+79000000001"),),
        clients=True,
        day=date(2026, 3, 2),
    )
    text = b"".join(write(plan)).decode("cp1251")
    commands = set(re.findall(r"\$\$\$([A-Z]+)", text))

    assert commands
    assert set() == commands - set(known.split())


def test_every_name_of_frontols_script_that_ours_uses_is_known(samples: Path, project: Path) -> None:
    known = (samples / "tills" / "frontol" / "script_api_names.txt").read_text(encoding="utf-8")
    text = (project / "installer" / "bridges" / "frontol" / "tillpoint.js").read_text(encoding="utf-8")
    used = set(re.findall(r"frontol\.((?:[A-Za-z]+\.)*[A-Za-z]+)", text))
    words = set(re.findall(r"[A-Za-z]+", known))

    assert used
    assert set() == {name for path in used for name in path.split(".") if name not in words}


def test_what_we_ask_set_retail_is_the_sample_of_a_query(samples: Path) -> None:
    sample = (samples / "tills" / "setretail" / "query_file_made_from_spec.txt").read_bytes()

    assert sample.split() == REQUEST.replace(b"{date}", b"05.03.2024").split()


def test_evotors_twin_says_what_its_schema_has(samples: Path) -> None:
    """Names of the webhook's fields; ours writes no other one."""
    schema = (samples / "tills" / "evotor" / "receipt_v2_schema_excerpt.yaml").read_text(encoding="utf-8")
    known = set(re.findall(r"^\s+([A-Za-z]+):", schema, re.MULTILINE))
    twin = EvotorTwin(None, TwinContext(key="k", zone=MOSCOW, currency="RUB"))
    event = ast.literal_eval(
        next(twin.play(tell("", number=1))).body.decode().replace("true", "True").replace("false", "False")
    )
    data = event["data"]

    assert set() == {name for name in (*data, *data["items"][0]) if name not in known}
