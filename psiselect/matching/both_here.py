"""Both parties on this machine, without a network: to try out and to measure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from psi.agreement.disagreement import apart
from psi.agreement.modes import Reveal, Side
from psi.normalize import KeySpec, parse_key
from psi.session import local
from psiselect.base.entropy import SystemEntropy
from psiselect.charges import saying_paid
from psiselect.matching import both_lists, values, words
from psiselect.matching.choices import Choices
from psiselect.matching.given import GivenOptions
from psiselect.matching.guard import charge_of
from psiselect.matching.own_side import gather, open_backend, tell_of_rows
from psiselect.matching.results import Found, Speaker
from psiselect.tables import AnyTable
from psiselect.talk import Talk


@dataclass(frozen=True)
class Other:
    """What B has of its own. keys: none where its columns are called as A's."""

    table: AnyTable
    keys: tuple[str, ...]
    nulls: tuple[str, ...]


def match(given: GivenOptions, b: Other, talk: Talk, speaker: Speaker) -> Found:
    """Run both sides. A, which `given` describes, connects and learns; what is said of its list holds for B too, unless
    `b` says otherwise. Raises UsageError, InputError, PolicyError."""
    values.check_column(Reveal(given.reveal), "peer", given.value)  # B does not learn, so the values are B's
    choices = Choices.of(Side.CONNECT, replace(given, value=None, ledger=None, dataset=None), talk, speaker)
    # What B gives is what the noise protects.
    charge = charge_of(Side.LISTEN, choices.terms, given.ledger, given.dataset)
    here, terms = choices.list, choices.terms
    there = replace(here, table=b.table, keys=_keys_of_b(here.keys, b.keys), value=given.value, nulls=b.nulls)
    spare = choices.results.spare
    again = replace(choices.results, spare=spare if charge is not None else replace(spare, again=words.LOCALLY))
    stored = (there.table.file_in(here.memory.folder).name,) if there.table.is_stored else ()
    again.check(here.table.open(here.memory.folder), {"A": here.table.file, "B": there.table.file}, stored)
    tell_of_rows(choices)
    with (
        open_backend(choices.means, talk) as backend,
        both_lists.both(here, there, terms, talk) as (own, other),
    ):
        again.check_list(own.source)
        gather(other, talk.tell)
        if charge is not None:
            charge.pay()
            charge.tell(talk.tell)
        with saying_paid(lambda: charge is not None):
            with talk.shown(own.size) as done:
                results = local.run({Side.CONNECT: own, Side.LISTEN: other}, backend, SystemEntropy(), done)
            found = again.give(own, results[Side.CONNECT], backend.name, None)
        return replace(found, paid=charge is not None)


def _keys_of_b(keys: tuple[KeySpec, ...], given: tuple[str, ...]) -> tuple[KeySpec, ...]:
    """B's keys. Raises UsageError unless they have A's rules."""
    if not given:
        return keys
    if len(given) != len(keys):
        raise words.not_as_many_keys(len(keys), len(given))
    found = tuple(map(parse_key, given))
    for here, there in zip(keys, found, strict=True):
        if here.rule_names() != there.rule_names():
            raise words.not_the_same_rules(here.rule_names(), there.rule_names())
        if here.describe() != there.describe():
            raise words.not_the_same_options(*apart(here.describe(), there.describe()))
    return found
