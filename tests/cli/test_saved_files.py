"""Files that an earlier version has saved, one of each kind, opened by this one: tests/fixtures/saved/README.md.

Everything here goes through the command line, in processes of its own, and nothing of the program is imported: files
outlive the modules that wrote them.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.processes import Process

ROOT = Path(__file__).parent.parent.parent
SAVED = ROOT / "tests" / "fixtures" / "saved"
EXPECTED = json.loads((SAVED / "expected.json").read_text())  # what the version that wrote the files made of them
FOLDER = "@FOLDER@"  # in the state of an offer, in place of the fixtures' folder
PEERS = {"acme": "globex", "globex": "acme"}
MEANS = ("--memory-limit", "512M", "--backend", "portable", "--threads", "1", "--json")
TWO_KEYS = ("--key", "key:raw", "--key", "other:raw", "--matching", "one-to-one", "--label-bytes", "64")
COLUMNS = (*TWO_KEYS, "--learn", "both", "--send", "city", "--receive", "city")
SUM = ("--reveal", "sum", "--key", "key:raw")
RESUMED = {
    "matches": {"acme": COLUMNS, "globex": COLUMNS},
    "sum": {"acme": (*SUM, "--value", "amount"), "globex": SUM},
}


@dataclass
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        found: dict = json.loads(self.out)
        return found


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A copy of the saved files, as private as they were: git keeps no modes."""
    place = tmp_path / "saved"
    shutil.copytree(SAVED, place)
    for path in (place, *place.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    state = place / "offline" / "offer.state"
    state.write_text(state.read_text().replace(FOLDER, json.dumps(str(place))[1:-1]))
    return place


@contextmanager
def started(*arguments: object) -> Iterator[Process]:
    process = Process(*arguments)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: Process) -> Ended:
    out, err = process.communicate(timeout=120)
    return Ended(process.returncode, out, err)


def run(*arguments: object) -> Ended:
    with started(*arguments) as process:
        return ended(process)


def good(*arguments: object) -> dict:
    """What a command says that must end well."""
    shown = run(*arguments)
    assert shown.code == 0, shown
    return shown.json


def refusal(*arguments: object, code: int = 6) -> dict:
    """How a command is refused."""
    shown = run(*arguments)
    assert shown.code == code, shown
    found: dict = shown.json["error"]
    return found


def party(saved: Path, folder: str, name: str) -> tuple[object, ...]:
    """Options that say who takes part, with which list."""
    keys = saved / "identities"
    return ("--identity", keys / name, "--peer", keys / f"{PEERS[name]}.crt", "--input", saved / folder / f"{name}.csv")


def session(saved: Path, folder: str, acme: tuple[object, ...], globex: tuple[object, ...]) -> dict[str, Ended]:
    """Acme listens, Globex connects."""
    means = (*MEANS, "--timeout", "30")
    with started("psi", "listen", "--address", "127.0.0.1:0", *party(saved, folder, "acme"), *means, *acme) as listener:
        said = []
        for line in listener.stderr or ():
            said.append(line)
            if found := re.match(r"listening on (\S+) for", line):
                break
        else:
            raise AssertionError((said, ended(listener)))
        called = run("psi", "connect", found[1], *party(saved, folder, "globex"), *means, *globex)
        return {"acme": ended(listener), "globex": called}


@pytest.mark.parametrize("name", PEERS)
def test_an_identity_is_the_same_party(saved: Path, name: str) -> None:
    shown = good("identity", "show", saved / "identities" / name, "--json")
    assert {part: shown[part] for part in EXPECTED["identities"][name]} == EXPECTED["identities"][name]
    assert shown["status"] == "valid"


def ledger(path: Path) -> dict:
    """What a ledger holds."""
    shown = good("budget", "show", path, "--json")
    del shown["ledger"]
    return shown


def test_a_ledger_keeps_what_was_spent_and_is_spent_further(saved: Path) -> None:
    path = saved / "ledger" / "town.db"
    before = ledger(path)
    assert before == EXPECTED["town.db"]
    paid = ("--neighbors", "add-remove", "--ledger", path, "--dataset", "poll-2026", "--json")
    ballots = ("vote", "winner", saved / "ledger" / "ballots.csv", *paid)
    assert "over budget" in refusal(*ballots, "--epsilon", "0.27")["message"]  # 4/15 is left
    assert good(*ballots, "--epsilon", "1/4")["ledger_remaining_exact"] == "1/60"
    assert "over budget" in refusal(*ballots, "--epsilon", "1/50")["message"]
    after = ledger(path)
    assert after["entries"][:-1] == before["entries"]
    assert (len(after["entries"]), after["entries"][-1]["cost_exact"]) == (3, "1/4")


def test_a_zcdp_ledger_keeps_what_was_spent_and_is_spent_further(saved: Path) -> None:
    path = saved / "ledger" / "study.db"
    assert ledger(path) == EXPECTED["study.db"]
    people = ("release", "count", saved / "ledger" / "people.csv", "--column", "smoker", "--equals", "yes", "--ledger",
              path, "--dataset", "ward", "--json")  # fmt: skip
    assert "over budget" in refusal(*people, "--epsilon", "0.87")["message"]  # a rho of 3/8 is left, 0.87^2 / 2 is more
    assert good(*people, "--epsilon", "1/2")["ledger_remaining_exact"] == "1/4"


def test_a_run_that_was_counted_still_counts(saved: Path) -> None:
    policy = ("--policy", saved / "session" / "policy.toml")
    sides = session(saved, "session", ("--key", "key:raw", *policy), ("--key", "key:raw"))
    assert {name: side.code for name, side in sides.items()} == {"acme": 6, "globex": 4}, sides
    error = sides["acme"].json["error"]
    assert error["term"] == "runs"
    assert "allows 1 session with this peer in 9,999 weeks, and 1 has begun already" in error["message"]


def test_an_audit_file_is_appended_to(saved: Path) -> None:
    audit = saved / "session" / "acme.log"
    before = audit.read_bytes()
    sides = session(saved, "session", ("--key", "key:raw", "--audit", audit), ("--key", "key:raw"))
    assert {name: side.code for name, side in sides.items()} == {"acme": 0, "globex": 0}, sides
    assert sides["globex"].json["matches"] == EXPECTED["session"]["matches"]
    old, new = audit.read_bytes().splitlines(keepends=True)
    assert old == before
    old, new = json.loads(old), json.loads(new)
    assert new.keys() == old.keys()
    assert {part for part in old if new[part] != old[part]} <= {"record", "signatures", "terms", "time"}
    assert new["terms"] == {**old["terms"], "version": 2}
    assert old["record"]["transcript"] == EXPECTED["session"]["transcript"]
    assert new["record"]["transcript"] == sides["acme"].json["transcript"] != old["record"]["transcript"]


def test_a_signed_record_still_verifies(saved: Path) -> None:
    keys = saved / "identities"
    record = saved / "session" / "acme.json"
    shown = good("psi", "verify", record, "--peer", keys / "globex.crt", "--identity", keys / "acme", "--json")
    assert shown["verified"] is True
    assert all(party["named"] for party in shown["parties"].values())
    (line,) = (saved / "session" / "acme.log").read_text().splitlines()
    assert shown["record"] == json.loads(line)["record"]
    assert shown["record"]["transcript"] == EXPECTED["session"]["transcript"]


@pytest.mark.parametrize("kind", RESUMED)
def test_a_session_of_protocol_version_1_is_refused_with_the_way_out(saved: Path, kind: str) -> None:
    """Going on would need the old protocol, beginning anew would answer for one list under two sets of secrets."""
    place = saved / "resume" / kind
    for name, terms in RESUMED[kind].items():
        (kept,) = (place / f"{name}.work").iterdir()
        before = {path.name: path.read_bytes() for path in kept.iterdir()}
        call = ("listen", "--address", "127.0.0.1:0") if name == "acme" else ("connect", "127.0.0.1:1")
        error = refusal("psi", *call, *party(saved, f"resume/{kind}", name), *MEANS, *terms, "--resume",
                        "--workdir", place / f"{name}.work", code=3)  # fmt: skip
        assert (
            f"an older version of psiselect (protocol version 1) began the session in '{kept}'. Finish the session "
            "with that version" in error["message"]
        )
        assert "Otherwise delete the session's folder on both sides" in error["message"]
        assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
        assert list(kept.parent.iterdir()) == [kept]


def answer(saved: Path, state: str) -> tuple[object, ...]:
    """The command that answers the offer."""
    place = saved / "offline"
    return ("psi", "answer", place / "offer.psi", *party(saved, "offline", "acme"), *TWO_KEYS, "--send", "city", *MEANS,
            "--out", place / "again.psi", "--state", place / state)  # fmt: skip


def test_an_answer_of_protocol_version_1_is_refused_and_the_state_stays(saved: Path) -> None:
    place = saved / "offline"
    state = (place / "offer.state").read_bytes()
    error = refusal("psi", "finish", place / "answer.psi", "--state", place / "offer.state",
                    "--output", place / "rows.csv", "--json", code=4)  # fmt: skip
    assert "Install the same version on both sides, and make a new offer" in error["message"]
    assert (place / "offer.state").read_bytes() == state
    assert not (place / "rows.csv").exists()


def test_an_offer_that_was_answered_is_not_answered_again(saved: Path) -> None:
    error = refusal(*answer(saved, "acme.answered"))
    assert error["term"] == "offer"
    assert "this offer was answered on " in error["message"]
    assert not (saved / "offline" / "again.psi").exists()


def test_an_offer_of_protocol_version_1_is_refused_and_not_marked(saved: Path) -> None:
    error = refusal(*answer(saved, "fresh.answered"), code=4)
    assert "Install the same version on both sides, and make a new offer" in error["message"]
    assert not (saved / "offline" / "again.psi").exists()
    assert len((saved / "offline" / "fresh.answered").read_bytes().splitlines()) == 1  # its title: no offer


@pytest.mark.parametrize(
    ("poll", "options"),
    [
        ("lunch", ("--epsilon", "ln(3)")),
        ("travel", ("--epsilon", "1/2", "--options", "car,bus,tram", "--mechanism", "optimised-unary")),
    ],
)
def test_responses_of_a_poll_are_counted(saved: Path, poll: str, options: tuple[str, ...]) -> None:
    files = sorted((saved / "poll").glob(f"{poll}-*.csv"))
    shown = good("poll", "estimate", *files, *options, "--json")
    expected = EXPECTED[poll]
    assert shown["responses"] == expected["responses"] == len(files)
    for option, numbers in expected["options"].items():
        for name in numbers.keys() - {"interval"}:  # releases before 0196 drew it as if shares were normal
            assert shown["options"][option][name] == pytest.approx(numbers[name], rel=1e-9, abs=1e-9), (option, name)
        low, high = shown["options"][option]["interval"]
        assert 0 <= low < high <= 1
