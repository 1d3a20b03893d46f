"""A listener that keeps running under the fast protocol: sessions, a policy's `protocols`, refusals, cheats."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from support.policies import write_policy
from support.program import Run
from support.psi_processes import Ended, run
from support.served import Call, options_of, serving
from support.tampered import tampering

from psi.identity.identity import Identity
from psi.protocol.messages import MessageType as M
from psi.transport.wire import Frame

FAST = ("--protocol", "fast")
STATUS = "experimental, not reviewed"


def policy_of(place: Path, protocols: str | None, *peers: str, runs: str = '{count = 3, per = "7d"}') -> Path:
    policy = write_policy(place, *peers, reveal='["matches"]', runs=runs)
    policy.write_text(("" if protocols is None else f"protocols = {protocols}\n") + policy.read_text())
    return policy


def test_sessions_refusals_and_a_change_of_the_policy(place: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    records, audit = place / "records", place / "acme.log"
    records.mkdir()
    policy = policy_of(place, '["fast"]', "globex", "mallory")
    options = (*FAST, "--policy", policy, "--record", records, "--audit", audit, "--health", "0", "--json")
    with serving(place, *options, peers=("globex", "mallory")) as served:
        where, shown = served.address, dict[str, Ended]()

        def play(name: str) -> None:
            shown[name] = run(*options_of(place, where, name, *FAST))

        both = [threading.Thread(target=play, args=(name,)) for name in ("globex", "mallory")]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        for one in shown.values():
            assert (one.code, one.json["matches"], one.json["protocol_status"]) == (0, 2, STATUS)
        # A peer that cheats in the middle of a session fails alone.
        with monkeypatch.context() as patch:
            tampering(patch, Identity.load(place / "acme").fingerprint, M.MATRIX, _cut)
            cheated = call(where, "mallory", *FAST)
        assert (cheated.code, cheated.json["error"]["kind"]) == (4, "peer")
        assert "slice of the matrix" in served.wait("session_failed")["reason"]
        # Terms are compared before a session is counted.
        wrong = call(where, "globex")
        assert (wrong.code, wrong.json["error"]["term"]) == (4, "protocol")
        assert call(where, "globex", *FAST).code == 0
        # The policy is read for each session. The peer does not hear what it says.
        policy_of(place, '["ecdh"]', "globex", "mallory")
        refused = call(where, "globex", *FAST)
        assert (refused.code, refused.json["error"]["kind"]) == (4, "peer")
        assert "protocols" not in refused.out
        policy_of(place, '["ecdh", "fast"]', "globex", "mallory")
        assert call(where, "globex", *FAST).code == 0
        assert call(where, "globex", *FAST).code == 4  # its fourth
        served.settle(200, running=0, done=4, failed=4)
        assert served.stop() == 0
    failed = [(event["code"], event["kind"], event["term"]) for event in served.all("session_failed")]
    assert failed == [
        (4, "peer", None), (4, "peer", "protocol"), (6, "policy", "protocols"), (6, "policy", "runs"),
    ]  # fmt: skip
    assert len(served.all("session_done")) == len(served.results()) == 4
    assert {result["protocol_status"] for result in served.results()} == {STATUS}
    kept = [json.loads(path.read_text())["record"] for path in records.iterdir()]
    assert [record["status"] for record in kept] == [STATUS] * 4
    assert len({record["transcript"] for record in kept}) == 4
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [line["outcome"] for line in lines].count("done") == 4
    # Once, before it listens; the rest of its log is JSON.
    assert [line for line in served.raw if STATUS in line] == served.raw[:1]


def test_a_listener_that_its_policy_does_not_let_does_not_start(place: Path, program: Run) -> None:
    for protocols in (None, '["ecdh"]'):
        refused = program(
            *("psi", "listen", "--serve", "--address", "127.0.0.1:0", "--identity", place / "acme", *FAST),
            *("--peer", place / "globex.crt", "--input", place / "acme.csv", "--key", "Mail:email", "--json"),
            *("--policy", policy_of(place, protocols, "globex")),
        )
        assert refused.code == 6
        assert "'protocols' allows only ecdh. Agree with the peer on one of these" in refused.error


def _cut(frame: Frame) -> list[Frame]:
    return [Frame(frame.type, bytes(frame.view())[:-1])]
