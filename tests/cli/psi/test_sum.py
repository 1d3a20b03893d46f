"""`--reveal sum` as its users meet it: two processes over mutual TLS, `psi local`, and everything that is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.policies import write_policy
from support.program import Run
from support.psi_processes import session

from psi.agreement.amounts import Amounts
from psi.agreement.modes import Side
from psi.protocol.outcome import Outcome
from psi.session import local as both_parties
from psi.session.session import SessionResult
from psiselect.base.errors import RemoteError
from psiselect.matching import values

SUM = ("--reveal", "sum")
ACME, GLOBEX = (*SUM, "--value", "id"), (*SUM, "--value", "n")  # Ann's rows of Acme are 1 and 4, Eve's is 6


def test_the_learner_gets_count_and_total_over_tls_and_the_other_side_nothing(place: Path) -> None:
    acme, globex = session(place, ACME, SUM)
    assert (acme.code, globex.code) == (0, 0), (acme, globex)
    here, there = globex.json, acme.json
    assert (here["reveal"], here["matches"], here["sum"], here["sum_exact"]) == ("sum", 2, 11, "11.00")
    assert (here["matched_rows"], here["output"]) == (None, None)
    assert (there["matches"], there["sum"], there["sum_exact"]) == (None, None, None)
    assert (here["own_size"], here["peer_size"]) == (there["peer_size"], there["own_size"]) == (3, 3)
    assert here["transcript"] == there["transcript"]


def test_both_learn_the_others_total_and_neither_is_in_the_record(place: Path) -> None:
    both = ("--learn", "both", "--value-decimals", "0", "--value-max", "1e3")
    record = place / "record.json"
    acme, globex = session(place, (*ACME, *both), (*GLOBEX, *both, "--record", record))
    assert (acme.json["sum"], globex.json["sum"]) == (4, 11)
    assert (acme.json["sum_exact"], globex.json["sum_exact"]) == ("4", "11")
    kept = json.loads(record.read_text())["record"]
    assert kept["counts"] == [2]
    assert (kept["terms"]["value_decimals"], kept["terms"]["value_max"]) == (0, "1000")
    assert "11" not in json.dumps({name: kept[name] for name in kept if name in ("counts", "sizes")})


def test_the_listening_side_may_learn_and_sizes_may_be_hidden(place: Path) -> None:
    padded = ("--pad-to", "20")
    acme, globex = session(place, (*SUM, "--learn", "me", *padded), (*GLOBEX, "--learn", "peer", *padded))
    assert (acme.json["matches"], acme.json["sum"], globex.json["sum"]) == (2, 4, None)
    assert acme.json["peer_size"] == globex.json["peer_size"] == 20


def test_a_total_of_too_few_matches_is_withheld(place: Path) -> None:
    acme, globex = session(place, (*ACME, "--min-matches", "3"), (*SUM, "--min-matches", "3"))
    assert (acme.code, globex.code) == (0, 6)
    assert globex.json["error"]["term"] == "min_matches"
    assert "11" not in globex.out


@pytest.mark.parametrize(
    ("other", "term"),
    [
        ((*SUM, "--value-decimals", "3"), "value_decimals"),
        ((*SUM, "--value-max", "10"), "value_max"),
        (("--reveal", "count"), "reveal"),
    ],
)
def test_differing_terms_end_both_with_the_terms_name(place: Path, other: tuple[str, ...], term: str) -> None:
    for side in session(place, ACME, other):
        assert side.code == 4, side
        assert side.json["error"]["term"] == term


def local(place: Path, *options: object) -> tuple[object, ...]:
    return ("psi", "local", place / "globex.parquet", place / "acme.csv", "--key", "e:email", "--key-b", "Mail:email",
            "--json", *options)  # fmt: skip


def test_local_adds_up_the_values_of_the_side_that_does_not_learn(place: Path, program: Run) -> None:
    found = json.loads(program(*local(place, *ACME)).out)
    assert (found["matches"], found["sum_exact"]) == (2, "11.00")
    shown = program(*[word for word in local(place, *ACME) if word != "--json"])
    assert "sum             11.00" in shown.out


def test_a_total_that_no_values_can_have_is_an_error_and_is_not_shown(
    place: Path, program: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = both_parties.run

    def spoiled(*arguments: Any) -> dict[Side, SessionResult]:
        results = honest(*arguments)
        found = results[Side.CONNECT]
        return {**results, Side.CONNECT: replace(found, outcome=replace(found.outcome, total=987_654_321_987_654_321))}

    monkeypatch.setattr(both_parties, "run", spoiled)
    shown = program(*local(place, *ACME))
    assert shown.code == 4
    assert "does not follow the protocol" in shown.error
    assert "987" not in shown.out


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (SUM, 2, "Name the column of the values with --value"),
        (("--value", "id"), 2, "--value works only with --reveal sum, and this session has --reveal matches"),
        (
            ("--reveal", "count", "--value-decimals", "1"),
            2,
            "only with --reveal sum, and this session has --reveal count",
        ),
        ((*ACME, "--output", "out.csv"), 2, "nothing to write. Leave out --output"),
        ((*ACME, "--value-max", "-1"), 2, "must be a decimal number above 0"),
        ((*ACME, "--value-max", "0.001"), 2, "more decimal places than --value-decimals 2 allows"),
        (
            (*ACME, "--epsilon", "1", "--delta", "1e-6"),
            2,
            "only with --reveal noisy-count, and this session has --reveal sum",
        ),
        ((*ACME, "--key", "n:raw", "--key-b", "id:raw"), 2, "one-to-one"),
        ((*SUM, "--value", "ID"), 3, "no column 'ID'. Did you mean 'id'?"),
        ((*SUM, "--value", "city"), 3, "row 2: the value in column 'city' is not a number"),
        ((*ACME, "--value-max", "5"), 3, "row 7: the value in column 'id' must be from -5.00 to 5.00"),
        ((*ACME, "--value-max", "5e16"), 2, "could be too large for this program"),
    ],
)
def test_sums_that_cannot_be_had_are_refused_with_what_to_change(
    place: Path, program: Run, options: tuple[str, ...], code: int, words: str
) -> None:
    refused = program(*local(place, *options))
    assert refused.code == code, refused
    assert words in json.loads(refused.out)["error"]["message"]


def test_a_value_column_of_the_side_that_learns_is_refused(place: Path, program: Run) -> None:
    refused = program(
        *("psi", "connect", "127.0.0.1:1", "--identity", place / "globex", "--peer", place / "acme.crt", "--json"),
        *("--input", place / "globex.parquet", "--key", "e:email", *GLOBEX),
    )
    assert (refused.code, json.loads(refused.out)["error"]["term"]) == (2, "value")


def test_a_policy_that_does_not_list_the_column_refuses_before_the_peer_is_called(place: Path, program: Run) -> None:
    def listen(policy: Path) -> tuple[object, ...]:
        return (
            *(
                "psi",
                "listen",
                "--address",
                "127.0.0.1:0",
                "--identity",
                place / "acme",
                "--peer",
                place / "globex.crt",
            ),
            *("--input", place / "acme.csv", "--key", "Mail:email", "--json", *ACME, "--min-matches", "50"),
            *("--policy", policy, "--timeout", "0.2"),
        )

    refused = program(*listen(write_policy(place, "globex", reveal='["sum"]')))
    assert (refused.code, json.loads(refused.out)["error"]["term"]) == (6, "columns")
    allowed = program(*listen(write_policy(place, "globex", reveal='["sum"]', columns='["Mail", "id"]')))
    assert allowed.code == 5, allowed  # waits for the peer


def test_several_keys_one_to_one_add_up_each_record_once(tmp_path: Path, program: Run) -> None:
    (tmp_path / "a.csv").write_text("mail,phone\na@x.org,1\n,2\nc@x.org,3\n")
    (tmp_path / "b.csv").write_text(
        "mail,phone,amount\na@x.org,1,10.50\nb@x.org,2,0.25\nc@x.org,9,100\nz@x.org,8,1000\n"
    )
    found = program(
        *("psi", "local", tmp_path / "a.csv", tmp_path / "b.csv", "--key", "mail:email", "--key", "phone"),
        *("--matching", "one-to-one", "--reveal", "sum", "--value", "amount", "--json"),
    )
    assert (json.loads(found.out)["matches"], json.loads(found.out)["sum_exact"]) == (3, "110.75")


def test_estimate_knows_sums(program: Run) -> None:
    size = ("psi", "estimate", "--own", "1000000", "--peer", "1000000", "--json")
    count, total = (json.loads(program(*size, *mode).out) for mode in (("--reveal", "count"), SUM))
    more = total["bytes_sent"] + total["bytes_received"] - count["bytes_sent"] - count["bytes_received"]
    assert 24_000_000 < more < 24_030_000
    refused = program("psi", "estimate", "--own", "1", "--peer", "100000000", "--json", *SUM)
    assert (refused.code, json.loads(refused.out)["error"]["term"]) == (2, "value_max")


def test_a_total_that_cannot_be_true_is_reported_when_the_session_is_over() -> None:
    amounts = Amounts.of(2, "10")
    values.check_total(amounts, Outcome(counts=(3,), total=3000))
    values.check_total(amounts, Outcome(counts=(3,), total=-3000))
    with pytest.raises(RemoteError, match=r"3 values of up to 10\.00"):
        values.check_total(amounts, Outcome(counts=(3,), total=3001))


@pytest.mark.parametrize(
    ("total", "text"), [(123456789, "1,234,567.89"), (-5, "-0.05"), (0, "0.00"), (-(10**6), "-10,000.00")]
)
def test_totals_for_people(total: int, text: str) -> None:
    assert values.text(Amounts.of(2, "10"), total) == text


def test_totals_beyond_doubles_are_exact_as_text() -> None:
    amounts = Amounts.of(2, "10")
    shown = values.as_json(amounts, Outcome(counts=(1,), total=2**62 + 1))
    assert shown["sum_exact"] == "46116860184273879.05"
    assert shown["sum"] == float("46116860184273879.05")
