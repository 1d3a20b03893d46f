"""Noisy counts and results below the minimum: what each side and the record hold."""

from __future__ import annotations

from fractions import Fraction

import pytest
from support.parties import run, terms

from psi.agreement.modes import Learner, Reveal, Side
from psi.inputs import padding
from psi.protocol.outcome import Outcome
from psiselect.base.errors import UsageError

NOISY = terms(reveal=Reveal.NOISY_COUNT, epsilon="1/2", delta="1/100", chunk=8)
OWN = [b"%d" % i for i in range(30)]
PEER = [b"%d" % i for i in range(18, 43)]
COMMON = 12


# ---- noise


@pytest.mark.parametrize("noise", range(-7, 8))
def test_the_noisy_count_is_the_count_and_the_noise(monkeypatch: pytest.MonkeyPatch, noise: int) -> None:
    asked = []

    def drawn(entropy: object, epsilon: Fraction, bound: int) -> int:
        asked.append((epsilon, bound))
        return noise

    monkeypatch.setattr(padding, "truncated_laplace", drawn)
    agreed = NOISY.noise
    assert agreed is not None
    assert abs(noise) <= agreed.bound
    for left, right in ((OWN, PEER), (OWN, [b"none"]), ([], PEER), ([], [])):
        parties = run(left, right, NOISY)
        expected = len(set(left) & set(right)) + noise
        assert parties[Side.CONNECT].outcome == Outcome(noisy_count=expected)
        assert parties[Side.LISTEN].outcome == Outcome()
        assert parties[Side.CONNECT].record == parties[Side.LISTEN].record
        assert parties[Side.CONNECT].record["counts"] is None
        assert parties[Side.CONNECT].record["sizes"] == {"connect": [len(left)], "listen": [len(right)]}
    assert asked == [(Fraction(1, 2), agreed.bound)] * 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learn": Learner.BOTH}, "cannot be used with --learn both"),
        ({"epsilon": None}, "needs --epsilon and --delta"),
        ({"delta": None}, "needs --epsilon and --delta"),
        ({"delta": "1"}, "delta"),
        ({"epsilon": "0"}, "epsilon"),
        ({"epsilon": "1/1000000000"}, "larger than 65,536"),
        ({"reveal": Reveal.COUNT}, "work only with --reveal noisy-count"),
        ({"min_matches": 0}, "1 or more"),
    ],
)
def test_modes_that_do_not_exist_are_refused(changes: dict[str, object], words: str) -> None:
    fields = {"reveal": Reveal.NOISY_COUNT, "epsilon": "1", "delta": "1/1000000", **changes}
    with pytest.raises(UsageError, match=words):
        terms(**fields)


# ---- minimum


@pytest.mark.parametrize("reveal", [Reveal.MATCHES, Reveal.COUNT])
@pytest.mark.parametrize("learn", Learner)
def test_a_result_below_the_minimum_is_not_there_on_any_side_nor_in_the_record(reveal: Reveal, learn: Learner) -> None:
    for least, withheld in ((COMMON, False), (COMMON + 1, True)):
        parties = run(OWN, PEER, terms(reveal=reveal, learn=learn, min_matches=least))
        for side, party in parties.items():
            assert party.outcome.withheld is (withheld and side in learn.receivers)
            if withheld:
                assert (party.outcome.matches, party.outcome.matched) == (None, None)
                assert party.record["counts"] is None
        assert parties[Side.CONNECT].record == parties[Side.LISTEN].record
        assert parties[Side.CONNECT].record["terms"]["min_matches"] == least


@pytest.mark.parametrize(("noise", "withheld"), [(-1, True), (0, False)])
def test_the_minimum_is_held_against_the_noisy_number(
    monkeypatch: pytest.MonkeyPatch, noise: int, withheld: bool
) -> None:
    monkeypatch.setattr(padding, "truncated_laplace", lambda entropy, epsilon, bound: noise)
    agreed = terms(reveal=Reveal.NOISY_COUNT, epsilon="1/2", delta="1/100", min_matches=COMMON)
    outcome = run(OWN, PEER, agreed)[Side.CONNECT].outcome
    assert outcome == (Outcome(withheld=True) if withheld else Outcome(noisy_count=COMMON + noise))
