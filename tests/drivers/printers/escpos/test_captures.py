"""Every capture of the driver's folder is understood as its expectation says; a new capture is two new files."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import msgspec
import pytest

from drivers.printers.escpos import EscposSettings, driver, simulator
from drivers.printers.escpos.driver import conversation
from drivers.printers.escpos.frames import Tokenizer
from drivers.vocabulary.codec import to_builtins

FOLDER = Path(simulator.__file__).parent / "captures"
CAPTURES = sorted(FOLDER.glob("*.bin"))


def test_there_are_captures():
    """An empty folder must not pass for a tested one."""
    assert len(CAPTURES) >= 30
    assert [path.stem for path in CAPTURES] == sorted(
        path.name.removesuffix(".expected.json") for path in FOLDER.glob("*.expected.json")
    )


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_is_understood_as_expected(path):
    """Kind, layout, problems, text and receipt, to the last field; whole and in pieces of 5 bytes."""
    expected = json.loads(path.with_suffix(".expected.json").read_text("utf-8"))
    stream = path.read_bytes()
    for size in (len(stream), 5):
        numbers = count(1)
        chosen = msgspec.convert(expected["settings"], EscposSettings)
        link = conversation(chosen, device="printer", new_uid=lambda: f"p-unnamed-{next(numbers)}")  # noqa: B023
        steps = []
        for start in range(0, len(stream), size):
            steps += link.from_host(stream[start : start + size], 0.0)
        steps += link.host_gone(0.0)
        documents = [step.document for step in steps if hasattr(step, "document")]

        assert stream == b"".join(step.data for step in steps if hasattr(step, "data"))
        assert expected["documents"] == [
            {
                "kind": document.kind.value,
                "layout": document.layout,
                "problems": list(document.problems),
                "receipt": json.loads(json.dumps(to_builtins(document.receipt))),
                "text": list(document.text),
            }
            for document in documents
        ]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_holds_no_unknown_command(path):
    """A row missing in the table shows here."""
    tokenizer = Tokenizer()
    tokens = tokenizer.feed(path.read_bytes()) + tokenizer.finish()

    assert not [token for token in tokens if token.command.name in ("unknown", "truncated", "control")]


def test_a_broken_capture_never_becomes_a_receipt():
    """Those named broken have a problem and no receipt."""
    for path in CAPTURES:
        if path.stem.startswith("broken"):
            link = driver.conversation(None, device="printer")
            steps = link.from_host(path.read_bytes(), 0.0)

            assert [None] == [step.document.receipt for step in steps if hasattr(step, "document")]
