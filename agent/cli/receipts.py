"""`tillpoint receipts`: what a captured stream was understood to be, line by line (`try`); its paper (`picture`)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from drivers.printers.escpos import EscposSettings
from drivers.printers.escpos.driver import random_uid, receipt_reader
from drivers.printers.escpos.inspect_stream import STREAM_SIZE_MAX, DocumentReport, StreamReport, inspect_stream
from drivers.printers.escpos.layout_files import shipped_names
from drivers.printers.escpos.models import PROFILES, profile_named
from drivers.vocabulary.codec import WireError, convert, to_builtins
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.receipt import DocumentKind

_EXIT_OK = 0
_EXIT_NOT_UNDERSTOOD = 1  # read well, but some document that looks like a receipt does not add up
_EXIT_ERROR = 2
COLUMNS_DEFAULT = 48
COLUMNS_LEAST, COLUMNS_MOST = 16, 128


def add_parser(subparsers: Any) -> None:
    """Add `receipts` with its one verb to the command line."""
    receipts = subparsers.add_parser("receipts", help="look at captured receipt printer streams")
    verbs = receipts.add_subparsers(dest="verb", required=True)
    attempt = verbs.add_parser("try", help="show what a captured stream is understood to be, line by line")
    attempt.add_argument("file", metavar="FILE", help="bytes a till sent to its printer, as captured")
    attempt.add_argument("--profile", default="auto", help=f"printer family: {', '.join(sorted(PROFILES))}")
    attempt.add_argument(
        "--layout",
        action="append",
        default=[],
        help=f"layout name or .toml file, may be repeated: {', '.join(shipped_names())}",
    )
    attempt.add_argument("--currency", default="RUB", help="currency of the amounts, three letters")
    attempt.add_argument("--json", action="store_true", help="machine-readable output")
    attempt.set_defaults(run=run)
    picture = verbs.add_parser("picture", help="draw the paper of a captured stream as a PNG")
    picture.add_argument("file", metavar="FILE", help="bytes a till sent to its printer, as captured")
    picture.add_argument("png", metavar="OUT.png", help="where to write the picture")
    picture.add_argument("--profile", default="auto", help=f"printer family: {', '.join(sorted(PROFILES))}")
    picture.add_argument("--columns", type=int, default=0, help="characters in a line; 0 takes the profile's, or 48")
    picture.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show the file; 0 when every receipt was understood, 1 when one was not, 2 when the file cannot be used."""
    if args.verb == "picture":
        return _picture(args)
    try:
        report = _inspect(args)
    except WireError as error:
        return _fail(f"--currency, --profile or --layout cannot be used: {error}")
    except SettingsError as error:
        return _fail(str(error))
    if args.json:
        print(json.dumps(_as_builtins(report), ensure_ascii=False, indent=2))
    else:
        _show(report)
    return _EXIT_NOT_UNDERSTOOD if any(_is_unread(item) for item in report.documents) else _EXIT_OK


def _picture(args: argparse.Namespace) -> int:
    """Draw the paper; fonts are the system's, so it looks like a receipt and not like that printer."""
    from drivers.printers.escpos.picture import picture_of

    try:
        profile = profile_named(args.profile)
        stream = _load(Path(args.file))
    except SettingsError as error:
        return _fail(str(error))
    columns = args.columns or profile.columns or COLUMNS_DEFAULT
    if not COLUMNS_LEAST <= columns <= COLUMNS_MOST:
        return _fail(f"--columns {columns}: paper has from {COLUMNS_LEAST} to {COLUMNS_MOST} columns")
    try:
        picture_of(stream, profile=profile, columns=columns).save(args.png, format="PNG", optimize=True)
    except OSError as error:
        return _fail(f"cannot write {args.png}: {error.strerror or error}; name another file")
    return _EXIT_OK


def _is_unread(item: DocumentReport) -> bool:
    """It is a sale or a return, or may be one under another layout, and has no receipt."""
    is_trade = item.document.kind in {DocumentKind.SALE, DocumentKind.RETURN}
    return item.document.receipt is None and (is_trade or bool(item.proposal))


def _inspect(args: argparse.Namespace) -> StreamReport:
    wanted = {"profile": args.profile, "layouts": args.layout, "currency": args.currency}
    settings = convert(wanted, EscposSettings)
    report = inspect_stream(
        _load(Path(args.file)),
        reader=receipt_reader(settings, device="capture", new_uid=random_uid),
        profile=profile_named(settings.profile),
    )
    if not report.is_escpos:
        raise SettingsError(f"{args.file} holds no ESC/POS document; capture what the till sends to its printer")
    return report


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return _EXIT_ERROR


def _load(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(STREAM_SIZE_MAX + 1)
    except OSError as error:
        raise SettingsError(
            f"cannot read {path}: {(error.strerror or 'unknown error').lower()}; check the path"
        ) from None
    if not data:
        raise SettingsError(f"{path} is empty; capture what the till sends to its printer")
    if len(data) > STREAM_SIZE_MAX:
        raise SettingsError(f"{path} is larger than {STREAM_SIZE_MAX // 1_048_576} MiB; cut out a few receipts")
    return data


def _show(report: StreamReport) -> None:
    print(f"{report.size} bytes, {report.text_share} % text, {len(report.documents)} document(s)")
    if report.unknown:
        print(f"unknown commands: {', '.join(report.unknown)}")
    for number, item in enumerate(report.documents, 1):
        _show_document(number, item)


def _show_document(number: int, item: DocumentReport) -> None:
    document = item.document
    print(f"\n── document {number}: {document.kind.value}, layout {document.layout or 'none'}, text {_codecs(item)}")
    for line in item.lines:
        told = f"{line.role}: {line.detail}" if line.detail else line.role
        print(f"{line.number:4}  {line.text:48}  {told}")
    for code in item.codes:
        print(f"      code: {code}")
    if item.images:
        print(f"      images: {item.images}")
    if document.receipt is not None:
        receipt = document.receipt
        print(f"  receipt {receipt.number or 'without number'}, {receipt.closed_at or 'without time'}: {receipt.total}")
        print(f"  adds up: {item.arithmetic}")
    for problem in document.problems:
        print(f"  no receipt: {problem}")
    if item.proposal:
        print("  a layout to start from:\n")
        print(item.proposal)


def _codecs(item: DocumentReport) -> str:
    return ", ".join(item.codecs) or "none"


def _as_builtins(report: StreamReport) -> dict[str, Any]:
    return {
        "size": report.size,
        "text_share": report.text_share,
        "commands": dict(report.commands),
        "unknown": list(report.unknown),
        "documents": [
            {
                "kind": item.document.kind.value,
                "layout": item.document.layout,
                "codecs": list(item.codecs),
                "problems": list(item.document.problems),
                "receipt": to_builtins(item.document.receipt),
                "arithmetic": item.arithmetic,
                "codes": list(item.codes),
                "images": item.images,
                "proposal": item.proposal,
                "lines": [
                    {"number": line.number, "text": line.text, "role": line.role, "detail": line.detail}
                    for line in item.lines
                ],
            }
            for item in report.documents
        ],
    }
