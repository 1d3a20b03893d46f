"""`psiselect psi runs` as the owner of a counter meets it."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from support.policies import write_policy
from support.program import Run

from psi.accounts.policy import Allowance, Policy
from psi.accounts.session_counter import SessionCounter
from psi.identity.identity import Identity

PEER, DAY = bytes(32), 86_400
ONCE, TWICE = Allowance(1, 7 * DAY, "7d"), Allowance(2, 7 * DAY, "7d")


def test_the_commands_say_ask_and_note(place: Path, program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, audit = write_policy(place, "globex"), place / "audit.log"
    policy.write_bytes(b"\xef\xbb\xbf" + policy.read_bytes())  # as Windows saves it
    show, mend = (("psi", "runs", name, "--policy", policy, "--json") for name in ("show", "mend"))
    missing = program(*show)
    assert (missing.code, "the program has not counted a session" in missing.error) == (3, True)
    counter, ahead = SessionCounter(Policy.load(policy).state), int(time.time()) + 360 * DAY
    peer = Identity.load(place / "globex").fingerprint
    counter.spend(peer, TWICE, ahead)
    (shown,) = json.loads(program(*show).out)["peers"]
    assert (shown["fingerprint"], shown["sessions"]) == (peer.hex(), 1)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    refused = program(*mend, "--audit", audit)
    assert refused.code != 0
    assert (counter.clock(), audit.exists()) == (ahead, False)
    assert json.loads(program(*mend, "--audit", audit, "--yes").out)["sessions_moved"] == 1
    assert counter.later_than(int(time.time())) == 0
    assert json.loads(program(*mend, "--audit", audit, "--yes").out)["changed"] is False
    (line,) = [json.loads(line) for line in audit.read_text().splitlines()]
    assert (line["outcome"], line["sessions_moved"], line["peer"]) == ("runs mended", 1, None)


def test_without_its_line_in_the_audit_nothing_is_mended(place: Path, program: Run) -> None:
    policy = write_policy(place, "globex")
    counter, ahead = SessionCounter(Policy.load(policy).state), int(time.time()) + 360 * DAY
    counter.spend(PEER, ONCE, ahead)
    (place / "link.log").symlink_to("audit.log")
    shown = program("psi", "runs", "mend", "--policy", policy, "--audit", place / "link.log", "--yes", "--json")
    assert shown.code == 3
    assert "it is a symbolic link, which the program does not follow. Name another file with --audit" in shown.error
    assert counter.clock() == ahead
