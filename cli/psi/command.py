"""`psiselect psi listen`, `connect`, `local` and `estimate`: a session over the network, or one on this machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from cli import _backend
from cli._groups import hiding
from cli._output import print_fields, print_json, print_table
from cli._table import QUERY_HELP, TableName
from cli.psi import words
from cli.psi.addresses import AddressText
from cli.psi.config import certificates
from cli.psi.help_groups import EstimateCommand, SessionCommand
from cli.psi.options import estimate_options, local_options, session_options
from cli.psi.results import Printed
from cli.psi.serve_options import SERVE_OPTIONS, Service
from cli.psi.talk import TALK
from psi.agreement.modes import Comparer, Reveal, SessionProtocol, Side
from psi.session.cost import Bound, Calibration
from psi.tables import ReadingOptions
from psi.tables.files import STANDARD_INPUT
from psiselect.base.errors import InputError, UsageError
from psiselect.matching import both_here, network
from psiselect.matching.choices import Choices, exact
from psiselect.matching.given import GivenOptions
from psiselect.matching.prediction import Question, SideBySide, check, compare
from psiselect.matching.session_files import for_sessions
from psiselect.tables import Table
from psiselect.words import human_bytes, human_seconds


@click.command("listen", cls=SessionCommand)
@click.option(
    "--address",
    "addresses",
    multiple=True,
    required=True,
    type=AddressText(to_call=False),
    metavar="HOST:PORT",
    help="Wait for calls at this address. HOST may be * for all addresses of this machine. With port 0, the program "
    "picks a port and shows it. May be repeated.",
)
@session_options(Side.LISTEN, several_identities=True)
@SERVE_OPTIONS
@click.pass_context
def listen(ctx: click.Context, /, addresses: tuple[str, ...], given: GivenOptions, serve: bool, **serving: Any) -> None:
    """Wait until the other company's program (the peer) calls, and match your list with the peer's list.

    A session lasts from the call to the result. With --serve, the command stays up for many sessions. It turns away
    callers that have no certificate of a --peer, and goes on waiting.

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
    if service is None:
        network.listen(Choices.of(Side.LISTEN, given, TALK, Printed(given.as_json)), addresses)
        return
    from cli.psi.serve import check as check_service
    from cli.psi.serve import serve as run_service

    choices = Choices.of(Side.LISTEN, for_sessions(given), TALK, service.speaker(given.as_json))
    if service.check:
        check_service(choices, given.as_json)
        return
    run_service(choices, service, addresses, certificates(ctx, service.config, choices.peers))


@click.command("connect", cls=SessionCommand)
@click.argument("address", type=AddressText(to_call=True), metavar="HOST:PORT")
@session_options(Side.CONNECT)
def connect_(address: str, given: GivenOptions) -> None:
    """Call the other company's program (the peer), and match your list with the peer's list.

    The peer must already be waiting for your call, with `psi listen`. A session lasts from the call to the result.

    \b
    Examples:
      psiselect psi connect acme.example:7001 --identity keys/globex --peer acme.crt \\
          --input members.parquet --key mail:email --output common.csv
      psiselect psi connect acme.example:7001 --identity keys/globex --peer acme.crt \\
          --input postgresql://reader@db.globex.example/crm --query 'SELECT mail, id FROM members' \\
          --key mail:email --output common.csv
    """
    network.connect(Choices.of(Side.CONNECT, given, TALK, Printed(given.as_json)), address)


@hiding("sent")  # A learns, so A has nobody to give columns to
@click.command("local", cls=SessionCommand)
@click.argument("source", metavar="A", type=TableName())
@click.argument("second", metavar="B", type=TableName())
@local_options
@click.option("--query", metavar="SQL", help=f"A: {QUERY_HELP[0].lower()}{QUERY_HELP[1:]}")
@click.option("--query-b", metavar="SQL", help="B: read what this SELECT returns.")
@click.option(
    "--key-b",
    "keys_b",
    multiple=True,
    metavar="COLUMN[:RULE]",
    help="Match by this column of B, if its name differs from the column of A. Give --key-b as often as --key.",
)
@click.option(
    "--null-b",
    "nulls_b",
    multiple=True,
    metavar="TEXT",
    help="B: treat this text as an empty cell [default: as for A].",
)
def local_(
    second: Path | str,
    query_b: str | None,
    keys_b: tuple[str, ...],
    nulls_b: tuple[str, ...],
    given: GivenOptions,
    **reading_b: Any,
) -> None:
    """Match two lists, A and B, on this machine, without a network, to try it or to measure.

    A is the side that calls. A gets the result, and --output has rows of A. An option about reading A also holds for B,
    unless you give the option of B, such as --delimiter-b.

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
        raise words.both_from_stdin()
    table_b = _table_of_b(second, query_b, given.reading, reading_b)
    with _naming_options_of_b(table_b, given.source):
        both_here.match(given, both_here.Other(table_b, keys_b, nulls_b or given.nulls), TALK, Printed(given.as_json))


@contextlib.contextmanager
def _naming_options_of_b(table: Table, first: object) -> Iterator[None]:
    """Errors about B name the options that are for B alone."""
    try:
        yield
    except (InputError, UsageError) as error:
        name = "standard input" if table.is_standard_input else os.fspath(table)
        said = str(error)
        if name != str(first) and said.startswith((f"{name}: ", f"{name}, ")):
            error.args = (name + words.with_options_of_b(said.removeprefix(name)),)
        raise


def _table_of_b(where: Path | str, query: str | None, reading: ReadingOptions, said: dict[str, Any]) -> Table:
    """B's table: read as its own options say or, if there are none, as A's do, as far as they concern its kind. Raises
    UsageError."""
    own = {name.removesuffix("_b"): value for name, value in said.items() if value is not None}
    return Table(where, query, ReadingOptions.of(**own) if own else replace(reading, shared=True))


@click.command("estimate", cls=EstimateCommand)
@click.option(
    "--own", required=True, type=click.IntRange(0), metavar="N", help="Set how many different keys your list has."
)
@click.option(
    "--peer", required=True, type=click.IntRange(0), metavar="N", help="Set how many different keys the other list has."
)
@estimate_options
def estimate_(own: int, peer: int, **given: Any) -> None:
    """Predict how long a session takes, and how much data and disk space it needs.

    The command first measures how fast this machine is. Without --link, it predicts for both sides on this machine, as
    in `psi local`. With --link, it predicts for two machines like this one. The time to read the tables comes on top.

    A table compares both protocols (--protocol). The fast protocol is an experiment that nobody outside the project has
    reviewed.

    \b
    Examples:
      psiselect psi estimate --own 1000000 --peer 250000
      psiselect psi estimate --own 1000000 --peer 1000000 --protocol fast
      psiselect psi estimate --own 10000000 --peer 10000000 --link 100M --memory-limit 800M
    """
    backend, threads, as_json = given.pop("backend"), given.pop("threads"), given.pop("as_json")
    given["reveal"], given["min_matches_by"] = Reveal(given["reveal"]), Comparer(given["min_matches_by"])
    given["epsilon"], given["delta"] = exact(given["epsilon"], "epsilon"), exact(given["delta"], "delta")
    given["protocol"] = SessionProtocol(given["protocol"])
    question = Question(own=own, peer=peer, **given)
    check(question)
    with _backend.open_backend(backend, threads) as opened:
        compared = compare(question, opened, threads)
    if as_json:
        print_json(compared.to_json())
        return
    prediction = compared.asked
    found, calibration, status = prediction.cost, prediction.calibration, question.protocol.status
    each = 1e6 * calibration.multiplication if isinstance(calibration, Calibration) else None
    network = human_seconds(found.network_seconds) if question.link else words.NEXT_TO_NOTHING
    balance = found.balance_bits_per_second / 1e6
    print_fields(
        {
            **({} if status is None else {"protocol": f"{question.protocol.value} ({status})"}),
            "parties": words.BOTH_HERE if question.link is None else words.ONE_EACH,
            "time": human_seconds(found.seconds),
            "waits for": words.limited_by(
                words.CPU if found.bound is Bound.COMPUTE else words.NETWORK,
                human_seconds(found.compute_seconds),
                network,
                balance,
            ),
            "sent": human_bytes(found.bytes_sent),
            "received": human_bytes(found.bytes_received),
            "on disk here": human_bytes(found.disk_bytes),
            **({"in memory": words.beside_the_list(human_bytes(found.memory_bytes))} if found.memory_bytes else {}),
            **({"with --resume": words.more_on_disk(human_bytes(found.resume_bytes))} if not status else {}),
            "multiplications": words.multiplications(found.own_multiplications, found.peer_multiplications),
            "a tag": words.tag(found.tag_bytes),
            "measured with": words.measured(calibration.backend, calibration.cores, each),
        }
    )
    _show_both(compared)


def _show_both(compared: SideBySide) -> None:
    """Both protocols, and which one the CPU and the link favour; or why there is no choice."""
    if compared.fast is None:
        print_fields({"--protocol fast": compared.refused})
        return
    rows = []
    for each in (compared.ecdh, compared.fast):
        found, status = each.cost, each.question.protocol.status
        name = each.question.protocol.value + ("" if status is None else f" ({status})")
        network = human_seconds(found.network_seconds) if found.link_bits_per_second else words.NEXT_TO_NOTHING
        sent = (human_bytes(count) for count in (found.bytes_sent + found.bytes_received, found.bytes_in_sequence))
        rows.append((name, human_seconds(found.seconds), human_seconds(found.compute_seconds), network, *sent))
    print_table(("protocol", "time", "compute", "network", "bytes both ways", "in sequence"), rows)
    choices = {"the CPU favours": compared.by_cpu, "the link favours": compared.by_link, "sooner": compared.by_time}
    print_fields(
        {
            **{name: protocol.value for name, protocol in choices.items() if protocol is not None},
            "about fast": words.WEAKER,
        }
    )
