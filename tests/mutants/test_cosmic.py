"""The tool that plants Cosmic Ray's faults: what it leaves out stands where it says, and it meets the right tests."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from support import cosmic
from support.cosmic import GROUPS, UNSEEN, explained, summary
from support.mutants import ROOT
from support.planting import Fault, Planter, Traced, caches_in, read_trace, replaced, state, statement, trace_of

TEXT = """\
LIMIT = 3

def first(a=1):
    if a == (
        LIMIT
    ):
        return 0
    else:
        return 1

class Both:
    size: int = 2

    def read(self):
        return self.size
"""


def test_every_module_and_file_of_tests_is_there() -> None:
    for modules, tests in GROUPS:
        assert all((ROOT / name).exists() for name in (*modules, *tests))


def test_every_line_that_is_explained_stands_in_its_module_and_has_a_reason() -> None:
    modules = {module for group, _ in GROUPS for module in group}
    for module, entries in tomllib.loads(UNSEEN.read_text()).items():
        assert module in modules
        lines = {line.strip() for line in (ROOT / module).read_text().splitlines()}
        for entry in entries:
            assert entry["line"] in lines, entry
            assert entry["why"].endswith("."), entry
            assert entry["line"] not in entry.get("becomes", []), entry
            assert entry.keys() <= {"line", "becomes", "why"}, entry


def test_a_line_is_explained_with_all_its_forms_or_some(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [{"line": "a = 1", "becomes": ["a = 2"]}, {"line": "b = 1"}]
    monkeypatch.setattr(cosmic, "_unseen", lambda: {"m.py": entries})
    assert explained("m.py", "a = 1", "a = 2")
    assert not explained("m.py", "a = 1", "a = 0")
    assert explained("m.py", "b = 1", "b = 0")
    assert not explained("n.py", "b = 1", "b = 0")


@pytest.mark.parametrize(
    ("line", "lines", "inside"),
    [
        (1, [1], False),
        (3, [3], False),  # the default of an argument
        (5, [4, 5, 6], True),  # the condition alone
        (7, [7], True),
        (9, [9], True),
        (12, [12], False),
        (15, [15], True),
    ],
)
def test_the_statement_around_a_line(line: int, lines: list[int], inside: bool) -> None:
    assert statement(TEXT, line) == (range(lines[0], lines[-1] + 1), inside)


def test_a_fault_meets_the_tests_that_execute_its_statement_best_first(tmp_path: Path) -> None:
    module = "dpselect/coins.py"
    lines = (ROOT / module).read_text().splitlines()
    line = lines.index("        return 1 << bits") + 1
    fault = Fault(module, line, "NumberReplacer", 0, "return 1 << bits", "return 2 << bits", "")
    planter = Planter(tmp_path, [fault], [module], tmp_path)
    planter.tests = {
        "elsewhere": Traced(0.1, {module: {line + 1}}),
        "slow": Traced(3, {module: {line}}),
        "quick": Traced(1, {module: {line}}),
        "other module": Traced(1, {"dpselect/sampling.py": {line}}),
        "good": Traced(9, {module: {line, line + 1}}),
    }
    planter.score[module] = Counter(good=2)
    assert planter.order(fault) == ["good", "quick", "slow"]
    outside = Fault(module, lines.index("_GUARD_BITS = 16") + 1, "NumberReplacer", 0, "", "", "")
    assert planter.order(outside) == ["good", "elsewhere", "quick", "slow"]


def test_the_first_case_of_each_test_comes_first_and_a_limit_ends_them(tmp_path: Path) -> None:
    module, outside = "dpselect/coins.py", 1
    fault = Fault(module, outside, "NumberReplacer", 0, "", "", "")
    results = tmp_path / "results"
    results.write_text(json.dumps({"fault": f"{module}:9 A 0", "by": "b[2]"}) + "\n")
    seconds = {"a[1]": 1.0, "a[2]": 0.5, "b[1]": 2.0, "b[2]": 3.0, "c": 4.0}
    for limit, wanted in ((100, ["b[2]", "a[2]", "b[1]", "c", "a[1]"]), (9.5, ["b[2]", "a[2]", "b[1]", "c"]), (2, [])):
        planter = Planter(tmp_path, [fault], [module], results, limit)
        planter.tests = {name: Traced(each, {module: {outside}}) for name, each in seconds.items()}
        assert planter.order(fault) == wanted


def test_functions_that_keep_results_are_found_by_their_file() -> None:
    @cache
    def cached(number: int) -> int:
        return number

    assert cached not in caches_in(["elsewhere.py"])
    assert cached in caches_in([cached.__wrapped__.__code__.co_filename])


def test_only_code_that_differs_is_replaced() -> None:
    codes = [compile(text, "m.py", "exec") for text in (TEXT, TEXT.replace("return 0", "return 5"))]
    assert {old.co_name for old, _ in replaced(*codes)} == {"<module>", "first"}


def test_pieces_are_the_text() -> None:
    pieces = cosmic._pieces(TEXT)
    assert [piece.splitlines()[0] for piece in pieces] == ["LIMIT = 3", "def first(a=1):", "class Both:"]
    assert "".join(pieces) == TEXT


def test_the_summary_counts_what_was_noticed_explained_or_neither(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cosmic, "_unseen", lambda: {"m.py": [{"line": "b"}]})
    ends = [("m.py:1 A 0", "noticed", "a"), ("m.py:2 A 1", "survived", "b"), ("m.py:3 A 2", "survived", "c")]
    summary({name: {"fault": name, "ended": ended, "old": old, "new": "x"} for name, ended, old in ends}, ["m.py"])
    shown = capsys.readouterr().out
    assert "| `m.py` | 3 | 1 | 1 | 1 |" in shown
    assert "m.py:3 A 2" in shown
    assert "m.py:2 A 1" not in shown


def test_a_trace_is_forgotten_when_the_test_changes(tmp_path: Path) -> None:
    for name in ("m.py", "test_a.py", "test_b.py"):
        (tmp_path / name).write_text("")
    told = [
        {"test": test, "state": state(tmp_path, test, ["m.py"]), "seconds": 1, "lines": {"m.py": [3]}}
        for test in ("test_a.py::test", "test_b.py::test")
    ]
    out = tmp_path / "results"
    trace_of(out).write_text("".join(json.dumps(line) + "\n" for line in told))
    assert read_trace(out, tmp_path, ["m.py"]).keys() == {"test_a.py::test", "test_b.py::test"}
    (tmp_path / "test_a.py").write_text("# changed")
    assert read_trace(out, tmp_path, ["m.py"]) == {"test_b.py::test": Traced(1, {"m.py": {3}})}
    (tmp_path / "test_b.py").unlink()
    assert read_trace(out, tmp_path, ["m.py"]) == {}
