"""Rule `email`."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import idna
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize.rule import ASCII_SPACE, SPACE, Explain, Reason, Rule, by_ascii, everywhere, mask_out, where
from psi.normalize.text import compose

# The local part: 1 to 64 printable characters, none that needs quoting. The domain: two or more labels of 1 to 63
# letters, digits and inner hyphens; internationalised labels are already in their xn-- form.
_LOCAL = r"[^\x00-\x20\x7f\"(),:;<>@\[\\\]]{1,64}"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"(?:{_LABEL}\.)+{_LABEL}"
_ADDRESS = rf"^{_LOCAL}@{_DOMAIN}$"
_AT = pa.scalar("@", pa.large_string())
_MAX_ADDRESS = 254  # RFC 5321 with erratum 1690
_GMAIL = r"@(?:gmail|googlemail)\.com$"


@dataclass(frozen=True, slots=True)
class Email(Rule):
    """An e-mail address, trimmed, compatibility-composed, the domain in lower-case ASCII (IDNA 2008, UTS 46).

    case: `fold` folds the local part too; `keep` leaves it.
    gmail: `fold` drops dots and everything from the first plus sign in the local part at gmail.com and
    googlemail.com, which deliver all of these to one mailbox, and calls both gmail.com; `keep` does not.
    dots, plus: `drop` does so at every domain.
    spaces: `refuse` makes an address with inner white space unreadable; `drop` removes it.
    """

    case: str = "fold"
    dots: str = "keep"
    gmail: str = "fold"
    plus: str = "keep"
    spaces: str = "refuse"

    name: ClassVar[str] = "email"
    version: ClassVar[int] = 1
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "case": ("fold", "keep"),
        "dots": ("keep", "drop"),
        "gmail": ("fold", "keep"),
        "plus": ("keep", "drop"),
        "spaces": ("refuse", "drop"),
    }

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        address = by_ascii(text, self._prepare_ascii, self._prepare)
        if self.spaces == "drop":
            address = where(address, SPACE, lambda t: pc.replace_substring_regex(t, SPACE, ""))
        folded = self._fold_local(address)
        good = pc.and_(
            pc.match_substring_regex(folded, _ADDRESS), pc.less_equal(pc.binary_length(folded), _MAX_ADDRESS)
        )
        return mask_out(folded, lambda _: pc.invert(good)), lambda rows: _why(folded.take(pa.array(rows)))

    def _prepare_ascii(self, text: pa.Array) -> pa.Array:
        text = pc.ascii_trim(text, ASCII_SPACE)
        if self.case == "fold":
            return pc.ascii_lower(text)
        return where(text, "@[^@]*[A-Z][^@]*$", lambda t: _parts(t, domain=pc.ascii_lower))

    def _prepare(self, value: str) -> str:
        local, at, domain = unicodedata.normalize("NFKC", value).strip().rpartition("@")
        return (compose(local) if self.case == "fold" else local) + at + _ascii_domain(domain)

    def _fold_local(self, address: pa.Array) -> pa.Array:
        """Take dots and plus tags off, touching only the rows that have them at the domains concerned."""
        if self.gmail == "fold":
            address = where(address, _GMAIL, lambda t: _parts(t, local=_drop_both, domain=_gmail_com))
        if self.plus == "drop":
            address = where(address, r"\+.*@", lambda t: _parts(t, local=_drop_plus))
        if self.dots == "drop":
            address = where(address, r"\..*@", lambda t: _parts(t, local=_drop_dots))
        return address


def _why(address: pa.Array) -> Iterator[tuple[Reason, pa.BooleanArray]]:
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
