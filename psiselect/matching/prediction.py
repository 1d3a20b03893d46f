"""What a session would cost, from a measurement of this machine made here and now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, SessionProtocol, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.fast import cost as fast_engine
from psi.fast.kernels.choice import kernels_beside
from psi.fast.parameters import MAX_ITEMS
from psi.group.curve25519.backend import Backend
from psi.session import cost, fast_cost
from psi.session.calibration import calibrate
from psi.session.cost import Calibration, CostEstimate
from psi.session.job import Memory
from psiselect.base.errors import UsageError
from psiselect.base.threads import available_cores
from psiselect.matching import values, words


@dataclass(frozen=True, kw_only=True)
class Question:
    """A session to predict, seen from the side that connects.

    Attributes:
        own, peer: distinct keys of each side.
        learn: me, peer or both.
        protocol: how matches are found.
        keys: how many a row has.
        link: bits per second between two machines like this one; None where both parties are on this one.
        label_bytes: length of the columns that travel with a match, None where none do.
        memory_limit: bytes, None for what is usual here.
        key_bytes: mean length of a key.
    """

    own: int
    peer: int
    reveal: Reveal = Reveal.MATCHES
    learn: str = "me"
    protocol: SessionProtocol = SessionProtocol.ECDH
    keys: int = 1
    link: float | None = None
    epsilon: Fraction | None = None
    delta: Fraction | None = None
    pad_to: int | None = None
    min_matches: int | None = None
    min_matches_by: Comparer = Comparer.LEARNER
    value_decimals: int | None = None
    value_max: str | None = None
    label_bytes: int | None = None
    key_bytes: int = cost.DEFAULT_KEY_BYTES
    memory_limit: int | None = None

    @property
    def terms(self) -> Terms:
        """The terms of the session. Raises UsageError."""
        decimals, largest = values.asked(self.reveal, self.value_decimals, self.value_max)
        learn = {"me": Learner.CONNECT, "peer": Learner.LISTEN, "both": Learner.BOTH}[self.learn]
        columns = None
        if self.label_bytes is not None:
            give = {side.value: ("column",) if side.other in learn.receivers else () for side in Side}
            columns = ColumnTerms(**give)
        # What several keys can have together only as records, they are taken to have as records.
        as_records = self.keys > 1 and (columns is not None or self.reveal is Reveal.SUM)
        return Terms(
            protocol=self.protocol,
            reveal=self.reveal,
            learn=learn,
            keys=(KeyTerm("any rule", "0" * 64),) * self.keys,
            matching=Matching.ONE_TO_ONE if as_records else Matching.ONE_TO_MANY,
            epsilon=self.epsilon,
            delta=self.delta,
            min_matches=self.min_matches,
            min_matches_by=self.min_matches_by,
            pad_to=self.pad_to,
            columns=columns,
            label_bytes=self.label_bytes,
            value_decimals=decimals,
            value_max=largest,
        )


@dataclass(frozen=True)
class Prediction:
    """What was asked, what was measured, and what follows."""

    question: Question
    calibration: Calibration | fast_cost.FastCalibration
    cost: CostEstimate

    def to_json(self) -> dict[str, object]:
        """As `--json` prints it; enums are not of plain JSON types."""
        asked, machine = self.question, self.calibration
        return {
            "own": asked.own,
            "peer": asked.peer,
            "protocol": asked.protocol.value,
            "backend": machine.backend,
            "cores": machine.cores,
            **self.cost.to_dict(),
        }

    def summary(self) -> dict[str, object]:
        """The figures by which protocols are compared, as `--json` prints them."""
        found, status = self.cost, self.question.protocol.status
        return {
            **({} if status is None else {"protocol_status": status}),
            "seconds": found.seconds,
            "compute_seconds": found.compute_seconds,
            "network_seconds": found.network_seconds,
            "bytes": found.bytes_sent + found.bytes_received,
            "bytes_in_sequence": found.bytes_in_sequence,
            "bound": found.bound.value,
            "balance_bits_per_second": found.balance_bits_per_second,
            "disk_bytes": found.disk_bytes,
            "memory_bytes": found.memory_bytes,
        }


@dataclass(frozen=True)
class SideBySide:
    """One session under both protocols.

    Attributes:
        asked: what is predicted for the protocol that was asked for.
        ecdh: what is predicted on the curve.
        fast: what is predicted for the fast protocol, None where it cannot run this session.
        refused: why it cannot, None where it can.
    """

    asked: Prediction
    ecdh: Prediction
    fast: Prediction | None
    refused: str | None

    @property
    def by_cpu(self) -> SessionProtocol | None:
        """The protocol that computes for less time; None where only one can run."""
        return self._less(lambda found: found.compute_seconds)

    @property
    def by_link(self) -> SessionProtocol | None:
        """The protocol whose bytes pass a slow link sooner; None where only one can run. On the curve both directions
        are busy at once."""
        return self._less(lambda found: found.bytes_in_sequence)

    @property
    def by_time(self) -> SessionProtocol | None:
        """The protocol that is over sooner; None where only one can run."""
        return self._less(lambda found: found.seconds)

    def to_json(self) -> dict[str, object]:
        """As `--json` prints it; enums are not of plain JSON types."""
        refused = {"refused": self.refused}
        return {
            **self.asked.to_json(),
            "protocols": {
                SessionProtocol.ECDH.value: self.ecdh.summary(),
                SessionProtocol.FAST.value: refused if self.fast is None else self.fast.summary(),
            },
            "favoured": {
                name: None if protocol is None else protocol.value
                for name, protocol in (("cpu", self.by_cpu), ("link", self.by_link), ("time", self.by_time))
            },
        }

    def _less(self, figure: Callable[[CostEstimate], float]) -> SessionProtocol | None:
        if self.fast is None:
            return None
        return SessionProtocol.FAST if figure(self.fast.cost) < figure(self.ecdh.cost) else SessionProtocol.ECDH


def check(question: Question) -> Terms:
    """The terms, under which lists of these lengths can meet. Raises UsageError."""
    terms = question.terms
    sizes = {Side.CONNECT: question.own, Side.LISTEN: question.peer}
    terms.check_totals({side: terms.declared_size(size) for side, size in sizes.items()})
    if question.protocol is SessionProtocol.FAST:
        if question.peer > MAX_ITEMS:
            raise words.too_many_keys_for_fast(question.peer, MAX_ITEMS)
        fast_engine.check_room(question.own, _limit(question), receives=question.learn != "peer")
    return terms


def compare(question: Question, backend: Backend, threads: int | None) -> SideBySide:
    """Measure this machine, in about two seconds, and predict for both protocols. threads: of the backend, None for all
    cores. Raises UsageError."""
    check(question)
    ecdh = predict(replace(question, protocol=SessionProtocol.ECDH), backend, threads)
    try:
        fast = predict(replace(question, protocol=SessionProtocol.FAST), backend, threads)
    except UsageError as error:
        return SideBySide(ecdh, ecdh, None, str(error))
    return SideBySide(fast if question.protocol is SessionProtocol.FAST else ecdh, ecdh, fast, None)


def predict(question: Question, backend: Backend, threads: int | None) -> Prediction:
    """Measure this machine, in about a second, and predict. threads: of the backend, None for all cores. Raises
    UsageError."""
    terms = check(question)
    sizes = cost.Sizes(
        terms.declared_size(question.own), terms.declared_size(question.peer), key_bytes=question.key_bytes
    )
    limit = _limit(question)
    cores = threads or available_cores()
    machines = cost.Machines.SHARED if question.link is None else cost.Machines.APART
    if question.protocol is SessionProtocol.FAST:
        speed = fast_cost.calibrate(backend, kernels_beside(backend.name), cores)
        return Prediction(question, speed, fast_cost.estimate(terms, sizes, machines, question.link, limit, speed))
    calibration = calibrate(backend, cores)
    machine = cost.Machine(calibration, machines, question.link, limit)
    return Prediction(question, calibration, cost.estimate(terms, sizes, machine))


def _limit(question: Question) -> int:
    return Memory.usual_limit() if question.memory_limit is None else question.memory_limit
