"""The order in which items go into a run says nothing: all orders of four are equally likely, on every path."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from support.jobs import agreed, specs
from support.orders import assert_equally_likely, assert_uniform_orders
from support.parties import KEYS, backend

from psi.agreement.modes import Learner, Matching, Reveal, Side
from psi.inputs.distinct import SpooledKeys
from psi.inputs.padding import PaddedTokens, dummies
from psi.inputs.row_tokens import RowTokens
from psi.inputs.spooled_tokens import SpooledTokens, shuffled
from psi.inputs.tokens import TokenSource
from psi.protocol import schedule
from psi.protocol.party import run_tokens
from psi.protocol.setup import Setup
from psi.session.job import Job, Memory, token_prefix
from psi.tables import open_source
from psiselect.base.entropy import Entropy, SystemEntropy
from psiselect.base.packed import Packed

SYSTEM = SystemEntropy()
FOUR = [0, 1, 2, 3]
TOKENS = [b"%d is an item with a long name" % n for n in FOUR]


def numbers(tokens: TokenSource) -> list[int]:
    """The owner's numbers in the order in which items are sent."""
    return tokens.numbers(np.arange(len(tokens))).tolist()


# ---- on the way from a table to a run


def tables(folder: Path, rows: int, columns: Sequence[str]) -> Path:
    path = folder / "table.csv"
    lines = [",".join(f"{column}{row} at a long address" for column in columns) for row in range(rows)]
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    return path


PATHS: dict[str, dict[str, object]] = {
    "keys in memory": {},
    "keys on disk": {"limit": 100},
    "padded keys": {"pad_to": 4, "rows": 3},
    "padded keys on disk": {"pad_to": 4, "rows": 3, "limit": 100},
    "rows of one key": {"matching": Matching.ONE_TO_ONE},
    "rows of two keys": {"matching": Matching.ONE_TO_ONE, "columns": "ab"},
    "rows of three keys": {"matching": Matching.ONE_TO_ONE, "columns": "abc"},
    "padded rows of two keys": {"matching": Matching.ONE_TO_ONE, "columns": "ab", "pad_to": 4, "rows": 3},
}


class Own:
    """One side of a session, from its table on."""

    def __init__(self, folder: Path, *, columns: str = "a", rows: int = 4, limit: int = 1 << 30, **changes: object):
        keys = specs(*(f"{column}:text" for column in columns))
        changes = {"reveal": Reveal.MATCHES, "learn": Learner.CONNECT, **changes}
        terms = agreed(keys, **changes)  # type: ignore[arg-type]
        source = open_source(tables(folder, rows, columns))
        self.job = Job(source, keys, Side.CONNECT, terms, Memory(limit, folder))
        self.plan = schedule.plan(terms)

    def setup(self, entropy: Entropy = SYSTEM) -> Setup:
        return self.job.setup(KEYS[Side.CONNECT], KEYS[Side.LISTEN], backend(), entropy)

    def tokens(self, setup: Setup, run: int = 0) -> list[bytes]:
        """All tokens of a run, as they are hashed."""
        found = run_tokens(setup, self.plan[run])
        read = found.read(0, len(found))
        found.close()
        return [read[i] for i in range(len(read))]


@pytest.fixture
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Own]:
    made = Own(tmp_path, **request.param)
    yield made
    made.job.close()


@pytest.mark.parametrize("own", PATHS.values(), ids=PATHS, indirect=True)
def test_all_orders_of_four_items_are_equally_likely(own: Own) -> None:
    """By the tokens themselves; an added item, of which there is one at most, has no other number. Each fails by chance
    with probability below 5e-9."""
    setup, keys = own.setup(), own.job.terms.keys_per_row

    def order() -> list[str]:
        items = own.tokens(setup)[::keys]
        return [token[10:12].decode() if token[:1] == b"\x01" else "added" for token in items]

    wanted = [f"a{row}" for row in range(own.job.size)]
    assert_uniform_orders(order, [*wanted, "added"][:4])


@pytest.mark.parametrize("own", PATHS.values(), ids=PATHS, indirect=True)
def test_a_path_is_what_its_name_says(own: Own, request: pytest.FixtureRequest) -> None:
    """So that no path is held against the law in another's place."""
    name = request.node.callspec.id
    tokens = run_tokens(own.setup(), own.plan[0])
    assert isinstance(tokens, PaddedTokens) == name.startswith("padded")
    inner = tokens._tokens if isinstance(tokens, PaddedTokens) else tokens
    assert isinstance(inner, SpooledTokens) == name.endswith("on disk")
    assert isinstance(inner, RowTokens) == ("rows" in name)
    tokens.close()


PREFIXED: dict[str, dict[str, object]] = {
    "lists": {"columns": "abc"},
    "lists on disk": {"columns": "abc", "limit": 300},
    "rows": {"columns": "abc", "matching": Matching.ONE_TO_ONE},
}


@pytest.mark.parametrize("name", PREFIXED)
def test_each_key_has_its_own_prefix_on_the_way_to_a_run(tmp_path: Path, name: str) -> None:
    """One value in three columns under one rule: three different tokens."""
    own = Own(tmp_path, rows=2, **PREFIXED[name])  # type: ignore[arg-type]
    setup = own.setup()
    by_run = [own.tokens(setup, run) for run in range(len(own.plan))]
    columns = [by_run[0][key::3] for key in range(3)] if name == "rows" else by_run
    for number, (column, tokens) in enumerate(zip("abc", columns, strict=True), start=1):
        prefix = token_prefix(number, specs("x:text")[0])
        assert sorted(tokens) == [prefix + f"{column}{row} at a long address".encode() for row in range(2)]
    own.job.close()


INDEPENDENT: dict[str, tuple[dict[str, object], tuple[int, int]]] = {
    "two lists of one table": ({"columns": "ab"}, (0, 1)),
    "two runs with one list": ({"learn": Learner.BOTH}, (0, 1)),
    "two runs with rows": ({"learn": Learner.BOTH, "columns": "ab", "matching": Matching.ONE_TO_ONE}, (0, 1)),
}


@pytest.mark.parametrize("name", INDEPENDENT)
def test_orders_of_two_runs_have_nothing_to_do_with_each_other(tmp_path: Path, name: str) -> None:
    """All 36 pairs of orders of three items. Each fails by chance with probability below 1e-9."""
    changes, runs = INDEPENDENT[name]
    own = Own(tmp_path, rows=3, **changes)  # type: ignore[arg-type]
    setup = own.setup()

    def pair() -> tuple[tuple[int, ...], ...]:
        sources = [run_tokens(setup, own.plan[run]) for run in runs]
        return tuple(tuple(numbers(tokens)) for tokens in sources)

    orders = list(itertools.permutations(range(3)))
    assert_equally_likely((pair() for _ in range(1100)), itertools.product(orders, orders))


# ---- the parts


class FewBuckets:
    """The system's bits, but so that keys fall into few of the 256 buckets: then both steps of a shuffle count."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets

    def read(self, size: int) -> bytes:
        drawn = SYSTEM.read(size)
        return bytes(b % self._buckets * 255 // max(1, self._buckets - 1) for b in drawn) if size == 4 else drawn


@pytest.mark.parametrize("buckets", [1, 2])
def test_keys_on_disk_are_shuffled_within_buckets_and_between(tmp_path: Path, buckets: int) -> None:
    own = Own(tmp_path, limit=100)
    keys = own.job._items[0].keys
    assert isinstance(keys, SpooledKeys)

    def order() -> list[int]:
        tokens = SpooledTokens(keys, b"", FewBuckets(buckets))
        found = numbers(tokens)
        tokens.close()
        return found

    assert_uniform_orders(order, FOUR)
    own.job.close()


ADDED: dict[str, Callable[[], TokenSource]] = {
    "to keys": lambda: shuffled(Packed.of(TOKENS[:2]), b"", SYSTEM),
    "to rows": lambda: RowTokens([Packed.of(TOKENS[:2])], [b""], np.arange(2).reshape(-1, 1), SYSTEM),
}


@pytest.mark.parametrize("inner", ADDED.values(), ids=ADDED)
def test_two_added_items_are_anywhere_and_in_any_order(inner: Callable[[], TokenSource]) -> None:
    """Two dummies, which can be told apart here, among two items."""
    added = dummies(2)
    things = [*TOKENS[:2], added[0], added[1]]

    def order() -> list[bytes]:
        read = PaddedTokens(inner(), added, SYSTEM).read(0, 4)
        return [read[i] for i in range(4)]

    assert_uniform_orders(order, things)


def test_blanks_do_not_move_a_row() -> None:
    """Rows of two keys, some without one of them: all orders of the rows are equally likely."""
    table = np.array([[0, -1], [-1, 0], [1, 1], [2, -1]])
    values = [Packed.of(TOKENS[:3]), Packed.of(TOKENS[:2])]
    assert_uniform_orders(lambda: numbers(RowTokens(values, [b"\x01", b"\x02"], table, SYSTEM)), FOUR)


# ---- the test itself


@pytest.mark.parametrize(
    "draw",
    [
        lambda: FOUR,
        lambda: FOUR[::-1] if SYSTEM.read(1)[0] & 1 else FOUR,
        lambda: list(np.roll(FOUR, SYSTEM.read(1)[0])),
        lambda: [FOUR[i] for i in (*np.argsort(list(SYSTEM.read(3))), 3)],
        lambda: list(np.argsort([byte >> 6 for byte in SYSTEM.read(4)], kind="stable")),
    ],
    ids=["constant", "two orders", "turned", "last stays", "few keys"],
)
def test_orders_that_are_not_uniform_are_noticed(draw: Callable[[], Sequence[int]]) -> None:
    with pytest.raises(AssertionError):
        assert_uniform_orders(lambda: [int(n) for n in draw()], FOUR)
