"""Builds what Windows tills are installed from: one version folder, its archive for updates, an MSI and a setup `.exe`.

Run by its path with Python 3.11 it makes all of them in `dist/`. Signing is optional (`--certs`, `--key`): without it
Windows warns whoever starts the `.exe`. Needs mingw, nsis, wixl and msitools; osslsigncode for signing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msi
import nsis
import payload
import programs
import runtime
from wheels import BuildFailed

__all__ = ["Signer", "build", "main", "make_folder"]

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parents[1]
PLATFORM: Final = "win-amd64"
SIGN_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs what is shipped (Authenticode).

    Attributes:
        certs: PEM file: the certificate for code signing and those between it and its authority.
        key: PEM file of its private key; its password stands in the environment as TILLPOINT_SIGN_PASSWORD.
        time_server: address of an RFC 3161 time-stamping authority; "" stamps none, and then the signature ends with
            the certificate.
    """

    certs: Path
    key: Path
    time_server: str = ""

    def sign(self, path: Path) -> None:
        """Put a signature into a program or an MSI.

        Raises:
            BuildFailed: osslsigncode is missing or refused.
        """
        if shutil.which("osslsigncode") is None:
            raise BuildFailed("osslsigncode is missing; apt-get install --no-install-recommends osslsigncode")
        draft = path.with_name(f"{path.name}.signed")
        words = ["osslsigncode", "sign", "-certs", str(self.certs), "-key", str(self.key), "-h", "sha256"]
        words += ["-n", "Tillpoint", *(["-ts", self.time_server] if self.time_server else [])]
        password = os.environ.get("TILLPOINT_SIGN_PASSWORD", "")
        with tempfile.NamedTemporaryFile("w", prefix="sign-") as secret:
            if password:
                secret.write(password)
                secret.flush()
                words += ["-readpass", secret.name]
            words += ["-in", str(path), "-out", str(draft)]
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SIGN_S)  # noqa: S603
        if done.returncode:
            draft.unlink(missing_ok=True)
            raise BuildFailed(
                f"osslsigncode could not sign {path.name}: {' '.join((done.stdout + done.stderr).split())[-300:]}"
            )
        draft.replace(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Build and say what it weighs; 0, or 1 with one sentence."""
    parser = argparse.ArgumentParser(prog="windows.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--release", metavar="VERSION", help="instead of pyproject's version (for trying an upgrade)")
    parser.add_argument("--folder", type=Path, help="a version folder with its runtime; made anew if not told")
    parser.add_argument("--dist", type=Path, default=PROJECT / "dist", help="where the files go")
    parser.add_argument("--python-zip", type=Path, metavar="FILE", help="python-3.11.*-embed-amd64.zip of python.org")
    parser.add_argument("--certs", type=Path, metavar="PEM", help="sign with this certificate")
    parser.add_argument("--key", type=Path, metavar="PEM", help="its private key")
    parser.add_argument("--time-server", default="", metavar="URL", help="RFC 3161 authority that stamps the signature")
    parser.add_argument("--quick", action="store_true", help="pack the .exe loosely (for trying)")
    args = parser.parse_args(argv)
    if (args.certs is None) != (args.key is None):
        parser.error("say both --certs and --key, or none of them")
    signer = Signer(certs=args.certs, key=args.key, time_server=args.time_server) if args.certs else None
    version = args.release or payload.project_version()
    try:
        folder = args.folder or make_folder(
            PROJECT / "build/payload" / PLATFORM / version, version=version, python_zip=args.python_zip, signer=signer
        )
        made = build(folder, args.dist, version=version, signer=signer, is_quick=args.quick)
    except (BuildFailed, programs.ProgramsError, runtime.RuntimeMakingError) as error:
        print(f"windows.py: {error}", file=sys.stderr)
        return 1
    for path in made:
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    print(f"{payload.size(folder) / 1e6:.1f} MB installed; {'signed' if signer else 'NOT SIGNED (--certs, --key)'}")
    return 0


def make_folder(folder: Path, *, version: str, python_zip: Path | None = None, signer: Signer | None = None) -> Path:
    """The version folder: app, runtime, and last of all what it says of itself."""
    payload.build(PLATFORM, folder, version=version)
    runtime.make_runtime(folder, python_zip=python_zip)
    if signer is not None:
        signer.sign(folder / "python.exe")  # ours when it came with the wheel; the libraries have their makers' own
    payload.write_release(folder, version=version, platform=PLATFORM)
    return folder


def build(
    folder: Path, dist: Path, *, version: str, signer: Signer | None = None, is_quick: bool = False
) -> list[Path]:
    """Archive, MSI and setup program of one version folder.

    Raises:
        BuildFailed: a tool is missing or refused.
        ProgramsError: the launcher cannot be compiled.
    """
    dist.mkdir(parents=True, exist_ok=True)
    made = [payload.archive(folder, dist / f"tillpoint-{version}-{PLATFORM}.zip")]
    with tempfile.TemporaryDirectory() as scratch:
        launchers = Path(scratch, "launchers")
        clear = programs.make_clear(Path(scratch, "tillpoint-clear.exe"))
        own = [*programs.make_launcher(launchers, version=version), clear]
        if signer is not None:
            for path in own:
                signer.sign(path)
        name = f"Tillpoint-{version}"
        packages = [
            nsis.build(folder, launchers, clear, dist / f"{name}-setup.exe", version=version, is_quick=is_quick)
        ]
        try:
            packages.append(msi.build(folder, launchers, clear, dist / f"{name}.msi", version=version))
        except BuildFailed as error:
            if msi.is_orderly(version):
                raise
            print(f"windows.py: no MSI: {error}", file=sys.stderr)
    if signer is not None:
        for path in packages:
            signer.sign(path)
    return [*made, *packages]


if __name__ == "__main__":
    sys.exit(main())
