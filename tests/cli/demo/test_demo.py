"""`psiselect demo` as a new user runs it."""

from __future__ import annotations

from support.psi_processes import run


def test_the_demo_agrees_with_a_plain_join_in_every_mode_it_shows() -> None:
    shown = run("demo", "--json")
    assert shown.code == 0, shown
    found = shown.json
    assert found["agrees_with_plain_join"] is True
    assert found["globex"]["matches"] == found["count"]["globex"]["matches"] == found["expected"] > 0
    assert abs(found["noisy_count"]["globex"]["noisy_count"] - found["expected"]) <= 14
    assert [found["noisy_count"][side]["matches"] for side in ("acme", "globex")] == [None, None]
    assert found["acme"]["matches"] is None
