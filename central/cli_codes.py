"""The options of `tillpoint central run` that say who sends one-time codes to customers' phones."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from central.code_senders import TEXT, CodeSender, HttpSender, LogSender, NoSender
from central.errors import CentralStartError

__all__ = ["add_codes", "sender_of"]

SECRET_BYTES: Final = (16, 1024)  # shorter is guessed


def add_codes(run: argparse.ArgumentParser) -> None:
    """`--codes-url`, `--codes-secret`, `--codes-text`, `--codes-digits`, `--codes-file`."""
    run.add_argument("--codes-url", metavar="URL", help="POST one-time codes here, to whoever sends messages")
    run.add_argument("--codes-secret", type=Path, metavar="FILE", help="what signs these requests (16 bytes or more)")
    run.add_argument("--codes-text", default=TEXT, help="what the phone shows, with {code}")
    run.add_argument("--codes-digits", type=int, choices=(4, 5, 6), default=4, help="digits of a code; default 4")
    run.add_argument("--codes-file", type=Path, metavar="FILE", help="for a trial: write the codes into this file")


def sender_of(args: argparse.Namespace, now: Callable[[], datetime]) -> CodeSender:
    """Who sends codes, as the command line says.

    Raises:
        CentralStartError: two ways at once, or no secret for one.
    """
    url: str | None = args.codes_url
    file: Path | None = args.codes_file
    if url is not None and file is not None:
        raise CentralStartError("--codes-url and --codes-file exclude each other: codes go one way")
    if file is not None:
        return LogSender(path=file, now=now)
    if url is None:
        return NoSender()
    if args.codes_secret is None:
        raise CentralStartError("--codes-url needs --codes-secret FILE: without it anybody could order messages there")
    return HttpSender(url=url, secret=_secret(args.codes_secret), now=now, text=args.codes_text)


def _secret(path: Path) -> bytes:
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise CentralStartError(f"cannot read --codes-secret {path}: {error.strerror}") from None
    least, most = SECRET_BYTES
    if not least <= len(secret) <= most:
        raise CentralStartError(f"--codes-secret {path} holds {len(secret)} bytes; it needs {least} to {most}")
    return secret
