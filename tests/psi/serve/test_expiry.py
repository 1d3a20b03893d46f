"""When a listener speaks of a certificate: at 30, 7 and 1 days and at its end, once each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from psi.identity.identity import Identity, PeerIdentity
from psi.serve.expiry import ExpiryWatch, days_left, expired

START = datetime(2026, 6, 1, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> PeerIdentity:
    return Identity.create("acme", tmp_path_factory.mktemp("keys"), days=100, now=START).public


def told(watch: ExpiryWatch, certificate: PeerIdentity, left: timedelta) -> list[tuple[int, bool]]:
    return [(notice.days, notice.expired) for notice in watch.due([certificate], certificate.not_after - left)]


def test_each_notice_comes_once_when_its_day_has_come(certificate: PeerIdentity) -> None:
    watch = ExpiryWatch()
    for days in (30, 7, 1):
        assert told(watch, certificate, days * DAY + SECOND) == []
        assert told(watch, certificate, days * DAY) == [(days, False)]
        assert told(watch, certificate, days * DAY - SECOND) == []
    assert told(watch, certificate, 0 * DAY) == []
    assert told(watch, certificate, -SECOND) == [(-1, True)]
    assert told(watch, certificate, -40 * DAY) == []


def test_only_the_last_of_several_notices_is_due_at_the_start(certificate: PeerIdentity) -> None:
    assert told(ExpiryWatch(), certificate, 31 * DAY) == []
    assert told(ExpiryWatch(), certificate, 3 * DAY) == [(3, False)]
    assert told(ExpiryWatch(), certificate, -5 * DAY) == [(-5, True)]


def test_a_clock_that_goes_back_repeats_nothing(certificate: PeerIdentity) -> None:
    watch = ExpiryWatch()
    assert told(watch, certificate, 7 * DAY) == [(7, False)]
    assert told(watch, certificate, 20 * DAY) == []
    assert told(watch, certificate, 7 * DAY) == []
    assert told(watch, certificate, DAY) == [(1, False)]


def test_certificates_are_watched_each_for_itself(certificate: PeerIdentity, tmp_path: Path) -> None:
    other = Identity.create("other", tmp_path, days=50, now=START).public
    watch = ExpiryWatch()
    assert [n.certificate.name for n in watch.due([certificate, other], START + 25 * DAY)] == ["other"]
    assert [n.certificate.name for n in watch.due([certificate, other], START + 71 * DAY)] == ["acme", "other"]


def test_days_are_rounded_down_and_the_last_moment_is_valid(certificate: PeerIdentity) -> None:
    end = certificate.not_after
    assert [days_left(certificate, end - left) for left in (2 * DAY, 2 * DAY - SECOND, SECOND, -SECOND)] == [
        2,
        1,
        0,
        -1,
    ]
    assert not expired(certificate, end)
    assert expired(certificate, end + SECOND)
