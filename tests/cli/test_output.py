from __future__ import annotations

import io
import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from cli import _drawing, _output
from cli._fitting import fit
from cli.psi.talk import shown
from psi.agreement.modes import Reveal
from psiselect.base.words import human_bytes, human_seconds
from psiselect.talk import ProgressLines


def test_text_from_elsewhere_cannot_move_the_cursor_or_be_markup(capsys: pytest.CaptureFixture[str]) -> None:
    _output.print_table(["[bold]name"], [["\x1b[31m[red]x\r"]])
    _output.print_fields({"name": "a\x07b"})
    _output.say("\x1b]0;title\x07")
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\x07" not in out + err
    assert "[bold]name" in out
    assert "\\x1b[31m[red]x\\r" in out


def test_json_is_one_line_of_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    record = {"path": Path("a/b"), "bytes": b"\x01", "exact": Fraction(1, 3), "count": np.int64(4), "none": None}
    _output.print_json(record)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"path": "a/b", "bytes": "01", "exact": "1/3", "count": 4, "none": None}
    with pytest.raises(TypeError, match="object has no JSON form"):
        _output.print_json({"x": object()})


def test_results_go_to_stdout_and_talk_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with _output.progress() as bar:  # silent where nobody sees it
        bar.update(bar.add_task("matching", total=2), completed=1)
    assert capsys.readouterr() == ("", "")
    _output.say("waiting")
    assert capsys.readouterr() == ("", "waiting\n")
    _output.print_fields({"a": None, "name": Reveal.COUNT, "bytes": b"\x01"})
    assert capsys.readouterr() == ("a      -\nname   count\nbytes  01\n", "")
    _output.print_table(["n", "name"], [[1, None], [200, "x"]])
    out, err = capsys.readouterr()
    lines = [line.split("│")[1:-1] for line in out.splitlines() if line.startswith("│")]
    assert ([[cell[1:-1] for cell in line] for line in lines], err) == ([["  1", "-   "], ["200", "x   "]], "")
    _output.print_json({"reveal": Reveal.COUNT})
    assert capsys.readouterr() == ('{"reveal": "count"}\n', "")
    with pytest.raises(ValueError, match="JSON"):
        _output.print_json({"x": float("nan")})


@pytest.mark.parametrize(
    "text", ["\n", "\t", "\x00", "\x1b[2J", "\x7f", "\x9b31m", "\u202e", "\u200b", "\u2028", "\ud800"]
)
def test_no_unprintable_character_is_shown(text: str) -> None:
    shown = _output.printable(f"a{text}ż b")
    assert shown.startswith("a\\")
    assert shown.endswith("ż b")
    assert shown.isprintable()


def test_a_piped_table_does_not_wrap_a_fingerprint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    _output.print_table(["name", "fingerprint"], [["alice", "ab" * 32], ["bob", "cd" * 32]])
    assert "ab" * 32 in capsys.readouterr().out


def test_a_narrow_table_breaks_between_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    cells = ["[each_holder=false]", "a much longer explanation that has to give way"]
    _output.print_table(["field", "why"], [cells])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 40
    assert {"[each_holder=false]", "explanation"} <= set(out.split())


@pytest.mark.parametrize(
    ("natural", "words", "room", "widths"),
    [
        ([5, 30], [5, 8], 40, [5, 30]),
        ([5, 30], [5, 8], 20, [5, 15]),
        ([20, 30], [4, 28], 40, [12, 28]),
        ([9, 30], [9, 30], 20, [9, 11]),
        ([1, 1], [1, 1], 0, [1, 1]),
    ],
)
def test_wide_columns_give_way_first(natural: list[int], words: list[int], room: int, widths: list[int]) -> None:
    assert fit(natural, words, room) == widths


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (10 * 1024 - 1, "10.00 KiB"),
        (10 * 1024, "10.0 KiB"),
        (15 * 1024, "15.0 KiB"),
        (100 * 1024, "100 KiB"),
        (1 << 20, "1.00 MiB"),
        (-2048, "-2.00 KiB"),
        (1 << 40, "1.00 TiB"),
        (5 << 30, "5.00 GiB"),
        (1 << 41, "2.00 TiB"),
    ],
)
def test_sizes_for_people(count: int, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.421, "0.42 s"), (3.99905, "4 s"), (9.99, "9.99 s"), (10, "10 s"), (59.97, "60 s"), (99.9, "99.9 s")),
        *((100, "1 min 40 s"), (245, "4 min 05 s"), (3599, "59 min 59 s"), (3600, "1 h 00 min"), (7400, "2 h 03 min")),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert human_seconds(seconds) == text


def test_progress_is_a_line_each_minute() -> None:
    now, said = [1000.0], []
    shown = ProgressLines("matching", lambda text, done, total: said.append((text, done, total)), lambda: now[0])
    for seconds, done, total in ((59.9, 0, 0), (0.1, 5, 0), (59.9, 10, 100), (0.1, 25, 100), (60, 100, 100)):
        now[0] += seconds
        shown(done, total)
    assert said == [
        ("matching: waiting for the peer, 60 s elapsed", 5, 0),
        ("matching: 25% done, 2 min 00 s elapsed, about 6 min 00 s left", 25, 100),
        ("matching: 100% done, 3 min 00 s elapsed, waiting for the peer", 100, 100),
    ]


@pytest.mark.parametrize(
    ("counted", "states", "shown"),
    [
        (True, (0, None), "waiting 0:00 elapsed"),
        (True, (1, 2000), "waiting 1 of 2,000 0:00 elapsed"),
        (False, (1999, 2000), "waiting 99% 0:00 elapsed"),
        (False, (2000, 2000), "waiting 100% 0:00 elapsed"),
    ],
)
def test_a_bar_counts_and_names_its_clocks(
    counted: bool, states: tuple[int, int | None], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    monkeypatch.setattr(_drawing, "stderr_console", lambda: console)
    bar = _output.progress(counted=counted)
    done, total = states
    bar.add_task("waiting", total=total, completed=done)
    with console.capture() as captured:
        console.print(bar.get_renderable())
    assert re.sub(r"[\s━╸╺]+", " ", captured.get()).strip() == shown


def test_a_session_shows_lines_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ProgressLines, "EVERY_SECONDS", 0.0)
    with shown(2000) as done:
        done(1, 4)
    err = capsys.readouterr().err
    assert err.startswith("matching 2,000 keys: 25% done")
    assert err.count("\n") == 1
