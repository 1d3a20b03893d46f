"""Calls that make no sense: each a typed error that says what to do, in the words of Python, before anything begins."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.checkout import environment

import psiselect
from psiselect import InputError, UsageError

TABLE = pa.table({"e": ["ann@example.com"], "n": [1]})


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("acme", "globex"):
        psiselect.Identity.create(name, folder)
    return folder


def connect(keys: Path, **changes: Any) -> Any:
    """A call to a place where nobody listens, changed; a change to `...` leaves the argument out."""
    usual = {"address": "127.0.0.1:9", "table": TABLE, "key": "e:email", "identity": keys / "globex",
             "peer": keys / "acme.crt", "timeout": 1}  # fmt: skip
    given = {name: value for name, value in {**usual, **changes}.items() if value is not ...}
    return psiselect.connect(**given)  # type: ignore[arg-type]


CHANGED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no peer": (
        {"peer": ...},
        UsageError,
        "peer= is missing. Give the certificate of the other side. Ask them for their .crt",
    ),
    "peer is None": ({"peer": None}, UsageError, "peer= is missing. Give the certificate"),
    "an empty list of peers": ({"peer": []}, UsageError, "peer= is missing. Give the certificate"),
    "a peer's name": ({"peer": 5}, UsageError, "peer= must be a path, not int"),
    "a peer that is missing": ({"peer": "nobody.crt"}, InputError, "nobody.crt"),
    "no identity": ({"identity": ...}, UsageError, r"identity= is missing.* psiselect\.Identity\.load"),
    "no key": (
        {"key": ...},
        UsageError,
        'key= is missing. Name the column to match by and its rule, such as key="email:email"',
    ),
    "no table": ({"table": ...}, UsageError, r"connect\(\): missing a required argument: 'table'"),
    "a key of bytes": ({"key": b"e"}, UsageError, "key= must be a string, or a list of strings, not bytes"),
    "an unknown rule": (
        {"key": "e:emial"},
        UsageError,
        "key=\"e:emial\": there is no rule 'emial'. Did you mean 'email'",
    ),
    "an unknown column": (
        {"key": "mail:email"},
        InputError,
        "the table: there is no column 'mail'. .*The columns are 'e', 'n'",
    ),
    "an unknown option": ({"lern": "me"}, UsageError, r"connect\(\) has no argument lern=\. Did you mean learn=\?"),
    "an option of another type": (
        {"pad_to": "5"},
        UsageError,
        "pad_to= must be a whole number of at least 1, not str",
    ),
    "a truth for a number": ({"pad_to": True}, UsageError, "pad_to= must be a whole number"),
    "a number below the least": ({"min_matches": 0}, UsageError, "at least 1, but is smaller"),
    "an unknown mode": (
        {"reveal": "macthes"},
        UsageError,
        "reveal= must be one of 'matches', .*Did you mean 'matches'",
    ),
    "modes that exclude each other": ({"reveal": "count", "send": "n"}, UsageError, "columns|send="),
    "a value that nobody adds up": ({"value": "n"}, UsageError, 'value= works only with reveal="sum"'),
    "epsilon as a float": (
        {"reveal": "noisy-count", "epsilon": 0.1, "delta": "1e-6"},
        UsageError,
        'epsilon= must be exact, .* Write epsilon="0.1"',
    ),
    "delta as a float": ({"reveal": "noisy-count", "epsilon": 1, "delta": 1e-6}, UsageError, 'Write delta="1e-06"'),
    "epsilon without a mode": ({"epsilon": 1}, UsageError, "epsilon"),
    "a bad address": ({"address": "acme.example"}, UsageError, "acme.example"),
    "port 0": ({"address": "127.0.0.1:0"}, UsageError, "port 0, on which no program can listen"),
    "resume without a folder": ({"resume": True}, UsageError, "resume= needs workdir=, the folder"),
    "output for rows not learnt": (
        {"learn": "peer", "output": "out.csv"},
        UsageError,
        "nothing to write. Leave out output=",
    ),
    "cancel that is no event": ({"cancel": True}, UsageError, r"cancel= must be a threading\.Event, not bool"),
    "progress that is no function": (
        {"progress": 5},
        UsageError,
        "progress= must be a function that takes two numbers",
    ),
    "a query for a table in memory": ({"query": "SELECT 1"}, UsageError, "query= needs a database"),
    "a delimiter for a table in memory": (
        {"delimiter": ";"},
        UsageError,
        "is already in memory, so the program reads no file. Leave out the arguments for reading a file",
    ),
    "a file's options for another kind": (
        {"table": "x.parquet", "sheet": "1"},
        (UsageError, InputError),  # type: ignore[dict-item]
        "x.parquet",
    ),
    "bytes for a path": (
        {"table": b"x.csv"},
        UsageError,
        "the table is of type bytes, which is not a table. Give a path",
    ),
    "a ledger without noise": (
        {"ledger": "x.budget", "dataset": "d"},
        UsageError,
        "ledger= works only with reveal=.noisy",
    ),
    "a size that is none": ({"memory_limit": "much"}, UsageError, 'memory_limit= must be a size such as "800M"'),
    "a time that is none": ({"timeout": -1}, UsageError, "timeout= must be a number of seconds above 0"),
    "a time that is no number": ({"timeout": float("nan")}, UsageError, "up to 1,000,000, not nan"),
    "a time without end": ({"timeout": float("inf")}, UsageError, "up to 1,000,000, not inf"),
    "a time that no system can wait": ({"timeout": 1_000_001}, UsageError, "up to 1,000,000, not 1000001"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_a_call_that_makes_no_sense_says_what_to_do(keys: Path, case: str) -> None:
    changes, error, words = CHANGED[case]
    with pytest.raises(error, match=words) as raised:
        connect(keys, **changes)
    assert "--" not in str(raised.value)


OTHERS: dict[str, tuple[Callable[[Path], object], type[Exception], str]] = {
    "unequal lists of keys": (
        lambda keys: psiselect.match(TABLE, TABLE, key=["e:email", "n"], key_b="e:email"),
        UsageError,
        "2 keys with key= and 1 key with key_b=. Give both tables the same number of keys",
    ),
    "other rules for B": (
        lambda keys: psiselect.match(TABLE, TABLE, key="e:email", key_b="e:text"),
        UsageError,
        "Use the same rule for both tables",
    ),
    "tables that differ in type": (lambda keys: psiselect.match(TABLE, 5, key="e"), UsageError, "table b is of"),
    "an unknown column in B": (
        lambda keys: psiselect.match(TABLE, TABLE, key="e", key_b="f"),
        InputError,
        "table b: there is no column 'f'",
    ),
    "an offer for two": (
        lambda keys: psiselect.offer(
            TABLE,
            key="e",
            identity=keys / "globex",
            peer=[keys / "acme.crt"] * 2,
            out="o",
            state="s",  # type: ignore
        ),
        UsageError,
        "an offer is for one peer only. Give peer= once",
    ),
    "an offer with a file for rows": (
        lambda keys: psiselect.offer(
            TABLE, key="e", identity=keys / "globex", peer=keys / "acme.crt", out="o", state="s", output="x.csv"
        ),
        UsageError,
        r"offer\(\) has no argument output=",
    ),
    "a listener without an address": (
        lambda keys: psiselect.listen([], TABLE, key="e", identity=keys / "acme", peer=keys / "globex.crt"),
        UsageError,
        "address= is an empty list. Put at least one",
    ),
    "a negative length": (lambda keys: psiselect.estimate(-1, 5), UsageError, "own= must be a whole number"),
    "an estimate with a float": (
        lambda keys: psiselect.estimate(5, 5, reveal="noisy-count", epsilon=0.5, delta="1e-6"),  # type: ignore
        UsageError,
        'Write epsilon="0.5"',
    ),
    "no keys to check": (
        lambda keys: psiselect.check(TABLE, key=[]),
        UsageError,
        "key= must name 1 to 16 keys, but names 0",
    ),
    "an unknown rule to normalize by": (
        lambda keys: psiselect.normalize(["x"], "emial"),
        UsageError,
        "no rule 'emial'. Did you mean 'email'",
    ),
    "values to normalize that are no column": (lambda keys: psiselect.normalize(5, "email"), UsageError, "a series"),
    "an identity that is pickled": (
        lambda keys: pickle.dumps(psiselect.Identity.load(keys / "acme")),
        UsageError,
        "because an Identity holds private keys. Pass on the path",
    ),
    "an identity that is copied": (
        lambda keys: copy.deepcopy(psiselect.Identity.load(keys / "acme")),
        UsageError,
        "a program cannot copy an Identity",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_calls_that_make_no_sense(keys: Path, case: str) -> None:
    call, error, words = OTHERS[case]
    with pytest.raises(error, match=words):
        call(keys)


def test_an_identity_shows_no_key(keys: Path) -> None:
    me = psiselect.Identity.load(keys / "acme")
    assert repr(me) == f"<Identity acme, certificate {me.fingerprint.hex()[:16]}...>"
    assert repr(me.public) == f"<PeerIdentity acme, certificate {me.fingerprint.hex()[:16]}...>"


def test_each_error_has_the_exit_code_of_the_command() -> None:
    kinds = {name: getattr(psiselect, name) for name in psiselect.__all__ if name.endswith("Error")}
    found = {name: (kind.exit_code, kind.kind) for name, kind in kinds.items()}
    assert found == {
        "PsiselectError": (1, "bug"), "LocalError": (1, "bug"), "UsageError": (2, "usage"), "InputError": (3, "input"),
        "OutputError": (3, "input"), "ResourceError": (5, "resource"), "PolicyError": (6, "policy"),
        "MinimumError": (6, "policy"), "BudgetError": (6, "budget"), "RemoteError": (4, "peer"),
        "TransportError": (5, "transport"), "CancelError": (130, "cancelled"),
    }  # fmt: skip


def test_nothing_heavy_is_loaded_before_it_is_needed_and_no_warning_is_raised() -> None:
    code = (
        "import sys, psiselect\n"
        "heavy = {'numpy', 'pyarrow', 'cryptography', 'click', 'rich', 'psi', 'asyncio', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "psiselect.check\n"
        "import pyarrow\n"
        "table = pyarrow.table({'e': ['ann@example.com']})\n"
        "print(psiselect.match(table, table, key='e', backend='portable', threads=1).count)\n"
        "print(sorted({'click', 'rich', 'polars', 'matplotlib', 'mpyc', 'llvmlite'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=environment(), check=False
    )
    assert (done.stdout.splitlines(), done.stderr) == (["[]", "1", "[]"], "")
