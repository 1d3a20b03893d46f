"""Several keys, one-to-many, in directories: an order by value says as little as a random one.

What each side sees is a function of sets, one for each key: which values stand in one row, and in which row, changes no
byte of it. So a simulator that is given sizes and matches makes the same columns by sorting.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.exchanged import SEED, Pair
from support.in_parts import InParts, columns_of
from support.parties import backend, setup, terms

from psi.agreement.modes import Reveal, Side
from psi.agreement.terms import KeyTerm
from psi.group import masking
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psi.identity.identity import Identity
from psi.inputs.tokens import KeyTokens, with_prefix
from psi.offline import chunks
from psi.offline.by_parts import Answered
from psi.offline.envelope import FileKind
from psi.offline.exchange import Exchange, beginning
from psi.offline.manifest import ManifestReader
from psi.protocol import party
from psi.protocol.outcome import Outcome
from psi.protocol.party import run_binding
from psi.protocol.setup import Setup
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import U8, Packed
from psiselect.base.seeded import SeededEntropy

TWO = (KeyTerm("raw/1", "00" * 32), KeyTerm("text/1", "11" * 32))
PREFIXES = (b"\x01mail", b"\x01phon")
Table = list[tuple[bytes, bytes]]
OWN: Table = [(b"m%d" % n, b"p%d" % n) for n in range(40)]
PEER: Table = [(b"m%d" % n, b"p%d" % (2 * n)) for n in range(30, 60)]  # common: 10 mails, none of their phones
COMMON = [{b"m%d" % n for n in range(30, 40)}, set()]
MODES = [Reveal.MATCHES, Reveal.COUNT]


class TwoKeys(InParts):
    """Each side has a table with two key columns; the offer can be made again."""

    def side(self, which: Side, table: Table) -> Setup:
        entropy = SeededEntropy(SEED) if which is Side.CONNECT else FixedEntropy("answer")
        lists = [Packed.of(sorted_out) for sorted_out in columns(table)]

        def tokens(number: int) -> KeyTokens:
            return KeyTokens.shuffled(lists[number], PREFIXES[number], entropy)

        people = {"signer": self.pair.people[which], "verifier": self.pair.people[which.other].public}
        more = {"sizes": tuple(map(len, lists)), "tokens": tokens, "entropy": entropy, **people}
        return setup(which, [], self.pair.agreed, **more)

    def made(self, own: Table, peer: Table) -> tuple[list[U8], list[U8], Outcome]:
        """What goes out in each direction, and what the offering side learns."""
        self.pair.offerer = lambda **more: self.side(Side.CONNECT, own)  # type: ignore[method-assign, assignment]
        self.pair.answerer = lambda **more: self.side(Side.LISTEN, peer)  # type: ignore[method-assign, assignment]
        offer, contents = self.offer()
        answer, _ = self.answer(offer)
        return self.sent(offer, own, peer), self.sent(answer, own, peer), self.finish(offer, contents, answer).outcome

    def sent(self, folder: Path, own: Table, peer: Table) -> list[U8]:
        """The columns of a directory."""
        kind = FileKind.OFFER_MANIFEST if folder.name.startswith("offer") else FileKind.ANSWER_MANIFEST
        reader, found = ManifestReader(self.read(kind, folder)), []
        read = columns_of(folder, reader)
        for form, size in forms(kind, self.pair.agreed.reveal, own, peer):
            found.append(np.concatenate(list(read(reader.column(form, size)))))
        return found


def columns(table: Table) -> list[list[bytes]]:
    return [list(dict.fromkeys(row[key] for row in table)) for key in range(2)]


def forms(kind: FileKind, reveal: Reveal, own: Table, peer: Table) -> list[tuple[chunks.ColumnForm, int]]:
    found = []
    for number, (mine, theirs) in enumerate(zip(columns(own), columns(peer), strict=True), start=1):
        if kind is FileKind.OFFER_MANIFEST:
            found.append((chunks.elements_form(number), len(mine)))
        else:
            width = masking.tag_bytes(len(mine), len(theirs))
            found += [(chunks.replies_form(number, reveal), len(mine)), (chunks.tags_form(number, width), len(theirs))]
    return found


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[Side, Identity]:
    folder = tmp_path_factory.mktemp("people")
    return {Side.CONNECT: Identity.create("acme", folder), Side.LISTEN: Identity.create("globex", folder)}


def two_keys(people: dict[Side, Identity], folder: Path, reveal: Reveal) -> TwoKeys:
    folder.mkdir(exist_ok=True)
    return TwoKeys(Pair(people, terms(reveal=reveal, keys=TWO)), folder)


def other_rows(table: Table) -> Table:
    """The same values of each key, in another order, and paired otherwise."""
    mails, phones = columns(table)
    return list(zip(mails[::-1], phones[7:] + phones[:7], strict=True))


@pytest.mark.parametrize("reveal", MODES)
def test_rows_and_their_order_change_no_byte_of_what_goes_out(
    people: dict[Side, Identity], tmp_path: Path, reveal: Reveal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for what binds tags to one exchange, which is held still."""
    monkeypatch.setattr(party, "run_binding", lambda transcript, number: bytes(63) + bytes([number]))
    views = [
        two_keys(people, tmp_path / str(number), reveal).made(own, peer)
        for number, (own, peer) in enumerate([(OWN, PEER), (other_rows(OWN), other_rows(PEER))])
    ]
    (offer, answer, outcome), (other_offer, other_answer, _) = views
    for one, another in zip(offer + answer, other_offer + other_answer, strict=True):
        assert one.tolist() == another.tolist() == sorted(one.tolist())
    assert outcome.counts == tuple(map(len, COMMON))


@pytest.mark.parametrize("reveal", MODES)
def test_a_simulator_that_knows_sizes_and_matches_makes_the_learners_view(
    people: dict[Side, Identity], tmp_path: Path, reveal: Reveal
) -> None:
    """It knows no other value of the peer's: the other tags are random bytes. The learner takes its columns, learns the
    same from them, and they have the shape of the real ones."""
    both = two_keys(people, tmp_path, reveal)
    _, real, outcome = both.made(OWN, PEER)
    offer, contents = both.offer("offer-again")
    answer = simulated(both, offer, reveal)
    learnt = both.finish(offer, contents, answer).outcome
    assert learnt.counts == outcome.counts
    if reveal is Reveal.MATCHES:
        assert [set(found) for found in learnt.matched] == [set(found) for found in outcome.matched]
    for one, another in zip(both.sent(answer, OWN, PEER), real, strict=True):
        assert one.shape == another.shape
        assert one.tolist() == sorted(one.tolist())


def simulated(both: TwoKeys, offer: Path, reveal: Reveal) -> Path:
    """An answer made from sizes, matches and the learner's own list. In `count` any of its items stand for the
    matches."""
    at_peer = both.side(Side.LISTEN, [(b"%d" % n, b"%d" % n) for n in range(len(PEER))])  # as many, and no value of it
    file = both.read(FileKind.OFFER_MANIFEST, offer)
    reader = ManifestReader(file)
    exchange = Exchange(at_peer, file.id, own=beginning(at_peer), theirs=reader.begun)
    columns_there = columns_of(offer, reader)
    elements = [
        np.concatenate(list(columns_there(reader.column(*each))))
        for each in forms(FileKind.OFFER_MANIFEST, reveal, OWN, PEER)
    ]
    entropy = SystemEntropy()

    def write(to: object) -> Answered:
        listed = []
        for number, (own, common) in enumerate(zip(columns(OWN), COMMON, strict=True)):
            mask = Scalar.draw(entropy)
            width = masking.tag_bytes(len(own), len(PEER))
            replies = backend().mask(elements[number], mask)
            if reveal is Reveal.MATCHES:
                replies = np.concatenate([elements[number][:, : chunks.PREFIX_BYTES], replies], axis=1)
            known = sorted(common) if reveal is Reveal.MATCHES else own[: len(common)]
            tags = np.frombuffer(entropy.read(width * len(PEER)), np.uint8).reshape(-1, width).copy()
            if known:
                tokens = with_prefix(PREFIXES[number], Packed.of(known))
                hashed = backend().hash_and_mask(tokens, mask, DST)
                named = tokens if reveal is Reveal.MATCHES else None
                binding = run_binding(exchange.transcript, number + 1)
                tags[: len(known)] = masking.tags(backend(), binding, hashed, named, width)
            for form, values in (
                (chunks.replies_form(number + 1, reveal), replies),
                (chunks.tags_form(number + 1, width), tags),
            ):
                listed.append(to.column(form, iter([np.array(sorted(values.tolist()), np.uint8)])))  # type: ignore[attr-defined]
        signature = exchange.sign()
        return Answered(exchange.own, listed, signature, exchange.result(Outcome(), {Side.LISTEN: signature}))

    place, _ = both._write("simulated", FileKind.ANSWER_MANIFEST, file.id, write)
    return place


def test_the_place_of_a_value_is_unrelated_to_its_row_and_to_the_place_of_the_rows_other_value() -> None:
    """Rank correlations of 600 rows, of this seed: below 4 standard deviations, as between random orders."""
    entropy = FixedEntropy("places")
    rows = np.arange(600)
    places = []
    for key in range(2):
        items = with_prefix(PREFIXES[key], Packed.of(b"%06d" % n for n in rows))
        values = backend().hash_and_mask(items, Scalar.draw(entropy), DST).tolist()
        places.append(np.argsort(np.argsort([bytes(value) for value in values])))
    for one, another in ((rows, places[0]), (rows, places[1]), (places[0], places[1])):
        assert abs(np.corrcoef(one, another)[0, 1]) * (len(rows) - 1) ** 0.5 < 4


def test_an_answer_in_the_order_of_the_table_is_refused(
    people: dict[Side, Identity], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted leak: chunks that do not ascend do not leave."""
    both = two_keys(people, tmp_path, Reveal.MATCHES)
    monkeypatch.setattr(
        "psi.offline.by_parts._tags", lambda run, mask: iter([np.eye(30, run.tag_width, dtype=np.uint8)])
    )
    with pytest.raises(Exception, match="ascend"):
        both.made(OWN, PEER)
