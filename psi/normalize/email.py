"""Rule `email`."""

from __future__ import annotations

import functools
import re
import unicodedata
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import idna
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize.characters import ASCII_SPACE, SPACE, plain_apostrophes, without_ignorable
from psi.normalize.rule import Explain, Reason, Rule, by_ascii, everywhere, mask_out, true_rows, where, where_true
from psi.normalize.text import compose

# The local part: 1 to 64 printable characters, none that needs quoting. The domain: two or more labels of 1 to 63
# letters, digits and inner hyphens; internationalised labels are already in their xn-- form.
_LOCAL = r"[^\x00-\x20\x7f\"(),:;<>@\[\\\]]{1,64}"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"(?:{_LABEL}\.)+{_LABEL}"
_ADDRESS = rf"^{_LOCAL}@{_DOMAIN}$"
_AT = pa.scalar("@", pa.large_string())
_MAX_ADDRESS = 254  # RFC 5321 with erratum 1690
_GMAIL = ("@gmail.com", "@googlemail.com")


# Where one address ends and another follows.
_SEVERAL = r"@[^@]*[;,|/\s][^@]*@"
_FIRST_OF_SEVERAL = re.compile(r"([^@]*@[^@;,|/\s]*)[;,|/\s][^@]*@", re.DOTALL)
_IN_BRACKETS = re.compile(r"[^<>]*<([^<>@]+@[^<>@]+)>[^<>@]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Email(Rule):
    """An e-mail address, trimmed, compatibility-composed, without characters that nobody sees, look-alikes of the
    apostrophe made one, the domain in lower-case ASCII (IDNA 2008, UTS 46).

    brackets: `read` takes the address out of `Ann <ann@example.com>`; `refuse` makes that unreadable.
    case: `fold` folds the local part too; `keep` leaves it.
    gmail: `fold` drops dots and everything from the first plus sign in the local part at gmail.com and
    googlemail.com, which deliver all of these to one mailbox, and calls both gmail.com; `keep` does not.
    dots, plus: `drop` does so at every domain.
    mailto: `drop` reads a link, `mailto:ann@example.com?subject=Hello`; `refuse` makes it unreadable.
    several: `first` takes the first of several addresses in a cell; `refuse` makes them unreadable.
    spaces: `refuse` makes an address with inner white space unreadable; `drop` removes it.
    """

    brackets: str = "refuse"
    case: str = "fold"
    dots: str = "keep"
    gmail: str = "fold"
    mailto: str = "refuse"
    plus: str = "keep"
    several: str = "refuse"
    spaces: str = "refuse"

    name: ClassVar[str] = "email"
    version: ClassVar[int] = 2
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "brackets": ("refuse", "read"),
        "case": ("fold", "keep"),
        "dots": ("keep", "drop"),
        "gmail": ("fold", "keep"),
        "mailto": ("refuse", "drop"),
        "plus": ("keep", "drop"),
        "several": ("refuse", "first"),
        "spaces": ("refuse", "drop"),
    }

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        good, folded = self._of(text)
        if (self.brackets, self.mailto, self.several) != ("refuse", "refuse", "refuse"):
            left = true_rows(pc.and_not(pc.is_valid(text), good))
            if len(left):
                # Rare: what is more than an address is cut down to one, and read again.
                cut = text.take(pa.array(left)).dictionary_encode()
                bare = pa.array([self._cut(value) for value in cut.dictionary.to_pylist()], pa.large_string())
                bare = bare.take(cut.indices)
                good_again, folded_again = self._of(bare)
                mask = np.zeros(len(text), bool)
                mask[left] = True
                good = pc.replace_with_mask(good, pa.array(mask), good_again)
                folded = pc.replace_with_mask(folded, pa.array(mask), folded_again)
        return mask_out(folded, lambda _: pc.invert(good)), lambda rows: _why(folded.take(pa.array(rows)))

    def _of(self, text: pa.LargeStringArray) -> tuple[pa.BooleanArray, pa.Array]:
        return _good(self, by_ascii(text, lambda t: _prepare_ascii(self, t), self._slow))

    def _slow(self, value: str) -> str:
        return plain_apostrophes(_prepare(self, _seen(value)))

    def _cut(self, value: str) -> str:
        """The address in a text that is more than one, as far as the options allow."""
        value = unicodedata.normalize("NFKC", _seen(value)).strip()
        if self.several == "first" and value.count("@") > 1:
            found = _FIRST_OF_SEVERAL.match(value)
            value = found[1] if found else value
        value = value.strip(" ;,|/\t\r\n") if self.several == "first" else value
        if self.brackets == "read":
            found = _IN_BRACKETS.fullmatch(value)
            value = found[1].strip() if found else value
        if self.mailto == "drop" and value[:7].lower() == "mailto:":
            value = urllib.parse.unquote(value[7:].partition("?")[0]).strip()
        return value


@dataclass(frozen=True, slots=True)
class FirstEmail(Rule):
    """Version 1 of `email`: characters that nobody sees and look-alikes of the apostrophe stay."""

    case: str = "fold"
    dots: str = "keep"
    gmail: str = "fold"
    plus: str = "keep"
    spaces: str = "refuse"

    name: ClassVar[str] = "email"
    version: ClassVar[int] = 1
    placeholders: ClassVar[bool] = False
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        option: values for option, values in Email.choices.items() if option not in ("brackets", "mailto", "several")
    }

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        address = by_ascii(text, lambda t: _prepare_ascii(self, t), lambda value: _prepare(self, value))
        good, folded = _good(self, address)
        return mask_out(folded, lambda _: pc.invert(good)), lambda rows: _why_first(folded.take(pa.array(rows)))


def _good(rule: Email | FirstEmail, address: pa.Array) -> tuple[pa.BooleanArray, pa.Array]:
    """Which of the prepared addresses are readable, and the addresses with the local parts folded."""
    if rule.spaces == "drop":
        address = where(address, SPACE, lambda t: pc.replace_substring_regex(t, SPACE, ""))
    folded = _fold_local(rule, address)
    good = pc.and_(pc.match_substring_regex(folded, _ADDRESS), pc.less_equal(pc.binary_length(folded), _MAX_ADDRESS))
    return good, folded


def _prepare_ascii(rule: Email | FirstEmail, text: pa.Array) -> pa.Array:
    text = pc.ascii_trim(text, ASCII_SPACE)
    if rule.case == "fold":
        return pc.ascii_lower(text)
    return where(text, "@[^@]*[A-Z][^@]*$", lambda t: _parts(t, domain=pc.ascii_lower))


def _seen(value: str) -> str:
    return plain_apostrophes(without_ignorable(value))


def _prepare(rule: Email | FirstEmail, value: str) -> str:
    local, at, domain = unicodedata.normalize("NFKC", value).strip().rpartition("@")
    return (compose(local) if rule.case == "fold" else local) + at + _ascii_domain(domain)


def _fold_local(rule: Email | FirstEmail, address: pa.Array) -> pa.Array:
    """Take dots and plus tags off, touching only the rows that have them at the domains concerned."""
    if rule.gmail == "fold":
        # Looking at the end is several times quicker than searching.
        there = pc.or_(*(pc.ends_with(address, domain) for domain in _GMAIL))
        address = where_true(address, there, lambda t: _parts(t, local=_drop_both, domain=_gmail_com))
    if rule.plus == "drop":
        address = where(address, r"\+.*@", lambda t: _parts(t, local=_drop_plus))
    if rule.dots == "drop":
        address = where(address, r"\..*@", lambda t: _parts(t, local=_drop_dots))
    return address


def _why(address: pa.Array) -> Iterator[tuple[Reason, pa.BooleanArray]]:
    yield Reason.NO_AT_SIGN, pc.invert(pc.match_substring(address, "@"))
    yield Reason.SEVERAL, pc.match_substring_regex(address, _SEVERAL)
    yield Reason.BRACKETS, pc.match_substring_regex(address, "<[^<>]*@[^<>]*>")
    yield Reason.MAILTO, pc.match_substring_regex(address, "(?i)^mailto:")
    yield from _why_first(address)


def _why_first(address: pa.Array) -> Iterator[tuple[Reason, pa.BooleanArray]]:
    yield Reason.NO_AT_SIGN, pc.invert(pc.match_substring(address, "@"))
    yield Reason.INNER_SPACE, pc.match_substring_regex(address, SPACE)
    yield Reason.SEVERAL_AT_SIGNS, pc.match_substring_regex(address, "@.*@")
    yield Reason.DOMAIN, pc.invert(pc.match_substring_regex(address, f"@{_DOMAIN}$"))
    yield Reason.LOCAL_PART, everywhere(address)


@functools.lru_cache(maxsize=4096)
def _ascii_domain(domain: str) -> str:
    """Lower-case ASCII form of a domain; one that has none comes back as it is, and is then refused as a domain."""
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode()
    except UnicodeError:
        return domain


def _parts(
    address: pa.Array,
    *,
    local: Callable[[pa.Array], pa.Array] = lambda t: t,
    domain: Callable[[pa.Array], pa.Array] = lambda t: t,
) -> pa.Array:
    """Change what is before and after the last at sign; every row has one."""
    halves = pc.split_pattern(address, "@", max_splits=1, reverse=True)
    return pc.binary_join_element_wise(local(pc.list_element(halves, 0)), domain(pc.list_element(halves, 1)), _AT)


def _drop_plus(local: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(local, r"\+.*$", "")


def _drop_dots(local: pa.Array) -> pa.Array:
    return pc.replace_substring(local, ".", "")


def _drop_both(local: pa.Array) -> pa.Array:
    return _drop_dots(_drop_plus(local))


def _gmail_com(domain: pa.Array) -> pa.Array:
    return pa.array(["gmail.com"], domain.type).take(pa.array([0] * len(domain), pa.int8()))
