"""`psi offer`, `answer`, `finish` as their users run them: real processes, files, and everything that is refused."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.psi_processes import Ended
from support.psi_processes import run as run_process

from cli.main import main
from dpselect.truncated import truncation_bound
from psi.accounts.records import SignedRecord
from psi.identity.identity import Identity
from psi.offline import state as states
from psiselect.base import strict_json

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
    return run("psi", "finish", place / answer, "--state", place / state, "--json", *more)


def refused(ended: Ended, code: int, words: str) -> None:
    assert ended.code == code, ended
    assert words in ended.json["error"]["message"], ended
    assert "Traceback" not in ended.err


@pytest.fixture
def offered(place: Path) -> Path:
    assert offer(place).code == 0
    return place


@pytest.fixture
def answered(offered: Path) -> Path:
    assert answer(offered).code == 0
    return offered


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


@pytest.mark.parametrize("learn", ["peer", "both"])
def test_what_two_files_cannot_do_is_refused_with_what_to_do_instead(place: Path, learn: str) -> None:
    shown = offer(place, "--learn", learn)
    refused(shown, 2, "the side that offers")
    assert shown.json["error"]["term"] == "learn"
    assert not (place / "offer.psi").exists()
    assert not (place / "offer.state").exists()
    refused(answer(place, "--learn", {"peer": "me"}.get(learn, learn)), 2, "the side that offers")


def test_a_replayed_offer_is_refused(answered: Path) -> None:
    before = (answered / "answer.psi").read_bytes()
    refused(answer(answered, out="again.psi"), 6, "answered once")
    assert not (answered / "again.psi").exists()
    assert (answered / "answer.psi").read_bytes() == before
    refused(answer(answered, "--reveal", "count", out="again.psi"), 6, "answered once")
    # Another memory is another memory: it is the operator's to keep.
    assert answer(answered, "--state", answered / "other.answered", out="again.psi").code == 0


def test_an_answer_finishes_its_own_offer_only(answered: Path) -> None:
    assert offer(answered, out="second.psi", state="second.state").code == 0
    refused(finish(answered, state="second.state"), 4, "answers another offer")
    assert (answered / "second.state").exists()
    assert finish(answered).code == 0
    refused(finish(answered), 3, "no state")


def test_files_in_the_wrong_place_are_refused(answered: Path) -> None:
    refused(answer(answered, offer="answer.psi", out="x.psi"), 3, "an offer is needed")
    refused(finish(answered, answer="offer.psi"), 3, "an answer is needed")
    refused(answer(answered, offer="globex.parquet", out="x.psi"), 3, "not a file of the offline exchange")
    refused(answer(answered, offer="missing.psi", out="x.psi"), 3, "cannot read")
    refused(finish(answered, answer="missing.psi"), 3, "cannot read")
    refused(finish(answered, state="globex.key"), 3, "not the state of an offer")
    assert (answered / "offer.state").exists()


def test_foreign_files_are_refused(offered: Path) -> None:
    stranger = run(
        *("psi", "answer", offered / "offer.psi", "--identity", offered / "mallory", "--peer", offered / "globex.crt"),
        *("--input", offered / "acme.csv", "--key", "Mail:email", "--out", offered / "x.psi", "--json"),
    )
    refused(stranger, 4, "not for mallory")
    unknown = run(
        *("psi", "answer", offered / "offer.psi", "--identity", offered / "acme", "--peer", offered / "mallory.crt"),
        *("--input", offered / "acme.csv", "--key", "Mail:email", "--out", offered / "x.psi", "--json"),
    )
    refused(unknown, 4, "no --peer names")
    assert not (offered / "x.psi").exists()
    assert not (offered / "acme.answered").exists()


@pytest.mark.parametrize("name", ["offer.psi", "answer.psi"])
def test_edited_and_cut_files_are_refused_and_leave_the_state(answered: Path, name: str) -> None:
    good = (answered / name).read_bytes()
    for content, code, words in (
        (good[:-1], 3, "cut short"),
        (good[:250], 3, "cut short"),
        (good + b"\n", 3, "not whole"),
        (good[:300] + bytes([good[300] ^ 1]) + good[301:], 4, "signature does not verify"),
        (good.replace(b"\r\n", b"\n"), 3, "attachment"),
        (b"", 3, "not a file"),
    ):
        (answered / name).write_bytes(content)
        memory = answered / "new.answered"
        ended = finish(answered) if name == "answer.psi" else answer(answered, "--state", memory, out="x.psi")
        refused(ended, code, words)
        assert not (answered / "x.psi").exists()
    (answered / name).write_bytes(good)
    assert finish(answered).json["matches"] == 2


def test_differing_terms_are_named_and_the_offer_can_still_be_answered(offered: Path) -> None:
    for options, term in ((("--reveal", "count"), "reveal"), (("--min-matches", "2"), "min_matches")):
        ended = answer(offered, *options)
        assert (ended.code, ended.json["error"]["term"]) == (4, term), ended
        assert not (offered / "answer.psi").exists()
    assert answer(offered).code == 0


def test_another_list_at_the_end_is_refused_and_the_old_one_finishes(answered: Path) -> None:
    table = pq.read_table(answered / "globex.parquet")
    pq.write_table(table.slice(1), answered / "globex.parquet")
    shown = finish(answered)
    assert (shown.code, shown.json["error"]["term"]) == (3, "input"), shown
    pq.write_table(table, answered / "moved.parquet")
    ended = finish(answered, "--input", answered / "moved.parquet", "--output", answered / "common.csv")
    assert ended.code == 0, ended
    assert (answered / "common.csv").read_text().splitlines() == COMMON_ROWS


def test_a_state_is_never_written_over_and_nobody_else_may_read_it(offered: Path) -> None:
    before = (offered / "offer.state").read_bytes()
    refused(offer(offered), 2, "exists")
    assert (offered / "offer.state").read_bytes() == before
    (offered / "offer.state").chmod(0o640)
    refused(finish(offered, answer="offer.psi"), 3, "chmod 600")


def test_a_failed_offer_leaves_nothing(place: Path) -> None:
    refused(offer(place, "--pad-to", "2"), 3, "")
    refused(offer(place, "--key", "nothing:email"), 3, "no column")
    refused(offer(place, out="no/such/offer.psi"), 3, "")
    refused(offer(place, "--peer", place / "mallory.crt"), 2, "one peer")
    assert not list(place.glob("offer*")) + list(place.glob(".offer*"))


def test_a_withheld_result_ends_the_exchange(place: Path) -> None:
    least = ("--min-matches", "3")
    assert (offer(place, *least).code, answer(place, *least).code) == (0, 0)
    ended = finish(place, "--output", place / "common.csv")
    refused(ended, 6, "withheld")
    assert not (place / "common.csv").exists()
    assert not (place / "offer.state").exists()


def test_an_expired_certificate_is_refused_on_both_sides(place: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=40)
    old = Identity.create("old", place, days=30, now=long_ago)
    shown = run(
        *("psi", "offer", "--identity", place / "globex", "--peer", old.certificate_path, "--input"),
        *(place / "globex.parquet", "--key", "e:email", "--out", place / "o.psi", "--state", place / "s", "--json"),
    )
    refused(shown, 3, "expired")
    assert offer(place).code == 0
    late = run(
        *("psi", "answer", place / "offer.psi", "--identity", place / "acme", "--peer", old.certificate_path),
        *("--input", place / "acme.csv", "--key", "Mail:email", "--out", place / "x.psi", "--json"),
    )
    refused(late, 3, "expired")


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
    refused(offer(place, *here, out="2.psi", state="2.state"), 6, "runs")
    assert not list(place.glob("2.*"))
    assert offer(place, out="3.psi", state="3.state").code == 0
    mallory = answer(place, *there)  # names mallory too, with whom the policy allows nothing
    refused(mallory, 6, "names no peer")
    only = ("psi", "answer", "--identity", place / "acme", "--peer", place / "globex.crt", "--input",
            place / "acme.csv", "--key", "Mail:email", "--json")  # fmt: skip
    first = run(*only, place / "offer.psi", "--out", place / "answer.psi", *there)
    assert first.code == 0, first
    refused(run(*only, place / "3.psi", "--out", place / "3a.psi", *there), 6, "runs")
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
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", *map(str, arguments)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(source.uniform(0.2, 1.2))
            process.kill()
            process.wait()
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


@pytest.mark.parametrize("change", [{"keys": 5}, {"source": {"file": "x"}}, {"reveal": "all"}, {"more": 1}])
def test_a_state_of_another_version_is_refused(answered: Path, change: dict[str, object]) -> None:
    path = answered / "offer.state"
    body = json.loads(path.read_text())
    body["options"] |= change
    path.write_bytes(strict_json.encode(body))
    refused(finish(answered), 3, "another version")
