"""Records with several keys: matched by any of them, one-to-many and one-to-one, against plain computations; what the
learner sees of them; the minimum that the other side compares."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.jobs import agreed
from support.parties import pump, setup, terms

from psi.agreement.modes import Comparer, Learner, Matching, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.group import masking
from psi.group.curve25519.backend import Backend, load_backend
from psi.inputs.row_tokens import RowTokens
from psi.normalize import parse_key
from psi.protocol import messages
from psi.protocol.matching import one_to_one
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.receiver import Receiver
from psi.protocol.sender import Sender
from psi.session import local
from psi.session.job import Job, Memory
from psi.session.session import SessionResult
from psi.store.spool import Column, Joined
from psi.tables import open_source
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import MinimumError, PolicyError, RemoteError, UsageError
from psiselect.base.packed import Packed

KEYS = (parse_key("mail:text"), parse_key("phone:text"))
Rows = Sequence[tuple[str, str]]


@functools.cache
def backend() -> Backend:
    return load_backend("auto")


def write(path: Path, rows: Rows) -> None:
    path.write_text("n,mail,phone\n" + "".join(f"{n},{mail},{phone}\n" for n, (mail, phone) in enumerate(rows)))


def match(folder: Path, lists: dict[Side, Rows], terms: Terms) -> tuple[dict[Side, SessionResult], dict[Side, Job]]:
    for side, rows in lists.items():
        write(folder / f"{side.value}.csv", rows)
    jobs = {
        side: Job(open_source(folder / f"{side.value}.csv"), KEYS, side, terms, Memory.default(), value="n")
        for side in Side
    }
    return local.run(jobs, backend(), SystemEntropy()), jobs


def owners(rows: Rows, key: int) -> dict[str, int]:
    """Each value's first row."""
    found: dict[str, int] = {}
    for number, row in enumerate(rows):
        if row[key]:
            found.setdefault(row[key], number)
    return found


def plain(lists: dict[Side, Rows], matching: Matching) -> tuple[list[int], dict[Side, set[int]]]:
    """Counts by key, and matched rows of each side, computed by dictionaries."""
    counts, rows = [], {side: set[int]() for side in Side}
    for key in range(2):
        owned = {side: owners(lists[side], key) for side in Side}
        common = owned[Side.CONNECT].keys() & owned[Side.LISTEN].keys()
        if matching is Matching.ONE_TO_MANY:
            counts.append(len(common))
            for side in Side:
                rows[side] |= {n for n, row in enumerate(lists[side]) if row[key] in common}
            continue
        free = [v for v in common if not any(owned[side][v] in rows[side] for side in Side)]
        counts.append(len(free))
        for side in Side:
            rows[side] |= {owned[side][value] for value in free}
    return counts, rows


def random_rows(draw: random.Random, most: int) -> Rows:
    pool = draw.randint(1, 2 * most)

    def value(kind: str) -> str:
        return "" if draw.random() < 0.2 else f"{kind}{draw.randrange(pool)}"

    return [(value("m"), value("p")) for _ in range(draw.randint(0, most))]


MODES = [
    *itertools.product([Reveal.MATCHES, Reveal.COUNT], Learner, Matching, (False, True), Comparer),
    *itertools.product([Reveal.SUM], Learner, [Matching.ONE_TO_ONE], (False, True), Comparer),
]


def check_pair(folder: Path, seed: int, most: int) -> None:
    draw = random.Random(seed)
    reveal, learn, matching, padded, comparer = MODES[seed % len(MODES)]
    if learn is Learner.BOTH:
        comparer = Comparer.LEARNER
    lists = {side: random_rows(draw, most) for side in Side}
    counts, rows = plain(lists, matching)
    total = sum(counts)
    least = draw.choice([1, total or 1, total + 1]) if comparer is Comparer.OTHER else draw.choice([None, total + 1])
    terms = agreed(
        KEYS, reveal, learn, chunk=draw.choice([3, 500]), min_matches=least, min_matches_by=comparer, matching=matching,
        pad_to=most + draw.randint(1, 9) if padded else None,
        **({"value_decimals": 0, "value_max": "3000"} if reveal is Reveal.SUM else {}),
    )  # fmt: skip
    if comparer is Comparer.OTHER and least is not None and total < least:
        with pytest.raises(PolicyError, match="min-matches"):
            match(folder, lists, terms)
        return
    results, jobs = match(folder, lists, terms)
    assert results[Side.CONNECT].record == results[Side.LISTEN].record
    for side, result in results.items():
        outcome = result.outcome
        if least is not None and total < least:
            assert outcome.withheld is (side in learn.receivers)
            assert outcome.counts is None
        elif side in learn.receivers:
            assert outcome.counts == tuple(counts)
            assert outcome.total == (
                sum(rows[side.other]) if reveal is Reveal.SUM else None
            )  # a row's number is its value
            assert jobs[side].count_rows(outcome) == (len(rows[side]) if reveal is Reveal.MATCHES else None)
        else:
            assert outcome.counts == (tuple(counts) if comparer is Comparer.OTHER else None)
        if reveal is Reveal.MATCHES and outcome.matched is not None:
            jobs[side].write_matches(outcome, folder / "out.csv")
            written = [int(line.split(",")[0]) for line in (folder / "out.csv").read_text().splitlines()[1:]]
            assert written == sorted(rows[side])


@pytest.mark.parametrize("seed", range(len(MODES)))
def test_random_pairs_with_two_keys(tmp_path: Path, seed: int) -> None:
    check_pair(tmp_path, seed, 40)


@pytest.mark.soak
def test_a_thousand_random_pairs_with_two_keys(tmp_path: Path) -> None:
    for seed in range(1000):
        check_pair(tmp_path, 2_000_000 + seed, 3000)


def test_mail_else_phone_by_hand(tmp_path: Path) -> None:
    """The case of the field's papers: match by e-mail, else by phone. Ann has a new e-mail there; Bob's and Eve's phone
    is one; Dan is on one side only."""
    lists: dict[Side, Rows] = {
        Side.CONNECT: [("ann@x", "1"), ("bob@x", "2"), ("dan@x", "4"), ("eve@x", "")],
        Side.LISTEN: [("ann@new", "1"), ("bob@x", "9"), ("eve@x", "2"), ("", "7")],
    }
    results, jobs = match(tmp_path, lists, agreed(KEYS, Reveal.MATCHES, Learner.BOTH, matching=Matching.ONE_TO_ONE))
    assert [result.outcome.counts for result in results.values()] == [(2, 1), (2, 1)]  # bob, eve by mail; ann by phone
    assert results[Side.CONNECT].record["counts"] == [2, 1]
    many, jobs = match(tmp_path, lists, agreed(KEYS, Reveal.MATCHES, Learner.BOTH))
    assert many[Side.CONNECT].outcome.counts == (2, 2)  # phone 2 is in both lists too
    assert {side: jobs[side].count_rows(many[side].outcome) for side in Side} == {Side.CONNECT: 3, Side.LISTEN: 3}


def test_the_published_example_of_multi_key_matching(tmp_path: Path) -> None:
    """Example 2 of `private_id_multi_key` in facebookresearch/Private-ID (commit f5938bd): identifiers of any kind in a
    row, matched one-to-one by the first that can. Its outputs give one identifier each to company row 1 and partner row
    2, company row 2 and partner row 1, and rows 3. Here each kind has a column, and a second phone a second one."""
    keys = (parse_key("email"), parse_key("phone"), parse_key("other"))
    company = [("email1", "phone1", ""), ("", "", "phone2"), ("email3", "", "")]
    partner = [("", "phone1", "phone2"), ("email1", "", ""), ("email3", "", "")]
    jobs, terms = {}, agreed(keys, Reveal.MATCHES, Learner.BOTH, matching=Matching.ONE_TO_ONE)
    for side, rows in ((Side.CONNECT, company), (Side.LISTEN, partner)):
        path = tmp_path / f"{side.value}.csv"
        path.write_text("email,phone,other\n" + "".join(",".join(row) + "\n" for row in rows))
        jobs[side] = Job(open_source(path), keys, side, terms, Memory.default())
    results = local.run(jobs, backend(), SystemEntropy())
    for side, wanted in ((Side.CONNECT, ([0, 2], [], [1])), (Side.LISTEN, ([1, 2], [], [0]))):
        matched = results[side].outcome.matched
        assert matched is not None
        assert tuple(rows.tolist() for rows in matched) == wanted


def test_two_keys_under_one_rule_may_hold_the_same_value(tmp_path: Path) -> None:
    """One record's first telephone is another's second: no two tokens of a list are equal."""
    lists: dict[Side, Rows] = {Side.CONNECT: [("1", "2"), ("3", "1")], Side.LISTEN: [("3", "2")]}
    for reveal in (Reveal.COUNT, Reveal.MATCHES):
        terms = agreed(KEYS, reveal, Learner.CONNECT, matching=Matching.ONE_TO_ONE)
        assert match(tmp_path, lists, terms)[0][Side.CONNECT].outcome.counts == (1, 0)


def test_a_value_belongs_to_its_first_row_and_rows_without_values_are_no_records(tmp_path: Path) -> None:
    rows: Rows = [("a", "1"), ("a", "2"), ("", ""), ("a", "1"), ("b", "1")]
    write(tmp_path / "t.csv", rows)
    terms = agreed(KEYS, Reveal.MATCHES, Learner.BOTH, matching=Matching.ONE_TO_ONE)
    job = Job(open_source(tmp_path / "t.csv"), KEYS, Side.CONNECT, terms, Memory.default())
    assert job.sizes == (3,)  # rows 0, 1 and 4; row 3 repeats both values
    assert job._linked is not None
    assert job._linked.rows.tolist() == [0, 1, 4]
    assert (job._linked.table >= 0).tolist() == [[True, True], [False, True], [True, False]]


def test_precedence_takes_rows_away_from_later_keys() -> None:
    tags = [([5, 0, 1, 3], [True, False, True, False]), ([2, 5, 5, 4], [True, True, False, True])]
    found = one_to_one([Joined(np.array(rows), np.array(equal)) for rows, equal in tags], 6)
    pairs = [joined.pairs() for joined in found]
    assert [(own.tolist(), peer.tolist()) for own, peer in pairs] == [([0, 2], [5, 1]), ([3], [4])]


# ---- views


def records(count: int, first: int, blank: float, seed: int) -> RowTokens:
    draw = random.Random(seed)
    values = [Packed.of(b"%d-%d" % (key, first + n) for n in range(count)) for key in range(2)]
    table = np.array([[-1 if draw.random() < blank else n for _ in range(2)] for n in range(count)]).reshape(-1, 2)
    return RowTokens(values, [b"\x01mail", b"\x01phon"], table, FixedEntropy(f"{seed}"))


TWO = (KeyTerm("raw/1", "00" * 32), KeyTerm("text/1", "11" * 32))


def views(blanks: tuple[float, float], **changes: object) -> tuple[dict[Side, list[Frame]], dict[Side, Party]]:
    agreed = terms(reveal=Reveal.COUNT, keys=TWO, matching=Matching.ONE_TO_ONE, chunk=8, **changes)
    parties = {
        side: Party(setup(side, [], agreed, sizes=(20,), entropy=SystemEntropy(),
                          tokens=lambda number, side=side, blank=blank, first=first: records(20, first, blank, first)))
        for side, blank, first in zip(Side, blanks, (0, 10), strict=True)
    }  # fmt: skip
    seen: dict[Side, list[Frame]] = {side: [] for side in Side}
    pump(parties, lambda side, frame: seen[side].append(Frame(frame.type, bytes(frame.payload))))
    return seen, parties


def shape(frames: list[Frame]) -> list[tuple[int, int]]:
    return [(frame.type, len(frame.payload)) for frame in frames if frame.type not in (M.HELLO, M.ALIVE)]


def rows_of(frames: list[Frame], kind: M, width: int) -> list[bytes]:
    joined = b"".join(bytes(f.payload) for f in frames if f.type == kind)
    return [joined[i : i + width] for i in range(0, len(joined), width)]


def test_views_do_not_show_which_keys_are_blank() -> None:
    """No blanks, many on one side, many on the other: the same frames, all elements different, rows sorted."""
    shapes = []
    for blanks in ((0.0, 0.0), (0.6, 0.0), (0.0, 0.6)):
        seen, _ = views(blanks)
        shapes.append({side: shape(seen[side]) for side in Side})
        replies = rows_of(seen[Side.LISTEN], M.REPLIES, 64)
        assert replies == sorted(replies)
        assert len(replies) == 20
        assert len(set(rows_of(seen[Side.CONNECT], M.ELEMENTS, 32))) == 40
        tags = rows_of(seen[Side.LISTEN], M.TAGS, 2 * masking.tag_bytes(20, 20))
        assert tags == sorted(tags)
        assert len(tags) == 20
    assert shapes[0] == shapes[1] == shapes[2]


def test_blanks_in_place_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a blank stands for itself, one fixed token, in place of a filler. Then equal elements show the blanks,
    and the honest sender refuses them."""
    monkeypatch.setattr("psi.inputs.row_tokens.fillers", lambda count, entropy: Packed.of([b"blank"] * count))
    with pytest.raises(RemoteError, match="same masked value"):
        views((0.6, 0.6))


def test_an_element_under_one_key_says_nothing_about_the_list_of_another() -> None:
    """A learner that puts values of the first key into all slots of its rows would test several a record; each slot has
    a scalar of its own, so only those in the first slot meet the first key's tags."""

    class Stuffed(RowTokens):
        def read(self, start: int, stop: int) -> Packed:
            return Packed.of(b"\x01mail%d" % n for n in range(2 * start, 2 * stop))

    agreed = terms(reveal=Reveal.MATCHES, keys=TWO, matching=Matching.ONE_TO_ONE)
    values = [Packed.of(b"%d" % n for n in range(10))] * 2
    table = np.stack([np.arange(10)] * 2, axis=1)
    kept: list[list[np.ndarray]] = []

    class Watching(Receiver):
        def _compare(self) -> None:
            kept.append([column.read(0, len(column)) for column in (*self._own_tags, *self._peer_tags)])
            super()._compare()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("psi.protocol.party.Receiver", Watching)
        pump({
            side: Party(setup(side, [], agreed, sizes=(count,), tokens=lambda number, kind=kind, count=count: kind(
                values, [b"\x01mail", b"\x01phon"], table[:count], FixedEntropy())))
            for side, kind, count in ((Side.CONNECT, Stuffed, 5), (Side.LISTEN, RowTokens, 10))
        })  # fmt: skip
    own_first, own_second, peer_first, _ = ({bytes(tag) for tag in column} for column in kept[0])
    assert len(own_first & peer_first) == 5  # values 0, 2, 4, 6, 8
    assert not own_second & peer_first


# ---- the other side compares


def test_below_the_minimum_the_learner_gets_no_answer_and_hears_only_that() -> None:
    agreed = terms(min_matches=3, min_matches_by=Comparer.OTHER)
    parties = {side: Party(setup(side, items, agreed)) for side, items in
               zip(Side, ([b"a", b"b", b"x"], [b"a", b"b", b"y"]), strict=True)}  # fmt: skip
    sent: dict[Side, list[int]] = {side: [] for side in Side}
    with pytest.raises(PolicyError, match="fewer matches than --min-matches 3") as caught:
        pump(parties, lambda side, frame: sent[side].append(frame.type))
    other = Side.LISTEN
    assert caught.value.term == "min_matches"
    assert M.REPLIES not in sent[other]  # it sent elements in the gate's run, and nothing of its own list
    assert M.TAGS not in sent[other]
    assert not parties[Side.CONNECT].outcome.learnt


class Repeating(Sender):
    """Planted: answers with few products, each many times, to make one match count often."""

    def _chunks(self, column: Column, size: int) -> Iterator[np.ndarray]:
        for chunk in super()._chunks(column, size):
            yield np.repeat(chunk[:1], len(chunk), axis=0) if column is self._collected else chunk


def test_replies_that_repeat_a_product_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender would make one match count many times. In a gate they are refused by its own check, see
    test_gate_cheats.py."""
    monkeypatch.setattr("psi.protocol.party.Sender", Repeating)
    with pytest.raises(RemoteError, match="same masked value"):
        pump({side: Party(setup(side, [b"a", b"b", b"c"], terms(reveal=Reveal.COUNT))) for side in Side})


def test_a_minimum_that_the_peer_was_not_to_compare_is_no_reason() -> None:
    party = Party(setup(Side.CONNECT, [b"a"], terms(min_matches=3)))
    party.start()
    with pytest.raises(RemoteError, match="had no right to check"):
        party.receive(messages.abort_frame(MinimumError("few", term="min_matches")))


def test_above_it_both_know_the_count_and_the_record_has_it() -> None:
    agreed = terms(min_matches=2, min_matches_by=Comparer.OTHER)
    parties = {side: Party(setup(side, items, agreed)) for side, items in
               zip(Side, ([b"a", b"b", b"x"], [b"a", b"b", b"y"]), strict=True)}  # fmt: skip
    pump(parties)
    assert [party.outcome.matches for party in parties.values()] == [2, 2]
    assert [party.outcome.matched is None for party in parties.values()] == [True, False]  # Side: listen, connect
    assert parties[Side.CONNECT].record["counts"] == [2]
    assert all(party.done_operations == party.total_operations for party in parties.values())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"min_matches": None}, "no minimum"),
        ({"learn": Learner.BOTH}, "both sides get the result"),
        ({"reveal": Reveal.NOISY_COUNT, "epsilon": "1", "delta": "1/10"}, "exact count"),
    ],
)
def test_a_comparison_that_cannot_be_had_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        terms(**{"min_matches": 3, "min_matches_by": Comparer.OTHER, **changes})


def test_noise_under_several_keys_is_refused() -> None:
    with pytest.raises(UsageError, match="works only with one --key"):
        terms(reveal=Reveal.NOISY_COUNT, epsilon="1", delta="1/10", keys=TWO)
