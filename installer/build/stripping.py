"""What of the packages never goes to a till: their tests and papers, formats no slip has, the GUI half of pywin32.

Metadata stays where programs read it: `METADATA` and `entry_points.txt` (drivers and tills are found by entry points).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

__all__ = ["NEVER", "strip"]

#: Patterns of paths in `app/`, each with its reason; what matches is removed, a folder with all in it.
NEVER: Final = (
    (r"(tests|docs)", "of python-barcode, at the top"),
    (r"(apsw|certifi|importlib_resources|qrcode)/tests", "tests"),
    (r"win32/(Demos|demos|test|scripts)", "tests and examples of pywin32"),
    (
        r"(pythonwin|Pythonwin|win32com|win32comext|isapi|adodbapi|PyWin32\.chm|pythoncom\.py|pywin32\.pth)",
        "GUI and COM",
    ),
    (r".*\.(pyi|pyx|pxd|c|h|cpp|lib)", "for compilers and type checkers"),
    (r".*/py\.typed", "for type checkers"),
    (r"apsw/(sqlite_extra.*|speedtest\.py|shell\.py|fts_test_strings)", "SQLite's tools and extensions"),
    (r"apsw/_unicode\..*", "full text search by Unicode's rules; nothing of ours searches texts"),
    (r"PIL/_(avif|webp|imagingcms|imagingtk)\..*", "pictures no receipt printer gets"),
    (r"pillow\.libs/lib(avif|webp|webpdemux|webpmux|sharpyuv|lcms2)-.*", "the libraries of those"),
    (
        r"(_yaml|yaml/_yaml\..*)",
        "a faster YAML reader; python-escpos reads with the plain one, and that only its own table",
    ),
    (r"phonenumbers/shortdata/region_.*", "emergency and service numbers, read when asked for; nobody here asks"),
    (r"dateutil/zoneinfo", "a copy of the time zones; tzdata is shipped"),
    (r"serial/(tools/miniterm\.py|rfc2217\.py)", "programs of pyserial"),
    (r"barcode/fonts", "for pictures of barcodes with text; ours are drawn without one"),
    (r"escpos/cli\.py", "python-escpos' own command"),
    (r"sqlite_utils/cli\.py", "sqlite-utils' own command"),
    (r"[^/]+\.dist-info/(RECORD|INSTALLER|REQUESTED|WHEEL|top_level\.txt|zip-safe|sboms|direct_url\.json)", "for pip"),
    (r"[^/]+\.dist-info/(licenses|LICEN[CS]E.*|COPYING.*|NOTICE.*|AUTHORS.*)", "kept in LICENSES"),
)


def strip(app: Path) -> int:
    """Remove what NEVER names; how many bytes went."""
    pattern = re.compile("|".join(f"(?:{one})" for one, _ in NEVER))
    gone = 0
    for path in sorted(app.rglob("*")):
        if pattern.fullmatch(path.relative_to(app).as_posix()) is None or not path.exists():
            continue
        gone += sum(one.stat().st_size for one in [path, *path.rglob("*")] if one.is_file())
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in sorted((one for one in app.rglob("*") if one.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
    return gone
