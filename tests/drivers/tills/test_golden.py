"""Every sample of a till system and every capture of ours beside what it is understood as; all money reconciles.

`TILLPOINT_REMAKE=1` writes the golden files; read what it wrote.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.drivers.tills.golden_rig import masked, receipts_in, reconcile, same_as
from tests.drivers.tills.golden_samples import LISTS_OF_NAMES, OWN, SAMPLES

GOLDEN = Path(__file__).parent / "golden"
ROOMS = Path(__file__).parents[3] / "drivers" / "tills"
ABOUT = {"README.md"}
KEPT = sorted([*GOLDEN.rglob("*.json"), *ROOMS.glob("*/captures/*.receipt.json")])


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_understood_as_its_golden_file_says(name: str, samples: Path) -> None:
    told = masked(SAMPLES[name]((samples / "tills" / name).read_bytes()))

    same_as(GOLDEN / f"{name}.json", told)
    for one in receipts_in(told):
        reconcile(one)


@pytest.mark.parametrize("name", OWN)
def test_a_capture_of_ours_is_its_receipt(name: str) -> None:
    told = masked(OWN[name]((ROOMS / name).read_bytes()))

    same_as((ROOMS / name).with_suffix(".receipt.json"), told)
    reconcile(told)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_money_of_every_receipt_that_is_kept_reconciles(path: Path) -> None:
    """Also without the folder of samples."""
    told = json.loads(path.read_text("utf-8"))
    found = list(receipts_in(told))
    for one in found:
        reconcile(one)

    assert found or path.parent != ROOMS / path.parent.parent.name / "captures"


def test_no_sample_lacks_its_golden_file(samples: Path) -> None:
    folder = samples / "tills"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - ABOUT

    assert there == SAMPLES.keys() | LISTS_OF_NAMES


def test_no_capture_of_ours_lacks_its_receipt_and_no_golden_file_its_reader() -> None:
    captures = [path for path in ROOMS.glob("*/captures/*.*") if path.suffix != ".md" and ".receipt" not in path.name]

    assert captures
    assert [] == [path for path in captures if not path.with_suffix(".receipt.json").is_file()]
    assert {f"{name}.json" for name in SAMPLES} == {
        path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*.json")
    }
