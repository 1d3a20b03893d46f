"""Countries by code and by the names that people write, whatever the telephone library brings."""

from __future__ import annotations

import iso3166
import phonenumbers
import pytest

from psi.normalize import parse_key
from psi.normalize.regions import region_of
from psiselect.base.errors import UsageError

NAMES = {
    "Bolivia": "BO", "British Virgin Islands": "VG", "Brunei": "BN", "Cocos Islands": "CC", "Côte d'Ivoire": "CI",
    "Czechia": "CZ", "Democratic Republic of the Congo": "CD", "The Democratic Republic Of Congo": "CD",
    "Falkland Islands": "FK", "Germany": "DE", "Iran": "IR", "Kosovo": "XK", "Moldova": "MD", "Nauru": "NR",
    "north macedonia": "MK", "Poland": "PL", "Réunion": "RE", "Russia": "RU", "Saint Helena": "SH",
    "Saint Martin": "MF", "South Korea": "KR", "Taiwan": "TW", "Tanzania": "TZ", "Turkey": "TR",
    "U.S. Virgin Islands": "VI", "United Kingdom": "GB", "UNITED STATES": "US", "Venezuela": "VE", "Viet Nam": "VN",
    "Vietnam": "VN",
}  # fmt: skip


@pytest.mark.parametrize(("name", "region"), NAMES.items())
def test_usual_names_name_their_country(name: str, region: str) -> None:
    assert region_of(name) == region


@pytest.mark.parametrize("text", ["", "Congo", "AA", "ZZ", "001", "Atlantis"])
def test_other_texts_name_none(text: str) -> None:
    """AA is the key of a language in some tables of names, and no country."""
    assert region_of(text) == "none"


def test_each_country_with_numbers_has_its_codes() -> None:
    countries = [country for country in iso3166.countries if country.alpha2 in phonenumbers.SUPPORTED_REGIONS]
    assert len(countries) > 240
    for country in countries:
        for code in (country.alpha2, country.alpha2.lower(), country.alpha3, country.numeric):
            assert region_of(code) == country.alpha2


@pytest.mark.parametrize(
    ("written", "advice"),
    [("UK", "Did you mean region=GB?"), ("poland", "Did you mean region=PL?"), ("QQ", "Did you mean QA or")],
)
def test_a_country_that_is_no_code_is_named_by_its_code(written: str, advice: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_key(f"tel:phone,region={written}")
    assert advice in str(refused.value)
