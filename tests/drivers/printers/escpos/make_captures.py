"""Makes the driver's captures: streams of the POS simulator and of python-escpos, each with its expected result.

Run by hand after a change that is meant to change what is understood, then read the difference:
``python tests/drivers/printers/escpos/make_captures.py``. A capture of a real till is added by putting its bytes into
the folder and running this: what lies there already is never rewritten, only its expectation.
"""

from __future__ import annotations

import json
import sys
from itertools import count
from pathlib import Path

import msgspec

from drivers.contract import DocumentEnds
from drivers.printers.escpos import EscposSettings, pos_simulator
from drivers.printers.escpos.driver import conversation
from drivers.vocabulary.codec import to_builtins
from drivers.vocabulary.receipt import DocumentKind

FOLDER = Path(pos_simulator.__file__).parent / "captures"


def result_of(stream, settings):
    """What the driver makes of a stream, as plain values."""
    numbers = count(1)
    chosen = msgspec.convert(settings, EscposSettings)
    link = conversation(chosen, device="printer", new_uid=lambda: f"p-unnamed-{next(numbers)}")
    steps = [*link.from_host(stream, 0.0), *link.host_gone(0.0)]
    return [
        {
            "kind": step.document.kind.value,
            "layout": step.document.layout,
            "problems": list(step.document.problems),
            "receipt": to_builtins(step.document.receipt),
            "text": list(step.document.text),
        }
        for step in steps
        if isinstance(step, DocumentEnds)
    ]


def streams():
    """Name → (bytes, settings)."""
    sale = pos_simulator.sample_receipt()
    baht = pos_simulator.sample_receipt("THB")
    made = {f"sale_{name.replace('-', '_')}": (pos_simulator.compose_receipt(sale, name), {})
            for name in pos_simulator.STYLES if not name.startswith("th-")}  # fmt: skip
    for name in ("th-quantity-first", "th-one-line", "th-no-cut"):
        made[f"sale_{name.replace('-', '_')}"] = (
            pos_simulator.compose_receipt(baht, name), {"currency": "THB", "utc_offset_minutes": 420},
        )  # fmt: skip
    returned = msgspec.structs.replace(sale, kind=DocumentKind.RETURN, number="124")
    for language, style in (("ru", "ru-two-lines"), ("en", "en-one-line"), ("th", "th-one-line")):
        words = pos_simulator.WORDS[language]
        for kind in ("return", "void", "copy", "other"):
            made[f"{'precheck' if kind == 'other' else kind}_{language}"] = (
                pos_simulator.compose_receipt(returned if kind == "return" else sale, style, heading=words[kind]), {},
            )  # fmt: skip
        made[f"report_z_{language}"] = (
            pos_simulator.compose_text(["1 x 5 000.00", "125 400.00"], style, kind=DocumentKind.REPORT), {},
        )  # fmt: skip
        made[f"kitchen_{language}"] = (
            pos_simulator.compose_kitchen_ticket([(2, "Soup"), (1, "Tea")], style, number="7"),
            {},
        )
    made["broken_total_ru"] = (made["sale_ru_two_lines"][0].replace(b"=1410.00", b"=1411.00"), {})
    made["broken_line_en"] = (made["sale_en_one_line"][0].replace(b"179.80", b"178.80"), {})
    made["broken_change_ru"] = (made["sale_ru_two_lines"][0].replace(b"=90.00", b"=91.00"), {})
    made["two_receipts_and_a_slip_ru"] = (
        made["sale_ru_two_lines"][0] + made["return_ru"][0]
        + pos_simulator.compose_text(["БАНК", "СУММА (РУБ): 1410.00", "ОДОБРЕНО"], "ru-two-lines"), {},
    )  # fmt: skip
    return made | library_streams()


def library_streams():
    """Streams of python-escpos, as programs in Python print."""
    from escpos.printer import Dummy
    from PIL import Image, ImageDraw

    picture = Image.new("1", (384, 64), 1)
    ImageDraw.Draw(picture).text((10, 10), "TOTAL 90.00", fill=0)
    raster = Dummy(profile="TM-T88V")
    raster.image(picture, impl="bitImageRaster")
    raster.cut()
    strips = Dummy(profile="TM-T88V")
    strips.image(picture, impl="bitImageColumn")
    strips.cut()
    fiscal = Dummy(profile="TM-T88V")
    fiscal.set(align="center", bold=True, double_height=True, double_width=True)
    fiscal.textln("КАССОВЫЙ ЧЕК")
    fiscal.set_with_default()
    fiscal.textln("СМЕНА №12  ЧЕК №123")
    fiscal.textln("-" * 42)
    fiscal.textln("Молоко 3,2%")
    fiscal.textln("  2 x 45.00                       =90.00 А")
    fiscal.textln("-" * 42)
    fiscal.textln("ИТОГ                              =90.00")
    fiscal.textln("БЕЗНАЛИЧНЫМИ                      =90.00")
    fiscal.qr("t=20260512T1230&s=90.00&fn=9999078900000000&i=4567&fp=1234567890&n=1", native=True, size=4)
    fiscal.cut()
    shop = Dummy(profile="TM-T88V")
    shop.image(picture, impl="graphics")
    shop.textln(f"{'2 Coffee':<32}{'7.00':>10}")
    shop.textln(f"{'1 Muffin':<32}{'3.50':>10}")
    shop.textln(f"{'TOTAL':<32}{'10.50':>10}")
    shop.textln(f"{'CARD':<32}{'10.50':>10}")
    shop.barcode("{B12345678", "CODE128", function_type="B")
    shop.cashdraw(2)
    shop.cut(mode="PART")
    return {
        "raster_only_python_escpos": (raster.output, {}),
        "strips_only_python_escpos": (strips.output, {}),
        "sale_fiscal_qr_python_escpos": (fiscal.output, {}),
        "sale_logo_barcode_python_escpos": (shop.output, {"currency": "EUR"}),
    }


def main():
    """Write what is missing, and every expectation anew."""
    known = streams()
    for name, (stream, _) in known.items():
        path = FOLDER / f"{name}.bin"
        if not path.exists():
            path.write_bytes(stream)
    for path in sorted(FOLDER.glob("*.bin")):
        expected = path.with_suffix(".expected.json")
        chosen = known[path.stem][1] if path.stem in known else {}
        if expected.exists():
            chosen = json.loads(expected.read_text("utf-8"))["settings"]
        result = {"settings": chosen, "documents": result_of(path.read_bytes(), chosen)}
        expected.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8", newline="\n")
    sys.stdout.write(f"{len(list(FOLDER.glob('*.bin')))} captures\n")


if __name__ == "__main__":
    main()
