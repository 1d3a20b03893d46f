"""A result that cannot be written where it belongs: kept in another place and named, or said to be lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psiselect.base.errors import InputError, OutputError

RESUMED = (
    "Nothing is lost: the session is kept. Make room or name another file, and run the same command again; the peer is "
    "not needed"
)
LOCALLY = "Make room or name another file, and run the same command again"
FINISHED = "Nothing is lost: the state is kept. Make room or name another file, and run `psi finish` again"


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
            raise OutputError(f"{error}. {self.again}") from None
        if self.folder is not None:
            place = self.folder / f"psiselect-{transcript[:8].hex()}{ending}"
            try:
                write(place)
            except InputError:
                return OutputError(f"{error}. There is no room in {self.folder} either, so {what} lost"), None
            return OutputError(f"{error}. Meanwhile {what} in {place}, for this user only"), place
        return OutputError(f"{error}. So {what} lost"), None


NOWHERE = Spare()
