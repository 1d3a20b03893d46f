"""`psiselect demo`: the main job end to end, with two real processes on this machine."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from cli._output import json_option, print_json, print_line, print_table, say
from cli.demo import words
from cli.demo.samples import EMAIL_RULE, Samples, write_samples
from psi.agreement.noise import Noise
from psi.identity.identity import Identity
from psi.tables import open_source
from psiselect.base import working
from psiselect.base.words import human_bytes, human_seconds

_LISTENING = re.compile(r"listening on (\S+) for")
_SHOWN_ROWS = 4
_SHOWN_COLUMNS = ["member", "first_name", "contact_mail", "points"]
_PATIENCE_SECONDS = 120
_EPSILON, _DELTA = Fraction(1), Fraction(1, 10**6)


@dataclass(frozen=True)
class _Run:
    """What the two processes of one session printed with --json."""

    acme: dict[str, Any]
    globex: dict[str, Any]


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep lists, identities and results in this new folder [default: a folder that the command removes].",
)
@json_option
def command(out: Path | None, as_json: bool) -> None:
    """Watch two made-up companies match their customer lists on this machine, over an encrypted connection.

    The command writes two lists of made-up customers, creates an identity for each company, and starts one program for
    each company. It shows what each company learns: first the matches, then only how many there are, then roughly how
    many. It checks the results by comparing the two lists directly.

    \b
    Examples:
      psiselect demo
      psiselect demo --out demo-files
    """
    with _folder(out) as folder:
        samples = write_samples(folder)
        for name in ("acme", "globex"):
            Identity.create(name, folder)
        say(words.BEGINNING)
        run = _session(folder, samples, "matches", folder / "globex-matches.csv")
        say(words.TWO_MORE)
        with ThreadPoolExecutor(2) as pool:
            count, noisy = pool.map(lambda reveal: _session(folder, samples, reveal), ("count", "noisy-count"))
        expected = samples.common_emails()
        rows = _check(samples, expected, run, folder / "globex-matches.csv")
        _check_counts(len(expected), count, noisy)
        if as_json:
            print_json(
                {
                    "agrees_with_plain_join": True,
                    "expected": len(expected),
                    "acme": run.acme,
                    "globex": run.globex,
                    "count": {"acme": count.acme, "globex": count.globex},
                    "noisy_count": {"acme": noisy.acme, "globex": noisy.globex},
                }
            )
        else:
            _show(run, rows)
            _show_counts(run, count, noisy, len(expected))
    if out is not None:
        say(words.all_files(out))


@contextlib.contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is None:
        with tempfile.TemporaryDirectory(prefix="psiselect-demo-", dir=working.folder()) as temporary:
            yield Path(temporary)
        return
    try:
        out.mkdir(parents=True)
    except FileExistsError:
        raise words.folder_exists(out) from None
    yield out


def _session(folder: Path, samples: Samples, reveal: str, output: Path | None = None) -> _Run:
    """One session between two processes, as two operators would start them. Notes on the tables are passed on once, in
    the session that has an output."""
    noise = ["--epsilon", str(_EPSILON), "--delta", str(_DELTA)] if reveal == "noisy-count" else []
    common = ["--reveal", reveal, *noise, "--timeout", str(_PATIENCE_SECONDS), "--json", "--workdir", str(folder)]
    acme = [
        "listen", "--address", "127.0.0.1:0", "--identity", str(folder / "acme"), "--peer", str(folder / "globex.crt"),
        "--input", str(samples.acme.path), "--key", f"{samples.acme.email_column}:{EMAIL_RULE}",
    ]  # fmt: skip
    globex = [
        "--identity", str(folder / "globex"), "--peer", str(folder / "acme.crt"), "--input", str(samples.globex.path),
        "--key", f"{samples.globex.email_column}:{EMAIL_RULE}", *(["--output", str(output)] if output else []),
    ]  # fmt: skip
    with _process([*acme, *common]) as listener:
        address = _address_of(listener, say if output else lambda line: None)
        with _process(["connect", address, *globex, *common]) as caller:
            return _Run(globex=_result(caller), acme=_result(listener))


@contextlib.contextmanager
def _process(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "psi", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def _address_of(listener: subprocess.Popen[str], passed_on: Callable[[str], None]) -> str:
    """The address that the listener says it listens on; what it says before that is passed on."""
    for line in listener.stderr or ():
        found = _LISTENING.match(line)
        if found:
            return found[1]
        passed_on(line.rstrip())
    raise words.listener_ended(_result(listener))


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """A process's JSON. Raises PsiselectError with what it said when it failed."""
    stdout, stderr = process.communicate(timeout=_PATIENCE_SECONDS)
    if process.returncode:
        raise words.process_ended(process.returncode, f"{stdout.strip()} {stderr.strip()}")
    result: dict[str, Any] = json.loads(stdout)
    return result


def _check(samples: Samples, expected: frozenset[str], run: _Run, output: Path) -> pa.Table:
    """Hold the session's answer against the plain join. Raises PsiselectError when they differ."""
    written = pa.Table.from_batches(open_source(output).batches())
    globex = pa.Table.from_batches(open_source(samples.globex.path).batches())
    joined = globex.filter(pa.array([email in expected for email in samples.globex.emails]))
    if run.globex["matches"] != len(expected) or written["member"].to_pylist() != [
        str(member) for member in joined["member"].to_pylist()
    ]:
        raise words.other_rows(run.globex["matches"], written.num_rows, len(expected), joined.num_rows)
    return written


def _check_counts(expected: int, count: _Run, noisy: _Run) -> None:
    """Hold both counts against the plain join. Raises PsiselectError when they cannot be."""
    found, near = count.globex["matches"], noisy.globex["noisy_count"]
    if found != expected or abs(near - expected) > Noise.of(_EPSILON, _DELTA).bound:
        raise words.other_counts(found, near, expected)


def _show(run: _Run, rows: pa.Table) -> None:
    acme, globex = run.acme, run.globex
    print_table(
        ["", "Acme (listens)", "Globex (connects)"],
        [
            ["list", _list(acme), _list(globex)],
            ["learnt", words.LIST_SIZE, words.globex_learnt(globex["matches"])],
            ["did not learn", words.NOT_WHICH, words.NOT_OTHERS],
            ["time", human_seconds(acme["seconds"]), human_seconds(globex["seconds"])],
            ["sent", human_bytes(acme["bytes_sent"]), human_bytes(globex["bytes_sent"])],
            ["transcript", acme["transcript"][:16], globex["transcript"][:16]],
        ],
        title=words.ONE_SESSION,
    )
    print_table(
        _SHOWN_COLUMNS,
        [list(row.values()) for row in rows.select(_SHOWN_COLUMNS).slice(0, _SHOWN_ROWS).to_pylist()],
        title=words.matched_rows(rows.num_rows, rows.num_columns),
    )


def _show_counts(run: _Run, count: _Run, noisy: _Run, expected: int) -> None:
    sides, reach = words.ONLY_SIZES, Noise.of(_EPSILON, _DELTA).bound
    print_table(
        ["--reveal", "Globex learns", "Acme learns"],
        [
            ["matches", words.and_which(run.globex["matches"]), sides],
            ["count", words.not_which(count.globex["matches"]), sides],
            [
                "noisy-count",
                words.noisy(noisy.globex["noisy_count"], reach, _EPSILON),
                words.NOISE_TOO,
            ],
        ],
        title=words.LESS_REVEALED,
    )
    print_line(words.checked(expected))


def _list(side: dict[str, Any]) -> str:
    report = side["input"]
    left_out = sum(report["unreadable"].values())
    return words.own_list(side["own_size"], report["rows"], report["duplicates"], report["blank"], left_out)
