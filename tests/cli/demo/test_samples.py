"""The sample lists are a mess with a known answer, and reach nobody."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cli.demo.samples import EMAIL_RULE, PHONE_RULE, SampleList, Samples, write_samples
from psi.inputs.items import Items, collect
from psi.normalize import parse_key
from psi.tables import open_source
from psiselect.base.errors import UsageError
from psiselect.base.packed import Packed


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return write_samples(tmp_path_factory.mktemp("samples"))


def by_email(which: SampleList) -> Items:
    return collect(open_source(which.path), parse_key(f"{which.email_column}:{EMAIL_RULE}"))


def by_phone(which: SampleList) -> Items:
    return collect(open_source(which.path), parse_key(f"{which.phone_column}:{PHONE_RULE}"))


def keys(items: Items) -> list[str]:
    assert isinstance(items.keys, Packed)
    return [items.keys[i].decode() for i in range(len(items.keys))]


def test_rules_find_the_truth_in_the_mess(samples: Samples) -> None:
    for which in (samples.acme, samples.globex):
        for items, truth in ((by_email(which), which.emails), (by_phone(which), which.phones)):
            found = keys(items)
            assert [found[k] if k >= 0 else None for k in items.row_to_key.tolist()] == list(truth)


def test_normalised_join_is_the_plain_join(samples: Samples) -> None:
    assert set(keys(by_email(samples.acme))) & set(keys(by_email(samples.globex))) == samples.common_emails()
    assert set(keys(by_phone(samples.acme))) & set(keys(by_phone(samples.globex))) == samples.common_phones()


def test_raw_join_finds_a_fraction(samples: Samples) -> None:
    """The lists need normalising: as they are, most common customers do not match."""
    plain = [set(keys(collect(open_source(w.path), parse_key(w.email_column)))) for w in (samples.acme, samples.globex)]
    assert len(plain[0] & plain[1]) < len(samples.common_emails()) / 2


def test_lists_are_as_messy_as_promised(samples: Samples) -> None:
    for which in (samples.acme, samples.globex):
        for report in (by_email(which).report, by_phone(which).report):
            assert 2000 < report.rows < 4000
            assert report.duplicates > 50
            assert report.blank > 50
            assert sum(report.unreadable.values()) > 10
    assert 700 < len(samples.common_emails()) < len(samples.common_phones())
    names = open_source(samples.acme.path).batches(["name"])
    assert any(not name.isascii() for batch in names for name in batch.column(0).to_pylist())


def test_nobody_is_reached(samples: Samples) -> None:
    domain = re.compile(r"@(?:(?:.*\.)?example\.(?:com|org|net)|.*\.(?:example|test))$")
    number = re.compile(r"\+1[2-9]\d\d55501\d\d|\+3363998\d{4}|\+447700900\d{3}")
    for which in (samples.acme, samples.globex):
        assert all(domain.search(email) for email in which.emails if email)
        assert all(number.fullmatch(phone) for phone in which.phones if phone)


def test_same_seed_same_lists(samples: Samples, tmp_path: Path) -> None:
    again = write_samples(tmp_path)
    assert again.acme.path.read_bytes() == samples.acme.path.read_bytes()
    assert again.globex.emails == samples.globex.emails
    assert write_samples(tmp_path, seed=1).acme.emails != samples.acme.emails


def test_people_have_distinct_numbers_and_addresses(tmp_path: Path) -> None:
    many = write_samples(tmp_path, people=6000)
    for which in (many.acme, many.globex):
        rows = [(e, p) for e, p in zip(which.emails, which.phones, strict=True) if e and p]
        pairs = np.array(sorted(set(rows)))
        assert len(set(pairs[:, 0])) == len(pairs) == len(set(pairs[:, 1]))
    with pytest.raises(UsageError):
        write_samples(tmp_path, people=6001)
