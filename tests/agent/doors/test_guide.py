"""The integrator's guide: each of its examples is run against real doors, in the order of the page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.doors.rows import CALLS

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "integrator.md"
pytestmark = pytest.mark.net


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def surroundings(doors, server):
    given = {"TILLPOINT_URL": f"http://127.0.0.1:{server.port}", "TILLPOINT_STATE": str(doors.folder)}
    return os.environ | given | {"PYTHONIOENCODING": "utf-8"}


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("sh") is None, reason="SKIPPED LOUDLY: no curl here")
def test_curl_examples_run(doors, serve):
    """All shell examples as one script; each call is answered."""
    script = "set -eu\n" + "\n".join(blocks("sh"))
    done = subprocess.run(
        ["sh", "-c", script],
        check=False,
        env=surroundings(doors, serve()),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert {"panel_identify"} | {call.name for call in CALLS} >= {name for name, _ in doors.desk.calls}
    assert {call.name for call in CALLS} == {name for name, _ in doors.desk.calls}


def test_python_examples_run(doors, serve):
    """The Python example is a whole program of the standard library."""
    for program in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program],
            check=False,
            env=surroundings(doors, serve()),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

        assert (0, "") == (done.returncode, done.stderr)
        assert "7K4M-22" in done.stdout


@pytest.mark.skipif(shutil.which("java") is None, reason="SKIPPED LOUDLY: no Java here (package default-jdk-headless)")
def test_java_examples_run(doors, serve, tmp_path):
    """Each is one file that `java` runs from its source."""
    for program in blocks("java"):
        source = tmp_path / "Sale.java"
        source.write_text(program, encoding="utf-8")
        done = subprocess.run(
            ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", str(source)],
            check=False,
            env=surroundings(doors, serve()),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

        assert (0, "") == (done.returncode, done.stderr)
        assert "7K4M-22" in done.stdout


def test_jscript_examples_are_of_its_age():
    """ES3, as cscript and old tills take it: no word of later years."""
    for program in blocks("jscript"):
        bare = re.sub(r"\"[^\"]*\"|'[^']*'|//.*", "0", program)

        assert not re.search(r"\b(let|const|async|await|class)\b|=>|`|,\s*[}\])]", bare)
        assert bare.count("{") == bare.count("}")
        assert bare.count("(") == bare.count(")")


def test_guide_names_every_call_and_code():
    """Nothing the doors can answer is missing from the page."""
    from agent.doors.problems import CONFLICTS, NOT_NOW

    text = GUIDE.read_text(encoding="utf-8")
    wanted = [call.path for call in CALLS] + ["/v1/status", "/openapi.json", "/healthz"]
    wanted += sorted(
        CONFLICTS | NOT_NOW | {"invalid_request", "no_token", "wrong_host", "foreign_origin", "body_too_large"}
    )

    assert [] == [word for word in wanted if word not in text]
