"""`psiselect psi estimate`: what a session would cost."""

from __future__ import annotations

from typing import Any

import click

from cli import _backend
from cli._groups import rewording
from cli._numbers import WholeNumber
from cli._output import print_fields, print_json, print_table
from cli.psi import words
from cli.psi.help_groups import EstimateCommand
from cli.psi.options import estimate_options
from psi.agreement.modes import Comparer, Reveal, SessionProtocol
from psi.session.cost import Bound, Calibration
from psiselect.base.words import human_bytes, human_seconds
from psiselect.matching.choices import exact
from psiselect.matching.prediction import Question, SideBySide, check, compare


@rewording(*words.SAID_IN_ESTIMATES)
@click.command("estimate", cls=EstimateCommand)
@click.option(
    "--own",
    required=True,
    type=WholeNumber(0),
    metavar="N",
    help="Say how many different keys your list has. A key is a value to compare, such as an e-mail address.",
)
@click.option(
    "--peer", required=True, type=WholeNumber(0), metavar="N", help="Say how many different keys the other list has."
)
@estimate_options
def estimate_(own: int, peer: int, **given: Any) -> None:
    """Predict how long a session takes, and how much data and disk space it needs. A session is one comparison of two
    lists.

    The command first measures how fast this machine is. Without --link, it assumes that both sides run on this
    machine, as in `psi local`. With --link, it assumes two machines like this one. The time to read the lists is not
    included.

    A table compares both protocols, which are two ways to find matches. The fast protocol is an experiment that nobody
    outside the project has reviewed.

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
