"""The same receipts in processes that differ in everything a machine may differ in: the same bytes are decided."""

from __future__ import annotations

import copy
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from drivers.vocabulary import codec
from tests.cases.receipt_case import PROGRAMMES, read_case

PROJECT = Path(__file__).resolve().parents[3]

#: Sets the process up as another machine might be, then answers lines as the command does.
CHILD = """
import decimal, locale, os, sys, time
for name in sys.argv[1].split(","):
    try:
        locale.setlocale(locale.LC_ALL, name)
        break
    except locale.Error:
        pass
if hasattr(time, "tzset"):
    time.tzset()
decimal.DefaultContext.prec = int(sys.argv[2])
decimal.setcontext(decimal.Context(prec=int(sys.argv[2]), rounding=sys.argv[3]))
from agent.cli import main
sys.exit(main(["evaluate", "--jsonl"]))
"""

#: Hash seed, zone, locales (the first that is installed), digits of a decimal and its rounding.
MACHINES = [
    ("0", "UTC", "C", "28", "ROUND_HALF_EVEN"),
    ("1", "Asia/Vladivostok", "tr_TR.UTF-8,Turkish_Türkiye.1254,C.UTF-8", "6", "ROUND_UP"),
    ("4242", "America/St_Johns", "de_DE.UTF-8,German_Germany.1252,POSIX", "50", "ROUND_DOWN"),
]


def corpus() -> bytes:
    """The receipt beside every shipped programme, and each of these receipts under every fourth other programme."""
    chance = random.Random(7)
    paths = sorted(PROGRAMMES.glob("*.toml"), key=lambda path: path.name)
    cases = {path: read_case(path.with_suffix(".case.txt").read_text(encoding="utf-8")) for path in paths}
    lines: list[dict[str, Any]] = []
    for mine, case in cases.items():
        for other in [mine, *chance.sample(paths, len(paths) // 4)]:
            lines.append(
                {
                    "programme": other.read_text(encoding="utf-8"),
                    "receipt": codec.to_builtins(case.receipt),
                    "customer": codec.to_builtins(case.customer),
                    "at": case.now.isoformat(),
                    "points": "max",
                    "announced_tenders": [kind.value for kind in case.paying],
                }
            )
            # The same once more: the programme as JSON with its keys turned round, and so each list that is a set.
            turned = copy.deepcopy(lines[-1])
            turned["programme"] = dict(reversed(codec.to_builtins(cases[other].programme.file).items()))
            for line in turned["receipt"].get("lines", []):
                line["flags"] = list(reversed(line.get("flags", [])))
            lines.append(turned)
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def decided(question: bytes, machine: tuple[str, str, str, str, str]) -> list[bytes]:
    """What a process on such a machine answers."""
    seed, zone, locales, digits, rounding = machine
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONUTF8": "1"}
    environment.pop("LC_ALL", None)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, locales, digits, rounding],
        input=question,
        capture_output=True,
        cwd=PROJECT,
        env=environment,
        timeout=120,
        check=False,
    )

    assert 0 == done.returncode, done.stderr.decode(errors="replace")
    return done.stdout.splitlines()


def test_every_machine_decides_the_same() -> None:
    """Hash seed, time zone, locale and precision of decimals differ; not one byte of a decision does."""
    question = corpus()
    first = decided(question, MACHINES[0])

    assert len(question.splitlines()) == len(first)
    assert not [answer for answer in first if b'"error"' in answer[:20]]
    # Each question stands there twice, in TOML and in JSON.
    assert first[::2] == first[1::2]
    for machine in MACHINES[1:]:
        assert first == decided(question, machine)
