"""The options of a session as they are kept in the state of an offer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from psiselect.matching.given import GivenOptions

GIVEN = GivenOptions(
    source=Path("list.csv"),
    keys=("mail:email",),
    matching="one-to-many",
    reveal="matches",
    min_matches_by="learner",
    identity=Path("keys/globex"),
    peers=(Path("acme.crt"), Path("other.crt")),
    memory_limit=1 << 20,
)


def test_what_is_kept_can_be_read_again_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path.cwd()
    kept = GIVEN.to_json()
    monkeypatch.chdir(tmp_path)
    again = GivenOptions.from_json(kept)
    assert again.source == here / "list.csv"
    assert again.peers == (here / "acme.crt", here / "other.crt")
    moved = {name: getattr(GIVEN, name) for name in ("source", "identity", "peers")}
    assert replace(again, **moved) == GIVEN


def test_results_and_deadlines_are_not_kept() -> None:
    assert not {"output", "record", "timeout", "as_json", "version"} & GIVEN.to_json().keys()


def test_a_database_s_address_stays_as_it_is() -> None:
    kept = replace(GIVEN, source="sqlite:///shop.db", query="SELECT 1").to_json()
    assert GivenOptions.from_json(kept).source == "sqlite:///shop.db"


def test_options_of_an_older_version_take_their_defaults() -> None:
    kept = GIVEN.to_json()
    del kept["resume"], kept["value_max"]
    assert GivenOptions.from_json(kept) == GivenOptions.from_json(GIVEN.to_json())
    assert GivenOptions.from_json({**GIVEN.to_json(), "version": 1}) == GivenOptions.from_json(GIVEN.to_json())


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": "1"},
        {"unknown": 1},
        {"output": None},
        {"keys": "mail"},
        {"keys": ["mail", 5]},
        {"peers": ["acme.crt"]},
        {"strict": 1},
        {"threads": True},
        {"source": {"file": "x"}},
        {"source": {"path": 5}},
        {"reveal": "all"},
        {"matching": "any"},
        {"min_matches_by": "nobody"},
        {"learn": "us"},
    ],
)
def test_what_no_version_has_written_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its words are the caller's
        GivenOptions.from_json({**GIVEN.to_json(), **change})


def test_an_option_without_a_default_must_be_there() -> None:
    kept = GIVEN.to_json()
    del kept["reveal"]
    with pytest.raises(ValueError, match="missing"):
        GivenOptions.from_json(kept)
