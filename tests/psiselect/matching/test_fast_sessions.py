"""`protocol="fast"` over TLS and with both parties here: results, records, notices, and what is refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pytest
from click.testing import CliRunner
from support.both_ways import printed, said
from support.library import ACME, GLOBEX, MATCHED, parties, session
from support.policies import write_policy

import psiselect
from cli.main import root
from psi.accounts.records import SignedRecord
from psi.fast import cost as fast_cost
from psi.fast import parameters
from psiselect import InputError, PolicyError, RemoteError, UsageError

FAST: dict[str, Any] = {"protocol": "fast"}
STATUS = "experimental, not reviewed"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    parties(folder)
    (folder / "acme.csv").write_text("mail\nann@example.com\nbob@example.com\neve@example.org\n")
    (folder / "globex.csv").write_text("mail,plan\nANN@example.com,gold\nzoe@example.net,free\neve@example.org,gold\n")
    return folder


def test_a_session_over_tls_and_its_record(keys: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    pair = session(keys, pa.table(ACME), pa.table(GLOBEX), FAST, {**FAST, "record": record})
    found, other = pair.found, pair.listener
    assert found.rows.column("e").to_pylist() == MATCHED
    assert (found.protocol, other.protocol) == ("fast", "fast")
    assert found.record == other.record
    assert (found.record["status"], found.record["terms"]["protocol"]) == (STATUS, "psiselect-fast-1")
    assert found.to_dict()["protocol_status"] == STATUS
    kept = SignedRecord.decode(record.read_bytes())
    kept.verify()
    shown = CliRunner().invoke(root, ["psi", "verify", str(record), "--peer", str(keys / "acme.crt")]).stdout
    assert STATUS in shown
    assert "psiselect-fast-1" in shown


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), "reviewed"), (("status",), None), (("terms", "protocol"), "psiselect-fast-2"),
        (("terms", "protocol"), None),
    ],
)  # fmt: skip
def test_a_record_says_its_status_and_no_other(keys: Path, tmp_path: Path, path: tuple[str, ...], value: Any) -> None:
    record = tmp_path / "record.json"
    session(keys, pa.table(ACME), pa.table(GLOBEX), FAST, {**FAST, "record": record})
    body = json.loads(record.read_text())
    place = body["record"]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    if value is None:
        del place[path[-1]]
    with pytest.raises(InputError, match=r"is not a session record, or somebody|cannot verify"):
        SignedRecord.decode(json.dumps(body, sort_keys=True, separators=(",", ":")).encode() + b"\n")


def test_columns_travel_and_both_may_learn(keys: Path) -> None:
    both = {**FAST, "learn": "both"}
    pair = session(keys, pa.table(ACME), pa.table(GLOBEX), {**both, "send": "city"}, {**both, "receive": ["city"]})
    assert pair.found.rows.column("peer_city").to_pylist() == ["Łódź", "again", "only"]
    assert pair.listener.matched_rows == 3


def test_one_side_alone_cannot_choose_it(keys: Path) -> None:
    pair = session(keys, pa.table(ACME), pa.table(GLOBEX), connect=FAST)
    for error in (pair.listener, pair.connector):
        assert isinstance(error, RemoteError)
        assert "protocol=" in str(error)
        assert error.exit_code == 4


def test_a_policy_allows_the_curve_alone_unless_it_says_otherwise(keys: Path) -> None:
    for line, allowed in (("", False), ('protocols = ["ecdh"]\n', False), ('protocols = ["ecdh", "fast"]\n', True)):
        policy = write_policy(keys, "acme", reveal='["matches"]', output_rows="true", columns='["e"]')
        policy.write_text(line + policy.read_text())
        if allowed:
            pair = session(keys, pa.table(ACME), pa.table(GLOBEX), FAST, {**FAST, "policy": policy})
            assert pair.found.matched_rows == 2
            continue
        with pytest.raises(PolicyError, match="'protocols' allows only ecdh"):
            psiselect.connect(
                *("127.0.0.1:9", pa.table(GLOBEX)), key="e:email", identity=keys / "globex", peer=keys / "acme.crt",
                policy=policy, **FAST,
            )  # fmt: skip


# ---- both parties here


def local(keys: Path, *more: object) -> tuple[object, ...]:
    return ("psi", "local", keys / "globex.csv", keys / "acme.csv", "--key", "mail:email", "--protocol", "fast", *more)


def test_the_command_says_once_what_it_is(keys: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    found, _ = printed(*local(keys, "--output", out))
    assert (found["matches"], found["protocol"], found["protocol_status"]) == (2, "fast", STATUS)
    assert out.read_text() == "mail,plan\nANN@example.com,gold\neve@example.org,gold\n"
    lines = said(*local(keys))
    assert [line for line in lines if STATUS in line] == [
        "--protocol fast is experimental, not reviewed. If the side that gets the result does not follow the protocol, "
        "nothing protects the other side's list (docs/fast-protocol.md)"
    ]
    plain, _ = printed("psi", "local", keys / "globex.csv", keys / "acme.csv", "--key", "mail:email")
    assert plain["protocol"] == "ecdh"
    assert "protocol_status" not in plain


def test_a_program_gets_the_same(caplog: pytest.LogCaptureFixture) -> None:
    acme, globex = pa.table(ACME), pa.table(GLOBEX)
    with caplog.at_level(logging.INFO, "psiselect"):
        found = psiselect.match(globex, acme, key="e:email", key_b="mail:email", **FAST)
    assert found.rows.column("e").to_pylist() == MATCHED
    assert sum(STATUS in line for line in caplog.messages) == 1
    one = psiselect.match(globex, acme, key="e:email", key_b="mail:email", matching="one-to-one", **FAST)
    assert one.rows.column("e").to_pylist() == MATCHED
    two = psiselect.match(globex, globex, key=["e:email", "plan"], **FAST)
    assert [each["matches"] for each in two.matches_by_key] == [3, 3]


def test_columns_of_one_to_one_rows_find_their_owners() -> None:
    """Rows without a key make a row's number differ from its key's."""
    a = pa.table({"e": ["", "x@a.b", "x@a.b", "y@a.b", "z@a.b"], "n": [0, 1, 2, 3, 4]})
    b = pa.table({"e": ["q@a.b", "", "z@a.b", "x@a.b"], "m": ["q", "blank", "zed", "ex"]})
    for matching, expected in (
        ("one-to-one", [("ex", 1), ("zed", 4)]),
        ("one-to-many", [("ex", 1), ("ex", 2), ("zed", 4)]),
    ):
        found = [
            psiselect.match(a, b, key="e:email", receive="m", matching=matching, protocol=protocol).rows
            for protocol in ("ecdh", "fast")
        ]
        assert found[0].equals(found[1])
        pairs = zip(found[1].column("peer_m").to_pylist(), found[1].column("n").to_pylist(), strict=True)
        assert list(pairs) == expected


def test_keys_that_are_on_disk_are_read_in_order(tmp_path: Path) -> None:
    table = pa.table({"e": [f"user{number:06}" for number in range(20_000)]})
    found = psiselect.match(
        table, table.slice(5000), key="e", memory_limit=200_000_000, workdir=tmp_path, protocol="fast"
    )
    assert found.count == 15_000


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"reveal": "count"}, "would see which keys match"),
        ({"reveal": "sum", "value": "n"}, "would see which keys match"),
        ({"reveal": "noisy-count", "epsilon": "1", "delta": "1e-6"}, "would see which keys match"),
        ({"pad_to": 100}, "this protocol cannot hide the sizes"),
        ({"min_matches": 1, "min_matches_by": "other"}, "cannot count the matches"),
    ],
)
def test_what_it_cannot_run_is_refused_with_the_reason(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        psiselect.match(pa.table(GLOBEX), pa.table(GLOBEX), key="e", **FAST, **options)
    assert 'protocol="ecdh"' in str(caught.value)
    assert caught.value.exit_code == 2


def test_resuming_and_files_are_refused_with_the_reason(keys: Path, tmp_path: Path) -> None:
    parties = {"identity": keys / "globex", "peer": keys / "acme.crt", "key": "e"}
    with pytest.raises(UsageError, match="only once"):
        psiselect.connect("127.0.0.1:9", pa.table(GLOBEX), resume=True, workdir=tmp_path, **FAST, **parties)
    with pytest.raises(UsageError, match="more messages than an offer"):
        psiselect.offer(pa.table(GLOBEX), out=tmp_path / "o", state=tmp_path / "s", **FAST, **parties)
    with pytest.raises(UsageError, match="one of 'ecdh', 'fast'"):
        psiselect.match(pa.table(GLOBEX), pa.table(GLOBEX), key="e", protocol="rr22")
    with pytest.raises(click.UsageError, match="rr22"):
        said("psi", "local", "a.csv", "b.csv", "--key", "e", "--protocol", "rr22")


def test_a_file_of_terms_may_name_it(keys: Path, tmp_path: Path) -> None:
    (tmp_path / "terms.toml").write_text('protocol = "fast"\nkeys = ["email"]\n')
    words = (
        "psi",
        "local",
        keys / "globex.csv",
        keys / "acme.csv",
        "--key",
        "mail",
        "--terms",
        tmp_path / "terms.toml",
    )
    found, told = printed(*words)
    assert found["protocol"] == "fast"
    assert "by the fast protocol, which is experimental" in told


def test_a_list_that_it_cannot_take_is_refused_before_anybody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"e": [f"user{number}" for number in range(1000)]})
    needed = fast_cost.memory_bytes(1000, receives=True)
    psiselect.match(table, table, key="e", memory_limit=needed, **FAST)
    with pytest.raises(UsageError, match="That takes") as caught:
        psiselect.match(table, table, key="e", memory_limit=needed - 1, **FAST)
    assert caught.value.term == "memory_limit"
    monkeypatch.setattr(parameters, "MAX_ITEMS", 1000)
    psiselect.match(table, table, key="e", **FAST)
    monkeypatch.setattr(parameters, "MAX_ITEMS", 999)
    with pytest.raises(UsageError, match="at most 999"):
        psiselect.match(table, table, key="e", **FAST)
