"""`--send`, `--receive` and `--label-bytes` as their users give them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.program import Run
from support.psi_processes import run, session

from psi.labels import labels

SEND, RECEIVE = ("--send", "city"), ("--receive", "city")
JOINED = [
    ["who", "e", "n", "peer_city", "peer_id"],
    ["x", "ANN@example.com", "1", "Łódź", "1"],
    ["x", "ANN@example.com", "1", "duplicate, of 1", "4"],
    ["z", "eve@example.org", "3", "only\nhere", "6"],
]


def lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def local(place: Path, *options: object) -> tuple[object, ...]:
    return ("psi", "local", place / "globex.parquet", place / "acme.csv", "--key", "e:email", "--key-b", "Mail:email",
            *options)  # fmt: skip


def test_two_processes_make_the_joined_table(place: Path) -> None:
    """The sides name the columns in different orders; both records hold the names."""
    acme, globex = session(
        place,
        ("--send", "id", *SEND, "--record", str(place / "acme.json")),
        (*RECEIVE, "--receive", "id", "--output", str(place / "out.csv"), "--record", str(place / "globex.json")),
    )
    assert (acme.code, globex.code) == (0, 0), (acme, globex)
    assert lines(place / "out.csv") == JOINED
    assert (globex.json["matches"], globex.json["matched_rows"], globex.json["joined_rows"]) == (2, 2, 3)
    assert (acme.json["matches"], acme.json["joined_rows"], acme.json["output"]) == (None, None, None)
    assert (place / "acme.json").read_bytes() == (place / "globex.json").read_bytes()
    terms = json.loads((place / "acme.json").read_text())["record"]["terms"]
    assert terms["columns"] == {"connect": [], "listen": ["city", "id"]}
    assert terms["label_bytes"] == 256
    verified = run("psi", "verify", place / "acme.json", "--peer", place / "globex.crt", "--identity", place / "acme")
    assert verified.code == 0, verified
    assert "city, id" in verified.out


def test_both_learn_and_each_gets_what_the_other_gives(place: Path) -> None:
    both = ("--learn", "both", "--label-bytes", "128")
    acme, globex = session(
        place,
        (*both, *SEND, "--receive", "n", "--output", str(place / "acme_out.parquet")),
        (*both, *RECEIVE, "--send", "n", "--output", str(place / "globex_out.csv")),
    )
    assert (acme.code, globex.code) == (0, 0), (acme, globex)
    assert [row[3] for row in lines(place / "globex_out.csv")[1:]] == ["Łódź", "duplicate, of 1", "only\nhere"]
    found = pq.read_table(place / "acme_out.parquet").to_pydict()
    assert found == {
        "id": ["1", "4", "6"],
        "Mail": ["Ann@Example.com", "ann@example.COM ", "eve@example.org"],
        "city": ["Łódź", "duplicate, of 1", "only\nhere"],
        "peer_n": ["1", "1", "3"],
    }


@pytest.mark.parametrize(
    ("acme", "globex", "term", "words"),
    [
        (SEND, (), "columns", "the listening side sends the column 'city'"),
        ((), RECEIVE, "columns", "the listening side sends the column 'city'"),
        ((*SEND, "--send", "id"), RECEIVE, "columns", "'id'"),
        (SEND, ("--receive", "town"), "columns", "'city'"),
        ((*SEND, "--label-bytes", "300"), RECEIVE, "label_bytes", "300"),
    ],
)
def test_without_the_same_columns_on_both_sides_there_is_no_session(
    place: Path, acme: tuple[str, ...], globex: tuple[str, ...], term: str, words: str
) -> None:
    ended = session(place, acme, globex)
    for side in ended:
        assert side.code == 4, side
        assert side.json["error"]["term"] == term
    assert any(words in side.json["error"]["message"] for side in ended)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--send", "who"), 2, "only a side that gets the result can receive columns"),
        (("--receive", "city", "--reveal", "count"), 2, "does not show which rows match"),
        (("--receive", "city", "--receive", "city"), 2, "names a column twice"),
        (("--label-bytes", "64"), 2, "Name these columns with --send or --receive"),
        (("--receive", "city", "--label-bytes", "32"), 2, "64"),
        (("--receive", "ctiy"), 3, "no column 'ctiy'"),
        (("--receive", "note"), 3, "row 2 and the rows with the same key, the columns to send take 305 bytes"),
        (("--receive", "note", "--key", "who", "--key-b", "id"), 2, "--matching one-to-one"),
    ],
)
def test_what_cannot_be_had_is_refused_at_once(
    place: Path, program: Run, options: tuple[str, ...], code: int, words: str
) -> None:
    with (place / "acme.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "Mail", "city", "note"], ["1", "ann@example.com", "here", "x" * 300]])
    shown = program(*local(place, *options, "--json"))
    assert shown.code == code, shown.out
    assert code == 2 or words in shown.error
    assert code != 2 or words in shown.out or words in run(*local(place, *options)).err


def test_without_output_nothing_is_kept(place: Path) -> None:
    before = {path.name for path in place.iterdir()}
    shown = run(*local(place, *RECEIVE))
    assert shown.code == 0, shown
    assert "not kept without --output" in shown.out
    assert "Łódź" not in shown.out + shown.err
    assert {path.name for path in place.iterdir()} == before


def test_a_spoiled_label_is_exit_4_and_no_file(place: Path, program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert program(*local(place, *RECEIVE, "--receive", "id", "--output", place / "out.csv")).code == 0
    assert lines(place / "out.csv") == JOINED
    honest = labels.seal
    monkeypatch.setattr("psi.protocol.sender.labels.seal", lambda keys, rows: honest(keys, rows) ^ 1)
    for output in (("--output", place / "spoiled.csv"), ()):
        shown = program(*local(place, *RECEIVE, *output, "--json"))
        assert shown.code == 4, shown.out
        assert "cannot be decrypted" in shown.error
    assert not (place / "spoiled.csv").exists()


def test_an_output_keeps_the_old_file_when_labels_are_spoiled(
    place: Path, program: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "out.csv").write_text("old\n")
    monkeypatch.setattr(
        "psi.protocol.sender.labels.seal", lambda keys, rows: rows[:, :1].repeat(rows.shape[1] + 16, axis=1)
    )
    assert program(*local(place, *RECEIVE, "--output", place / "out.csv")).code == 4
    assert (place / "out.csv").read_text() == "old\n"


def test_one_to_one_by_two_keys_with_columns(place: Path, program: Run) -> None:
    (place / "a.csv").write_text("mail,tel,n\nann@x.org,1,a\n,2,b\nbob@x.org,3,c\n")
    (place / "b.csv").write_text("mail,tel,plan\nann@x.org,9,gold\nzoe@x.org,2,basic\nann@x.org,3,none\n")
    keys = ("--key", "mail:email", "--key", "tel", "--matching", "one-to-one")
    shown = program("psi", "local", place / "a.csv", place / "b.csv", *keys, "--receive", "plan", "--output",
                    place / "out.csv", "--json")  # fmt: skip
    assert shown.code == 0, shown.out
    assert lines(place / "out.csv") == [
        ["mail", "tel", "n", "peer_plan"], ["ann@x.org", "1", "a", "gold"], ["", "2", "b", "basic"],
        ["bob@x.org", "3", "c", "none"],
    ]  # fmt: skip


def test_columns_travel_in_sessions_that_can_be_resumed(place: Path) -> None:
    folders = [place / "acme_work", place / "globex_work"]
    for folder in folders:
        folder.mkdir()
    resumable = [("--resume", "--workdir", str(folder)) for folder in folders]
    acme, globex = session(
        place, (*SEND, "--send", "id", *resumable[0]),
        (*RECEIVE, "--receive", "id", "--output", str(place / "out.csv"), *resumable[1]),
    )  # fmt: skip
    assert (acme.code, globex.code) == (0, 0), (acme, globex)
    assert lines(place / "out.csv") == JOINED


def test_columns_travel_by_files(place: Path, program: Run) -> None:
    offer = ("psi", "offer", "--identity", place / "globex", "--peer", place / "acme.crt", "--key", "e:email",
             "--input", place / "globex.parquet", "--out", place / "o.psi", "--state", place / "o.state")  # fmt: skip
    assert program(*offer, *RECEIVE, "--receive", "id").code == 0
    answer = ("psi", "answer", place / "o.psi", "--identity", place / "acme", "--peer", place / "globex.crt", "--input",
              place / "acme.csv", "--key", "Mail:email", "--out", place / "a.psi", "--json")  # fmt: skip
    differs = program(*answer, *SEND)
    assert differs.code == 4, differs.out
    assert "the listening side sends the column 'id'" in differs.error
    assert program(*answer, *SEND, "--send", "id").code == 0
    finish = ("psi", "finish", place / "a.psi", "--state", place / "o.state", "--output", place / "out.csv", "--json")
    finished = program(*finish)
    assert finished.code == 0, finished.out
    assert json.loads(finished.out)["joined_rows"] == 3
    assert lines(place / "out.csv") == JOINED
