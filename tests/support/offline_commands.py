"""`psi offer`, `answer` and `finish` in a folder of two lists, in this process."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import main
from support.psi_processes import Ended

COMMON_ROWS = [  # of globex.parquet, with an address in acme.csv
    "who,e,n",
    "x,ANN@example.com,1",
    "z,eve@example.org,3",
]


def run(*arguments: object) -> Ended:
    """The program in this process: most of what is here is about files, and a process takes a second."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["psiselect", *map(str, arguments)])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def offer(
    place: Path,
    *more: object,
    out: str = "offer.psi",
    state: str = "offer.state",
    run: Callable[..., Ended] = run,
) -> Ended:
    """Globex offers its list to Acme."""
    return run(
        *("psi", "offer", "--identity", place / "globex", "--peer", place / "acme.crt", "--input"),
        *(place / "globex.parquet", "--key", "e:email", "--out", place / out, "--state", place / state, "--json"),
        *more,
    )


def answer(
    place: Path,
    *more: object,
    offer: str = "offer.psi",
    out: str = "answer.psi",
    run: Callable[..., Ended] = run,
) -> Ended:
    """Acme answers an offer of Globex or of Mallory."""
    return run(
        *("psi", "answer", place / offer, "--identity", place / "acme", "--peer", place / "mallory.crt"),
        *("--peer", place / "globex.crt", "--input", place / "acme.csv", "--key", "Mail:email"),
        *("--out", place / out, "--json", *more),
    )


def finish(
    place: Path,
    *more: object,
    answer: str = "answer.psi",
    state: str = "offer.state",
    run: Callable[..., Ended] = run,
) -> Ended:
    """Globex finishes with the answer."""
    return run("psi", "finish", place / answer, "--state", place / state, "--json", *more)


def refused(ended: Ended, code: int, words: str) -> None:
    """Check that a command was refused with this exit code, these words and no traceback."""
    assert ended.code == code, ended
    assert words in ended.json["error"]["message"], ended
    assert "Traceback" not in ended.err
