"""`psiselect psi listen --config FILE --check`: options in a file, and whether all that they name is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.policies import write_policy
from support.program import Run, Shown

CONFIG = """
serve = true
address = ["127.0.0.1:0", "*:0"]
identity = "acme"
peer = ["globex.crt", "mallory.crt"]
input = "acme.csv"
key = ["Mail:email"]
max-sessions = 3
max-duration = 0.5
memory-limit = "64M"
health = 7080
"""


@pytest.fixture
def check(place: Path, monkeypatch: pytest.MonkeyPatch, program: Run) -> Run:
    """Write a configuration and check it, with more options on the command line."""
    monkeypatch.chdir(place)

    def call(text: str, *options: object) -> Shown:
        (place / "listen.toml").write_text(text)
        return program("psi", "listen", "--config", "listen.toml", "--check", "--json", *options)

    return call


def test_all_in_order(check: Run, place: Path) -> None:
    before = sorted(place.iterdir())
    shown = check(CONFIG)
    assert shown.code == 0, shown.out
    found = json.loads(shown.out)
    assert found.pop("certificate_days") >= 1093
    assert found == {
        "status": "ready to listen",
        "identities": ["acme"],
        "peers": ["globex", "mallory"],
        "rows": 6,
        "distinct": 3,
    }
    assert set(place.iterdir()) - set(before) == {place / "listen.toml"}


def test_a_check_counts_nothing_and_makes_no_file(check: Run, place: Path) -> None:
    write_policy(place, "globex", "mallory", reveal='["matches"]')
    before = {path.name for path in place.iterdir()}
    assert check(CONFIG + 'policy = "policy.toml"\nrecord = "{session}.json"\n').code == 0
    assert {path.name for path in place.iterdir()} - before == {"listen.toml"}


def test_the_command_line_wins(check: Run) -> None:
    shown = check(CONFIG, "--peer", "globex.crt")
    assert json.loads(shown.out)["peers"] == ["globex"]
    assert check(CONFIG, "--identity", "nobody").code == 3
    assert "nobody.crt" in check(CONFIG, "--identity", "nobody").error


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (("max-sessions", "max-session"), 2, "is not an option of `psi listen`. Did you mean 'max-sessions'?"),
        (("max-sessions", "sessions"), 2, "'sessions' is not an option"),
        (("max-sessions = 3", "config = 'x'"), 2, "'config' is not an option"),
        (("max-sessions = 3", "check = true"), 2, "'check' is not an option"),
        (("max-sessions = 3", "max-sessions = 0"), 2, "'max-sessions': '0' is not a whole number of 1 or more"),
        (("max-sessions = 3", "max-sessions = true"), 2, "'max-sessions' must be text in quotes, or a number"),
        (("max-sessions = 3", "max-sessions = [3]"), 2, "'max-sessions' must be"),
        (("max-sessions = 3", "max-sessions = 2026-01-01"), 2, "'max-sessions' must be"),
        (("serve = true", "serve = 1"), 2, "'serve' must be true or false"),
        (("serve = true", "serve = false"), 2, "Add the line `serve = true` to the file"),
        (("serve = true", ""), 2, "Add the line `serve = true` to the file"),
        (('key = ["Mail:email"]', "key = []"), 2, "'key' must be text in quotes, or a list of such texts"),
        (('key = ["Mail:email"]', "key = [true]"), 2, "'key' must be"),
        (('key = ["Mail:email"]', "[key]\nMail = 1"), 2, "'key' must be"),
        (('"64M"', '"much"'), 2, "'memory-limit': 'much' is not a size"),
        (("*:0", "*:99999"), 2, "listen.toml: 'address': '*:99999' is not an address"),
        (('peer = ["globex.crt", "mallory.crt"]', ""), 2, "Missing option '--peer'"),
        (("serve = true", "serve = "), 3, "listen.toml' is not a valid TOML file"),
        (("serve = true", "serve = true\nserve = true"), 3, "listen.toml' is not a valid TOML file"),
        (('"acme"', '"globex"'), 2, "the peer's certificate must not be your own"),
        (('"acme"', '["acme", "acme.crt"]'), 2, "names the same identity twice"),
        (('"acme"', '"nobody"'), 3, "nobody.crt"),
        (("mallory.crt", "nobody.crt"), 3, "nobody.crt"),
        (("acme.csv", "nothing.csv"), 3, "nothing.csv"),
        (("Mail:email", "Nope:email"), 3, "Nope"),
        (("max-sessions = 3", 'policy = "no.toml"'), 3, "no.toml"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_exit_code(check: Run, change: tuple[str, str], code: int, words: str) -> None:
    assert change[0] in CONFIG
    shown = check(CONFIG.replace(*change))
    assert (shown.code, words in shown.error) == (code, True), shown.error


def test_a_command_against_its_own_policy_is_refused(check: Run, place: Path) -> None:
    write_policy(place, "globex", reveal='["matches"]')
    shown = check(CONFIG + 'policy = "policy.toml"\n')
    assert (shown.code, "add a [[peer]] with this fingerprint" in shown.error) == (6, True)


def test_a_file_that_cannot_be_read_is_named(program: Run, place: Path) -> None:
    shown = program("psi", "listen", "--config", place / "none.toml", "--json")
    assert (shown.code, shown.error) == (
        3,
        f"cannot read the configuration '{place}/none.toml': No such file or directory",
    )
    (place / "big.toml").write_text("#" * ((1 << 20) + 1))
    shown = program("psi", "listen", "--config", place / "big.toml", "--json")
    assert (shown.code, shown.error) == (
        3,
        f"'{place}/big.toml' is too large to be a configuration. The file must have at most 1,048,576 bytes",
    )


def test_a_byte_order_mark_is_let_through(check: Run) -> None:
    assert check("\ufeff" + CONFIG).code == 0


def test_check_is_for_a_listener_that_stays_up(program: Run, place: Path) -> None:
    shown = program("psi", "listen", "--check", "--json", "--address", "127.0.0.1:0", "--identity", place / "acme",
                    "--peer", place / "globex.crt", "--input", place / "acme.csv", "--key", "Mail:email")  # fmt: skip
    assert (shown.code, shown.error) == (2, "--check works only with a listener that keeps running. Add --serve")
