"""`psi offer`, `answer` and `finish`: every file, list and term that they refuse, and what stays afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.offline_commands import COMMON_ROWS, answer, finish, offer, refused, run

from psi.identity.identity import Identity
from psiselect.base import strict_json


@pytest.mark.parametrize("learn", ["peer", "both"])
def test_what_two_files_cannot_do_is_refused_with_what_to_do_instead(place: Path, learn: str) -> None:
    shown = offer(place, "--learn", learn)
    refused(shown, 2, "the side that makes the offer")
    assert shown.json["error"]["term"] == "learn"
    assert not (place / "offer.psi").exists()
    assert not (place / "offer.state").exists()
    refused(answer(place, "--learn", {"peer": "me"}.get(learn, learn)), 2, "the side that makes the offer")


def test_a_replayed_offer_is_refused(answered: Path) -> None:
    before = (answered / "answer.psi").read_bytes()
    refused(answer(answered, out="again.psi"), 6, "answers each offer only once")
    assert not (answered / "again.psi").exists()
    assert (answered / "answer.psi").read_bytes() == before
    refused(answer(answered, "--reveal", "count", out="again.psi"), 6, "answers each offer only once")
    # Another memory is another memory: it is the operator's to keep.
    assert answer(answered, "--state", answered / "other.answered", out="again.psi").code == 0


def test_an_answer_finishes_its_own_offer_only(answered: Path) -> None:
    assert offer(answered, out="second.psi", state="second.state").code == 0
    refused(finish(answered, state="second.state"), 4, "is not the answer to the offer of the state file")
    assert (answered / "second.state").exists()
    assert finish(answered).code == 0
    refused(finish(answered), 3, "there is no file")


def test_files_in_the_wrong_place_are_refused(answered: Path) -> None:
    refused(answer(answered, offer="answer.psi", out="x.psi"), 3, "an offer is needed here")
    refused(finish(answered, answer="offer.psi"), 3, "an answer is needed here")
    refused(answer(answered, offer="globex.parquet", out="x.psi"), 3, "not a file that `psi offer` or")
    refused(answer(answered, offer="missing.psi", out="x.psi"), 3, "cannot read")
    refused(finish(answered, answer="missing.psi"), 3, "cannot read")
    refused(finish(answered, state="globex.key"), 3, "not a state file that")
    assert (answered / "offer.state").exists()


def test_foreign_files_are_refused(offered: Path) -> None:
    stranger = run(
        *("psi", "answer", offered / "offer.psi", "--identity", offered / "mallory", "--peer", offered / "globex.crt"),
        *("--input", offered / "acme.csv", "--key", "Mail:email", "--out", offered / "x.psi", "--json"),
    )
    refused(stranger, 4, "not for your identity 'mallory'")
    unknown = run(
        *("psi", "answer", offered / "offer.psi", "--identity", offered / "acme", "--peer", offered / "mallory.crt"),
        *("--input", offered / "acme.csv", "--key", "Mail:email", "--out", offered / "x.psi", "--json"),
    )
    refused(unknown, 4, "did not give its sender's certificate with --peer")
    assert not (offered / "x.psi").exists()
    assert not (offered / "acme.answered").exists()


@pytest.mark.parametrize("name", ["offer.psi", "answer.psi"])
def test_edited_and_cut_files_are_refused_and_leave_the_state(answered: Path, name: str) -> None:
    good = (answered / name).read_bytes()
    for content, code, words in (
        (good[:-1], 3, "cut short"),
        (good[:250], 3, "cut short"),
        (good + b"\n", 3, "not complete"),
        (good[:300] + bytes([good[300] ^ 1]) + good[301:], 4, "signature of this file is not valid"),
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
    refused(ended, 6, "does not show the result")
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


@pytest.mark.parametrize("change", [{"keys": 5}, {"source": {"file": "x"}}, {"reveal": "all"}, {"more": 1}])
def test_a_state_of_another_version_is_refused(answered: Path, change: dict[str, object]) -> None:
    path = answered / "offer.state"
    body = json.loads(path.read_text())
    body["options"] |= change
    path.write_bytes(strict_json.encode(body))
    refused(finish(answered), 3, "another version")
