"""`psiselect psi`: match lists with a peer over the network, or try it out on this machine."""

from __future__ import annotations

import contextlib
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from cli._output import human_bytes, human_seconds, print_fields, print_json, progress, say
from cli.psi import offline, options, resume
from cli.psi.options import Choices
from cli.psi.serve import Service, serve
from cli.psi.serve import options as serving_options
from cli.psi.session import gather, name_of, open_backend, prepared, read_job, report, run_session
from cli.psi.table import QUERY_HELP, Table, TableName
from cli.psi.trust import verify
from cli.psi.values import asked as values_asked
from cli.psi.values import check_column
from psi.agreement.outcomes import Comparer, Learner, Reveal, Side
from psi.group.curve25519.backend import load_backend
from psi.group.curve25519.portable import available_cores
from psi.normalize import parse_key
from psi.session import cost, local
from psi.session.calibration import calibrate
from psi.session.job import Agreement
from psi.transport.tls import Listener, connect
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import UsageError


@click.group()
def command() -> None:
    """Private set intersection: which of our rows do both have, and nothing else.

    Both sides run one command each, at the same time, with the same --reveal and --key rules.
    """


command.add_command(verify)
for part in offline.COMMANDS:
    command.add_command(part)


@command.command("listen")
@click.option("--address", required=True, metavar="HOST:PORT", help="Where to wait for the peer; port 0 picks one.")
@options.session_options(Side.LISTEN)
@serving_options
def listen(address: str, **given: Any) -> None:
    """Wait for the peer and run one session with it, or with --serve as many as come.

    Whoever does not hold the certificate of a --peer is turned away, and the wait goes on.

    \b
    Examples:
      psiselect psi listen --address 0.0.0.0:7001 --identity keys/acme --peer globex.crt \\
          --input customers.csv --key email:email
      psiselect psi listen --address 0.0.0.0:7001 --identity keys/acme --peer globex.crt \\
          --input customers.csv --key email:email --reveal count \\
          --policy weekly.toml --audit sessions.log --record session.json
      psiselect psi listen --address 0.0.0.0:7001 --identity keys/acme --peer globex.crt \\
          --input customers.csv --key email:email --reveal sum --value amount
      psiselect psi listen --serve --address 0.0.0.0:7001 --identity keys/acme --peer globex.crt \\
          --peer initech.crt --input customers.csv --key email:email --policy weekly.toml \\
          --audit sessions.log --record records/ --health 127.0.0.1:7080
    """
    service = Service.parse(given)
    choices = Choices.parse(Side.LISTEN, given)
    if service is not None:
        if choices.resume:
            raise UsageError("--serve keeps no sessions; leave out --resume, or listen for one session", term="resume")
        serve(choices, service, address)
        return
    if choices.resume:
        resume.listen(choices, address)
        return
    with prepared(choices) as (identity, peers, job):
        with Listener(address, identity, peers, timeout=choices.stall_seconds) as listener:
            say(f"listening on {listener.address} for {', '.join(peer.name for peer in peers)}")
            channel = listener.accept(choices.timeout or math.inf)
            say(f"session with {name_of(peers, channel)}")
        run_session(choices, job, identity, peers, channel)


@command.command("connect")
@click.argument("address", metavar="HOST:PORT")
@options.session_options(Side.CONNECT)
def connect_(address: str, **given: Any) -> None:
    """Call a listening peer and run one session with it.

    \b
    Examples:
      psiselect psi connect acme.example:7001 --identity keys/globex --peer acme.crt \\
          --input members.parquet --key mail:email --output common.csv
      psiselect psi connect acme.example:7001 --identity keys/globex --peer acme.crt \\
          --input postgresql://reader@db.globex.example/crm --query 'SELECT mail, id FROM members' \\
          --key mail:email --output common.csv
    """
    choices = Choices.parse(Side.CONNECT, given)
    if choices.resume:
        resume.connect(choices, address)
        return
    with prepared(choices) as (identity, peers, job):
        say(f"calling {address}, for up to {choices.stall_seconds:g} s")
        channel = connect(address, identity, peers, timeout=choices.stall_seconds)
        run_session(choices, job, identity, peers, channel)


@command.command("local")
@click.argument("first", metavar="A", type=TableName())
@click.argument("second", metavar="B", type=TableName())
@options.local_options
@click.option("--query", metavar="SQL", help=f"A: {QUERY_HELP}")
@click.option("--query-b", metavar="SQL", help="The same for B.")
@click.option(
    "--key-b",
    "keys_b",
    multiple=True,
    metavar="COLUMN[:RULE]",
    help="The key in B, when its column has another name there; as often as --key.",
)
def local_(first: Path | str, second: Path | str, query_b: str | None, keys_b: tuple[str, ...], **given: Any) -> None:
    """Run both parties on this machine, without a network: to try out and to measure.

    A is the side that connects: it learns, and --output gets its rows.

    \b
    Examples:
      psiselect psi local customers.csv members.parquet --key email:email --output common.csv
      psiselect psi local customers.csv members.parquet --key email:email --key-b mail:email
      psiselect psi local customers.csv members.parquet --key email:email --receive plan --output joined.csv
      psiselect psi local customers.csv members.csv --key email:email --key phone:phone --matching one-to-one
      psiselect psi local sqlite:///shop.db members.parquet --query 'SELECT email FROM customers' --key email:email
      psiselect psi local customers.csv orders.csv --key email:email --reveal sum --value amount
    """
    value = given.pop("value")
    choices = Choices.parse(Side.CONNECT, {**given, "value": None, "identity": None, "peers": (), "source": first})
    check_column(choices.agreement.reveal, "peer", value)  # B does not learn, so the values are B's
    if keys_b and len(keys_b) != len(choices.keys):
        raise UsageError(f"{len(choices.keys)} --key and {len(keys_b)} --key-b; B has as many keys as A", term="keys")
    for here, there in zip(choices.keys, map(parse_key, keys_b), strict=False):
        if here.describe() != there.describe():
            raise UsageError(
                f"--key has the rule {here.describe()} and --key-b {there.describe()}; what is matched needs one rule "
                "on both sides",
                term="rule",
            )
    choices.check_output(choices.source.open(choices.memory.folder))
    b = Table(second, query_b)
    with (
        open_backend(choices) as backend,
        read_job(choices, choices.source) as own,
        read_job(replace(choices, value=value), b, keys_b) as other,
    ):
        gather(choices, Side.LISTEN, other)
        jobs = {Side.CONNECT: own, Side.LISTEN: other}
        with progress() as bar:
            task = bar.add_task("matching", total=None)
            results = local.run(
                jobs,
                choices.agreement,
                backend,
                SystemEntropy(),
                lambda done, total: bar.update(task, completed=done, total=total or None),
            )
        report(choices, own, results[Side.CONNECT], backend, None)


@command.command("estimate")
@click.option("--own", required=True, type=click.IntRange(0), metavar="N", help="Distinct keys on this side.")
@click.option("--peer", required=True, type=click.IntRange(0), metavar="N", help="Distinct keys on the other side.")
@options.estimate_options
def estimate_(own: int, peer: int, **given: Any) -> None:
    """Predict seconds, bytes and disk of a run, from a measurement made here and now.

    Without --link both parties share this machine, as in `psi local`; with it, each has a machine like this one.
    Reading the table comes on top.

    \b
    Examples:
      psiselect psi estimate --own 1000000 --peer 250000
      psiselect psi estimate --own 10000000 --peer 10000000 --link 100M --memory-limit 800M
    """
    decimals, largest = values_asked(Reveal(given["reveal"]), given)
    mode = Agreement(
        Reveal(given["reveal"]),
        Learner.BOTH if given["learn"] == "both" else Learner.CONNECT,
        epsilon=options.exact(given, "epsilon"),
        delta=options.exact(given, "delta"),
        min_matches=given["min_matches"],
        min_matches_by=Comparer(given["min_matches_by"]),
        pad_to=given["pad_to"],
        value_decimals=decimals,
        value_max=largest,
    )
    if given["label_bytes"] is not None and mode.reveal is not Reveal.MATCHES:
        raise UsageError(f"columns travel with matches, not with {mode.reveal.value}", term="label_bytes")
    if given["keys"] > 1 and mode.noise is not None:
        raise UsageError("noisy-count is for one key", term="keys")
    if mode.amounts is not None:
        for size in {"me": (peer,), "peer": (own,), "both": (own, peer)}[given["learn"]]:
            mode.amounts.check_room(mode.declared_size(size))
    machines = cost.Machines.SHARED if given["link"] is None else cost.Machines.APART
    memory = options.memory(given["memory_limit"], None)
    with contextlib.closing(load_backend(given["backend"], given["threads"])) as backend:
        calibration = calibrate(backend, given["threads"] or available_cores())
    found = cost.estimate(
        mode.declared_size(own),
        mode.declared_size(peer),
        calibration,
        reveal=mode.reveal,
        label_bytes=given["label_bytes"] or 0,
        added=mode.added,
        keys=given["keys"],
        gate=mode.min_matches_by is Comparer.OTHER,
        learns=cost.Learns(given["learn"]),
        machines=machines,
        link_bits_per_second=given["link"],
        memory_limit=memory.limit,
        key_bytes=given["key_bytes"],
    )
    record = {"own": own, "peer": peer, "backend": calibration.backend, "cores": calibration.cores, **asdict(found)}
    if given["as_json"]:
        print_json(record)
        return
    print_fields(
        {
            "parties": "both on this machine" if given["link"] is None else "a machine like this one each",
            "time": human_seconds(found.seconds),
            "waits for": f"{found.bound.value}: compute takes {human_seconds(found.compute_seconds)}, the network "
            + (f"{human_seconds(found.network_seconds)}; " if given["link"] else "next to nothing; ")
            + f"below {found.balance_bits_per_second / 1e6:.3g} Mbit/s the network would bind",
            "sent": human_bytes(found.bytes_sent),
            "received": human_bytes(found.bytes_received),
            "on disk here": human_bytes(found.disk_bytes),
            "with --resume": f"{human_bytes(found.resume_bytes)} more on disk here",
            "multiplications": f"{found.own_multiplications:,} here, {found.peer_multiplications:,} there",
            "a tag": f"{found.tag_bytes} bytes: some false match in a session has probability at most 2^-40",
            "measured with": f"{calibration.backend} on {calibration.cores} cores, "
            f"{1e6 * calibration.multiplication:.1f} us a multiplication on one",
        }
    )
