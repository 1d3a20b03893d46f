"""Every field of every message, wrong in every way: the run ends, the sender is named, nothing of it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from support.mpc_memory import NOBODY, Hub, instead_of_mpyc
from support.mpc_network import Network, roster, terms

from mpc.function_plan import FunctionPlan, plan_largest, plan_threshold
from mpc.functions import _decoded, run_function
from mpc.messages import MAX_TERMS, Cause, Failure, Message, printable_term
from mpc.securesum import CHUNK_BYTES, SecureSum
from mpc.terms import Function
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import PsiselectError, RemoteError

PEOPLE = roster(3)
EVIL = "\x1b[2J\u202e\x07evil\n"  # moves the cursor, turns the direction, rings, breaks the line
WRONG: list[Any] = [None, True, False, 0, 1, -1, 1.5, 10**400, "", EVIL, "x" * 5000, [], ["x"], [[]], {}, {"a": 1}]


def machine(name: str = "alice", servers: int = 0, opens: bool = True) -> SecureSum:
    people = roster(3, servers)
    return SecureSum(people, name, terms(), [1] if people[name].inputs else None, SystemEntropy(), opens=opens)


def hostile(receiver: SecureSum, frame: Frame, sender: str = "bob") -> None:
    """The receiver ends the run, names the sender, tells the others, and shows nothing of what came."""
    for peer in PEOPLE.peers("alice"):
        receiver.connected(peer.name)
    out = receiver.received(sender, frame)
    assert receiver.failure == Failure(Cause.PROTOCOL, sender, "alice")
    assert {o.peer for o in out} == {"bob", "carlos"}
    for o in out:
        assert o.frame.type == Message.ABORT
    assert "evil" not in str(receiver.failure.error())


def changed(record: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The record with each field missing, doubled or of each wrong value, and with one more field."""
    for name, value in record.items():
        less = {k: v for k, v in record.items() if k != name}
        yield f"{name} missing", encoded(less)
        yield f"{name} twice", encoded(less)[:-1] + f',"{name}":{json.dumps(value)},"{name}":1}}'.encode()
        for i, wrong in enumerate(WRONG):
            if type(wrong) is not type(value) or wrong != value:
                yield f"{name} wrong {i}", encoded(record | {name: wrong})
    yield "one more", encoded(record | {"note": EVIL})
    yield "one more, empty", encoded(record | {"": 0})


def encoded(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


RAW = [b"", b"[]", b"null", b"7", b'"x"', b"{", b'{"a":NaN}', b"[" * 60000, b"\xff", b"{}" * 40000]
ABORT = {"cause": "LOST", "party": "carlos", "by": "bob", "terms": ["bound"]}
FINE_TERMS = ([], ["x"])  # a list of any names is allowed: they are printed as letters only
ABORTS = [(n, d) for n, d in changed(ABORT) if json.loads(d).get("terms") not in FINE_TERMS or "terms" not in n]


@pytest.mark.parametrize("data", [d for _, d in ABORTS], ids=[n for n, _ in ABORTS])
def test_an_abort_is_strict_in_every_field(data: bytes) -> None:
    hostile(machine(), Frame(Message.ABORT, data))


def test_an_abort_has_the_fields_that_are_fuzzed() -> None:
    made = json.loads(bytes(Failure(Cause.LOST, "carlos", "bob", ("bound",)).frame().payload))
    assert made == ABORT
    assert Failure.read(Frame(Message.ABORT, encoded(ABORT)), PEOPLE) == Failure(
        Cause.LOST, "carlos", "bob", ("bound",)
    )


@pytest.mark.parametrize("kind", [Message.ABORT, Message.TERMS])
@pytest.mark.parametrize("data", RAW, ids=range(len(RAW)))
def test_what_is_no_record_ends_the_run(kind: Message, data: bytes) -> None:
    hostile(machine(), Frame(kind, data))


@pytest.mark.parametrize("cause", [*Cause.__members__, "lost", "ROBBED", "__class__", " LOST"])
@pytest.mark.parametrize(("party", "by"), [("carlos", "bob"), ("dave", "bob"), ("bob", "dave"), (EVIL, "bob")])
def test_an_abort_is_believed_only_for_known_causes_and_parties(cause: str, party: str, by: str) -> None:
    receiver, data = machine(), encoded(ABORT | {"cause": cause, "party": party, "by": by})
    if cause in Cause.__members__ and party == "carlos":
        receiver.received("bob", Frame(Message.ABORT, data))
        assert receiver.failure == Failure(Cause[cause], "carlos", "bob", ("bound",))
    else:
        hostile(receiver, Frame(Message.ABORT, data))


@pytest.mark.parametrize(("count", "taken"), [(MAX_TERMS, True), (MAX_TERMS + 1, False)])
def test_an_abort_names_so_many_terms_and_no_more(count: int, taken: bool) -> None:
    receiver = machine()
    receiver.received("bob", Frame(Message.ABORT, encoded(ABORT | {"terms": [f"t{i}" for i in range(count)]})))
    assert receiver.failure is not None
    assert (receiver.failure.cause is Cause.LOST) == taken


def test_names_of_terms_are_shown_as_letters_and_at_most_24() -> None:
    assert printable_term(EVIL) == "2Jevil"
    assert printable_term("\x00\u202e") == printable_term("") == "unnamed"
    assert printable_term("\u00e4\u0660at_least") == "at_least"
    assert printable_term("x" * 24) == "x" * 24
    assert printable_term("x" * 25) == "x" * 24
    failure = Failure.read(Frame(Message.ABORT, encoded(ABORT | {"cause": "TERMS", "terms": [EVIL]})), PEOPLE)
    assert failure.terms == ("2Jevil",)
    assert str(failure.error()).isprintable()


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("named", [(), ("bound", "unit")])
def test_an_abort_arrives_as_it_was_sent(cause: Cause, named: tuple[str, ...]) -> None:
    failure = Failure(cause, "carlos", "bob", named)
    assert Failure.read(failure.frame(), PEOPLE) == failure
    text = str(failure.error())
    assert "carlos" in text
    assert isinstance(failure.error(), PsiselectError)
    assert isinstance(failure.error(), RemoteError) == (cause in (Cause.TERMS, Cause.PROTOCOL, Cause.INPUT))


# -- terms -------------------------------------------------------------------------------------------------------------

SHOWN = {"terms": terms().record(PEOPLE), "seed": "ab" * 32}
SEEDS = ["ab" * 31, "ab" * 33, "a" * 63, "zz" * 32, "ab" * 16 + " " * 32]
HELLOS = [(n, d) for n, d in changed(SHOWN) if "terms wrong" not in n or type(json.loads(d)["terms"]) is not dict]
HELLOS += [(f"seed {s[:3]} {len(s)}", encoded(SHOWN | {"seed": s})) for s in SEEDS]


@pytest.mark.parametrize("data", [d for _, d in HELLOS], ids=[n for n, _ in HELLOS])
def test_a_hello_is_strict_in_every_field(data: bytes) -> None:
    hostile(machine(), Frame(Message.TERMS, data))


def test_a_hello_has_the_fields_that_are_fuzzed() -> None:
    (out,) = machine("bob").connected("alice")
    made = json.loads(bytes(out.frame.payload))
    assert made.keys() == SHOWN.keys()
    assert made["terms"] == SHOWN["terms"]


@pytest.mark.parametrize("name", [*SHOWN["terms"], EVIL])  # type: ignore[misc]
@pytest.mark.parametrize("wrong", [*WRONG, "missing", "as a float", "as text"], ids=range(len(WRONG) + 3))
def test_each_term_that_differs_is_named_and_nothing_is_shared(name: str, wrong: Any) -> None:
    record: dict[str, Any] = dict(SHOWN["terms"])  # type: ignore[arg-type]
    own = record.pop(name, "missing")
    if wrong == "as a float":
        wrong = float(own) if isinstance(own, int) else 0.5
    if wrong == "as text":
        wrong = json.dumps(own)
    if wrong != "missing":
        record[name] = wrong
    same = type(wrong) is type(own) and wrong == own
    receiver = machine()
    receiver.connected("bob")
    out = receiver.received("bob", Frame(Message.TERMS, encoded(SHOWN | {"terms": record})))
    if same:
        assert receiver.failure is None
    else:
        assert receiver.failure == Failure(Cause.TERMS, "bob", "alice", (printable_term(name),))
        assert [o.frame.type for o in out] == [Message.ABORT]


# -- what follows ------------------------------------------------------------------------------------------------------


def ready_for(receiver: SecureSum, *kinds: Message) -> None:
    """The receiver expects these of bob."""
    receiver._peers["bob"].expects.clear()
    receiver._peers["bob"].expects.extend(kinds)


@pytest.mark.parametrize("payload", [b"\0", b"{}", bytes(8)])
def test_last_words_are_empty(payload: bytes) -> None:
    receiver = machine()
    ready_for(receiver, Message.DONE)
    hostile(receiver, Frame(Message.DONE, payload))


@pytest.mark.parametrize("expected", [Message.TERMS, Message.SHARE, Message.PARTIAL, Message.RESULT, Message.DONE])
@pytest.mark.parametrize("sent", [0x00, 0x3F, *(m for m in Message if m is not Message.ABORT), 0x47, 0xFF])
def test_every_message_out_of_order_ends_the_run(expected: Message, sent: int) -> None:
    if expected == sent:
        return
    receiver = machine()
    ready_for(receiver, expected)
    hostile(receiver, Frame(sent, b""))


def test_after_its_last_words_a_peer_may_say_nothing() -> None:
    receiver = machine()
    ready_for(receiver)
    hostile(receiver, Frame(Message.DONE, b""))


@pytest.mark.parametrize("kind", [Message.SHARE, Message.PARTIAL])
@pytest.mark.parametrize("modulus", [5, (1 << 90) + 1])
def test_shares_and_partial_sums_are_below_the_modulus(kind: Message, modulus: int) -> None:
    for value, taken in ((modulus - 1, True), (modulus, False)):
        receiver = SecureSum(PEOPLE, "alice", terms(modulus=modulus), [1], SystemEntropy())
        ready_for(receiver, kind, Message.DONE)
        frame = Frame(kind, value.to_bytes(receiver.ring.width, "little"))
        if taken:
            receiver.received("bob", frame)
            assert receiver.failure is None
        else:
            hostile(receiver, frame)


@pytest.mark.parametrize("kind", [Message.SHARE, Message.PARTIAL])
@pytest.mark.parametrize("first", [8, CHUNK_BYTES - 8, CHUNK_BYTES + 8])
def test_a_long_vector_comes_in_full_chunks(kind: Message, first: int) -> None:
    length = CHUNK_BYTES // 8 + 2
    receiver = SecureSum(PEOPLE, "alice", terms(length), [1] * length, SystemEntropy())
    ready_for(receiver, kind, Message.DONE)
    hostile(receiver, Frame(kind, bytes(first)))


# -- results -----------------------------------------------------------------------------------------------------------

PLANS = {
    Function.THRESHOLD: (plan_threshold(PEOPLE, decimals=0, bound=Fraction(9), at_least=None), 0, 1),
    Function.ARGMAX: (
        plan_largest(Function.ARGMAX, PEOPLE, decimals=0, bound=Fraction(9), candidates=["a", "b", "c"]), 0, 2,
    ),
    Function.MAX: (plan_largest(Function.MAX, PEOPLE, decimals=0, bound=Fraction(9)), -9, 9),
}  # fmt: skip


@pytest.mark.parametrize("function", PLANS)
def test_a_result_is_strict_in_every_field_and_within_what_is_possible(function: Function) -> None:
    plan, least, most = PLANS[function]
    for value in (least, most):
        assert _decoded(plan, encoded({"result": value})) is not None
    bad = [encoded({"result": v}) for v in (least - 1, most + 1, 10**30, None, True, 1.0, "1", [1])]
    for data in [*bad, *RAW, encoded({"result": least, "more": 1}), b'{"result":0,"result":0}', b"{}"]:
        with pytest.raises(RemoteError) as caught:
            _decoded(plan, data)
        assert "evil" not in str(caught.value)


def test_what_results_stand_for() -> None:
    assert _decoded(PLANS[Function.THRESHOLD][0], b'{"result":1}') is True
    assert _decoded(PLANS[Function.THRESHOLD][0], b'{"result":0}') is False
    assert _decoded(PLANS[Function.ARGMAX][0], b'{"result":2}') == "c"
    assert _decoded(PLANS[Function.MAX][0], b'{"result":-9}') == -9


def with_servers(count: int) -> Network:
    people = roster(2, count)
    plan: FunctionPlan = plan_threshold(people, decimals=0, bound=Fraction(9), at_least=None)
    made = {
        p.name: SecureSum(people, p.name, plan.terms, [1] if p.inputs else None, SystemEntropy(), opens=False)
        for p in people.parties
    }
    network = Network(made)
    network.connect_all()
    network.run()
    return network


@pytest.mark.parametrize("odd", [0, 1, 2])
def test_servers_that_announce_different_results_give_none(odd: int) -> None:
    network = with_servers(3)
    for i in range(3):
        name = f"server{i}"
        network.post(name, network.machines[name].announce(strict_json.encode({"result": int(i == odd)})))
    network.run()
    for name in ("alice", "bob"):
        machine = network.machines[name]
        assert not machine.settled
        assert machine.result is None
        assert machine.failure is not None
        assert machine.failure.cause is Cause.PROTOCOL


def test_a_result_waits_for_every_server_and_stands_when_they_agree() -> None:
    network = with_servers(3)
    alice = network.machines["alice"]
    data = strict_json.encode({"result": 1})
    for i in range(3):
        assert not alice.settled
        alice.received(f"server{i}", Frame(Message.RESULT, bytearray(data)))
    assert alice.result == data
    assert alice.failure is None


def test_an_oversized_result_is_refused() -> None:
    network = with_servers(3)
    alice = network.machines["alice"]
    alice.received("server0", Frame(Message.RESULT, b" " * (strict_json.MAX_BYTES + 1)))
    assert alice.failure == Failure(Cause.PROTOCOL, "server0", "alice")


def test_servers_that_announce_what_cannot_be_give_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    people = roster(2, 3)
    plan = plan_threshold(people, decimals=0, bound=Fraction(9), at_least=None)
    instead_of_mpyc(monkeypatch, 2)
    hub, errors = Hub(monkeypatch), {}

    def run(name: str) -> None:
        values = [1] if people[name].inputs else None
        with pytest.raises(RemoteError, match="a result that is impossible") as caught:
            run_function(people, name, NOBODY, plan, values, SystemEntropy())
        errors[name] = caught.value

    hub.together(people, run)
    assert len(errors) == 5
