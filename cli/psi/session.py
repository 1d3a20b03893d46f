"""One session of a `psi` command: what comes before it, the session itself, and what is said of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from cli._output import human_bytes, human_seconds, print_fields, print_json, progress, say
from cli.psi import values
from cli.psi.options import Choices
from cli.psi.table import Table
from psi.agreement.outcomes import Matching, Outcome, Side
from psi.group.curve25519.backend import Backend, load_backend
from psi.identity.identity import Identity, PeerIdentity
from psi.normalize import parse_key
from psi.protocol.party import Setup
from psi.serve.serving import new_file_of_session
from psi.session import session
from psi.session.job import Job
from psi.session.session import SessionResult
from psi.transport.channel import Channel
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError, PolicyError


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
    for size in job.sizes:
        choices.agreement.declared_size(size)
    gather(choices, choices.side, job)
    choices.guard.check(peers, choices.request(job.size))
    choices.guard.prepare(peers)


def gather(choices: Choices, side: Side, job: Job, tell: Callable[[str], None] = say) -> None:
    """Read what this side gives beside its keys; tell how many rows have no value to add up."""
    job.gather(side, choices.agreement)
    if job.blank_values:
        tell(f"{job.source.name}: rows without a value, which counts as nothing: {job.blank_values:,}")


def name_of(peers: list[PeerIdentity], channel: Channel) -> str:
    return next(peer.name for peer in peers if peer.fingerprint == channel.peer_fingerprint)


def read_job(
    choices: Choices, table: Table, other_keys: tuple[str, ...] = (), tell: Callable[[str], None] = say
) -> Job:
    """Read a side's table; tell which rows were left out. other_keys: its keys, where they are not the command's."""
    keys = tuple(parse_key(key) for key in other_keys) or choices.keys
    source = table.open(choices.memory.folder)
    job = Job(source, keys, choices.memory, choices.agreement.matching, value=choices.value, strict=choices.strict)
    for number, report in enumerate(job.reports, start=1):
        what = f" as key {number}" if len(keys) > 1 else ""
        for reason, count in report.unreadable.items():
            rows = ", ".join(map(str, report.first_unreadable[reason]))
            tell(f"{source.name}: {count:,} rows left out{what}, unreadable ({reason}); first rows: {rows}")
    if not job.size and all(report.unreadable for report in job.reports):
        job.__exit__(None, None, None)
        columns = ", ".join(dict.fromkeys(column for key in keys for column in key.columns))
        raise InputError(
            f"{source.name}: no row has a key that the rule can read; is {columns} the right column, and "
            f"{keys[0].describe()} the right rule?",
            term="key",
        )
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
    values.check_total(choices.agreement.amounts, outcome)
    rows = job.count_rows(outcome)
    output = (
        None if choices.output is None else new_file_of_session(choices.output, result.transcript, again=choices.resume)
    )
    joined = _write(choices, job, outcome, output)
    record = {
        "reveal": choices.agreement.reveal.value,
        "learn": choices.learn,
        "own_size": result.own_size,
        "peer_size": result.peer_size,
        "matches": outcome.matches,
        "matches_by_key": _by_key(choices, outcome),
        "matched_rows": rows,
        "joined_rows": joined,
        **values.as_json(choices.agreement.amounts, outcome),
        "noisy_count": outcome.noisy_count,
        "output": output,
        "seconds": round(result.seconds, 3),
        "bytes_sent": result.bytes_sent,
        "bytes_received": result.bytes_received,
        "peer_fingerprint": peer.fingerprint if peer else None,
        "transcript": result.transcript,
        "backend": backend.name,
        "disk_bytes": job.disk_bytes,
        "input": input_of(job),
    }
    if choices.as_json:
        print_json(record)
        return
    unit = "distinct keys" if choices.agreement.matching is Matching.ONE_TO_MANY else "records"
    print_fields(
        {
            "own list": f"{job.size:,} {unit} in {job.reports[0].rows:,} rows",
            "peer's list": f"{result.peer_size:,} {unit}"
            if choices.agreement.pad_to is None
            else f"at most {result.peer_size:,} {unit}: both lists are padded to that",
            **_found(choices, outcome),
            **({} if rows is None else {"matched rows": f"{rows:,}"}),
            **_columns(choices),
            **({} if joined is None else {"joined rows": f"{joined:,}"}),
            **({} if output is None else {"written to": output}),
            "time": human_seconds(result.seconds),
            "sent, received": f"{human_bytes(result.bytes_sent)}, {human_bytes(result.bytes_received)}",
            "transcript": result.transcript[:16].hex() + "... (the same on both sides)",
        }
    )


def _write(choices: Choices, job: Job, outcome: Outcome, output: Path | None) -> int | None:
    """Write the output file, if one was asked for; returns how many lines a joined table has. Raises RemoteError when
    columns that the peer gave do not open or cannot be read."""
    received = job.received(choices.side, choices.agreement, outcome)
    if output is None:
        return None
    if received is not None:
        return job.write_joined(outcome, received, output)
    job.write_matches(outcome, output)
    return None


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
        found = {"matches": f"{outcome.matches:,}"}
        if outcome.counts is not None and len(outcome.counts) > 1:
            counted = zip(choices.keys, outcome.counts, strict=True)
            found["by key"] = ", ".join(f"{'+'.join(key.columns)} {count:,}" for key, count in counted)
        if outcome.total is not None and choices.agreement.amounts is not None:
            found["sum"] = values.text(choices.agreement.amounts, outcome.total)
        return found
    noise = choices.agreement.noise
    reach = "" if noise is None else f", at most {noise.bound:,} from the truth"
    return {"noisy count": f"{outcome.noisy_count:,}{reach}"}


def _columns(choices: Choices) -> dict[str, str]:
    """Which columns travelled, in words."""
    columns, side = choices.agreement.columns, choices.side
    if columns is None:
        return {}
    sent, received = columns.given_by(side), columns.given_by(side.other)
    kept = "" if choices.output else " (not kept without --output)"
    return {
        **({"columns sent": ", ".join(sent)} if sent else {}),
        **({"columns received": ", ".join(received) + kept} if received else {}),
    }


def _by_key(choices: Choices, outcome: Outcome) -> list[dict[str, object]] | None:
    if outcome.counts is None:
        return None
    return [{"rule": key.describe(), "matches": count} for key, count in zip(choices.keys, outcome.counts, strict=True)]


def input_of(job: Job) -> dict[str, object]:
    """How rows became keys: one report, or one a key."""
    first, *others = (report.to_json() for report in job.reports)
    return {"rows": first["rows"], "records": job.size, "keys": [first, *others]} if others else first
