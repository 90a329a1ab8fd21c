"""A programme file is judged in its author's words: file, line, key, and what was meant."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import strategies as st

from agent.loyalty import Programme, load, schema
from agent.loyalty.model import ProgrammeFile
from drivers.vocabulary import codec
from tests.agent.loyalty.soaking import prove

PROGRAMMES = Path(__file__).resolve().parents[3] / "docs" / "programmes"

HEAD = 'version = 1\ntitle = "t"\ncurrency = "RUB"\nzone = "Europe/Moscow"\n'


def problems(text: str, name: str = "shop.toml") -> list[str]:
    """What load() says about a text."""
    found = load(text.encode(), name=name)

    assert isinstance(found, list)
    return [str(problem) for problem in found]


def test_an_unknown_key_names_the_nearest() -> None:
    """A typing error is told with its line and what was meant."""
    text = HEAD + '\n[[rules]]\nid = "a"\nkind = "percent_discount"\npercnt = 10\n'

    assert [
        "shop.toml:9: rules[0].percnt: unknown key; did you mean percent?",
        "shop.toml:6: rules[0]: percent is missing",
    ] == problems(text)


def test_every_problem_is_told_at_once() -> None:
    """The author mends the file in one go."""
    text = HEAD.replace("1", '"one"', 1) + (
        '[[rules]]\nid = "a"\nkind = "percent_discont"\n'
        '[[rules]]\nid = "b"\nkind = "percent_discount"\npercent = true\n'
        'when = { weekdays = ["sun", "sunn"], hours = [{ from = "9:00", until = "18:00" }] }\n'
    )

    kinds = (
        "percent_discount, tier_discount, amount_discount, fixed_price, staged_discount, n_for_m, bundle, "
        "earn_points, multiply_points, spend_points, fixed_points, gift, issue_coupon, membership_sale, "
        "points_for_goods, referral, donate_points"
    )
    days = "mon, tue, wed, thu, fri, sat, sun"

    assert [
        "shop.toml:1: version: expected a whole number, not text",
        f"shop.toml:7: rules[0].kind: no kind 'percent_discont'; kinds are {kinds}; did you mean percent_discount?",
        f"shop.toml:12: rules[1].when.weekdays[1]: expected one of {days}, not 'sunn'; did you mean sun?",
        "shop.toml:12: rules[1].when.hours[0].from: expected a time such as \"09:30\", not '9:00'",
        "shop.toml:11: rules[1].percent: expected a number, not true or false",
    ] == problems(text)


def test_names_must_be_declared() -> None:
    """Groups, units and tiers are looked up, and the nearest is named."""
    text = HEAD + (
        "[units.bonus]\nworth = 1\n"
        '[[tiers]]\nid = "silver"\nspent_from = 5000\n'
        '[groups.card]\nmode = "best"\n'
        '[[rules]]\nid = "a"\nkind = "tier_discount"\ngroup = "cards"\npercents = { silvr = 3 }\n'
        '[[rules]]\nid = "a"\nkind = "earn_points"\nunit = "bonuses"\npercent = 5\nwhen = { tiers = ["gold"] }\n'
    )

    assert [
        "shop.toml:15: rules[0].group: no group 'cards'; declare it under [groups]; did you mean card?",
        "shop.toml:16: rules[0].percents.silvr: no tier 'silvr'; declare it under [[tiers]]; did you mean silver?",
        "shop.toml:18: rules[1].id: 'a' names another rule already; a rule's id is its own",
        "shop.toml:20: rules[1].unit: no unit 'bonuses'; declare it under [units]; did you mean bonus?",
        "shop.toml:22: rules[1].when.tiers[0]: no tier 'gold'; declare it under [[tiers]]",
    ] == problems(text)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('kind = "percent_discount"\npercent = 101', "percent: a percent is above 0 and up to 100, not 101"),
        ('kind = "percent_discount"\npercent = 0', "percent: a percent is above 0 and up to 100, not 0"),
        ('kind = "percent_discount"\npercent = 1.23456', "percent: percent has at most 4 decimal places: '1.23456'"),
        ('kind = "percent_discount"\npercent = nan', 'percent: percent is written "1" or "0.351", not \'NaN\''),
        ('kind = "earn_points"\nunit = "bonus"', "write either percent (or percents) or per, one of the two"),
        ('kind = "earn_points"\nunit = "bonus"\nper = 0', "per: must be above 0"),
        ('kind = "earn_points"\nunit = "bonus"\nper = "10 USD"', "per: the programme's currency is RUB, not USD"),
        (
            'kind = "earn_points"\nunit = "bonus"\nper = 10\npoints = 0.5',
            "points: bonus has 0 decimal places, 0.5 has more",
        ),
        ('kind = "earn_points"\nunit = "mile"\npercent = 5', "unit: earning a percent needs units.mile.worth"),
        ('kind = "spend_points"\nunit = "mile"', "unit: spending points needs units.mile.worth"),
        ('kind = "spend_points"\nunit = "bonus"\nstep = 0', "step: must be above 0"),
        (
            'kind = "earn_points"\nunit = "bonus"\npercent = 5\nactive_after_days = 9\nexpires_after_days = 3',
            "expires_after_days: the points would expire before they are active",
        ),
        (
            'kind = "percent_discount"\npercent = 5\nwhen = { date_from = 2026-02-02, date_until = 2026-02-01 }',
            "when.date_until: 2026-02-01 is before date_from 2026-02-02",
        ),
        (
            'kind = "percent_discount"\npercent = 5\nwhen = { hours = [{ from = "10:00", until = "10:00" }] }',
            "when.hours[0]: 10:00-10:00 is no time at all",
        ),
    ],
)
def test_a_rule_that_means_nothing(rule: str, expected: str) -> None:
    """What one key cannot know is said too."""
    units = "[units.bonus]\nworth = 1\n[units.mile]\n"
    (only,) = problems(f'{HEAD}{units}[[rules]]\nid = "a"\n{rule}\n')

    assert expected in only


def test_one_group_is_of_one_kind() -> None:
    """Discounts of lines do not compete with discounts of the receipt."""
    text = HEAD + (
        '[groups.g]\nmode = "best"\n'
        '[[rules]]\nid = "a"\nkind = "percent_discount"\ngroup = "g"\npercent = 5\n'
        '[[rules]]\nid = "b"\nkind = "percent_discount"\ngroup = "g"\npercent = 5\ntarget = "receipt"\n'
    )

    assert [
        "shop.toml:15: rules[1].group: group 'g' has discounts on lines already; one group is of one kind"
    ] == problems(text)


@pytest.mark.parametrize("zone", ["Moscow", "Europe", "../../etc/passwd", "+25:00", "Europe/Moskow"])
def test_an_unknown_zone(zone: str) -> None:
    """It says what to write instead."""
    (only,) = problems(HEAD.replace("Europe/Moscow", zone))

    assert f"shop.toml:4: zone: no time zone {zone!r} on this machine" in only


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"version = ", "a.toml", "a.toml:1: not TOML: "),
        (b"version = 1\nversion = 2\n", "a.toml", "a.toml:2: not TOML: cannot overwrite a value"),
        (b'{"version": 1,}', "a.json", "a.json:1: not JSON: "),
        (b'{"version": NaN}', "a.json", "a.json: not JSON: NaN is not a number"),
        (b"\xff\xfe", "a.toml", "a.toml:1: the file is not UTF-8 text; save it as UTF-8"),
        (b"[1, 2]", "a.json", "a.json: expected a table of keys"),
        (b"[" * 100_000, "a.json", "a.json: not JSON: nested too deeply"),
        (b"a = " + b"[" * 100_000, "a.toml", "a.toml: not TOML: nested too deeply"),
        (b"x" * (4 * 1024 * 1024 + 1), "a.toml", "a.toml: the file is larger than"),
    ],
)
def test_a_file_that_is_none(data: bytes, name: str, expected: str) -> None:
    """Rubbish is a problem, never an exception."""
    found = load(data, name=name)

    assert isinstance(found, list)
    assert str(found[0]).startswith(expected)


def test_json_says_lines_and_doubles() -> None:
    """The same in JSON, where a key may stand twice."""
    text = '{\n "version": 1,\n "version": 2,\n "title": "t",\n "currency": "RUB",\n "zone": "UTC",\n "rule": []\n}'

    assert [
        "shop.json:3: version: written twice; keep one",
        "shop.json:7: rule: unknown key; did you mean rules?",
    ] == problems(text, "shop.json")


def test_a_byte_order_mark_is_forgiven() -> None:
    """Windows' Notepad writes one."""
    assert isinstance(load(b"\xef\xbb\xbf" + HEAD.encode(), name="a.toml"), Programme)


@pytest.mark.parametrize("path", sorted(PROGRAMMES.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_programmes_travel_as_json(path: Path) -> None:
    """TOML, the same as canonical JSON, and the published schema agree."""
    programme = load(path.read_bytes(), name=path.name)

    assert isinstance(programme, Programme)
    data = codec.encode(programme.file)
    again = load(data, name="programme.json")

    assert isinstance(again, Programme)
    assert programme.file == again.file
    jsonschema.Draft202012Validator(schema()).validate(json.loads(data))


def test_the_schema_refuses_what_load_refuses() -> None:
    """An editor that knows the schema underlines an unknown key."""
    bad = {"version": 1, "title": "t", "currency": "RUB", "zone": "UTC", "rulez": []}
    errors = list(jsonschema.Draft202012Validator(schema()).iter_errors(bad))

    assert 1 == len(errors)
    assert set(ProgrammeFile.__struct_fields__) == set(schema()["$defs"]["ProgrammeFile"]["properties"])


@prove(st.binary(max_size=200), st.sampled_from(["a.toml", "a.json", "a"]))
def test_any_bytes_are_answered(data: bytes, name: str) -> None:
    """load() never raises."""
    assert isinstance(load(data, name=name), list)


@prove(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["percent_discount", "a"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["rules", "id", "kind", "when", "lines", "percent", "units", "tiers", "hours", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_answered(value: object) -> None:
    """Whatever the shape, problems come back and nothing is raised."""
    whole = {"version": 1, "title": "t", "currency": "RUB", "zone": "UTC"}
    whole.update(value if isinstance(value, dict) else {"rules": [value]})
    found = load(json.dumps(whole).encode(), name="a.json")

    assert isinstance(found, (list, Programme))
