"""The first messages of a process may arrive on many threads at one moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: msgspec fills its table of a type while it makes the first decoder; a second one made at that moment would read a
#: table that is half empty, and the process would end with a segmentation fault. So each round is a process of its own.
ROUND = """
import sys, threading
from drivers.vocabulary import codec
from drivers.vocabulary.centre import ChangesPage, Upload, UploadAnswer
from drivers.vocabulary.facts import FACTS
sys.setswitchinterval(1e-6)
line = threading.Barrier(8)
VALUE = {"envelopes": [{"id": "x", "sequence": 1}], "receipt": {"uid": "x", "lines": [{"number": 1}]}, "more": True}
TEXT = codec.encode(VALUE)
def work():
    line.wait()
    for wanted in (Upload, *FACTS.values(), ChangesPage, UploadAnswer):
        for read in (lambda: codec.decode(TEXT, wanted), lambda: codec.convert(VALUE, wanted)):
            try:
                read()
            except codec.WireError:
                pass
threads = [threading.Thread(target=work) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
"""
ROUNDS = 3


def test_first_messages_on_many_threads(project: Path) -> None:
    """Each is read, or refused in words."""
    statuses = [
        subprocess.run([sys.executable, "-c", ROUND], cwd=project, check=False, timeout=60).returncode
        for _ in range(ROUNDS)
    ]

    assert [0] * ROUNDS == statuses
