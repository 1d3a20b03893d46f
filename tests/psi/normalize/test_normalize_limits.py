"""Limits of the rules: the last value that is read and the first that is not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from psi.inputs.items import _SHOWN_ROWS, _Tally
from psi.normalize import RULES, Reason, parse_key

LABEL = "d" * 63
LONG_DOMAIN = ".".join([LABEL, LABEL, "d" * 59, "d"])  # 189 characters
HEX = "0123456789abcdef" * 4


def address(local: int, domain: int) -> str:
    """An address with so many characters before and after the sign; the domain has labels of 63 at most."""
    labels, left = [], domain - 2
    while left > 64:
        labels.append(LABEL)
        left -= 64
    return "a" * local + "@" + ".".join([*labels, "b" * left, "c"])


READ: dict[str, list[tuple[str, str | Reason]]] = {
    "email": [
        ("a@b.c", "a@b.c"),
        ("@b.c", Reason.LOCAL_PART),
        ("a@b", Reason.DOMAIN),
        ("a" * 64 + "@b.c", "a" * 64 + "@b.c"),
        ("a" * 65 + "@b.c", Reason.LOCAL_PART),
        (f"a@{LABEL}.c", f"a@{LABEL}.c"),
        (f"a@{LABEL}d.c", Reason.DOMAIN),
        (f"a@b.{LABEL}", f"a@b.{LABEL}"),
        (f"a@b.{LABEL}d", Reason.DOMAIN),
        (address(64, 189), address(64, 189)),
        (address(64, 190), Reason.LOCAL_PART),
        (address(1, 252), address(1, 252)),
        (address(1, 253), Reason.LOCAL_PART),
        ("a@b-.c", Reason.DOMAIN),
        ("a@-b.c", Reason.DOMAIN),
        ("a@b--b.c", "a@b--b.c"),
        ("a b@c.d", Reason.INNER_SPACE),
        ("a@b@c.d", Reason.SEVERAL_AT_SIGNS),
        ("+x@gmail.com", Reason.LOCAL_PART),
        ("x+@gmail.com", "x@gmail.com"),
    ],
    "date": [
        ("0001-01-01", "0001-01-01"),
        ("0000-12-31", Reason.NO_SUCH_DAY),
        ("9999-12-31", "9999-12-31"),
        ("10000-01-01", Reason.NOT_A_DATE),
        ("1900-02-28", "1900-02-28"),
        ("1900-02-29", Reason.NO_SUCH_DAY),
        ("2000-02-29", "2000-02-29"),
        ("2000-02-30", Reason.NO_SUCH_DAY),
        ("2023-04-30", "2023-04-30"),
        ("2023-04-31", Reason.NO_SUCH_DAY),
        ("2023-12-31", "2023-12-31"),
        ("2023-13-01", Reason.NO_SUCH_DAY),
        ("2023-00-01", Reason.NO_SUCH_DAY),
        ("2023-01-00", Reason.NO_SUCH_DAY),
        ("2023-01-32", Reason.NO_SUCH_DAY),
        ("20230101", "2023-01-01"),
        ("2023011", Reason.NOT_A_DATE),
        ("202301011", Reason.NOT_A_DATE),
    ],
    "sha256": [(HEX, HEX), (HEX[:-1], Reason.NOT_A_DIGEST), (f"{HEX}0", Reason.NOT_A_DIGEST),
               (f" {HEX.upper()}\n", HEX), (f"{HEX[:-1]}g", Reason.NOT_A_DIGEST)],
    "name": [("-", Reason.NO_LETTERS), ("7", "7"), ("\u0301", Reason.NO_LETTERS), ("a-", "a")],
    "phone": [
        ("+9.99999999999999E14", Reason.COUNTRY),
        ("+48601234567", "+48601234567"),
        ("+12125550123", "+12125550123"),
        ("+1212555012", Reason.LENGTH),
        ("+121255501234", Reason.LENGTH),
        ("+0012125550123", "+12125550123"),
        ("601234567", Reason.COUNTRY),
    ],
}  # fmt: skip
CASES = [(rule, value, wanted) for rule, cases in READ.items() for value, wanted in cases]


@pytest.mark.parametrize(("rule", "value", "wanted"), CASES)
def test_a_limit_is_where_it_is_said_to_be(rule: str, value: str, wanted: str | Reason) -> None:
    """Alone, and as the last row of several."""
    for rows in ([value], ["x", "", value]):
        read = RULES[rule].of({}).apply(pa.array(rows))
        last = len(rows) - 1
        if isinstance(wanted, Reason):
            assert read.values[last].as_py() is None
            assert [reason for reason, numbers in read.unreadable.items() if last in numbers] == [wanted]
        else:
            assert read.values[last].as_py() == wanted


def test_every_rule_that_refuses_has_its_limits_here() -> None:
    assert READ.keys() | {"raw", "text"} == RULES.keys()


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_535, 65_536])
def test_the_length_of_a_part_takes_four_bytes(size: int) -> None:
    key = parse_key("a+b").apply([pa.array(["x" * size, "y"]), pa.array(["z", "z"])]).values[0].as_py()
    assert key == (None if not size else size.to_bytes(4, "big") + b"x" * size + b"\0\0\0\1z")


@pytest.mark.parametrize("batches", [[_SHOWN_ROWS - 1], [_SHOWN_ROWS], [_SHOWN_ROWS + 1], [7, _SHOWN_ROWS, 5]])
def test_the_first_twenty_unreadable_rows_are_shown(batches: list[int]) -> None:
    tally = _Tally()
    for count in batches:
        tally.add(RULES["sha256"].of({}).apply(pa.array(["no", *["not"] * (count - 1)])), 2)
    report = tally.report(0)
    assert report.unreadable == {Reason.NOT_A_DIGEST: sum(batches)}
    assert report.first_unreadable == {Reason.NOT_A_DIGEST: tuple(range(2, 2 + min(sum(batches), 20)))}
