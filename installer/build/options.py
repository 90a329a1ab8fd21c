"""What a Windows installer can be told, in one table: properties of the MSI, words of the .exe, answers of the set-up.

Every answer of `tillpoint setup` is a property of the same name as its environment variable; the rest is the
installers' own. The store-IT guide's table is what this prints when run by its path, and a test compares.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from agent import policy  # noqa: E402 - a script run by its path finds the project only now
from agent.setup.answers import SECRETS, keys  # noqa: E402

__all__ = [
    "ANSWERS",
    "DATA",
    "OWN",
    "PURGE",
    "Option",
    "answers",
    "hidden",
    "options_table",
    "policies_table",
    "public",
]

FOLDER: Final = "INSTALLFOLDER"
ANSWERS: Final = "TILLPOINT_ANSWERS"
PANEL: Final = "TILLPOINT_PANEL_AT_LOGON"
PURGE: Final = "PURGE"
DATA: Final = "Tillpoint"  # below %ProgramData%


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row.

    Attributes:
        name: the MSI's property.
        word: how the .exe is told the same.
        key: the answer of `tillpoint setup`, "" for what is the installer's own.
        sentence: what it does.
    """

    name: str
    word: str
    key: str = ""
    sentence: str

    @property
    def is_secret(self) -> bool:
        """Never in a log."""
        return self.key in SECRETS


OWN: Final = (
    Option(
        name=FOLDER, word="/D=FOLDER (last)", sentence=r"Where it is installed; `C:\Program Files\Tillpoint` otherwise."
    ),
    Option(
        name=ANSWERS, word="--answers FILE", sentence="Path of an answer file; what is said beside it counts above it."
    ),
    Option(name=PANEL, word="/PANEL", sentence="`1`: the panel opens when somebody logs on."),
    Option(name=PURGE, word="/PURGE", sentence="When it is removed, `1`: settings, receipts and keys go too."),
)


def answers() -> tuple[Option, ...]:
    """The answers of the set-up, as its own table has them."""
    return tuple(
        Option(name=key.property, word=f"--set {key.name}=…", key=key.name, sentence=key.sentence) for key in keys()
    )


def public() -> tuple[str, ...]:
    """Properties that a command line may set although the installation runs with the system's rights."""
    return tuple(one.name for one in (*OWN, *answers()))


def hidden() -> tuple[str, ...]:
    """Properties whose values no log of the Windows Installer shows."""
    return tuple(one.name for one in answers() if one.is_secret)


def options_table() -> str:
    """The guide's table of what an installer can be told; the set-up's own answers stand in its guide."""
    rows = ["| MSI property | the `.exe` | |", "|---|---|---|"]
    rows += [f"| `{one.name}` | `{one.word}` | {one.sentence} |" for one in OWN]
    example = answers()[0]
    rows.append(
        f"| `{example.name}` … | `{example.word}` … | Every answer of the set-up: [its table](setting-up.md). |"
    )
    return "\n".join(rows)


def policies_table() -> str:
    """The guide's table of policies."""
    rows = ["| value in the registry | key | |", "|---|---|---|"]
    words = tomllib.loads((PROJECT / "installer/windows/policies/words.toml").read_text("utf-8"))["policies"]
    rows += [f"| `{policy.value_name(key)}` | `{key}` | {words[key]['en'][1]} |" for key in policy.ALL_KEYS]
    return "\n".join(rows)


if __name__ == "__main__":
    print(options_table(), policies_table(), sep="\n\n")
