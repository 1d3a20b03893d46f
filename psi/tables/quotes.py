"""Whether the quotes of a CSV file open and close fields as they should, at about the speed at which Arrow reads.

Arrow takes text after a closing quote, and a quote that is never closed. So the bytes are looked at before it reads
them. Where every quote stands at the edge of a field, or every one inside an unquoted field, bits say so; for other
bytes a regular expression does, in linear time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Words = npt.NDArray[np.uint64]

_WORD = 64
_WORDS = np.dtype("<u8")
_ONE, _LAST = np.uint64(1), np.uint64(_WORD - 1)
_SLICE = 1 << 18  # bytes, whole words: what stays in the processor's cache
_QUOTE = ord('"')
_NEUTRAL = ord("x")


class Quotes:
    """Follows the quotes through the blocks of a file.

    A block is looked at up to its last line break; what follows goes with the next one. So a part begins where a field
    begins, or inside quotes, and ends behind a line break.
    """

    def __init__(self, delimiter: str) -> None:
        self._edges = [ord(character) for character in f"{delimiter}\r\n"]
        code = rf"\x{{{ord(delimiter):x}}}"  # it may mean something in an expression
        edge = rf"[{code}\r\n]"
        plain = rf'(?:[^"{code}\r\n][^{code}\r\n]*)?'
        inside = r'(?:[^"]|"")*'
        fields = rf'(?:(?:{plain}|"{inside}"){edge})*'
        # From a field's beginning, or from inside quotes, to the same at the end.
        self._patterns = {
            (False, False): rf"\A{fields}\z",
            (False, True): rf'\A{fields}"{inside}\z',
            (True, False): rf'\A{inside}"{edge}{fields}\z',
            (True, True): rf'\A{inside}(?:"{edge}{fields}"{inside})?\z',
        }
        self._quoted = False
        self._torn = b""

    def sound(self, block: bytes, ended: bool) -> bool:
        """Whether no text follows a closing quote up to here and, at the end of the file, no quote is open.

        Once it was False, it means nothing any more.
        """
        end = b"\n" if b"\n" in block else b"\r"
        first, last = block.find(end) + 1, block.rfind(end) + 1
        if ended:  # whatever ends the last line
            first, last = first or len(block), len(block)
        line = self._torn + block[:first]
        good = not last or (self._part(line, 0, len(line)) and self._part(block, first, last))
        self._torn = block[last:] if last else self._torn + block
        return good and not (ended and self._quoted)

    def _part(self, data: bytes, start: int, stop: int) -> bool:
        if data.find(b'"', start, stop) < 0:
            return True
        after = self._by_bits(np.frombuffer(data, np.uint8)[start:stop])
        if after is None:
            after = self._by_expression(data, start, stop)
        self._quoted = bool(after)
        return after is not None

    def _by_bits(self, part: npt.NDArray[np.uint8]) -> bool | None:
        """Whether the part ends inside quotes; None where it is not as simple as that."""
        quoted, before = self._quoted, self._edges[0]
        for at in range(0, len(part), _SLICE):
            piece = part[at : at + _SLICE]
            after = part[at + _SLICE] if at + _SLICE < len(part) else self._edges[0]
            if len(piece) % _WORD:
                piece = np.pad(piece, (0, -len(piece) % _WORD), constant_values=self._edges[0])
            quotes = _packed(piece == _QUOTE)
            edges = quotes | _packed(self._is_edge(piece))
            behind = edges << _ONE  # of each byte: whether the one before it is an edge
            behind[1:] |= edges[:-1] >> _LAST
            behind[0] |= np.uint64(before in self._edges or before == _QUOTE)
            ahead = edges >> _ONE
            ahead[:-1] |= edges[1:] << _LAST
            ahead[-1] |= np.uint64(after in self._edges or after == _QUOTE) << _LAST
            before = piece[-1]
            if not quoted and not (quotes & behind).any():
                # All inside unquoted fields. The last of them closes nothing that the next byte could open again.
                before = _NEUTRAL if before == _QUOTE else before
                continue
            inside = _odd(quotes)
            if quoted:
                inside = ~inside
            opening = quotes & inside
            if (opening & ~behind).any() or (quotes & ~inside & ~ahead).any():
                return None
            quoted = bool(inside[-1] >> _LAST)
        return quoted

    def _is_edge(self, piece: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = piece == self._edges[0]
        for edge in self._edges[1:]:
            found |= piece == edge
        return found

    def _by_expression(self, data: bytes, start: int, stop: int) -> bool | None:
        """Whether the part ends inside quotes; None where text follows a closing quote."""
        place = np.array([start, stop], np.int64)
        text = pa.Array.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(place), pa.py_buffer(data)])
        for after in (False, True):
            if pc.match_substring_regex(text, self._patterns[self._quoted, after])[0].as_py():
                return after
        return None


def _packed(bits: npt.NDArray[np.bool_]) -> Words:
    """64 bits in each word, the first one lowest."""
    words: Words = np.packbits(bits, bitorder="little").view(_WORDS)
    return words


def _odd(bits: Words) -> Words:
    """For each bit, whether an odd number of bits is set up to and with it."""
    for shift in (1, 2, 4, 8, 16, 32):
        bits = bits ^ (bits << np.uint64(shift))
    odd = bits >> _LAST
    flipped: Words = np.negative(np.bitwise_xor.accumulate(odd) ^ odd)  # all bits, where the words before are odd
    return bits ^ flipped
