"""What each psi command refuses leaves nothing behind: nothing counted, charged, noted, written or printed.

Budget and counter are asked one after the other, and what a peer sends, its size included, is read after both: then the
session stays counted, which is the safe side.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from support.step_callers import (
    CHARGED,
    FINISH,
    MATCHES,
    NOISY,
    Caller,
    answering,
    both,
    connecting,
    listening,
    offering,
    offline,
    taken,
)

from dpselect.accounting import PureDp
from dpselect.ledger import Ledger
from psi.accounts.policy import Policy
from psi.accounts.session_counter import SessionCounter
from psi.agreement.modes import Side
from psi.identity.identity import Identity
from psi.offline.envelope import FileKind, Reader, Writer
from psi.protocol.messages import MessageType as M
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy

Change = Callable[[list[Frame]], list[Frame]]
COUNTING = ("--policy", "matches.toml", "--audit", "audit.log")


class Refusal(NamedTuple):
    """A command that is refused, a part of what it says, and the steps that it has taken by then."""

    caller: Caller
    says: str
    steps: list[str] = []  # noqa: RUF012 - nobody adds to it


def forged(name: str, kind: FileKind, change: Change) -> Callable[[], None]:
    """The file again, by the same author, with other frames."""

    def forge() -> None:
        author, own = (Identity.load(Path(who)) for who in names(kind))
        with Path(name).open("rb") as file:
            read = Reader(file, name, kind, own, [author.public])
            frames = change([Frame(frame.type, bytes(frame.payload)) for frame in read.frames()])
        with Path(name).open("wb") as file:
            writer = Writer(file, kind, author, own.public, read.previous, SystemEntropy())
            for frame in frames:
                writer.send(frame)
            writer.finish()

    return forge


def names(kind: FileKind) -> tuple[str, str]:
    return ("globex", "acme") if kind is FileKind.OFFER else ("acme", "globex")


def edited(name: str) -> Callable[[], None]:
    def edit() -> None:
        content = bytearray(Path(name).read_bytes())
        content[300] ^= 1
        Path(name).write_bytes(content)

    return edit


def cut(name: str) -> Callable[[], None]:
    return lambda: Path(name).write_bytes(Path(name).read_bytes()[:-1]) and None


def without(kind: M) -> Change:
    return lambda frames: [frame for frame in frames if frame.type != kind]


def twice(kind: M) -> Change:
    return lambda frames: [frame for frame in frames for _ in range(2 if frame.type == kind else 1)]


def another_signature(frames: list[Frame]) -> list[Frame]:
    return [Frame(f.type, bytes(64)) if f.type == M.FINISH else f for f in frames]


def all_sessions_had(name: str) -> Callable[[], None]:
    """As many sessions are counted as the policy allows."""

    def have() -> None:
        policy = Policy.load(Path(f"{name}.toml"))
        for fingerprint, rules in policy.peers.items():
            for _ in range(rules.runs.count):
                SessionCounter(policy.state).spend(fingerprint, rules.runs, 4_000_000_000)

    return have


def all_spent() -> None:
    ledger = Ledger.open(Path("weekly.budget"))
    ledger.spend("customers", PureDp(ledger.budget.amount), neighbors=None, what="all of it")


def allowing(name: str, field: str, value: str) -> Callable[[], None]:
    """The policy with another value of a field."""

    def allow() -> None:
        path = Path(f"{name}.toml")
        lines = path.read_text().splitlines()
        changed = [f"{field} = {value}" if line.startswith(f"{field} =") else line for line in lines]
        assert changed != lines
        path.write_text("\n".join(changed))

    return allow


def gone(name: str) -> Callable[[], None]:
    return lambda: Path(name).unlink()


def replaced(name: str) -> Callable[[], None]:
    """Another file has that name."""
    return lambda: Path(name).write_text("a file of something else, in words\n" * 100) and None


def another_list() -> None:
    pq.write_table(pq.read_table("globex.parquet").slice(1), "globex.parquet")


def after(prepare: Callable[[], None], caller: Caller) -> Caller:
    def run(*given: object) -> None:
        prepare()
        caller(*given)  # type: ignore[arg-type]

    return run


def answer_to(spoil: Callable[[], None], *more: object, offer: tuple[object, ...] = ()) -> Caller:
    return offline(answering(*(more or COUNTING)), offering(*offer), spoil=spoil)


def finishing(spoil: Callable[[], None], *before: tuple[object, ...]) -> Caller:
    return offline(FINISH, offering("--audit", "audit.log"), answering(), *before, spoil=spoil)


def call(mine: tuple[object, ...], theirs: tuple[object, ...] = ()) -> Caller:
    return lambda patch, steps: both(patch, steps, Side.CONNECT, connecting(*mine), listening(*theirs))


def wait(mine: tuple[object, ...], theirs: tuple[object, ...] = ()) -> Caller:
    return lambda patch, steps: both(patch, steps, Side.LISTEN, listening(*mine), connecting(*theirs))


def nothing() -> None:
    """Nothing is spoiled."""


OFFER, ANSWER = "offer.psi", "answer.psi"
REFUSED: dict[str, Refusal] = {
    "an edited offer": Refusal(answer_to(edited(OFFER)), "the signature of this file is not valid"),
    "an offer cut short": Refusal(answer_to(cut(OFFER)), "cut short"),
    "an offer of other terms": Refusal(answer_to(nothing, *COUNTING, "--reveal", "count"), "reveal"),
    "an offer answered before": Refusal(offline(answering(*COUNTING), offering(), answering()), "answered"),
    "an offer longer than allowed": Refusal(answer_to(allowing("matches", "max_peer_size", "2")), "max_peer_size"),
    "an offer beyond the allowance": Refusal(answer_to(all_sessions_had("matches")), "begun"),
    "an offer beyond the budget": Refusal(answer_to(all_spent, *CHARGED, offer=NOISY), "over budget", ["count"]),
    "an offer without its end": Refusal(
        answer_to(forged(OFFER, FileKind.OFFER, without(M.ELEMENTS_END))), "too early", ["count"]
    ),
    "an offer that goes on": Refusal(
        answer_to(forged(OFFER, FileKind.OFFER, twice(M.ELEMENTS_END))), "more data than it announces", ["count"]
    ),
    "an offer with fewer encrypted keys": Refusal(
        answer_to(forged(OFFER, FileKind.OFFER, without(M.ELEMENTS))), "fewer encrypted keys", ["count"]
    ),
    "an offer beyond the own policy": Refusal(
        after(allowing("noisy", "max_own_size", "1"), offline(offering(*CHARGED))), "max_own_size"
    ),
    "an edited answer": Refusal(finishing(edited(ANSWER)), "the signature of this file is not valid"),
    "an answer cut short": Refusal(finishing(cut(ANSWER)), "cut short"),
    "an answer for another list": Refusal(finishing(another_list), "made from another list"),
    "an answer without tags": Refusal(finishing(forged(ANSWER, FileKind.ANSWER, without(M.TAGS))), "tags"),
    "an answer with a tag twice": Refusal(finishing(forged(ANSWER, FileKind.ANSWER, twice(M.TAGS))), "tags"),
    "an answer without a signature": Refusal(
        finishing(forged(ANSWER, FileKind.ANSWER, without(M.FINISH))), "ends too early"
    ),
    "an answer with another signature": Refusal(
        finishing(forged(ANSWER, FileKind.ANSWER, another_signature)), "signature"
    ),
    "an answer that goes on": Refusal(
        finishing(forged(ANSWER, FileKind.ANSWER, twice(M.FINISH))), "does not end with a signature"
    ),
    "an answer longer than allowed": Refusal(
        offline(
            FINISH,
            offering("--policy", "matches.toml"),
            answering(),
            spoil=allowing("matches", "max_peer_size", "2"),
        ),
        "max_peer_size",
    ),
    "an answer in place of its offer": Refusal(
        offline(answering("--out", "offer.psi"), offering()), "Give each file its own name"
    ),
    "an answer where none can be": Refusal(offline(answering("--out", "missing/answer.psi"), offering()), "missing"),
    "a budget that is not there": Refusal(after(gone("weekly.budget"), wait(CHARGED, NOISY)), "cannot read the ledger"),
    "a budget that is damaged": Refusal(after(replaced("weekly.budget"), wait(CHARGED, NOISY)), "ledger"),
    "a counter that is damaged": Refusal(
        after(replaced("noisy.toml.runs"), wait(CHARGED, NOISY)), "cannot use this file"
    ),
    "an audit file of something else": Refusal(after(replaced("audit.log"), call(MATCHES)), "not a file that psi"),
    "an output where none can be": Refusal(call((*MATCHES, "--output", "missing/out.csv")), "missing"),
    "an output of no known kind": Refusal(call((*MATCHES, "--output", "out.xyz")), "Use one of these endings"),
    "an output over the input": Refusal(call((*MATCHES, "--output", "globex.parquet")), "which is also the input file"),
    "a record where none can be": Refusal(call((*MATCHES, "--record", "missing/record.json")), "missing"),
    "a record over the audit file": Refusal(call((*MATCHES, "--record", "audit.log")), "Give each file its own name"),
    "a peer of other terms": Refusal(call(MATCHES, ("--reveal", "count")), "reveal"),
    "a peer longer than allowed": Refusal(
        after(allowing("matches", "max_peer_size", "2"), call(MATCHES)), "max_peer_size", ["count", "declare"]
    ),
    "a peer longer than the limit": Refusal(
        call((*MATCHES, "--max-peer-size", "2")), "list has 3 keys", ["count", "declare"]
    ),
    "a peer beyond the allowance": Refusal(after(all_sessions_had("matches"), call(MATCHES)), "begun"),
    "a caller beyond the budget": Refusal(after(all_spent, wait(CHARGED, NOISY)), "over budget", ["count"]),
    "a caller of other terms": Refusal(wait(CHARGED, (*NOISY, "--min-matches", "2")), "the smallest number of matches"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_nothing(here: Path, name: str) -> None:
    found, said = taken(REFUSED[name].caller)
    assert REFUSED[name].says in said
    assert found == REFUSED[name].steps
    left = ("out.csv*", "record*", ".*.part", "second*", "answer.psi*" if "an offer" in name else ".no")
    assert not [path for pattern in left for path in here.glob(pattern) if name != "an offer answered before"]
    if name.startswith("an answer") or name == "an edited answer":
        assert (here / "offer.state").exists()
