"""`psiselect psi listen --serve` as its operator meets it: sessions, places, policy, files and start-up errors."""

from __future__ import annotations

import csv
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.policies import write_policy
from support.psi_processes import ACME, GLOBEX, Ended, run
from support.served import Call, Served, hold, options_of, serving

from psi.accounts.policy import Policy
from psi.accounts.session_counter import SessionCounter
from psi.identity.identity import Identity
from psiselect.matching.guard import Admission

SECRETS = [row[1] for row in ACME[1:] if row[1]] + list(map(str, GLOBEX["e"]))


@pytest.fixture
def served(place: Path) -> Iterator[Served]:
    with serving(place, "--health", "0", "--json", peers=("globex", "mallory")) as found:
        yield found


def test_sessions_one_after_the_other_and_at_once(place: Path, call: Call) -> None:
    records, audit = place / "records", place / "acme.log"
    records.mkdir()
    options = ("--health", "0", "--json", "--record", records, "--audit", audit)
    with serving(place, *options, peers=("globex", "mallory")) as served:
        where = served.address
        assert [call(where).json["matches"] for _ in range(2)] == [2, 2]
        shown: dict[str, Ended] = {}

        def play(name: str) -> None:
            shown[name] = run(*options_of(place, where, name, "--record", place / f"{name}.json"))

        both = [threading.Thread(target=play, args=(name,)) for name in ("globex", "mallory")]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert [shown[name].json["matches"] for name in ("globex", "mallory")] == [2, 2]
        wrong = call(where, "globex", "--reveal", "count")
        assert (wrong.code, wrong.json["error"]["term"]) == (4, "reveal")
        served.wait("session_failed")
        served.settle(200, status="serving", running=0, done=4, failed=1)
        assert served.health()[1].keys() == {"status", "running", "done", "failed", "certificate_days"}
        assert served.stop() == 0
        assert served.events[-2]["event"] == "stopped"

    done = served.all("session_done")
    assert [event["code"] for event in done] == [0] * 4
    assert {event["peer"] for event in done} == {"globex", "mallory"}
    assert all(event["own_size"] == event["peer_size"] == 3 and event["bytes_sent"] > 0 for event in done)
    (failed,) = served.all("session_failed")
    assert (failed["code"], failed["kind"], failed["term"]) == (4, "peer", "reveal")
    assert len(served.events) == len(served.raw) + 1, "every line of the log is JSON"
    results = served.results()
    assert sorted(str(r["transcript"])[:16] for r in results) == sorted(event["transcript"] for event in done)
    assert sorted(path.name for path in records.iterdir()) == sorted(f"{event['transcript']}.json" for event in done)
    for name in ("globex", "mallory"):
        written = records / f"{shown[name].json['transcript'][:16]}.json"
        assert written.read_bytes() == (place / f"{name}.json").read_bytes()
        assert written.stat().st_mode & 0o777 == 0o600
    audited = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [line["outcome"] for line in audited].count("done") == 4
    assert [line["error"]["code"] for line in audited if line["error"]] == [4]


def test_the_log_holds_no_identifier_and_no_tally(place: Path, call: Call) -> None:
    (place / "out").mkdir()
    options = ("--learn", "me", "--output", place / "out", "--json", "--max-sessions", "2")
    with serving(place, *options) as served:
        for _ in range(2):
            assert call(served.address, "globex", "--learn", "peer").code == 0
        assert served.stop() == 0
    log = "".join(served.raw).casefold()
    assert not [secret for secret in SECRETS if secret.strip().casefold() in log]
    assert "matches" not in log
    assert [result["matches"] for result in served.results()] == [2, 2]
    files = {path.stem: path for path in (place / "out").iterdir()}
    assert sorted(files) == sorted(event["transcript"] for event in served.all("session_done"))
    for path in files.values():
        with path.open(newline="") as file:
            assert list(csv.reader(file)) == [ACME[0], ACME[1], ACME[4], ACME[6]]


def test_a_withheld_result_is_for_stdout_and_not_for_the_log(place: Path, call: Call) -> None:
    least = ("--min-matches", "3")
    with serving(place, "--learn", "me", "--json", *least) as served:
        assert call(served.address, "globex", "--learn", "peer", *least).code == 0
        assert served.stop() == 0
    (result,) = served.results()
    assert (result["error"]["code"], result["error"]["term"]) == (6, "min_matches")
    (done,) = served.all("session_done")
    assert done["code"] == 0
    assert "min_matches" not in "".join(served.raw)


def test_a_peer_has_one_place_and_is_told_so(place: Path, served: Served, call: Call) -> None:
    with hold(place, served) as first:
        served.wait("session_started")
        refused = call(served.address)
        assert (refused.code, refused.json["error"]["kind"]) == (4, "peer")
        assert "the peer is busy with other sessions" in refused.json["error"]["message"]
        assert served.wait("turned_away")["peer"] == "globex"
        assert call(served.address, "mallory").json["matches"] == 2
        served.settle(200, running=1, done=1)
        first.break_off("the test has seen enough")
    failed = served.wait("session_failed")
    assert (failed["code"], failed["kind"], failed["peer"]) == (5, "transport", "globex")
    assert call(served.address).json["matches"] == 2


def test_all_places_are_taken_by_others(place: Path, call: Call) -> None:
    with serving(place, "--max-sessions", "1", peers=("globex", "mallory")) as served:
        with hold(place, served, "mallory"):
            served.wait("session_started")
            assert call(served.address).code == 4
        assert call(served.address).code == 0


def test_two_runs_a_week_hold_over_restarts_and_a_kill(place: Path, call: Call) -> None:
    """One listener is killed after a run, the next serves one more and refuses the third; one more restart and a clock
    that goes back change nothing."""
    policy = write_policy(place, "globex", reveal='["matches"]')
    options = ("--policy", policy, "--audit", place / "acme.log")
    with serving(place, *options) as served:
        assert call(served.address).code == 0
        served.wait("session_done")  # a client is done a moment before its listener, whose audit line follows
        served.process.kill()
    with serving(place, *options) as served:
        assert call(served.address).code == 0
        third = call(served.address)
        assert third.code == 4
        assert "policy refuses this session" in third.json["error"]["message"]
        assert "7d" not in third.out + third.err
        failed = served.wait("session_failed")
        assert (failed["code"], failed["kind"], failed["term"]) == (6, "policy", "runs")
        assert served.stop() == 0
    with serving(place, *options) as served:
        assert call(served.address).code == 4
        assert served.wait("session_failed")["code"] == 6
    peer = Identity.load(place / "globex").fingerprint
    assert SessionCounter(place / "policy.toml.runs").count(peer) == 2
    codes = [
        (json.loads(line)["error"] or {"code": 0})["code"] for line in (place / "acme.log").read_text().splitlines()
    ]
    assert codes == [0, 0, 6, 6]


def test_runs_of_a_clock_that_has_gone_back_still_count(place: Path, call: Call) -> None:
    policy = write_policy(place, "globex", reveal='["matches"]')
    peer = Identity.load(place / "globex").fingerprint
    counter, ahead = SessionCounter(place / "policy.toml.runs"), int(time.time()) + 6 * 86_400
    for _ in range(2):
        counter.spend(peer, Policy.load(policy).rules(peer).runs, ahead)
    with serving(place, "--policy", policy) as served:
        assert call(served.address).code == 4
        assert served.wait("session_failed")["term"] == "runs"


def test_the_policy_is_read_for_each_session(place: Path, call: Call) -> None:
    policy = write_policy(place, "globex", reveal='["matches"]')
    with serving(place, "--policy", policy, "--audit", place / "acme.log") as served:
        assert call(served.address).code == 0
        write_policy(place, "globex", reveal='["count"]')
        refused = call(served.address)
        assert (refused.code, refused.json["error"]["kind"]) == (4, "peer")
        assert "policy refuses this session" in refused.json["error"]["message"]
        failed = served.wait("session_failed")
        assert (failed["code"], failed["term"]) == (6, "reveal")
        policy.write_text("half a pol")
        assert call(served.address).code == 4
        assert served.wait("session_failed", 2)["code"] == 3
        write_policy(place, "globex", reveal='["matches"]')
        assert call(served.address).code == 0
        assert served.stop() == 0
    lines = [json.loads(line) for line in (place / "acme.log").read_text().splitlines()]
    assert [(line["error"] or {"code": 0})["code"] for line in lines] == [0, 6, 3, 0]
    assert [line["own_size"] for line in lines] == [3, None, None, 3]


def test_a_table_that_was_replaced_is_picked_up_and_a_bad_one_refused(place: Path, served: Served, call: Call) -> None:
    def replace(rows: list[list[str]]) -> None:
        with (place / "new.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        os.replace(place / "new.csv", place / "acme.csv")

    assert call(served.address).json["matches"] == 2
    replace([ACME[0], ACME[6]])
    shown = call(served.address)
    assert (shown.json["matches"], shown.json["peer_size"]) == (1, 1)
    replace([["id", "Mail", "city"], ["1", "two fields only"]])
    refused = call(served.address)
    assert (refused.code, refused.json["error"]["kind"]) == (4, "peer")
    assert "fault on the peer's side" in refused.json["error"]["message"]
    assert served.wait("session_failed")["code"] == 3
    assert served.health()[0] == 503
    replace(ACME)
    assert call(served.address).json["matches"] == 2
    served.settle(200, status="serving", running=0, done=3, failed=1)


def test_a_table_that_is_replaced_in_a_session_keeps_its_matched_rows(
    place: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of a session are those of the table that it began with; the next one has the new table."""
    folders = {name: place / name for name in ("rows", "records")}
    for folder in folders.values():
        folder.mkdir()
    copy = place / "new.csv"
    old = (place / "acme.csv").read_text().splitlines()
    copy.write_text("\n".join([old[0], *(f"new{line}" for line in old[1:]), ""]))
    admit = Admission.__call__

    def replacing(admission: Admission) -> None:  # the listener has proved who it is: its session has begun
        if copy.exists():
            copy.replace(place / "acme.csv")
        admit(admission)

    monkeypatch.setattr(Admission, "__call__", replacing)
    with serving(place, "--learn", "me", "--output", folders["rows"], "--record", folders["records"]) as served:
        for number in (1, 2):
            assert call(served.address, "globex", "--learn", "peer").code == 0
            served.wait("session_done", number)
            assert [len(list(folder.iterdir())) for folder in folders.values()] == [number, number]
    first, second = sorted(folders["rows"].iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert "new1,Ann" not in first.read_text()
    assert "new1,Ann" in second.read_text()


def test_a_new_table_is_read_before_a_peer_asks(place: Path, served: Served) -> None:
    served.wait("table_read")
    (place / "new.csv").write_text("id,Mail,city\n1,new@example.com,x\n")
    os.replace(place / "new.csv", place / "acme.csv")
    assert served.wait("table_read", 2)["distinct"] == 1


def test_the_log_may_be_a_file_of_its_own(place: Path) -> None:
    log = place / "acme.jsonl"
    with serving(place, "--log", log) as served:
        deadline = time.monotonic() + 60
        while "listening" not in (log.read_text() if log.exists() else ""):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert log.stat().st_mode & 0o777 == 0o600
        log.rename(place / "acme.jsonl.1")
        assert served.stop() == 0
    assert served.raw[0].startswith("listening on 127.0.0.1:")
    assert len(served.raw) == 1
    assert [json.loads(line)["event"] for line in log.read_text().splitlines()] == ["stopping", "stopped"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--max-sessions", "2"), 2, "--max-sessions works only with a listener that keeps running. Add --serve"),
        (("--serve", "--record", "one.json"), 2, "one-{session}.json"),
        (("--serve", "--learn", "me", "--output", "one.csv"), 2, "{session}"),
        (("--serve", "--record", "missing/{session}.json"), 3, "missing"),
        (("--serve", "--log", "missing/log"), 3, "missing/log"),
        (("--serve", "--health", "nowhere"), 2, "nowhere"),
        (("--serve", "--key", "Nope"), 3, "Nope"),
    ],
)
def test_the_listeners_own_troubles_have_exit_codes(
    place: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], code: int, words: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.chdir(place)
    key = () if "--key" in options else ("--key", "Mail:email")
    ended = run(
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", "acme", "--peer", "globex.crt"),
        *("--input", "acme.csv", "--json", *key, *options),
    )
    assert ended.code == code, ended
    assert words in json.loads(ended.out)["error"]["message"]


def test_a_taken_address_is_a_transport_error(place: Path, served: Served) -> None:
    again = run(
        *("psi", "listen", "--serve", "--address", served.address, "--identity", place / "acme", "--json"),
        *("--peer", place / "globex.crt", "--input", place / "acme.csv", "--key", "Mail:email"),
    )
    assert again.code == 5
    why = "Address already in use. Stop the program that listens there, or choose another port"
    assert again.json["error"]["message"] == f"cannot listen on {served.address}: {why}"  # type: ignore[index]
