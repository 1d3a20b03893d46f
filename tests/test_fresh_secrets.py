"""Every place of the product that draws random bits is listed here, with a way to draw there again.

A new place without an entry fails, and so does an entry whose place is gone. A constant in place of a draw fails
twice: its place is gone, and the secret repeats.
"""

from __future__ import annotations

import ast
import base64
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cryptography import x509
from support import draws
from support.fast import context as fast_context
from support.fresh import assert_nothing_repeats
from support.mpc_network import roster
from support.mpc_network import terms as mpc_terms
from support.parties import RAW, backend, setup, terms
from support.transfers import BINDING

from dpselect import responses
from dpselect.local_dp import Poll
from dpselect.privacy import parse_poll_epsilon
from mpc.securesum import SecureSum
from mpc.sharing import Modulus
from psi.agreement.modes import Comparer, Matching, Side
from psi.agreement.terms import KeyTerm
from psi.fast.receiver import FastReceiver
from psi.group.curve25519 import scalar
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psi.identity.identity import Identity
from psi.inputs.distinct import SpooledKeys
from psi.inputs.padding import PaddedTokens, fillers
from psi.inputs.row_tokens import RowTokens
from psi.inputs.spooled_tokens import SpooledTokens
from psi.inputs.tokens import KeyTokens, TokenSource
from psi.oblivious.base import BaseReceiver, BaseSender
from psi.oblivious.columns import CHECK_ROWS, COLUMNS, ROW_BYTES
from psi.oblivious.extension import ExtensionReceiver, ExtensionSender, Layout
from psi.offline import by_parts, chunks, envelope, exchange
from psi.offline.envelope import NO_FILE, FileKind, Writer
from psi.protocol import schedule
from psi.protocol.party import Party, make_role
from psi.protocol.run import Role
from psi.resume import opening
from psi.session.local import EphemeralKey
from psi.store.scratch import Scratch
from psi.store.spool import Store
from psiselect.base.entropy import SystemEntropy, words
from psiselect.base.packed import Packed
from psiselect.ui.access import Access
from psiselect.ui.desk import Tasks

SYSTEM = SystemEntropy()
PATCH = pytest.MonkeyPatch
Maker = Callable[[Path, PATCH], Sequence[bytes]]
MANY = Packed.of(b"%d" % n for n in range(64))  # an order of so many repeats with probability below 2^-290


def order(tokens: TokenSource) -> bytes:
    return tokens.numbers(np.arange(len(MANY))).astype(np.uint8).tobytes()


def keys_on_disk(folder: Path) -> SpooledKeys:
    scratch = Scratch(folder)
    data, lengths = scratch.file("keys"), scratch.file("lengths")
    data.append(MANY.data)
    lengths.append(np.diff(MANY.offsets).astype(np.uint32))
    return SpooledKeys(scratch, data, lengths, np.zeros(1, np.int64))


def strewn() -> bytes:
    """Where 32 fillers are among 64 keys."""
    tokens = PaddedTokens(KeyTokens(MANY, np.arange(64), b""), Packed.of([b"filler"] * 32), SYSTEM)
    return np.packbits(tokens.numbers(np.arange(96)) < 0).tobytes()[:8]


def some_fillers() -> bytes:
    """Three of one call, without their type."""
    drawn = fillers(3, SYSTEM)
    return b"".join(drawn[number][1:] for number in range(3))


def blinded(patch: PATCH) -> bytes:
    """What is inverted in place of one and the same scalar."""
    seen: list[int] = []
    with patch.context() as inner:
        inner.setattr(scalar, "pow", lambda a, n, m: (seen.append(a), pow(a, n, m))[1], raising=False)
        Scalar(bytes(32)).inverse(SYSTEM)
    return seen[0].to_bytes(32, "little")


def role(side: Side, items: Sequence[bytes] = (b"a",), **changes: object) -> Any:
    agreed = terms(**changes)
    own = setup(side, items, agreed, entropy=SYSTEM)
    planned = schedule.plan(agreed)[0]
    made: Role = make_role(own, planned, own.tokens(0), 1, bytes(64), Store(), lambda done: None)
    return made


COMPARED = {"min_matches": 1, "min_matches_by": Comparer.OTHER}
TWO_KEYS = {"keys": (RAW, KeyTerm("text/1", "11" * 32)), "matching": Matching.ONE_TO_ONE}


def chooser() -> BaseReceiver:
    return BaseReceiver(backend(), DST, BINDING, SYSTEM)


def dealt() -> list[bytes]:
    """The scalars of a dealer, by what they do to one element, 128 times."""
    request = np.repeat(backend().hash_to_curve(Packed.of([b"x"]), DST), COLUMNS, axis=0)
    answer, _ = BaseSender(backend(), DST, BINDING, SYSTEM).answer(request)
    return [row.tobytes() for row in answer]


def checking() -> bytes:
    seeds = np.zeros((COLUMNS, 2, 32), np.uint8)
    return ExtensionReceiver(seeds, np.zeros(8, np.uint8), 8, SYSTEM)._bits[1:].tobytes()


def challenge() -> bytes:
    received = Store().column("transfers", ROW_BYTES)
    sender = ExtensionSender(np.zeros(COLUMNS, np.uint8), np.zeros((COLUMNS, 32), np.uint8), Layout(0, 8), received)
    return sender.challenge(np.zeros(CHECK_ROWS * ROW_BYTES, np.uint8), SYSTEM)


def file_key(folder: Path, patch: PATCH) -> bytes:
    """The key of a file's chunks."""
    seen: list[bytes] = []
    cipher = envelope.ChaCha20Poly1305
    with patch.context() as inner:
        inner.setattr(envelope, "ChaCha20Poly1305", lambda key: (seen.append(key), cipher(key))[1])
        own = Identity.create("own", folder)
        with (folder / "file").open("wb") as file:
            Writer(file, FileKind.OFFER, own, own.public, NO_FILE, SYSTEM).finish()
    return seen[0]


def nonce(hello: bytes) -> bytes:
    found = re.search(rb'"nonce":"([0-9a-f]+)"', hello)
    assert found is not None
    return bytes.fromhex(found[1].decode())


def resumable() -> bytes:
    """The seed of a session that begins."""
    seen: list[bytes] = []

    class Begun(Exception):
        pass

    def begin(seed: bytes, now: int, digest: bytes) -> None:
        seen.append(seed)
        raise Begun

    plan = SimpleNamespace(setup=lambda entropy, used: SimpleNamespace(now=0), backend=None, input_digest=b"")
    with pytest.raises(Begun):
        opening.begin(SimpleNamespace(begin=begin), plan)  # type: ignore[arg-type]
    return seen[0]


def serial(folder: Path) -> bytes:
    """Of a certificate, less its highest byte, which has 7 bits."""
    made = x509.load_der_x509_certificate(Identity.create("own", folder).public.der)
    return made.serial_number.to_bytes(20, "big")[1:]


def identity(folder: Path) -> tuple[bytes, bytes]:
    made = Identity.create("own", folder)
    return made._signing_key.private_bytes_raw(), made.decryption_key.private_bytes_raw()


def token() -> bytes:
    made = responses.row(Poll.of(["yes", "no"], parse_poll_epsilon("1")), "poll", "yes", SYSTEM)
    return bytes.fromhex(made.splitlines()[1].split(",")[4])


def announced() -> bytes:
    """A party's part of the order in which sums are told."""
    return SecureSum(roster(3, 0), "alice", mpc_terms(), [1], SYSTEM).seed


def page_secrets() -> list[bytes]:
    """The path, the forms' token, the token and the cookie of the page."""
    made = Access()
    token = made.token or ""
    texts = (made.base[1:], made.form_token, token, made.enter(token) or "")
    return [base64.urlsafe_b64decode(f"{text}=") for text in texts]


# For each place as many secrets as it draws, made anew at each call. Secrets of all calls differ in all of their parts.
FRESH: dict[str, Maker] = {
    "psiselect.base.entropy:SystemEntropy.read": lambda folder, patch: [SYSTEM.read(32), SYSTEM.read(5000)],
    "psiselect.base.entropy:words": lambda folder, patch: [words(SYSTEM, 4).tobytes()],
    "psi.fast.receiver:FastReceiver.__init__": lambda folder, patch: [FastReceiver(fast_context([], 1))._salt],
    "psiselect.ui.access:Access.__init__": lambda folder, patch: page_secrets(),
    "psiselect.ui.desk:Tasks.add": lambda folder, patch: [Tasks().add(SimpleNamespace(close=print)).encode()],
    "psi.group.curve25519.scalar:Scalar.draw": lambda folder, patch: [bytes(Scalar.draw(SYSTEM).key)],
    "psi.group.curve25519.scalar:Scalar.inverse": lambda folder, patch: [blinded(patch)],
    "psi.identity.certificate:issue": lambda folder, patch: [serial(folder)],
    "psi.identity.identity:Identity.create": lambda folder, patch: identity(folder),
    "psi.inputs.padding:PaddedTokens.__init__": lambda folder, patch: [strewn()],
    "psi.inputs.padding:fillers": lambda folder, patch: [some_fillers()],
    "psi.inputs.row_tokens:RowTokens.__init__": lambda folder, patch: [
        order(RowTokens([MANY], [b""], np.arange(64).reshape(-1, 1), SYSTEM))
    ],
    # Buckets, and the orders inside them.
    "psi.inputs.spooled_tokens:SpooledTokens.__init__": lambda folder, patch: [
        order(SpooledTokens(keys_on_disk(folder), b"", SYSTEM)) for _ in range(2)
    ],
    "psi.inputs.tokens:KeyTokens.shuffled": lambda folder, patch: [order(KeyTokens.shuffled(MANY, b"", SYSTEM))],
    "psi.oblivious.base:BaseReceiver.__init__": lambda folder, patch: [
        np.packbits(chooser().bits).tobytes(),
        b"".join(bytes(mask.key) for mask in chooser()._masks),
    ],
    "psi.oblivious.base:BaseSender.answer": lambda folder, patch: [b"".join(dealt())],
    "psi.oblivious.extension:ExtensionReceiver.__init__": lambda folder, patch: [checking()],
    "psi.oblivious.extension:ExtensionSender.challenge": lambda folder, patch: [challenge()],
    "psi.distributed.secret_files:kept": lambda folder, patch: draws.secrets_of_tasks(folder),
    "psiselect.matching.engine_side:new_secret": lambda folder, patch: [draws.of_an_engine()],
    "psi.offline.envelope:Writer.__init__": lambda folder, patch: [file_key(folder, patch)],
    "psi.offline.exchange:beginning": lambda folder, patch: [
        nonce(bytes(exchange.beginning(setup(Side.CONNECT, [], entropy=SYSTEM)).hello.payload))
    ],
    "psi.offline.by_parts:ReceiverScalars.__init__": lambda folder, patch: [
        bytes(by_parts.ReceiverScalars(SimpleNamespace(entropy=SYSTEM)).mask.key)
    ],
    "psi.offline.by_parts:sender_scalar": lambda folder, patch: [
        bytes(by_parts.sender_scalar(SimpleNamespace(entropy=SYSTEM)).key)
    ],
    "psi.offline.chunks:seal": lambda folder, patch: [
        chunks.seal(bytes(32), chunks.elements_form(1), np.zeros((1, 32), np.uint8), SYSTEM)
    ],
    "psiselect.matching.placed:PlacedParts.__init__": lambda folder, patch: [draws.parts_key(folder)],
    "psi.protocol.party:Party.start": lambda folder, patch: [
        nonce(bytes(Party(setup(Side.CONNECT, [], entropy=SYSTEM)).start()[0].payload))
    ],
    "psi.protocol.gate:GateReceiver.__init__": lambda folder, patch: [
        b"".join(bytes(factor.key) for factor in role(Side.LISTEN, (b"a", b"b"), **COMPARED)._factors)
    ],
    "psi.protocol.receiver:Receiver.__init__": lambda folder, patch: [bytes(role(Side.CONNECT)._mask.key)],
    "psi.protocol.sender:Sender.__init__": lambda folder, patch: [
        b"".join(bytes(mask.key) for mask in role(Side.LISTEN, **TWO_KEYS)._masks)
    ],
    "psi.resume.opening:begin": lambda folder, patch: [resumable()],
    "psi.session.local:EphemeralKey.__init__": lambda folder, patch: [EphemeralKey(SYSTEM)._key.private_bytes_raw()],
    "dpselect.responses:row": lambda folder, patch: [token()],
    "mpc.securesum:SecureSum.__init__": lambda folder, patch: [announced()],
    "mpc.sharing:Modulus.uniform": lambda folder, patch: [
        Modulus(modulus).uniform(64, SYSTEM).tobytes() for modulus in (1 << 64, 1 << 63, (1 << 62) + 1)
    ],
    "mpc.sharing:Modulus._uniform_integer": lambda folder, patch: [
        int(Modulus(1 << 256).uniform(1, SYSTEM)[0]).to_bytes(32, "little")
    ],
}
# Draws that another test holds against their law, and draws that are no secrets.
ELSEWHERE = {
    "psiselect.matching.by_files:offer": (
        "tests/cli/psi/test_offline_secrets.py::test_no_two_offers_have_a_secret_in_common"
    ),
    "dpselect.sampling:uniform_below": "tests/dpselect/test_sampling.py::test_uniform_below_gives_every_value_equally",
    "dpselect.sampling:_words": "tests/dpselect/test_sampling.py::test_uniforms_below_are_uniform_for_each_bound",
    "dpselect.sampling:random_digits": "tests/dpselect/test_sampling.py::test_binomial",
    "dpselect.sampling:flip": "tests/dpselect/test_sampling.py::test_coin_of_a_power_of_e",
    "dpselect.ledger:Ledger.create": "the name of a file that is gone at once",
    "psi.tables.stores:StoreTarget.replacing": "the name of a file until it is complete",
    "dpselect.utility:_simulated_chain": "a simulation that repeats",
    "psi.identity.certificate:_encryption_key": "a key that only tries another one",
    "psi.oblivious.cost:measure": "made-up seeds to time",
    "psi.session.calibration:_Probe.__init__": "a made-up scalar to time",
    "cli.demo.samples:_Draw.__init__": "made-up tables that repeat",
}
SEEDED_DRAWS = {"psiselect.base.entropy:permutation"}  # by words, until no two are equal; its law is in test_entropy.py


def test_every_place_that_draws_is_known() -> None:
    """A new one needs an entry in FRESH, with a way to draw there."""
    assert draws.all_draws().keys() == FRESH.keys() | ELSEWHERE.keys() | SEEDED_DRAWS


def test_tests_named_here_exist() -> None:
    for named in ELSEWHERE.values():
        if "::" in named:
            path, function = named.split("::")
            assert f"def {function}(" in (draws.ROOT / path).read_text()


@pytest.mark.parametrize("place", FRESH)
def test_secrets_are_drawn_anew(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fails by chance with probability below 1e-11, since nearly all have fewer than 2000 pieces of 8 bytes; a
    read of 5000 bytes has 1900. Orders of 64 have pieces of 8 numbers, alike with probability below 2^-47 each."""
    made: list[Sequence[bytes]] = []
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        made.append(FRESH[place](folder, monkeypatch))
    assert {len(secrets) for secrets in made} == {draws.all_draws()[place]}
    assert_nothing_repeats(secret for secrets in made for secret in secrets)


# Where the product makes a source of bits. Every one is the system's, except where bits must be drawn again.
SOURCES = Counter({
    "psi.identity.identity:Identity.create SystemEntropy": 1,
    "psi.resume.inputs:digest_of SeededEntropy": 1,  # of zeros: for a digest of what is put in, in any order
    "psi.resume.opening:begin SystemEntropy": 2,
    "psi.resume.opening:_go_on SeededEntropy": 1,  # of the folder's seed
    "psi.resume.plan:ResumePlan.peer SystemEntropy": 1,
    "psi.resume.plan:ResumePlan.scope SystemEntropy": 1,
    "psi.resume.session:ResumableSession.setup SystemEntropy": 1,
    "psi.session.calibration:calibrate SystemEntropy": 1,
    "psi.session.fast_cost:_run SystemEntropy": 1,
    "psi.session.calibration:_Probe.__init__ SystemEntropy": 1,
    "dpselect.approval:elect SystemEntropy": 1,
    "dpselect.committee: SystemEntropy": 1,
    "dpselect.mechanisms: SystemEntropy": 1,
    "dpselect.quantile: SystemEntropy": 1,
    "dpselect.threshold: SystemEntropy": 1,
    "psiselect.sums.linear:sum_up SystemEntropy": 1,
    "cli.mpc.functions:_run SystemEntropy": 1,
    "psiselect.polling:draw SystemEntropy": 1,
    "psiselect.matching.both_here:match SystemEntropy": 1,
    "psiselect.matching.by_files:offer SystemEntropy": 1,
    "psiselect.matching.by_files:offer SeededEntropy": 1,  # of the seed that the state keeps
    "psiselect.matching.by_files:finish SeededEntropy": 1,  # of the same
    "psiselect.matching.placed:PlacedParts.__init__ SystemEntropy": 1,
    "psiselect.matching.placed:PlacedParts._list SystemEntropy": 1,
    **draws.SOURCES_OF_ENGINES,
    "psiselect.matching.placed:writing SystemEntropy": 1,
    "psiselect.ui.access:Access.__init__ SystemEntropy": 1,
    "psiselect.ui.desk:Tasks.__init__ SystemEntropy": 1,
    "psiselect.matching.own_side:OwnSide.setup SystemEntropy": 1,
    "psiselect.releases.numbers:count SystemEntropy": 1,
    "psiselect.releases.numbers:sum_ SystemEntropy": 1,
    "psiselect.releases.numbers:mean SystemEntropy": 1,
    "psiselect.releases.numbers:histogram.draw SystemEntropy": 1,
    "psiselect.releases.numbers:quantile SystemEntropy": 1,
    "psiselect.releases.tabling:table.draw SystemEntropy": 1,
    "psiselect.releases.tabling:threshold.draw SystemEntropy": 1,
})  # fmt: skip


def test_every_source_of_bits_is_known() -> None:
    """A source made of a constant, in place of the system's, is in another place of this table."""
    assert draws.all_sources() == SOURCES


def test_no_other_class_of_the_product_gives_bits() -> None:
    """Whatever has `read(size)` alone could stand for an entropy."""
    found = [f"{module}:{node.name}" for module, tree in draws.modules(*draws.PACKAGES) for node in ast.walk(tree)
             if isinstance(node, ast.ClassDef) and _gives_bits(node)]  # fmt: skip
    assert sorted(found) == [
        "mpc.winner:_Expanded",  # public bytes
        "psi.tables.delimited:_Watched",  # a table's file
        "psi.tables.lent:_Lent",  # the same, as Arrow gets it
        "psiselect.base.entropy:Entropy",
        "psiselect.base.entropy:SystemEntropy",
        "psiselect.base.seeded:SeededEntropy",
    ]


def _gives_bits(node: ast.ClassDef) -> bool:
    reads = [f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "read"]
    return any([a.arg for a in f.args.args] == ["self", "size"] for f in reads)


@pytest.mark.parametrize(
    "code",
    [
        "def f(entropy): return entropy.read(32)",
        "def f(run): return run.entropy.read(32)",
        "def f(self): return self._entropy.read(32)",
        "def f(): return SystemEntropy().read(32)",
        "def f(): return os.urandom(8)",
        "def f(): return secrets.token_bytes(8)",
        "def f(): return X25519PrivateKey.generate()",
        "def f(entropy): return Scalar.draw(entropy)",
        "def f(entropy): return permutation(entropy, 3)",
        "def f(): return np.random.default_rng()",
    ],
)
def test_draws_are_found(code: str) -> None:
    assert list(draws.draws_in(ast.parse(code), "m")) == ["m:f"]


def test_a_new_place_would_be_noticed() -> None:
    """A nonce in a new class, and a source made of a constant."""
    tree = ast.parse("class A:\n  def f(self, e):\n    return [SeededEntropy(bytes(32)), e.entropy.read(1)]")
    assert list(draws.draws_in(tree, "m")) == ["m:A.f"]
    assert list(draws.sources_in(tree, "m")) == ["m:A.f SeededEntropy"]
