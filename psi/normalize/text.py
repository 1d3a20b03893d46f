"""Rules `raw`, `text`, `name` and `sha256`."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize.characters import ASCII_SPACE, plain_apostrophes, without_ignorable
from psi.normalize.rule import Explain, Reason, Rule, always, by_ascii, mask_out, where
from psiselect.base.packed import I64


@dataclass(frozen=True, slots=True)
class Raw(Rule):
    """The text as it is, every space and letter of it."""

    name: ClassVar[str] = "raw"
    version: ClassVar[int] = 1
    placeholders: ClassVar[bool] = False

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        return text, _never


@dataclass(frozen=True, slots=True)
class Text(Rule):
    """Compatibility-composed (NFKC), case-folded, without characters that nobody sees, look-alikes of the apostrophe
    made one, white space trimmed and each inner run made one space."""

    name: ClassVar[str] = "text"
    version: ClassVar[int] = 2

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        return by_ascii(text, _fold_ascii, lambda value: " ".join(visible(value).split())), _never


@dataclass(frozen=True, slots=True)
class FirstText(Rule):
    """Version 1 of `text`: characters that nobody sees stay, and look-alikes of the apostrophe too."""

    name: ClassVar[str] = "text"
    version: ClassVar[int] = 1
    placeholders: ClassVar[bool] = False

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        return by_ascii(text, _fold_ascii, fold), _never


@dataclass(frozen=True, slots=True)
class Name(Rule):
    """A person's or firm's name: `text`, then Latin accents off, apostrophes out, other punctuation to spaces.

    marks: `drop` removes the combining marks U+0300 to U+036F and spells out letters such as o with stroke; `keep`
    leaves both.
    """

    marks: str = "drop"

    name: ClassVar[str] = "name"
    version: ClassVar[int] = 2
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"marks": ("drop", "keep")}

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        return _named(text, lambda value: self._slow(visible(value)))

    def _slow(self, value: str) -> str:
        return _name_plain(value) if self.marks == "drop" else _name_marked(value)


@dataclass(frozen=True, slots=True)
class FirstName(Name):
    """Version 1 of `name`: characters that nobody sees part words, and acute accents used as apostrophes do."""

    version: ClassVar[int] = 1
    placeholders: ClassVar[bool] = False

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        return _named(text, lambda value: self._slow(compose(value)))


@dataclass(frozen=True, slots=True)
class Sha256(Rule):
    """A SHA-256 digest, made by the same recipe on both sides: in hexadecimal, perhaps after `0x` or `\\x`, in base64,
    or as the bytes themselves. The key is the hexadecimal digits in lower case."""

    name: ClassVar[str] = "sha256"
    version: ClassVar[int] = 2
    digests: ClassVar[bool] = True

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        written = by_ascii(text, lambda t: pc.ascii_trim(t, ASCII_SPACE), _shown)
        written = where(written, r"^(?:0[xX]|\\[xX])", lambda t: pc.utf8_slice_codeunits(t, 2))
        digest = pc.ascii_lower(written)
        short = pc.fill_null(pc.less_equal(pc.binary_length(written), _BASE64_LETTERS + 1), False)
        if pc.any(short).as_py():
            decoded = pa.array([_from_base64(value) for value in written.filter(short).to_pylist()], pa.large_string())
            digest = pc.replace_with_mask(digest, short, decoded)
        unreadable = pc.invert(pc.match_substring_regex(digest, r"^[0-9a-f]{64}$"))
        return mask_out(digest, lambda _: pc.fill_null(unreadable, True)), always(Reason.NOT_A_DIGEST)


@dataclass(frozen=True, slots=True)
class FirstSha256(Rule):
    """Version 1 of `sha256`: 64 hexadecimal digits and nothing else."""

    name: ClassVar[str] = "sha256"
    version: ClassVar[int] = 1
    placeholders: ClassVar[bool] = False

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        digest = by_ascii(text, lambda t: pc.ascii_lower(pc.ascii_trim(t, ASCII_SPACE)), fold)
        unreadable = pc.invert(pc.match_substring_regex(digest, r"^[0-9a-f]{64}$"))
        return mask_out(digest, lambda _: unreadable), always(Reason.NOT_SHA256)


def _never(rows: I64) -> tuple[()]:
    """Every text is readable."""
    return ()


def compose(value: str) -> str:
    """Case-folded NFKC: the compatibility caseless form of Unicode chapter 3, definition D146."""
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", value).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def visible(value: str) -> str:
    """What people see of a text, composed: without the characters that nobody sees, apostrophes made one."""
    # Twice: composing takes some apostrophes apart, and others appear when a letter such as U+0149 is.
    return plain_apostrophes(compose(plain_apostrophes(without_ignorable(value))))


def fold(value: str) -> str:
    """Version 1 of rule `text` on one value."""
    return " ".join(compose(value).split())


def _fold_ascii(text: pa.Array) -> pa.Array:
    return _spaces_ascii(pc.ascii_lower(text))


def _spaces_ascii(text: pa.Array) -> pa.Array:
    text = pc.ascii_trim(text, ASCII_SPACE)
    return where(text, r"[\t-\r\x1c-\x1f]|  ", lambda t: pc.replace_substring_regex(t, r"[\t-\r\x1c-\x20]+", " "))


_BASE64_LETTERS = 43  # of 32 bytes, without the padding
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{43}=?")


def _from_base64(value: str | None) -> str | None:
    """The hexadecimal digits of 32 bytes in base64, with the letters of either alphabet; None for anything else."""
    if value is None or not _BASE64.fullmatch(value):
        return None
    letters = value[:_BASE64_LETTERS].replace("+", "-").replace("/", "_") + "="
    found = base64.urlsafe_b64decode(letters)
    return found.hex() if base64.urlsafe_b64encode(found).decode() == letters else None


def _shown(value: str) -> str:
    return unicodedata.normalize("NFKC", without_ignorable(value)).strip()


def _named(text: pa.LargeStringArray, slow: Callable[[str], str]) -> tuple[pa.Array, Explain]:
    named = by_ascii(text, _name_ascii, slow)
    return mask_out(named, lambda t: pc.equal(t, "")), always(Reason.NO_LETTERS)


# Letters with a stroke or a ligature that Unicode does not take apart.
_SPELLED = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
)
_LATIN_MARKS = re.compile("[\u0300-\u036f]")
_APOSTROPHES = re.compile("['`\u00b4\u02bb\u02bc\u02b9\u2018\u2019\u201b\uff07]")


def _name_ascii(text: pa.Array) -> pa.Array:
    text = where(pc.ascii_lower(text), "['`]", lambda t: pc.replace_substring_regex(t, "['`]", ""))
    return _spaces_ascii(where(text, "[^a-z0-9 ]", lambda t: pc.replace_substring_regex(t, "[^a-z0-9]+", " ")))


def _name_plain(value: str) -> str:
    bare = _LATIN_MARKS.sub("", unicodedata.normalize("NFKD", _APOSTROPHES.sub("", value)))
    return _words(unicodedata.normalize("NFKC", bare).translate(_SPELLED))


def _name_marked(value: str) -> str:
    return _words(compose(_APOSTROPHES.sub("", value)))


class _Parting(dict[int, int]):
    """For str.translate: letters, digits and marks stay, everything else parts words. Filled as characters occur."""

    def __missing__(self, code: int) -> int:
        self[code] = code if unicodedata.category(chr(code))[0] in "LMN" else ord(" ")
        return self[code]


_PARTING = _Parting()


def _words(value: str) -> str:
    return " ".join(_APOSTROPHES.sub("", value).translate(_PARTING).split())
