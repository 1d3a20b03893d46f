"""--policy as its users meet it: refused at the start, refused by the run, counted over restarts and kills."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from support.policies import example, write_policy
from support.program import Run
from support.psi_processes import address, psiselect, run, session

from psi.accounts.policy import Policy
from psi.accounts.session_counter import SessionCounter
from psi.identity.identity import Identity


def test_the_documentations_policy_is_one(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(example())
    policy = Policy.load(path)
    assert len(policy.peers) == 3
    assert [rules.ledger.dataset for rules in policy.peers.values() if rules.ledger] == ["customers"]
    assert {rules.runs.per for rules in policy.peers.values()} == {"7d", "24h"}


def test_two_runs_a_week_hold_over_restarts_and_a_kill(place: Path) -> None:
    """The first listener is killed as soon as its run is counted, the second finishes, the third is refused."""
    policy = write_policy(place, "globex", "mallory", reveal='["matches"]')
    peer = Identity.load(place / "globex").fingerprint
    state = place / "policy.toml.runs"
    listen = ("psi", "listen", "--address", "127.0.0.1:0", "--identity", place / "acme", "--peer", place / "globex.crt")
    with (
        psiselect(*listen, "--input", place / "acme.csv", "--key", "Mail:email", "--policy", policy) as listener,
        psiselect(
            *("psi", "connect", address(listener), "--identity", place / "globex", "--peer", place / "acme.crt"),
            *("--input", place / "globex.parquet", "--key", "e:email", "--json"),
        ) as caller,
    ):
        deadline = time.monotonic() + 60
        while SessionCounter(state).count(peer) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        listener.kill()
        caller.wait(timeout=60)

    options = ("--policy", policy, "--audit", place / "acme.log")
    second = session(place, acme=options)
    assert [side.code for side in second] == [0, 0], second
    acme, globex = session(place, acme=options)
    assert (acme.code, globex.code) == (6, 4), (acme, globex)
    assert acme.json["error"]["term"] == "runs"
    assert "allows 2 sessions with this peer in 7 days, and 2 have begun" in acme.json["error"]["message"]
    assert "policy refuses this session" in globex.json["error"]["message"]
    assert "7d" not in globex.out + globex.err
    assert SessionCounter(state).count(peer) == 2
    assert (place / "acme.log").read_text().count("\n") == 2


def test_a_caller_holds_its_own_policy_and_a_long_list_is_refused(place: Path) -> None:
    policy = write_policy(place, "acme", reveal='["matches"]', columns='["e"]', max_peer_size="2")
    acme, globex = session(place, globex=("--policy", policy))
    assert (acme.code, globex.code) == (4, 6), (acme, globex)
    assert globex.json["error"]["term"] == "max_peer_size"
    # Sizes are told to a session that was counted, so that a peer cannot have them as often as it likes.
    assert SessionCounter(place / "policy.toml.runs").count(Identity.load(place / "acme").fingerprint) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, None),
        ({"reveal": '["count"]'}, "reveal"),
        ({"columns": '["id"]'}, "columns"),
        ({"send_columns": "[]"}, "send_columns"),
        ({"send_columns": '["Mail"]'}, "send_columns"),
        ({"output_rows": "false"}, "output_rows"),
        ({"min_matches": "1"}, "min_matches"),
        ({"max_own_size": "2"}, "max_own_size"),
    ],
)
def test_what_the_policy_forbids_is_refused_before_the_wait(
    place: Path, program: Run, changes: dict[str, str], field: str | None
) -> None:
    allowing = {"reveal": '["matches"]', "output_rows": "true", "min_matches": "0", "send_columns": '["city"]'}
    policy = write_policy(place, "globex", **(allowing | changes))
    arguments = (
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", place / "acme", "--peer", place / "globex.crt"),
        *(
            "--input",
            place / "acme.csv",
            "--key",
            "Mail:email",
            "--learn",
            "both",
            "--send",
            "city",
            "--output",
            place / "out.csv",
        ),
        *("--timeout", "0.1", "--json", "--policy", policy),
    )
    shown = program(*arguments)
    assert shown.code == (5 if field is None else 6), shown.out  # 5: nobody called
    assert field is None or f"'{field}'" in shown.error
    stranger = program(*arguments, "--peer", place / "mallory.crt")
    assert stranger.code == 6
    assert field is not None or "does not name this peer" in stranger.error


def test_noisy_runs_are_charged_to_the_budget_and_end_with_it(place: Path, program: Run) -> None:
    budget = ("--epsilon", "1.5", "--delta", "1/1000", "--neighbors", "add-remove", "--dataset", "customers")
    assert program("budget", "create", place / "weekly.budget", *budget).code == 0
    policy = write_policy(place, "globex", "mallory", reveal='["noisy-count"]')
    policy.write_text('ledger = {file = "weekly.budget", dataset = "customers"}\n' + policy.read_text())
    noisy = ("--reveal", "noisy-count", "--epsilon", "1", "--delta", "1/10000", "--min-matches", "1")
    options = ("--policy", policy, *noisy)

    def spent() -> list[str]:
        shown = json.loads(program("budget", "show", place / "weekly.budget", "--json").out)
        return [balance["spent_exact"] for balance in shown["balances"]]

    acme, globex = session(place, acme=options, globex=noisy)
    assert acme.code == 0, acme
    assert globex.code in (0, 6), globex  # 6: the noisy number is below the minimum
    assert spent() == ["1"]
    acme, globex = session(place, acme=options, globex=noisy)
    assert (acme.code, globex.code) == (6, 4), (acme, globex)
    assert acme.json["error"]["term"] == "ledger"
    assert "over budget" in acme.json["error"]["message"]
    assert spent() == ["1"]


def test_a_mistake_in_the_policy_is_an_input_error(place: Path) -> None:
    policy = write_policy(place, "globex")
    policy.write_text("max_size = 3\n" + policy.read_text())
    shown = run(
        *("psi", "connect", "127.0.0.1:1", "--identity", place / "globex", "--peer", place / "acme.crt"),
        *("--input", place / "globex.parquet", "--key", "e:email", "--json", "--policy", policy),
    )
    assert shown.code == 3
    assert "field 'max_size' is not known" in shown.json["error"]["message"]


def test_a_peer_that_compares_learns_a_count_which_the_policy_must_allow(place: Path) -> None:
    for reveal, said in (('["matches"]', "does not list 'count'"), ('["matches", "count"]', None)):
        policy = write_policy(place, "acme", reveal=reveal, columns='["e"]')
        shown = run(
            *("psi", "connect", "127.0.0.1:1", "--identity", place / "globex", "--peer", place / "acme.crt"),
            *("--input", place / "globex.parquet", "--key", "e:email", "--json", "--policy", policy),
            *("--min-matches", "1", "--min-matches-by", "other", "--timeout", "0.2"),
        )
        assert shown.code == (5 if said is None else 6), shown
        if said is not None:
            assert shown.json["error"]["term"] == "reveal"
            assert said in shown.json["error"]["message"]
