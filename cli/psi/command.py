"""`psiselect psi listen`, `connect`, `local` and `estimate`: a session over the network, or one on this machine."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from cli import _backend
from cli._ledger import saying_paid
from cli._output import human_bytes, human_seconds, print_fields, print_json, say
from cli._table import QUERY_HELP, Table, TableName
from cli.psi import resume
from cli.psi import values as value_options
from cli.psi.addresses import AddressText
from cli.psi.choices import Choices, exact
from cli.psi.config import certificates
from cli.psi.given import GivenOptions
from cli.psi.options import estimate_options, local_options, session_options
from cli.psi.own_side import gather, open_backend, prepared, read, shown, told
from cli.psi.policy import charge_of
from cli.psi.serve import SERVE_OPTIONS, Service, for_sessions
from cli.psi.serve import check as check_service
from cli.psi.serve import serve as run_service
from cli.psi.spare import LOCALLY
from cli.psi.values import check_column
from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.group.curve25519.portable import available_cores
from psi.normalize import KeySpec, parse_key
from psi.protocol.messages import BUSY
from psi.session import cost, local
from psi.session.calibration import calibrate
from psi.session.job import Memory
from psi.tables import ReadingOptions
from psi.tables.files import STANDARD_INPUT
from psi.transport.tls import Listener, connect
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import UsageError


@click.command("listen")
@click.option(
    "--address",
    "addresses",
    multiple=True,
    required=True,
    type=AddressText(to_call=False),
    metavar="HOST:PORT",
    help="Where to wait for the peer. HOST may be * for all addresses, IPv4 and IPv6; port 0 picks one. May be "
    "repeated.",
)
@session_options(Side.LISTEN, several_identities=True)
@SERVE_OPTIONS
@click.pass_context
def listen(ctx: click.Context, /, addresses: tuple[str, ...], given: GivenOptions, serve: bool, **serving: Any) -> None:
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
      psiselect psi listen --config packaging/listen.toml --check
    """
    service = Service.asked(serve, serving)
    choices = Choices.of(Side.LISTEN, given if service is None else for_sessions(given))
    if service is not None:
        if choices.means.resume:
            raise UsageError("--serve keeps no sessions; leave out --resume, or listen for one session", term="resume")
        if service.check:
            check_service(choices, given.as_json)
            return
        run_service(choices, service, addresses, certificates(ctx, service.config, choices.peers))
        return
    if choices.means.resume:
        resume.listen(choices, addresses)
        return
    with prepared(choices) as own:
        parties, stall = own.parties, choices.means.stall_seconds
        with Listener(addresses, parties.identities, parties.peers, timeout=stall, busy_frame=BUSY) as listener:
            say(f"listening on {', '.join(listener.addresses)} for {parties.names}")
            channel = listener.accept(choices.means.timeout or math.inf)
            say(f"session with {parties.peer(channel.peer_fingerprint).name}")
            own.run(channel, choices.means)


@click.command("connect")
@click.argument("address", type=AddressText(to_call=True), metavar="HOST:PORT")
@session_options(Side.CONNECT)
def connect_(address: str, given: GivenOptions) -> None:
    """Call a listening peer and run one session with it.

    \b
    Examples:
      psiselect psi connect acme.example:7001 --identity keys/globex --peer acme.crt \\
          --input members.parquet --key mail:email --output common.csv
      psiselect psi connect acme.example:7001 --identity keys/globex --peer acme.crt \\
          --input postgresql://reader@db.globex.example/crm --query 'SELECT mail, id FROM members' \\
          --key mail:email --output common.csv
    """
    choices = Choices.of(Side.CONNECT, given)
    if choices.means.resume:
        resume.connect(choices, address)
        return
    with prepared(choices) as own:
        stall = choices.means.stall_seconds
        say(f"calling {address}, for up to {stall:g} s")
        own.run(connect(address, own.parties.identity, own.parties.peers, timeout=stall), choices.means)


@click.command("local")
@click.argument("source", metavar="A", type=TableName())
@click.argument("second", metavar="B", type=TableName())
@local_options
@click.option("--query", metavar="SQL", help=f"A: {QUERY_HELP}")
@click.option("--query-b", metavar="SQL", help="The same for B.")
@click.option(
    "--key-b",
    "keys_b",
    multiple=True,
    metavar="COLUMN[:RULE]",
    help="The key in B, when its column has another name there; as often as --key.",
)
@click.option(
    "--null-b",
    "nulls_b",
    multiple=True,
    metavar="TEXT",
    help="The same as --null for B [default: as for A].",
)
def local_(
    second: Path | str,
    query_b: str | None,
    keys_b: tuple[str, ...],
    nulls_b: tuple[str, ...],
    given: GivenOptions,
    **reading_b: Any,
) -> None:
    """Run both parties on this machine, without a network: to try out and to measure.

    A is the side that connects: it learns, and --output gets its rows. What is said about reading A holds for B too,
    unless B has an option of its own.

    \b
    Examples:
      psiselect psi local customers.csv members.parquet --key email:email --output common.csv
      psiselect psi local customers.csv members.parquet --key email:email --key-b mail:email
      psiselect psi local customers.csv members.parquet --key email:email --receive plan --output joined.csv
      psiselect psi local customers.csv members.csv --key email:email --key phone:phone --matching one-to-one
      psiselect psi local sqlite:///shop.db members.parquet --query 'SELECT email FROM customers' --key email:email
      psiselect psi local customers.csv orders.csv --key email:email --reveal sum --value amount
    """
    if second == given.source == STANDARD_INPUT:
        raise UsageError("A and B are both standard input; name a file for one of them")
    check_column(Reveal(given.reveal), "peer", given.value)  # B does not learn, so the values are B's
    choices = Choices.of(Side.CONNECT, replace(given, value=None, ledger=None, dataset=None))
    # What B gives is what the noise protects.
    charge = charge_of(Side.LISTEN, choices.terms, given.ledger, given.dataset)
    here, terms = choices.list, choices.terms
    keys = _keys_of_b(here.keys, keys_b)
    table = _table_of_b(second, query_b, here.table, reading_b)
    there = replace(here, table=table, keys=keys, value=given.value, nulls=nulls_b or given.nulls)
    spare = choices.results.spare
    again = replace(choices.results, spare=spare if charge is not None else replace(spare, again=LOCALLY))
    stored = (there.table.file_in(here.memory.folder).name,) if there.table.is_stored else ()
    again.check(here.table.open(here.memory.folder), {"A": here.table.file, "B": there.table.file}, stored)
    with (
        open_backend(choices.means) as backend,
        read(choices) as own,
        told(there.read(Side.LISTEN, terms)) as other,
        shown() as done,
    ):
        gather(other)
        if charge is not None:
            charge.pay()
            charge.tell()
        results = local.run({Side.CONNECT: own, Side.LISTEN: other}, backend, SystemEntropy(), done)
        with saying_paid(lambda: charge is not None):
            again.give(own, results[Side.CONNECT], backend.name, None)


def _table_of_b(where: Path | str, query: str | None, table: Table, said: dict[str, Any]) -> Table:
    """B's table: read as its own options say or, if there are none, as A's do, as far as they concern its kind. Raises
    UsageError."""
    own = {name.removesuffix("_b"): value for name, value in said.items() if value is not None}
    return Table(where, query, ReadingOptions.of(**own) if own else replace(table.reading, shared=True))


def _keys_of_b(keys: tuple[KeySpec, ...], given: tuple[str, ...]) -> tuple[KeySpec, ...]:
    """B's keys. Raises UsageError unless they have A's rules."""
    if not given:
        return keys
    if len(given) != len(keys):
        raise UsageError(f"{len(keys)} --key and {len(given)} --key-b; B has as many keys as A", term="keys")
    found = tuple(map(parse_key, given))
    for here, there in zip(keys, found, strict=True):
        if here.describe() != there.describe():
            raise UsageError(
                f"--key has the rule {here.describe()} and --key-b {there.describe()}; what is matched needs one rule "
                "on both sides",
                term="rule",
            )
    return found


@click.command("estimate")
@click.option("--own", required=True, type=click.IntRange(0), metavar="N", help="Distinct keys on this side.")
@click.option("--peer", required=True, type=click.IntRange(0), metavar="N", help="Distinct keys on the other side.")
@estimate_options
def estimate_(own: int, peer: int, **given: Any) -> None:
    """Predict seconds, bytes and disk of a run, from a measurement made here and now.

    Without --link both parties share this machine, as in `psi local`; with it, each has a machine like this one.
    ReadingOptions the table comes on top.

    \b
    Examples:
      psiselect psi estimate --own 1000000 --peer 250000
      psiselect psi estimate --own 10000000 --peer 10000000 --link 100M --memory-limit 800M
    """
    terms = _estimated_terms(given)
    own_size, peer_size = terms.declared_size(own), terms.declared_size(peer)
    terms.check_totals({Side.CONNECT: own_size, Side.LISTEN: peer_size})
    memory_limit = Memory.usual_limit() if given["memory_limit"] is None else given["memory_limit"]
    with _backend.open_backend(given["backend"], given["threads"]) as backend:
        calibration = calibrate(backend, given["threads"] or available_cores())
    machines = cost.Machines.SHARED if given["link"] is None else cost.Machines.APART
    found = cost.estimate(
        terms,
        cost.Sizes(own_size, peer_size, key_bytes=given["key_bytes"]),
        cost.Machine(calibration, machines, given["link"], memory_limit),
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


def _estimated_terms(given: dict[str, Any]) -> Terms:
    """The terms of the session to predict, this side connecting. Raises UsageError."""
    reveal = Reveal(given["reveal"])
    decimals, largest = value_options.asked(reveal, given["value_decimals"], given["value_max"])
    learn = {"me": Learner.CONNECT, "peer": Learner.LISTEN, "both": Learner.BOTH}[given["learn"]]
    columns = None
    if given["label_bytes"] is not None:
        give = {side.value: ("column",) if side.other in learn.receivers else () for side in Side}
        columns = ColumnTerms(**give)
    # What several keys can have together only as records, they are taken to have as records.
    as_records = given["keys"] > 1 and (columns is not None or reveal is Reveal.SUM)
    return Terms(
        reveal=reveal,
        learn=learn,
        keys=(KeyTerm("any rule", "0" * 64),) * given["keys"],
        matching=Matching.ONE_TO_ONE if as_records else Matching.ONE_TO_MANY,
        epsilon=exact(given["epsilon"], "epsilon"),
        delta=exact(given["delta"], "delta"),
        min_matches=given["min_matches"],
        min_matches_by=Comparer(given["min_matches_by"]),
        pad_to=given["pad_to"],
        columns=columns,
        label_bytes=given["label_bytes"],
        value_decimals=decimals,
        value_max=largest,
    )
