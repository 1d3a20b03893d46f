"""One session of a `psi` command: what comes before it, the session itself, and what is said of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from cli._output import human_bytes, human_seconds, print_fields, print_json, progress, say
from cli._psi_options import Choices
from cli._psi_table import Table
from dpselect.entropy import SystemEntropy
from psi import session
from psi.curve25519.backend import Backend, load_backend
from psi.errors import PolicyError
from psi.identity import Identity, PeerIdentity
from psi.job import Job
from psi.normalize import parse_key
from psi.outcomes import Outcome
from psi.protocol import Setup
from psi.serving import new_file_of_session
from psi.session import SessionResult
from psi.transport.channel import Channel


@contextlib.contextmanager
def prepared(choices: Choices) -> Iterator[tuple[Identity, list[PeerIdentity], Job]]:
    """Everything that can go wrong on this side alone, before the peer is bothered."""
    identity, peers = check_options(choices)
    with read_job(choices, choices.source) as job:
        check_table(choices, peers, job)
        yield identity, peers, job


def check_options(choices: Choices) -> tuple[Identity, list[PeerIdentity]]:
    """Who takes part, and whether what was asked for is allowed and can be written, as far as the options say."""
    identity = Identity.load(choices.identity)
    peers = [PeerIdentity.load(path) for path in choices.peers]
    choices.guard.check(peers, choices.request(own_size=None))
    choices.check_output(choices.source.open(choices.memory.folder))
    choices.papers.check(choices.source.file, choices.output)
    return identity, peers


def check_table(choices: Choices, peers: list[PeerIdentity], job: Job) -> None:
    """Whether the list that was read may be put in, with these peers."""
    choices.agreement.declared_size(job.size)
    choices.guard.check(peers, choices.request(job.size))
    choices.guard.prepare(peers)


def name_of(peers: list[PeerIdentity], channel: Channel) -> str:
    return next(peer.name for peer in peers if peer.fingerprint == channel.peer_fingerprint)


def read_job(choices: Choices, table: Table, other_key: str | None = None, tell: Callable[[str], None] = say) -> Job:
    key = parse_key(other_key) if other_key else choices.key
    source = table.open(choices.memory.folder)
    job = Job(source, key, choices.memory, strict=choices.strict)
    report = job.report
    for reason, count in report.unreadable.items():
        rows = ", ".join(map(str, report.first_unreadable[reason]))
        tell(f"{source.name}: {count:,} rows left out, unreadable ({reason}); first rows: {rows}")
    return job


def open_backend(choices: Choices) -> contextlib.closing[Backend]:
    return contextlib.closing(load_backend(choices.backend, choices.threads))


def run_session(choices: Choices, job: Job, identity: Identity, peers: list[PeerIdentity], channel: Channel) -> None:
    peer = next(peer for peer in peers if peer.fingerprint == channel.peer_fingerprint)
    with open_backend(choices) as backend, progress() as bar:
        task = bar.add_task("matching", total=None)
        setup = setup_with(choices, job, identity, peer, backend)

        def shown(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        result = choices.papers.keep(setup, identity, peer, lambda: session.run(channel, setup, shown))
        report(choices, job, result, backend, peer)


def setup_with(choices: Choices, job: Job, identity: Identity, peer: PeerIdentity, backend: Backend) -> Setup:
    """What this side brings to a session with the peer."""
    setup = job.setup(
        choices.side,
        choices.agreement,
        choices.limits,
        identity,
        peer,
        backend,
        SystemEntropy(),
    )
    return replace(setup, admit=choices.guard.admission(peer, choices.agreement))


def report(choices: Choices, job: Job, result: SessionResult, backend: Backend, peer: PeerIdentity | None) -> None:
    """Write the output file, then say what happened. Raises PolicyError when the result is withheld."""
    outcome = result.outcome
    require_shown(choices, outcome)
    rows = job.count_rows(outcome)
    output = None if choices.output is None else new_file_of_session(choices.output, result.transcript)
    if output is not None:
        job.write_matches(outcome, output)
    record = {
        "reveal": choices.agreement.reveal.value,
        "learn": choices.learn,
        "own_size": result.own_size,
        "peer_size": result.peer_size,
        "matches": outcome.matches,
        "matched_rows": rows,
        "sum": None,
        "noisy_count": outcome.noisy_count,
        "output": output,
        "seconds": round(result.seconds, 3),
        "bytes_sent": result.bytes_sent,
        "bytes_received": result.bytes_received,
        "peer_fingerprint": peer.fingerprint if peer else None,
        "transcript": result.transcript,
        "backend": backend.name,
        "disk_bytes": job.disk_bytes,
        "input": job.report.to_json(),
    }
    if choices.as_json:
        print_json(record)
        return
    print_fields(
        {
            "own list": f"{job.size:,} distinct keys in {job.report.rows:,} rows",
            "peer's list": f"{result.peer_size:,} distinct keys"
            if choices.agreement.pad_to is None
            else f"at most {result.peer_size:,} distinct keys: both lists are padded to that",
            **_found(choices, outcome),
            **({} if rows is None else {"matched rows": f"{rows:,}"}),
            **({} if output is None else {"written to": output}),
            "time": human_seconds(result.seconds),
            "sent, received": f"{human_bytes(result.bytes_sent)}, {human_bytes(result.bytes_received)}",
            "transcript": result.transcript[:16].hex() + "... (the same on both sides)",
        }
    )


def require_shown(choices: Choices, outcome: Outcome) -> None:
    """Raises PolicyError when the result is withheld."""
    if outcome.withheld:
        raise PolicyError(
            f"the result is below --min-matches {choices.agreement.min_matches} and is withheld", term="min_matches"
        )


def _found(choices: Choices, outcome: Outcome) -> dict[str, str]:
    """The result in words."""
    if not outcome.learnt:
        return {"matches": "not learnt by this side"}
    if outcome.noisy_count is None:
        return {"matches": f"{outcome.matches:,}"}
    noise = choices.agreement.noise
    reach = "" if noise is None else f", at most {noise.bound:,} from the truth"
    return {"noisy count": f"{outcome.noisy_count:,}{reach}"}
