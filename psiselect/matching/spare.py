"""A result that cannot be written where it belongs: kept in another place and named, or said to be lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psiselect.base.errors import InputError, OutputError
from psiselect.matching import words


@dataclass(frozen=True)
class Spare:
    """What becomes of such a result.

    Attributes:
        folder: where it is kept; None where nothing is.
        again: how to get the result again, where that is possible; then nothing is kept elsewhere.
    """

    folder: Path | None = None
    again: str | None = None

    def keep(
        self, error: OutputError, what: str, transcript: bytes, ending: str, write: Callable[[Path], object]
    ) -> tuple[OutputError, Path | None]:
        """Write to a file of this session in the folder; returns what is to be said of it all, and the file, None when
        that failed too. what: the thing and its verb, "the record is".

        Raises OutputError at once where the result can be had again.
        """
        if self.again is not None:
            raise words.can_be_had_again(error, self.again) from None
        if self.folder is not None:
            place = self.folder / f"psiselect-{transcript[:8].hex()}{ending}"
            try:
                write(place)
            except InputError:
                return words.no_room_elsewhere(error, self.folder, what), None
            return words.kept_elsewhere(error, what, place), place
        return words.lost(error, what), None


NOWHERE = Spare()
