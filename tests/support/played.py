"""Entropy that plays given bytes, for tests that walk one path of a sampler."""

from __future__ import annotations


class Played:
    """Hands out `data` in order; EOFError once it is used up, which shows that more was asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int) -> bytes:
        if len(self.data) < size:
            raise EOFError
        taken, self.data = self.data[:size], self.data[size:]
        return taken
