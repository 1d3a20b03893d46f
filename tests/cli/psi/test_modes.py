"""`--reveal`, `--epsilon`, `--delta` and `--min-matches` as their users give them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.psi_processes import run, session

NOISY = ("--reveal", "noisy-count", "--epsilon", "1", "--delta", "1e-6")
REACH = 14  # of the noise at these


def local(place: Path, *options: str) -> tuple[object, ...]:
    return ("psi", "local", place / "acme.csv", place / "globex.parquet", "--key", "Mail:email", "--key-b", "e:email",
            *options)  # fmt: skip


def test_a_noisy_count_over_tls_with_the_numbers_written_differently(place: Path) -> None:
    acme, globex = session(place, NOISY, ("--reveal", "noisy-count", "--epsilon", "1.0", "--delta", "1/1000000"))
    assert (acme.code, globex.code) == (0, 0), (acme, globex)
    here, there = acme.json, globex.json
    assert there["reveal"] == "noisy-count"
    assert abs(there["noisy_count"] - 2) <= REACH
    assert (there["matches"], there["matched_rows"], there["output"]) == (None, None, None)
    assert (there["own_size"], there["peer_size"]) == (3, 3)
    assert (here["noisy_count"], here["matches"]) == (None, None)


@pytest.mark.parametrize(
    ("other", "term"),
    [
        (("--reveal", "noisy-count", "--epsilon", "0.5", "--delta", "1e-6"), "epsilon"),
        (("--reveal", "noisy-count", "--epsilon", "1", "--delta", "1e-9"), "delta"),
        (("--reveal", "count"), "reveal"),
        ((*NOISY, "--min-matches", "3"), "min_matches"),
    ],
)
def test_differing_noise_or_minimum_ends_both_with_the_terms_name(
    place: Path, other: tuple[str, ...], term: str
) -> None:
    for side in session(place, NOISY, other):
        assert side.code == 4, side
        assert side.json["error"]["term"] == term


@pytest.mark.parametrize("reveal", ["matches", "count"])
def test_a_result_below_the_minimum_is_withheld_with_6_and_nothing_is_written(place: Path, reveal: str) -> None:
    both = ("--reveal", reveal, "--min-matches", "3")
    output = ("--output", str(place / "out.csv")) if reveal == "matches" else ()
    acme, globex = session(place, both, (*both, *output))
    assert (acme.code, globex.code) == (0, 6), (acme, globex)
    assert globex.json["error"]["kind"] == "policy"
    assert globex.json["error"]["term"] == "min_matches"
    assert "2" not in globex.json["error"]["message"]
    assert not (place / "out.csv").exists()


def test_a_result_that_reaches_the_minimum_is_shown(place: Path) -> None:
    shown = run(*local(place, "--reveal", "count", "--min-matches", "2", "--json"))
    assert (shown.code, shown.json["matches"]) == (0, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--reveal", "noisy-count"), "needs --epsilon and --delta"),
        (("--reveal", "noisy-count", "--epsilon", "1"), "needs --epsilon and --delta"),
        (("--epsilon", "1", "--delta", "1e-6"), "work only with --reveal noisy-count"),
        (("--reveal", "noisy-count", "--epsilon", "x", "--delta", "1e-6"), "epsilon"),
        (("--reveal", "noisy-count", "--epsilon", "0", "--delta", "1e-6"), "epsilon"),
        (("--reveal", "noisy-count", "--epsilon", "1", "--delta", "1"), "delta"),
        (("--reveal", "noisy-count", "--epsilon", "1e-9", "--delta", "1e-6"), "65,536"),
        ((*NOISY, "--output", "out.csv"), "--output"),
        (("--min-matches", "0"), "min-matches"),
    ],
)
def test_modes_that_do_not_exist_are_refused_as_usage(place: Path, options: tuple[str, ...], words: str) -> None:
    refused = run(*local(place, *options, "--json"))
    assert refused.code == 2, refused
    assert words in refused.json["error"]["message"]


def test_padded_lists_hide_both_sizes(place: Path) -> None:
    both = ("--pad-to", "50")
    acme, globex = session(place, both, (*both, "--output", str(place / "out.csv")))
    assert (acme.code, globex.code) == (0, 0), (acme, globex)
    for side in (acme.json, globex.json):
        assert (side["own_size"], side["peer_size"]) == (50, 50)
    assert (globex.json["matches"], globex.json["matched_rows"]) == (2, 2)
    assert len((place / "out.csv").read_text().splitlines()) == 3


def test_a_list_longer_than_the_padding_is_bad_input_before_the_peer_is_called(place: Path) -> None:
    refused = run(
        *("psi", "connect", "127.0.0.1:1", "--identity", place / "globex", "--peer", place / "acme.crt"),
        *("--input", place / "globex.parquet", "--key", "e:email", "--pad-to", "2", "--json"),
    )
    assert refused.code == 3, refused
    assert refused.json["error"]["term"] == "pad_to"
    assert run("psi", "estimate", "--own", "10", "--peer", "1", "--pad-to", "9", "--json").code == 3
    padded = run("psi", "estimate", "--own", "10", "--peer", "1", "--pad-to", "90", "--json").json
    assert (padded["own_multiplications"], padded["peer_multiplications"]) == (180, 180)


def test_a_noisy_count_for_both_is_refused_with_the_reason(place: Path) -> None:
    refused = run("psi", "estimate", "--own", "10", "--peer", "10", *NOISY, "--learn", "both", "--json")
    assert refused.code == 2
    assert "exact count" in refused.json["error"]["message"]


def test_local_and_estimate_know_every_mode(place: Path) -> None:
    for options in ((), ("--reveal", "count"), NOISY):
        assert run(*local(place, *options, "--json")).code == 0
    made = run("psi", "estimate", "--own", "1000", "--peer", "500", *NOISY, "--json").json
    assert made["own_multiplications"] == 2 * (1000 + 2 * REACH)
    assert made["peer_multiplications"] == 1500 + 4 * REACH
    shown = run(*local(place, *NOISY))
    assert f"at most {REACH} away from the exact number" in shown.out
