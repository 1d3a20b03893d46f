"""`psi estimate` shows both protocols: what is measured is given here, so that what is favoured follows by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from support.parties import backend

from cli.main import root
from psi.agreement.modes import Comparer, Reveal, SessionProtocol
from psi.fast import cost as engine
from psi.fast.parameters import MAX_ITEMS
from psi.session import fast_cost
from psi.session.cost import Calibration
from psi.session.fast_cost import FastCalibration
from psiselect import UsageError
from psiselect.matching import prediction
from psiselect.matching.prediction import Question, SideBySide, check, compare

# 20 us a multiplication on one of two cores. The fast protocol: half a second, and 5 us for each item of either list.
CURVE = Calibration("test", 2, 20e-6, 0.0, 0.0)
FAST = FastCalibration("test", 2, 0.5, 3e-6, 2e-6, 3e-6, 2e-6)


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "calibrate", lambda backend, cores: CURVE)
    monkeypatch.setattr(fast_cost, "calibrate", lambda backend, kernels, cores: FAST)


def both(own: int, peer: int, **more: Any) -> SideBySide:
    return compare(Question(own=own, peer=peer, **more), backend(), None)


def test_a_million_is_faster_and_shorter_by_the_fast_protocol() -> None:
    found = both(1 << 20, 1 << 20)
    assert found.asked is found.ecdh
    assert found.fast is not None
    # Both sides have 2^21 multiplications on this machine's two cores.
    assert found.ecdh.cost.seconds == pytest.approx(2 * (1 << 21) * 20e-6 / 2)
    assert found.fast.cost.seconds == pytest.approx(0.5 + 2 * (1 << 20) * 5e-6)
    assert found.fast.cost.bytes_sent + found.fast.cost.bytes_received < 42 << 20
    assert found.by_cpu is found.by_link is found.by_time is SessionProtocol.FAST


def test_each_favours_its_own() -> None:
    """Few items: the fast protocol's fixed part decides. Over a slow link the bytes that pass in sequence do."""
    few = both(100, 100)
    assert few.by_cpu is few.by_link is few.by_time is SessionProtocol.ECDH
    mixed = both(100, 200_000, link=1e8)
    assert (mixed.by_cpu, mixed.by_link) == (SessionProtocol.FAST, SessionProtocol.ECDH)
    assert mixed.by_time is SessionProtocol.FAST
    assert both(100, 30_000, link=1e8).by_time is SessionProtocol.ECDH
    slow = both(20_000, 20_000, link=1e5)
    assert (slow.by_cpu, slow.by_link, slow.by_time) == (
        SessionProtocol.ECDH, SessionProtocol.FAST, SessionProtocol.FAST,
    )  # fmt: skip
    assert slow.fast is not None
    for each in (slow.ecdh.cost, slow.fast.cost):
        assert each.bytes_in_sequence == pytest.approx(each.network_seconds * 1e5 / 8)
    # The curve's elements and replies cross; the fast protocol's sides take turns.
    assert slow.ecdh.cost.bytes_in_sequence < 0.6 * (slow.ecdh.cost.bytes_sent + slow.ecdh.cost.bytes_received)
    assert slow.fast.cost.bytes_in_sequence == slow.fast.cost.bytes_sent + slow.fast.cost.bytes_received


def test_what_was_asked_for_comes_first() -> None:
    found = both(1000, 1000, protocol=SessionProtocol.FAST)
    assert found.asked is found.fast
    said = json.loads(json.dumps(found.to_json(), default=lambda value: value.value))
    assert said["protocol"] == "fast"
    assert list(said["protocols"]) == ["ecdh", "fast"]
    for name, each in said["protocols"].items():
        assert each["bytes"] > 0
        assert each["seconds"] == each["compute_seconds"] + each["network_seconds"]
        assert each.get("protocol_status") == ("experimental, not reviewed" if name == "fast" else None)
    assert said["seconds"] == said["protocols"]["fast"]["seconds"]
    assert said["favoured"] == {"cpu": "ecdh", "link": "ecdh", "time": "ecdh"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"reveal": Reveal.COUNT}, "would see which keys match"),
        ({"pad_to": 5000}, "this protocol cannot hide the sizes"),
        ({"min_matches": 2, "min_matches_by": Comparer.OTHER}, "cannot count the matches"),
        ({"keys": 2, "label_bytes": 64}, "cannot link the keys"),
        ({"peer": MAX_ITEMS + 1}, "the peer's list has 16,777,217"),
        ({"own": MAX_ITEMS + 1}, "your list has 16,777,217"),
        ({"memory_limit": 33 << 20}, "in memory. That takes 32 MiB"),
    ],
)
def test_where_it_cannot_run_the_reason_stands_in_its_place(options: dict[str, Any], reason: str) -> None:
    options = {"own": 1000, "peer": 1000, "memory_limit": 4 << 30, **options}
    if "in memory" in reason:
        options["memory_limit"] = engine.memory_bytes(1000, receives=True) - 1
    found = compare(Question(**options), backend(), None)
    assert found.fast is found.by_cpu is found.by_link is found.by_time is None
    assert reason in str(found.refused)
    assert found.asked is found.ecdh
    said = found.to_json()
    assert said["protocols"]["fast"] == {"refused": found.refused}  # type: ignore[index]
    assert said["favoured"] == {"cpu": None, "link": None, "time": None}
    with pytest.raises(UsageError, match=reason):
        check(Question(protocol=SessionProtocol.FAST, **options))
    check(Question(**options))


def test_a_side_that_only_sends_needs_less_memory() -> None:
    limit = engine.memory_bytes(100_000, receives=False)
    assert limit < engine.memory_bytes(100_000, receives=True)
    assert both(100_000, 100_000, learn="peer", memory_limit=limit).fast is not None
    assert both(100_000, 100_000, learn="me", memory_limit=limit).fast is None
    assert both(100_000, 100_000, learn="both", memory_limit=limit).fast is None


def shown(*words: str) -> str:
    done = CliRunner().invoke(root, ["psi", "estimate", *words], catch_exceptions=False, env={"COLUMNS": "120"})
    return done.stdout


def test_the_command_prints_both() -> None:
    text = shown("--own", "1000000", "--peer", "1000000", "--memory-limit", "4G")
    for expected in ("ecdh", "fast (experimental, not reviewed)", "10.5 s", "40 s", "70.6 MiB", "37.4 MiB"):
        assert expected in text
    assert text.count("experimental, not reviewed") == 1
    rows = dict(line.rsplit("  ", 1) for line in text.splitlines() if line.startswith(("the ", "sooner")))
    assert {name.strip(): value.strip() for name, value in rows.items()} == {
        "the CPU favours": "fast", "the link favours": "fast", "sooner": "fast",
    }  # fmt: skip
    assert "it does not protect the other list if the side that gets the result cheats" in text
    refused = shown("--own", "9", "--peer", "9", "--reveal", "count")
    assert "favours" not in refused
    assert "would see which keys match" in refused
