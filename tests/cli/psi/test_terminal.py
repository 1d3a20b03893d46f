"""What a person sees on a terminal: a bar while a session runs, and afterwards the result on lines of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.terminal import Terminal, terminal

LISTENER = """\
acme.csv: of 6 rows, these cannot match or look wrong
  rows  why                  first rows
     1  no @ in the address  6
     1  blank                -
listening on HERE for globex
session with globex
own list        3 distinct keys in 6 rows
peer's list     3 distinct keys
matches         (only the other side learns this)
time            SECONDS
sent, received  BYTES, BYTES
transcript      DIGEST... (the same on both sides)""".splitlines()
CALLER = """\
without --output, the program does not save the matching rows
calling HERE, for up to 60 s
own list        3 distinct keys in 3 rows
peer's list     3 distinct keys
matches         2
matched rows    2
time            SECONDS
sent, received  BYTES, BYTES
transcript      DIGEST... (the same on both sides)""".splitlines()
_BAR = "━"


@pytest.fixture(autouse=True)
def a_plain_terminal(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """In the folder of the lists, so that the names of files are short."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def listen(place: Path) -> tuple[object, ...]:
    return (
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", place / "acme", "--peer", place / "globex.crt"),
        *("--input", "acme.csv", "--key", "Mail:email"),
    )


def connect(place: Path, where: str) -> tuple[object, ...]:
    return (
        *("psi", "connect", where, "--identity", place / "globex", "--peer", place / "acme.crt"),
        *("--input", place / "globex.parquet", "--key", "e:email"),
    )


def address_on(screen: Terminal) -> str:
    lines = screen.wait_for(lambda lines: any(line.startswith("listening on ") for line in lines))
    return next(line for line in lines if line.startswith("listening on ")).split()[2]


def plain(lines: list[str]) -> list[str]:
    """Without what differs from run to run."""
    text = re.sub(r"127\.0\.0\.1:\d+", "HERE", "\n".join(lines))
    text = re.sub(r"(?<=^time            )[\d.]+ s$", "SECONDS", text, flags=re.MULTILINE)
    text = re.sub(r"(?<= )[\d.]+ K?i?B\b", "BYTES", text)
    return re.sub(r"\b[0-9a-f]{32}\.\.\.", "DIGEST...", text).splitlines()


@pytest.mark.parametrize(("columns", "resume"), [((80, 120), False), ((120, 80), False), ((80, 120), True)])
def test_the_bar_is_gone_and_the_result_has_its_own_lines(place: Path, columns: tuple[int, int], resume: bool) -> None:
    more: list[tuple[object, ...]] = [(), ()]
    if resume:
        for number, name in enumerate(("work-of-acme", "work-of-globex")):
            (place / name).mkdir()
            more[number] = ("--resume", "--workdir", place / name)
    with terminal(columns[0], *listen(place), *more[0]) as listener:
        where = address_on(listener)
        with terminal(columns[1], *connect(place, where), *more[1]) as caller:
            ended = listener.ended(), caller.ended()
    for screen, expected, (code, lines) in zip((listener, caller), (LISTENER, CALLER), ended, strict=True):
        assert code == 0, lines
        assert b"matching 3 keys" in screen.raw  # there was a bar
        assert not [line for line in lines if _BAR in line or "elapsed" in line]
        shown = 6 if resume else len(expected)  # what is said before the result is another
        assert plain(lines)[-shown:] == expected[-shown:]
        assert resume or len(lines) == shown


def test_the_result_goes_to_the_file_and_the_bar_to_the_terminal(place: Path) -> None:
    with terminal(80, *listen(place)) as listener:
        where = address_on(listener)
        with (place / "result.txt").open("w") as file, terminal(80, *connect(place, where), stdout=file) as caller:
            assert caller.ended()[0] == listener.ended()[0] == 0
    assert b"matching 3 keys" in caller.raw
    assert plain(caller.lines) == CALLER[:2]
    assert plain((place / "result.txt").read_text().splitlines()) == CALLER[2:]


def test_both_parties_at_one_terminal(place: Path) -> None:
    with terminal(80, "psi", "local", place / "acme.csv", place / "globex.parquet", "--key", "Mail:email",
                  "--key-b", "e:email") as screen:  # fmt: skip
        code, lines = screen.ended()
    assert code == 0, lines
    assert b"matching 3 keys" in screen.raw
    assert "elapsed" not in "\n".join(lines)
    assert [line.split()[0] for line in lines[-7:]] == [
        "own",
        "peer's",
        "matches",
        "matched",
        "time",
        "sent,",
        "transcript",
    ]
