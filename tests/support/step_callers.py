"""Every caller that counts, charges, sends, writes and prints: each psi command once, in this process."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.psi import group
from cli.psi.results import Printed
from cli.psi.talk import TALK
from psi.agreement.modes import Side
from psi.identity.identity import Identity
from psi.protocol.messages import MessageType as M
from psi.resume import session as resumable
from psi.serve.current_table import CurrentTable
from psi.serve.serving import ServedSession
from psi.transport.memory import MemoryChannel, memory_pair
from psiselect.base.errors import PsiselectError, TransportError
from psiselect.matching import kept, network
from psiselect.matching.choices import Choices
from psiselect.matching.given import GivenOptions
from psiselect.matching.own_side import check_options, open_backend, read
from psiselect.matching.served import Sessions
from psiselect.matching.session_files import for_sessions
from support.steps import Steps

PEER = {"acme": "globex", "globex": "acme"}
INPUT = {
    "acme": ("--input", "acme.csv", "--key", "Mail:email"),
    "globex": ("--input", "globex.parquet", "--key", "e:email"),
}
MATCHES = ("--policy", "matches.toml", "--audit", "audit.log", "--record", "record.json", "--output", "out.csv")
WITHOUT_MINIMUM = ("--reveal", "noisy-count", "--epsilon", "1", "--delta", "1/1000")
NOISY = (*WITHOUT_MINIMUM, "--min-matches", "1")
CHARGED = (*NOISY, "--policy", "noisy.toml", "--audit", "audit.log")
OWN_LEDGER = ("--ledger", "weekly.budget", "--dataset", "customers")
PAID = (*NOISY, *OWN_LEDGER, "--audit", "audit.log")
RECORD = ("--record", "record.json")


Caller = Callable[[pytest.MonkeyPatch, Steps], None]


def taken(caller: Caller, failing: str | None = None) -> tuple[list[str], str]:
    """The steps of one command, without a line about its failure in the audit file; and what it raised."""
    said = ""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        steps = Steps(patch, failing)
        with contextlib.redirect_stderr(io.StringIO()):
            try:
                caller(patch, steps)
            except PsiselectError as error:
                said = str(error)
    return [step for step in steps.taken if step != "audit failed"], said


def psi(*words: object) -> None:
    """A psi command in this process; what it raises comes through."""
    group.command.main([str(word) for word in words], standalone_mode=False)


def who(name: str) -> tuple[object, ...]:
    return ("--identity", name, "--peer", f"{PEER[name]}.crt", *INPUT[name], "--backend", "portable", "--threads", "1")


class _Over(Exception):
    """The side that is watched has ended, so nobody will come any more."""


class _Links:
    """Both ends of one link, in place of sockets: what `connect` calls and what a listener accepts."""

    address = "nowhere:1"
    addresses = (address,)

    def __init__(self) -> None:
        prints = [Identity.load(Path(name)).fingerprint for name in ("globex", "acme")]
        self.ends = dict(
            zip(Side, reversed(memory_pair(fingerprints=(prints[0], prints[1]), timeout=20.0)), strict=True)
        )
        self.left = set(Side)
        self.over = False

    def take(self, side: Side) -> MemoryChannel:
        if self.over:
            raise _Over
        if side not in self.left:
            raise TransportError("the connection to the peer broke: the other program dropped the connection")
        self.left.remove(side)
        return self.ends[side]

    @contextlib.contextmanager
    def listener(self, *_: object, **more: object) -> Iterator[_Links]:
        yield self

    def accept(self, wait: float | None = None, **more: object) -> MemoryChannel:
        return self.take(Side.LISTEN)

    def call(self, *_: object, **more: object) -> MemoryChannel:
        return self.take(Side.CONNECT)


def both(
    patch: pytest.MonkeyPatch,
    steps: Steps,
    side: Side,
    mine: Callable[[_Links], None],
    theirs: Callable[[_Links], None],
    bye_seconds: float = 20.0,
) -> None:
    """A session whose one side is watched. bye_seconds: how long a resumable session waits for the peer's BYE."""
    links = _Links()
    patch.setattr(resumable, "_RETRY_SECONDS", 0.01)
    patch.setattr(resumable, "_BYE_SECONDS", bye_seconds)
    for module in (network, kept):
        patch.setattr(module, "Listener", links.listener)
        patch.setattr(module, "call", links.call)

    def other() -> None:
        with contextlib.suppress(PsiselectError, _Over):
            theirs(links)

    thread = threading.Thread(target=other)
    thread.start()
    try:
        steps.watch()
        mine(links)
    finally:
        links.over = True
        links.ends[side].abandon(None)
        thread.join()


def listening(*more: object) -> Callable[[_Links], None]:
    return lambda links: psi("listen", "--address", links.address, *who("acme"), *more)


def connecting(*more: object) -> Callable[[_Links], None]:
    return lambda links: psi("connect", links.address, *who("globex"), "--timeout", "20", *more)


def connect(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    both(patch, steps, Side.CONNECT, connecting(*MATCHES), listening())


def listen_noisy(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    both(patch, steps, Side.LISTEN, listening(*CHARGED, *RECORD), connecting(*NOISY))


def listen_paid(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    both(patch, steps, Side.LISTEN, listening(*PAID, *RECORD), connecting(*NOISY))


def connect_paid(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    both(
        *(patch, steps, Side.CONNECT),
        connecting(*PAID, *RECORD, "--learn", "peer"),
        listening(*NOISY, "--learn", "me"),
    )


def resume_connect(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    kept = ("--resume", "--workdir")
    both(patch, steps, Side.CONNECT, connecting(*MATCHES, *kept, "work"), listening(*kept, "work2"))


def resume_unconfirmed(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    """The peer's BYE never arrives. The side that learns serves it no more, and looks at its matches after that."""
    _without_bye(patch)
    both(patch, steps, Side.CONNECT, connecting(*MATCHES, *HASTY, "work"), listening(*HASTY, "work2"), bye_seconds=0.05)


def resume_unconfirmed_sender(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    """The peer's BYE never arrives. The side that does not learn keeps the session, to serve the peer later."""
    _without_bye(patch)
    mine, theirs = listening(*CHARGED, *RECORD, *HASTY, "work"), connecting(*NOISY, *HASTY, "work2")
    both(patch, steps, Side.LISTEN, mine, theirs, bye_seconds=0.05)


HASTY = ("--timeout", "0.3", "--resume", "--workdir")


def _without_bye(patch: pytest.MonkeyPatch) -> None:
    send = MemoryChannel.send
    patch.setattr(MemoryChannel, "send", lambda end, frame: None if frame.type == M.BYE else send(end, frame))


def resume_listen_noisy(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    kept = ("--resume", "--workdir")
    both(patch, steps, Side.LISTEN, listening(*CHARGED, *RECORD, *kept, "work", "--timeout", "2"),
          connecting(*NOISY, *kept, "work2"))  # fmt: skip


def resume_listen_paid(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    kept = ("--resume", "--workdir")
    both(patch, steps, Side.LISTEN, listening(*PAID, *RECORD, *kept, "work", "--timeout", "2"),
          connecting(*NOISY, *kept, "work2"))  # fmt: skip


def serve_noisy(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    serving(patch, steps, policy=Path("noisy.toml"))


def serve_paid(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    serving(patch, steps, ledger=Path("weekly.budget"), dataset="customers")


def serve_paid_under_a_policy(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    serving(patch, steps, policy=Path("noisy.toml"), ledger=Path("weekly.budget"), dataset="customers")


def serving(patch: pytest.MonkeyPatch, steps: Steps, **paying: Any) -> None:
    """A session of a listener that keeps running."""
    given = GivenOptions(
        source=Path("acme.csv"), keys=("Mail:email",), matching="one-to-many", reveal="noisy-count", learn="peer",
        epsilon="1", delta="1/1000", min_matches=1, min_matches_by="learner", identity=Path("acme"),
        peers=(Path("globex.crt"),), audit=Path("audit.log"), record=Path("record-{session}.json"),
        backend="portable", threads=1, **paying,
    )  # fmt: skip
    choices = Choices.of(Side.LISTEN, for_sessions(given), TALK, Printed(given.as_json))
    parties = check_options(choices)

    def serve(links: _Links) -> None:
        def gathered() -> Any:
            job = read(choices)
            job.gather()
            return job

        table = CurrentTable("acme.csv", gathered)
        with open_backend(choices.means, choices.talk) as backend, contextlib.closing(table):
            sessions = Sessions(
                parties, choices.guard, choices.records, choices.results, backend, table, talk=choices.talk
            )
            if not sessions.run(ServedSession(1, links.take(Side.LISTEN))):
                raise TransportError("the session failed")

    both(patch, steps, Side.LISTEN, serve, connecting(*NOISY))


def local(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    locally(steps, "--output", "out.csv")


def local_paid(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    locally(steps, *WITHOUT_MINIMUM, *OWN_LEDGER)  # this side learns, and noise may take a number below a minimum


def locally(steps: Steps, *more: str) -> None:
    steps.watch()
    psi("local", "globex.parquet", "acme.csv", "--key", "e:email", "--key-b", "Mail:email", "--backend", "portable",
        "--threads", "1", *more)  # fmt: skip


def offline(
    words: tuple[object, ...], *before: tuple[object, ...], spoil: Callable[[], object] = lambda: None
) -> Caller:
    """A command on files; the commands before it are not watched, and `spoil` comes between."""

    def run(patch: pytest.MonkeyPatch, steps: Steps) -> None:
        for one in before:
            with contextlib.redirect_stdout(io.StringIO()):
                psi(*one)
        spoil()
        steps.watch()
        psi(*words)

    return run


def offering(*more: object) -> tuple[object, ...]:
    return ("offer", *who("globex"), "--out", "offer.psi", "--state", "offer.state", *more)


def answering(*more: object) -> tuple[object, ...]:
    return ("answer", "offer.psi", *who("acme"), "--out", "answer.psi", *more)


FINISH = ("finish", "answer.psi", "--state", "offer.state", "--output", "out.csv", "--record", "record.json")

offer = offline(offering(*CHARGED))
answer = offline(answering(*CHARGED), offering(*NOISY))
answer_paid = offline(answering(*PAID), offering(*NOISY))
finish = offline(FINISH, offering("--audit", "audit.log"), answering())
finish_withheld = offline(FINISH, offering("--min-matches", "3"), answering("--min-matches", "3"))
