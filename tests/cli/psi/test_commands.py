"""`psiselect psi listen`, `connect` and `local` as their users run them: real processes over mutual TLS."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.psi_processes import ACME, GLOBEX, Ended, address, ended, psiselect, run, session

from psi.identity.identity import Identity


def test_the_caller_learns_and_gets_its_rows(place: Path) -> None:
    acme, globex = session(place, globex=("--output", place / "out.parquet"))
    assert (acme.code, globex.code) == (0, 0), (acme, globex)
    here, there = acme.json, globex.json
    assert (there["own_size"], there["peer_size"], there["matches"], there["matched_rows"]) == (3, 3, 2, 2)
    assert (here["own_size"], here["peer_size"], here["matches"], here["matched_rows"]) == (3, 3, None, None)
    assert here["transcript"] == there["transcript"]
    assert here["bytes_sent"] == there["bytes_received"]
    assert here["bytes_received"] == there["bytes_sent"]
    assert here["input"]["unreadable"] == {"no-at-sign": 1}
    assert (here["input"]["blank"], here["input"]["duplicates"]) == (1, 1)
    assert pq.read_table(place / "out.parquet").to_pydict() == {
        "who": ["x", "z"],
        "e": [GLOBEX["e"][0], GLOBEX["e"][2]],
        "n": [1, 3],
    }
    assert here["peer_fingerprint"] == Identity.load(place / "globex").fingerprint.hex()


def test_both_learn_and_duplicates_of_a_matched_key_all_come_out(place: Path) -> None:
    acme, globex = session(
        place,
        acme=("--learn", "both", "--output", place / "acme-out.csv"),
        globex=("--learn", "both", "--output", place / "globex-out.csv"),
    )
    assert (acme.code, globex.code) == (0, 0), (acme, globex)
    assert acme.json["matches"] == globex.json["matches"] == 2
    with (place / "acme-out.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [ACME[0], ACME[1], ACME[4], ACME[6]]


def test_the_listener_may_be_the_one_who_learns(place: Path) -> None:
    acme, globex = session(place, acme=("--learn", "me"), globex=("--learn", "peer"))
    assert acme.json["matches"] == 2
    assert globex.json["matches"] is None


@pytest.mark.parametrize(
    ("acme", "globex", "term"),
    [
        (("--reveal", "count"), (), "reveal"),
        (("--learn", "both"), (), "learn"),
        ((), ("--key-instead", "e:text"), "rule"),
        ((), ("--key-instead", "e:email,plus=drop"), "rule"),
    ],
)
def test_differing_terms_end_both_with_the_terms_name(
    place: Path, acme: tuple[str, ...], globex: tuple[str, ...], term: str
) -> None:
    if globex[:1] == ("--key-instead",):
        (place / "keys").mkdir()
        acme_ended, globex_ended = session_with_key(place, globex[1])
    else:
        acme_ended, globex_ended = session(place, acme, (*globex, "--output", place / "out.csv"))
    for side in (acme_ended, globex_ended):
        assert side.code == 4, side
        assert side.json["error"]["term"] == term
        assert re.search("disagree|treated differently", side.json["error"]["message"])
    assert not (place / "out.csv").exists()


def session_with_key(place: Path, key: str) -> tuple[Ended, Ended]:
    with psiselect(
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", place / "acme", "--peer", place / "globex.crt"),
        *("--input", place / "acme.csv", "--key", "Mail:email", "--json"),
    ) as listener:
        where = address(listener)
        connected = run(
            *("psi", "connect", where, "--identity", place / "globex", "--peer", place / "acme.crt"),
            *("--input", place / "globex.parquet", "--key", key, "--json"),
        )
        return ended(listener), connected


def test_own_policy_refuses_with_6_and_the_peer_hears_it_with_4(place: Path) -> None:
    acme, globex = session(place, acme=("--max-peer-size", "2"))
    assert acme.code == 6
    assert "--max-peer-size" in acme.json["error"]["message"]
    assert globex.code == 4
    assert "policy" in globex.json["error"]["message"]


def test_a_listener_outlives_a_stranger_and_says_why(place: Path) -> None:
    with psiselect(
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", place / "acme", "--peer", place / "globex.crt"),
        *("--input", place / "acme.csv", "--key", "Mail:email", "--json"),
    ) as listener:
        where = address(listener)
        options = ("--input", place / "globex.parquet", "--key", "e:email", "--peer", place / "acme.crt", "--json")
        stranger = run("psi", "connect", where, "--identity", place / "mallory", *options)
        assert stranger.code == 5, stranger
        assert "certificate" in stranger.json["error"]["message"]
        friend = run("psi", "connect", where, "--identity", place / "globex", *options)
        assert friend.code == 0, friend
        outcome = ended(listener)
        assert outcome.code == 0
        assert "refused" in outcome.err
        assert Identity.load(place / "mallory").fingerprint.hex()[:16] in outcome.err


def test_a_listener_gives_up_after_its_timeout(place: Path) -> None:
    alone = run(
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", place / "acme", "--peer", place / "globex.crt"),
        *("--input", place / "acme.csv", "--key", "Mail:email", "--timeout", "0.2", "--json"),
    )
    assert alone.code == 5
    assert alone.json["error"]["kind"] == "transport"


def test_a_killed_peer_is_a_transport_error_and_leaves_no_output(place: Path) -> None:
    big = place / "big.txt"
    big.write_text("".join(f"person{i}\n" for i in range(200_000)))
    common = ("--input", big, "--key", "value")
    with psiselect(
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", place / "acme", "--peer", place / "globex.crt"),
        *common,
    ) as listener:
        where = address(listener)
        with psiselect(
            *("psi", "connect", where, "--identity", place / "globex", "--peer", place / "acme.crt", *common),
            *("--output", place / "out.csv", "--json"),
        ) as caller:
            assert next(line for line in listener.stderr or () if line.startswith("session with globex"))
            listener.kill()
            outcome = ended(caller)
    assert outcome.code == 5, outcome
    assert not [path for path in place.iterdir() if "out.csv" in path.name]


def test_strict_names_the_rows(place: Path) -> None:
    refused = run("psi", "local", place / "acme.csv", place / "acme.csv", "--key", "Mail:email", "--strict", "--json")
    assert refused.code == 3
    assert "6 (no @ in the address)" in refused.json["error"]["message"]
    assert "not an address" not in refused.out + refused.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--key", "nope"), 3, "nope"),
        (("--key", "Mail:nope"), 2, "nope"),
        (("--key", "Mail:email", "--output", "out.xlsx"), 3, ".csv"),
        (("--key", "Mail:email", "--output", "missing/out.csv"), 3, "missing"),
        (("--key", "Mail:email", "--reveal", "count", "--output", "out.csv"), 2, "--output"),
    ],
)
def test_bad_requests_are_refused_before_anything_runs(
    place: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, words: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.chdir(place)
    refused = run("psi", "local", "acme.csv", "acme.csv", *arguments, "--json")
    assert refused.code == code, refused
    assert words in refused.json["error"]["message"]


def test_output_onto_the_input_is_refused(place: Path) -> None:
    before = (place / "acme.csv").read_bytes()
    refused = run(
        "psi", "local", place / "acme.csv", place / "acme.csv", "--key", "Mail:email", "--output", place / "acme.csv"
    )
    assert refused.code == 2
    assert (place / "acme.csv").read_bytes() == before


def test_local_takes_columns_of_other_names_and_shows_a_summary(place: Path) -> None:
    shown = run(
        "psi", "local", place / "acme.csv", place / "globex.parquet", "--key", "Mail:email", "--key-b", "e:email"
    )
    assert shown.code == 0, shown
    assert re.search(r"^matches +2$", shown.out, re.MULTILINE)
    assert re.search(r"^matched rows +3$", shown.out, re.MULTILINE)
    differing = run("psi", "local", place / "acme.csv", place / "globex.parquet", "--key", "Mail:email", "--key-b", "e")
    assert differing.code == 2
    assert "Use the same rule for both tables" in differing.err
