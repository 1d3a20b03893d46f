"""Countries by ISO 3166 code or English name, for a column that says in which country a number is dialled."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import TYPE_CHECKING

from psi.normalize.characters import without_ignorable
from psiselect.base import later

if TYPE_CHECKING:
    import iso3166
    import phonenumbers
else:
    iso3166, phonenumbers = later.Module("iso3166"), later.Module("phonenumbers")

# Names in use that ISO 3166 lacks: short, former, or of a part that shares its country's numbers.
_ALSO = {
    "BN": ("Brunei",),
    "BO": ("Bolivia",),
    "CC": ("Cocos Islands",),
    "CD": ("Democratic Republic of the Congo", "Democratic Republic of Congo", "DR Congo", "DRC", "Congo-Kinshasa"),
    "CG": ("Congo-Brazzaville", "Republic of the Congo"),
    "CI": ("Ivory Coast",),
    "CV": ("Cape Verde",),
    "CZ": ("Czech Republic", "Czechia"),
    "FK": ("Falkland Islands",),
    "FM": ("Micronesia",),
    "GB": (
        "United Kingdom",
        "UK",
        "U.K.",
        "Great Britain",
        "Britain",
        "England",
        "Scotland",
        "Wales",
        "Northern Ireland",
    ),
    "HK": ("Hong Kong",),
    "IR": ("Iran",),
    "KP": ("North Korea",),
    "KR": ("South Korea", "Korea", "Republic of Korea"),
    "LA": ("Laos",),
    "MD": ("Moldova",),
    "MF": ("Saint Martin",),
    "MK": ("Macedonia", "North Macedonia"),
    "MM": ("Burma", "Myanmar"),
    "MO": ("Macau", "Macao"),
    "NL": ("Holland", "The Netherlands", "Netherlands"),
    "NR": ("Nauru",),
    "PS": ("Palestine",),
    "RU": ("Russia",),
    "SH": ("Saint Helena",),
    "SY": ("Syria",),
    "SZ": ("Swaziland", "Eswatini"),
    "TL": ("East Timor",),
    "TR": ("Turkey", "Turkiye"),
    "TW": ("Taiwan",),
    "TZ": ("Tanzania",),
    "US": ("USA", "U.S.", "U.S.A.", "United States", "America"),
    "VA": ("Vatican", "Vatican City"),
    "VE": ("Venezuela",),
    "VG": ("British Virgin Islands",),
    "VI": ("U.S. Virgin Islands",),
    "VN": ("Vietnam",),
    "XK": ("Kosovo", "XKX"),
}


def region_of(text: str) -> str:
    """The region that a text names, as `phonenumbers` has it, such as PL; `none` where it names none. `Congo`, which is
    two countries, names none."""
    return _regions().get(_plain(text), "none")


@functools.cache
def _regions() -> dict[str, str]:
    """Regions by every code and name, plain."""
    found: dict[str, str] = {}
    for country in iso3166.countries:
        texts = (country.alpha2, country.alpha3, country.numeric, country.name, country.apolitical_name)
        found |= {_plain(text): country.alpha2 for text in texts}
    found |= {_plain(name): region for region, names in _ALSO.items() for name in names}
    found.pop("congo", None)
    return {name: region for name, region in found.items() if region in phonenumbers.SUPPORTED_REGIONS}


def _plain(text: str) -> str:
    """Letters and digits in lower case without accents, words parted by one space; `and` for `&`, no leading `the`."""
    bare = unicodedata.normalize("NFKD", without_ignorable(text).casefold().replace("&", " and "))
    words = re.sub(r"[^\w]+", " ", re.sub("[.'\u2019\u0300-\u036f]", "", bare)).split()
    return " ".join(words[1:] if words[:1] == ["the"] else words)
