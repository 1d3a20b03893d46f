"""Characters that nobody sees, look-alikes of the apostrophe, and texts that stand for nothing."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Exactly the characters for which Python's str.isspace() holds, as an RE2 character class and as a list.
SPACE = r"[\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
ASCII_SPACE = "\t\n\v\f\r\x1c\x1d\x1e\x1f "

# Unicode's Default_Ignorable_Code_Point: soft hyphen, zero-width spaces and joiners, byte order mark, marks of
# direction, variation selectors, tags. Python's unicodedata does not have this property.
_IGNORABLE_RANGES = (
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
_IGNORABLE = re.compile("[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in _IGNORABLE_RANGES) + "]+")
_IGNORABLE_RE2 = "".join(rf"\x{{{a:x}}}-\x{{{b:x}}}" for a, b in _IGNORABLE_RANGES)
_UNSEEN = f"[{SPACE[1:-1]}{_IGNORABLE_RE2}]"

# What people type for an apostrophe: acute accents, quotation marks, primes, modifier letters, Greek breathings.
_APOSTROPHES = re.compile(
    "[\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u0384\u055a\u1fbd\u1fbf\u1ffd\u2018\u2019\u201b\u2032\ua78c\uff07]"
)

# Exports and hash functions write these where there is nothing; no person, address or number is called so. Spaces
# around them and letter case do not count. Words such as NULL and nan are names of people too: `--null` is for them.
PLACEHOLDERS = (
    r"\N",  # MySQL, PostgreSQL, Hive
    "#N/A",
    "#N/A N/A",
    "#NA",
    "#NV",  # the same in German
    "#NULL!",
    "#VALUE!",
    "#REF!",
    "#DIV/0!",
    "#NAME?",
    "#NUM!",
    "#ERROR!",
    "#SPILL!",
    "#CALC!",
    "#GETTING_DATA",
    "<NA>",  # pandas
    "<null>",
    "<none>",
    "(null)",
    "[null]",
    "{null}",
    "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-0000-0000-000000000000}",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "0" * 32,
    "0" * 64,
    "d41d8cd98f00b204e9800998ecf8427e",  # MD5 of nothing
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",  # SHA-1
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  # SHA-256
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",  # SHA-512
)
# The same in the other ways in which digests are written; letter case counts in the last two.
_DIGESTS_OF_NOTHING = (
    r"(?:0x|\\x)(?:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855|0{64})",
    r"(?-i:47DEQpj8HBSa[+-][/_]TImW[+-]5JCeuQeRkm5NMpJWZG3hSuFU=?|A{43}=?)",
    r"(?-i:1B2M2Y8AsgTpgAmY7PhCfg==)",
)
_NOTHING = "|".join([*map(re.escape, PLACEHOLDERS), *_DIGESTS_OF_NOTHING]).replace("/", r"\/")

BLANK = rf"^{SPACE}*$"
_BLANK_OR_PLACEHOLDER = rf"^{_UNSEEN}*(?:(?i:{_NOTHING}){_UNSEEN}*)?$"

# How a text begins that may be blank or a placeholder: with one of these bytes, or if it is long with one of these
# pairs. Looking is several times quicker than matching.
_LONG = 24
_BEGINS = np.zeros(256, bool)
_BEGINS[[*range(0x21), 0x7F, *range(0x80, 0x100), *map(ord, "\\#<([{")]] = True
_BEGINS_LONG = np.zeros(1 << 16, bool)
for _pair in ("00", "0x", "ff", "d4", "da", "e3", "cf", "47", "aa", "1b"):
    for _a in (_pair[0], _pair[0].upper()):
        for _b in (_pair[1], _pair[1].upper()):
            _BEGINS_LONG[ord(_a) << 8 | ord(_b)] = True


def may_be_nothing(text: pa.LargeStringArray) -> npt.NDArray[np.bool_]:
    """Where a text may be blank or a placeholder; where this is false it is neither. Shape (rows,)."""
    _, places, letters = text.buffers()
    if not len(text) or letters is None or not letters.size:
        return np.ones(len(text), bool)
    offsets = np.frombuffer(places, np.int64)[text.offset : text.offset + len(text) + 1]
    data, last = np.frombuffer(letters, np.uint8), letters.size - 1
    lengths = np.diff(offsets)
    first = data[np.minimum(offsets[:-1], last)]
    found: npt.NDArray[np.bool_] = _BEGINS[first] | (lengths == 0)
    long = np.flatnonzero(lengths >= _LONG)
    start = offsets[:-1][long]
    found[long] |= _BEGINS_LONG[data[start].astype(np.uint16) << 8 | data[start + 1]]
    return found


def is_nothing(text: pa.LargeStringArray) -> pa.BooleanArray:
    """Whether each text is blank, or a placeholder that every rule but `raw` takes for blank; null for null."""
    return pc.match_substring_regex(text, _BLANK_OR_PLACEHOLDER)


def without_ignorable(value: str) -> str:
    """The text without the characters that nobody sees."""
    return _IGNORABLE.sub("", value)


def plain_apostrophes(value: str) -> str:
    """The text with `'` for each look-alike of it that is not ASCII."""
    return _APOSTROPHES.sub("'", value)


def null_marks(texts: tuple[str, ...]) -> pa.Array:
    """The texts of `--null`, as Arrow looks them up."""
    return pa.array([text.strip() for text in texts], pa.large_string())
