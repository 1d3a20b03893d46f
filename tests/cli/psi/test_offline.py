"""`psi offer`, `answer` and `finish` as their users run them: results, secrets, policy, audit and kills."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.offline_commands import COMMON_ROWS, answer, finish, offer, refused, run
from support.processes import Process
from support.psi_processes import Ended
from support.psi_processes import run as run_process

from dpselect.truncated import truncation_bound
from psi.accounts.records import SignedRecord
from psi.identity.identity import Identity
from psi.offline import state as states
from psi.offline.answered import AnsweredOffers
from psiselect.base import durable


def test_matches_with_duplicates_and_blanks_on_both_sides(place: Path) -> None:
    made = offer(place)
    assert made.code == 0, made
    assert (made.json["own_size"], made.json["offer"], made.json["state"]) == (
        3, str(place / "offer.psi"), str(place / "offer.state"),
    )  # fmt: skip
    assert stat.S_IMODE((place / "offer.state").stat().st_mode) == 0o600
    given = answer(place)
    assert given.code == 0, given
    ended = finish(place, "--output", place / "common.csv", "--record", place / "record.json")
    assert ended.code == 0, ended
    for name, here, there in (
        ("own_size", given.json["own_size"], ended.json["peer_size"]),
        ("transcript", given.json["transcript"], ended.json["transcript"]),
    ):
        assert here == there, name
    assert (ended.json["matches"], ended.json["matched_rows"], ended.json["own_size"]) == (2, 2, 3)
    assert (given.json["matches"], given.json["peer_size"]) == (None, 3)
    assert (place / "common.csv").read_text().splitlines() == COMMON_ROWS
    assert not (place / "offer.state").exists()
    assert (ended.json["bytes_sent"], ended.json["bytes_received"]) == (
        (place / "offer.psi").stat().st_size,
        (place / "answer.psi").stat().st_size,
    )
    assert stat.S_IMODE((place / "acme.answered").stat().st_mode) == 0o600
    verified = run(
        *(
            "psi",
            "verify",
            place / "record.json",
            "--peer",
            place / "acme.crt",
            "--identity",
            place / "globex",
            "--json",
        )
    )
    assert verified.code == 0, verified
    assert verified.json["record"]["transcript"] == ended.json["transcript"]
    assert SignedRecord.decode((place / "record.json").read_bytes()).content["sizes"] == {"connect": [3], "listen": [3]}


def test_the_other_side_may_offer_and_rows_of_a_matched_key_all_come_out(place: Path) -> None:
    swapped = {
        "offer": ("offer", "--identity", place / "acme", "--peer", place / "globex.crt", "--input",
                  place / "acme.csv", "--key", "Mail:email", "--out", place / "o.psi", "--state", place / "o.state"),
        "answer": ("answer", place / "o.psi", "--identity", place / "globex", "--peer", place / "acme.crt", "--input",
                   place / "globex.parquet", "--key", "e:email", "--out", place / "a.psi"),
        "finish": ("finish", place / "a.psi", "--state", place / "o.state", "--output", place / "out.parquet"),
    }  # fmt: skip
    for arguments in swapped.values():
        ended = run_process("psi", *arguments)
        assert ended.code == 0, ended
    assert pq.read_table(place / "out.parquet").column("id").to_pylist() == ["1", "4", "6"]


NOISY = ("--reveal", "noisy-count", "--epsilon", "1", "--delta", "1e-6")
MODES = {
    "count": ("--reveal", "count"),
    "noisy": NOISY,
    "padded": ("--reveal", "count", "--pad-to", "20", "--min-matches", "2"),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_what_a_plain_computation_gives(place: Path, mode: str) -> None:
    assert offer(place, *MODES[mode], run=run_process).code == 0
    assert answer(place, *MODES[mode], run=run_process).code == 0
    ended = finish(place, run=run_process)
    assert ended.code == 0, ended
    assert not (place / "offer.state").exists()
    if mode == "noisy":
        bound = truncation_bound(Fraction(1), Fraction(1, 10**6))
        assert ended.json["matches"] is None
        assert abs(ended.json["noisy_count"] - 2) <= bound
    else:
        assert ended.json["matches"] == 2
        assert ended.json["own_size"] == (20 if "padded" in mode else 3)


def people(place: Path) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """Two tables with two keys each, blanks and repeats among them; options for each side."""
    (place / "ours.csv").write_text(
        "id,mail,phone,plan\n1,ann@example.com,,gold\n2,,+48601100200,free\n3,bob@example.com,+48601100300,gold\n"
        "4,,,none\n5,ANN@example.com,+48601100200,again\n"
    )
    (place / "theirs.csv").write_text(
        "nr,e,p\n7,ann@example.com,+48601100300\n8,zoe@example.com,+48601100200\n9,,\n10,kim@example.com,\n"
    )
    acme = ("--identity", place / "acme", "--peer", place / "globex.crt", "--input", place / "ours.csv",
            "--key", "mail:email", "--key", "phone:phone")  # fmt: skip
    globex = ("--identity", place / "globex", "--peer", place / "acme.crt", "--input", place / "theirs.csv",
              "--key", "e:email", "--key", "p:phone",
              "--out", place / "o.psi", "--state", place / "o.state")  # fmt: skip
    return acme, globex


def exchanged(place: Path, acme: tuple[object, ...], globex: tuple[object, ...], output: str) -> Ended:
    for arguments in (("offer", *globex), ("answer", place / "o.psi", *acme, "--out", place / "a.psi")):
        ended = run("psi", *arguments, "--json")
        assert ended.code == 0, ended
    return run("psi", "finish", place / "a.psi", "--state", place / "o.state", "--output", place / output, "--json")


@pytest.mark.parametrize(("matching", "rows"), [("one-to-many", ["7", "8"]), ("one-to-one", ["7", "8"])])
def test_several_keys(place: Path, matching: str, rows: list[str]) -> None:
    acme, globex = people(place)
    how = ("--matching", matching)
    ended = exchanged(place, (*acme, *how), (*globex, *how), "out.csv")
    assert ended.code == 0, ended
    found = {key["rule"].split("/")[0]: key["matches"] for key in ended.json["matches_by_key"]}
    assert found == ({"email": 1, "phone": 2} if matching == "one-to-many" else {"email": 1, "phone": 1})
    lines = (place / "out.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == rows


def test_a_column_comes_with_each_match(place: Path) -> None:
    acme, globex = people(place)
    acme, globex = acme[:-2], (*globex[:8], *globex[10:])  # the first key only
    ended = exchanged(place, (*acme, "--send", "plan"), (*globex, "--receive", "plan"), "joined.csv")
    assert ended.code == 0, ended
    assert (place / "joined.csv").read_text().splitlines() == [
        "nr,e,p,peer_plan",
        "7,ann@example.com,+48601100300,gold",
        "7,ann@example.com,+48601100300,again",
    ]
    assert b"gold" not in (place / "a.psi").read_bytes()


def test_nothing_in_the_files_tells_an_identifier_or_a_name(answered: Path) -> None:
    for name in ("offer.psi", "answer.psi"):
        content = (answered / name).read_bytes()
        for word in (b"example", b"ann@", b"Mail", b"email", b"matches", b"terms", b"acme", b"globex"):
            assert word not in content, (name, word)
    text = (answered / "acme.answered").read_text()
    assert text.count("\n") == 2
    assert "globex" not in text


def test_a_policy_counts_offers_and_answers_and_limits_sizes(place: Path) -> None:
    for who, peer in (("globex", "acme"), ("acme", "globex")):
        (place / f"{who}.toml").write_text(
            'reveal = ["matches"]\ncolumns = ["e", "Mail"]\noutput_rows = false\nmax_own_size = 10\n'
            'send_columns = []\nmax_peer_size = 10\nmin_matches = 0\nruns = {count = 1, per = "7d"}\n'
            f'[[peer]]\nfingerprint = "{Identity.load(place / peer).fingerprint.hex()}"\n'
        )
    here, there = ("--policy", place / "globex.toml"), ("--policy", place / "acme.toml")
    assert offer(place, *here).code == 0
    refused(offer(place, *here, out="2.psi", state="2.state"), 6, "session with this peer")
    assert not list(place.glob("2.*"))
    assert offer(place, out="3.psi", state="3.state").code == 0
    mallory = answer(place, *there)  # names mallory too, with whom the policy allows nothing
    refused(mallory, 6, "does not name this peer")
    only = ("psi", "answer", "--identity", place / "acme", "--peer", place / "globex.crt", "--input",
            place / "acme.csv", "--key", "Mail:email", "--json")  # fmt: skip
    first = run(*only, place / "offer.psi", "--out", place / "answer.psi", *there)
    assert first.code == 0, first
    refused(run(*only, place / "3.psi", "--out", place / "3a.psi", *there), 6, "session with this peer")
    assert not (place / "3a.psi").exists()
    refused(finish(place, "--output", place / "rows.csv"), 6, "output_rows")
    text = (place / "globex.toml").read_text()
    (place / "globex.toml").write_text(text.replace("max_peer_size = 10", "max_peer_size = 2"))
    refused(finish(place), 6, "max_peer_size")
    (place / "globex.toml").write_text(text)
    assert finish(place).json["matches"] == 2


def test_audit_files_say_what_was_offered_answered_and_finished(place: Path) -> None:
    here, there = ("--audit", place / "globex.log"), ("--audit", place / "acme.log")
    assert offer(place, *here).code == 0
    assert answer(place, "--reveal", "count", *there).code == 4
    assert answer(place, *there).code == 0
    ended = finish(place)
    assert ended.code == 0
    mine = [json.loads(line) for line in (place / "globex.log").read_text().splitlines()]
    theirs = [json.loads(line) for line in (place / "acme.log").read_text().splitlines()]
    assert [line["outcome"] for line in mine] == ["offered", "done"]
    assert [line["outcome"] for line in theirs] == ["failed", "answered"]
    assert mine[1]["record"] == theirs[1]["record"]
    assert mine[1]["record"]["transcript"] == ended.json["transcript"]
    assert set(mine[1]["signatures"]) == {"connect", "listen"}
    assert set(theirs[1]["signatures"]) == {"listen"}


def test_killed_between_output_and_removal_it_can_be_run_again(answered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import os, signal, sys\n"
        "from psi.offline import state\n"
        "state.remove = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from cli.main import main\n"
        "main()\n"
    )
    output = answered / "common.csv"
    killed = subprocess.run(
        [sys.executable, "-c", code, "psi", "finish", answered / "answer.psi", "--state", answered / "offer.state",
         "--output", output],
        capture_output=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    first = output.read_bytes()
    assert (answered / "offer.state").exists()
    again = finish(answered, "--output", output)
    assert again.code == 0, again
    assert output.read_bytes() == first
    assert not (answered / "offer.state").exists()


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.soak)])
def test_killed_at_any_moment_each_command_can_be_run_again(place: Path, kills: int) -> None:
    """No half-written file ever appears, and what is run to its end gives the right result."""
    source = random.Random(kills)
    done = 0
    while done < kills:
        for path in (*place.glob("*.psi"), *place.glob("*.state"), *place.glob("*.answered"), *place.glob("*.csv.*")):
            path.unlink()
        commands = {
            "offer": ("psi", "offer", "--identity", place / "globex", "--peer", place / "acme.crt", "--input",
                      place / "globex.parquet", "--key", "e:email", "--out", place / "offer.psi",
                      "--state", place / "offer.state"),
            "answer": ("psi", "answer", place / "offer.psi", "--identity", place / "acme", "--peer",
                       place / "globex.crt", "--input", place / "acme.csv", "--key", "Mail:email",
                       "--out", place / "answer.psi"),
            "finish": ("psi", "finish", place / "answer.psi", "--state", place / "offer.state",
                       "--output", place / "common.csv"),
        }  # fmt: skip
        for name, arguments in commands.items():
            process = Process(*arguments)
            time.sleep(source.uniform(0, 0.15))
            process.kill()
            process.communicate()
            done += 1
            if name == "offer" and not (place / "offer.psi").exists():
                (place / "offer.state").unlink(missing_ok=True)  # as its message says
            if name == "answer" and not (place / "answer.psi").exists() and (place / "acme.answered").exists():
                assert (place / "acme.answered").read_text().count("\n") == 1, "an offer was used up for nothing"
            if process.returncode == 0 or (name == "finish" and not (place / "offer.state").exists()):
                continue
            again = run_process(*arguments)
            used_up = name == "answer" and (place / "answer.psi").exists() and again.code == 6
            complete = name == "offer" and (place / "offer.psi").exists() and again.code == 2
            assert again.code == 0 or used_up or complete, again
        assert (place / "common.csv").read_text().splitlines() == COMMON_ROWS
        assert not (place / "offer.state").exists()


def test_the_state_holds_no_identifier(offered: Path) -> None:
    content = (offered / "offer.state").read_text()
    assert "example" not in content
    kept = states.OfferState.load(offered / "offer.state")
    assert kept.own == Identity.load(offered / "globex").fingerprint
    assert "seed" not in repr(kept)
    assert os.path.isabs(json.loads(content)["options"]["source"]["path"])


def test_an_answer_is_on_disk_before_its_offer_counts_as_answered(
    offered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def note(owner: object, name: str) -> None:
        do = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *arguments: (order.append(name), do(*arguments)))

    note(durable, "sync_file")
    note(AnsweredOffers, "add")
    assert answer(offered).code == 0
    assert order == ["sync_file", "add", "sync_file"]  # the last is of the file that appears


def test_a_directory_is_offered_answered_and_finished(place: Path) -> None:
    made = offer(place, "--directory", out="offer")
    assert made.code == 0, made
    assert sorted(path.name for path in (place / "offer").iterdir()) == ["elements-1", "manifest.parquet"]
    given = answer(place, offer="offer", out="answer")
    assert given.code == 0, given
    assert sorted(path.name for path in (place / "answer").iterdir()) == ["manifest.parquet", "replies-1", "tags-1"]
    again = answer(place, offer="offer", out="again")
    assert (again.code, (place / "again").exists()) == (6, False)
    ended = finish(place, "--output", place / "common.csv", answer="answer")
    assert ended.code == 0, ended
    assert (ended.json["matches"], ended.json["transcript"]) == (2, given.json["transcript"])
    assert (place / "common.csv").read_text().splitlines() == COMMON_ROWS
    assert ended.json["bytes_sent"] == made.json["bytes_sent"]
    assert not (place / "offer.state").exists()


def test_a_directory_that_is_damaged_or_cannot_be_is_refused_and_leaves_nothing(place: Path) -> None:
    assert offer(place, "--directory", "--pad-to", "9", out="offer").code == 2
    assert not (place / "offer").exists()
    assert offer(place, "--directory", out="offer").code == 0
    assert offer(place, "--directory", out="offer", state="other.state").code == 2
    (part,) = (place / "offer" / "elements-1").iterdir()
    good = part.read_bytes()
    part.write_bytes(good[:40] + b"x" + good[41:])
    refusal = answer(place, offer="offer", out="answer")
    assert (refusal.code, (place / "answer").exists()) in ((3, False), (4, False))
    part.write_bytes(good)
    assert answer(place, offer="offer", out="answer").code == 0  # the refusal has not used it up
