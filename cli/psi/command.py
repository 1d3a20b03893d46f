"""`psiselect psi listen` and `connect`: a session over the network."""

from __future__ import annotations

from typing import Any

import click

from cli.psi.addresses import AddressText
from cli.psi.config import certificates
from cli.psi.help_groups import SessionCommand
from cli.psi.options import session_options
from cli.psi.results import Printed
from cli.psi.serve_options import SERVE_OPTIONS, Service
from cli.psi.talk import TALK
from psi.agreement.modes import Side
from psiselect.matching import network
from psiselect.matching.choices import Choices
from psiselect.matching.given import GivenOptions
from psiselect.matching.session_files import for_sessions


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

    A session lasts from the call to the result. With --serve, the command keeps running for many sessions. The command
    turns away callers whose certificate you did not name with --peer, and goes on waiting.

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
