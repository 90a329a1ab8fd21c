"""`tillpoint programme`: check, explain, compare, sign and verify a programme file; never changes the file itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from agent.cli.common import print_json
from agent.loyalty import Programme, load, schema
from agent.loyalty.describe import describe
from agent.loyalty.explain import LANGUAGES
from drivers.vocabulary import codec
from drivers.vocabulary.errors import TillpointError

__all__ = ["add_parser", "run"]

SIGNATURE_SUFFIX: Final = ".sig"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its verbs."""
    parser = subparsers.add_parser("programme", help="check, explain, compare and sign a loyalty programme")
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True)
    check = verbs.add_parser("check", help="say everything that is wrong with a file, with line and key")
    explain = verbs.add_parser("explain", help="say each rule in one plain sentence")
    diff = verbs.add_parser("diff", help="say what differs between two files; ends with 1 when anything does")
    sign = verbs.add_parser("sign", help="write FILE.sig, an Ed25519 signature of the file's bytes")
    verify = verbs.add_parser("verify", help="check FILE.sig; ends with 1 when it does not fit")
    for verb in (check, explain, sign, verify):
        verb.add_argument("file", type=Path, metavar="FILE", help="the programme, TOML or JSON")
    diff.add_argument("old", type=Path, metavar="OLD", help="the programme as it was")
    diff.add_argument("new", type=Path, metavar="NEW", help="the programme as it will be")
    for verb in (explain, diff):
        verb.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the sentences (default: en)")
    sign.add_argument("--key", type=Path, required=True, metavar="PEM", help="the private key")
    verify.add_argument("--key", type=Path, required=True, metavar="PEM", help="the public key")
    for verb in (sign, verify):
        verb.add_argument("--signature", type=Path, metavar="SIG", help="the signature's file (default: FILE.sig)")
    keys = verbs.add_parser("keys", help="make a pair of keys: NAME.key stays with you, tills check with NAME.pub")
    keys.add_argument("name", metavar="NAME", help="where to write them, without the ending")
    verbs.add_parser("schema", help="print the JSON Schema of a programme file")
    coverage = verbs.add_parser("coverage", help="say which mechanics the tests cover; ends with 1 when any is not")
    coverage.add_argument(
        "--tests", type=Path, default=Path("tests"), metavar="DIR", help="the project's tests (default: tests)"
    )


def run(args: argparse.Namespace) -> int:
    """0 when the file is good (signed, the same, covered), 1 when it is not."""
    verbs = {
        "check": _check,
        "explain": _check,
        "diff": _diff,
        "sign": _sign,
        "verify": _verify,
        "keys": _keys,
        "schema": _schema,
        "coverage": _coverage,
    }
    return verbs[args.verb](args)


def _check(args: argparse.Namespace) -> int:
    found = _loaded(args.file, _bytes_of(args.file))
    if found is None:
        return 1
    rules = len(found.file.rules)
    print(f"{found.title}, version {found.version}: {rules} rule{'' if rules == 1 else 's'}")
    if args.verb == "explain":
        for line in describe(found, language=args.lang):
            print(line)
    return 0


def _schema(_args: argparse.Namespace) -> int:
    print_json(schema())
    return 0


def _diff(args: argparse.Namespace) -> int:
    from agent.loyalty.differences import differences

    old, new = (_loaded(path, _bytes_of(path)) for path in (args.old, args.new))
    if old is None or new is None:
        raise TillpointError("both files must be good programmes to be compared; mend what is said above")
    lines = differences(old, new, language=args.lang)
    for line in lines:
        print(line)
    return 1 if lines else 0


def _sign(args: argparse.Namespace) -> int:
    from agent.signatures import PROGRAMME, sign

    data = _bytes_of(args.file)
    found = _loaded(args.file, data)
    if found is None:  # a till would refuse it; a signature would only hide that until then
        return 1
    made = sign(data, PROGRAMME, args.key)
    path = _signature_file(args)
    try:
        path.write_bytes(codec.encode(made) + b"\n")
    except OSError as error:
        raise TillpointError(f"cannot write {path}: {error.strerror or error}") from None
    print(f"{path}: {found.title}, version {found.version}, signed with key {made.key}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    from agent.signatures import PROGRAMME, verify

    data = _bytes_of(args.file)
    key = verify(data, PROGRAMME, _bytes_of(_signature_file(args)), args.key)
    found = _loaded(args.file, data)
    if found is None:
        return 1
    print(f"{args.file}: {found.title}, version {found.version}, signed with key {key}")
    return 0


def _keys(args: argparse.Namespace) -> int:
    from agent.signatures import make_keys, public_text_of

    private, public = Path(f"{args.name}.key"), Path(f"{args.name}.pub")
    print(f"{private}, {public}: key {make_keys(private, public)}")
    print(f'for tills that trust this key only: [programme] trusted_keys = ["{public_text_of(public)}"]')
    return 0


def _coverage(args: argparse.Namespace) -> int:
    from agent.cli.coverage import coverage, read_rows

    covered = coverage(read_rows(args.tests / "cases" / "rows.toml"), args.tests)
    for row, tests in covered.items():
        print(f"{row.number:>3}  {row.title}: {', '.join(tests) if tests else 'NOT COVERED'}")
    missing = [str(row.number) for row, tests in covered.items() if not tests]
    print(f"{len(covered) - len(missing)} of {len(covered)} rows covered", end="")
    print(f"; not covered: {', '.join(missing)}" if missing else "")
    return 1 if missing else 0


def _signature_file(args: argparse.Namespace) -> Path:
    signature: Path | None = args.signature
    return signature if signature is not None else args.file.with_name(args.file.name + SIGNATURE_SUFFIX)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TillpointError(f"cannot read {path}: {error.strerror or error}") from None


def _loaded(path: Path, data: bytes) -> Programme | None:
    """The programme, or None when its problems were printed."""
    found = load(data, name=str(path))
    if isinstance(found, Programme):
        return found
    for problem in found:
        print(problem)
    return None
