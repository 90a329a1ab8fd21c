"""What several commands share: where the settings are, and tables on a terminal."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agent import policy
from agent.settings import Settings, default_config_path

__all__ = ["add_config", "policy_and_settings", "print_json", "settings_of", "table"]


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config FILE` and `--json`, the same everywhere."""
    parser.add_argument(
        "--config", type=Path, default=None, metavar="FILE", help="settings file (default: the service's)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of words")


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings the command line names, under what policy says."""
    return policy_and_settings(args)[0]


def policy_and_settings(args: argparse.Namespace) -> tuple[Settings, policy.Policies]:
    """The same, and what policy said."""
    return policy.load(args.config if args.config is not None else default_config_path())


def print_json(value: Any) -> None:
    """Two-space JSON with every letter readable."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Left-aligned columns under a head."""
    every = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[place]) for row in every) for place in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in every]
    return "\n".join(lines)
