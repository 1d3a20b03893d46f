"""Where the page records draws and budgets: a folder that only its owner can open."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psiselect.ui import words

MOST_NAME = 200  # characters of the name of an election or a data set
_ELECTIONS, _BUDGETS, _IDENTITIES, _EXCHANGES = "elections", "budgets", "identities", "exchanges"


@dataclass(frozen=True)
class Folder:
    """The page's own folder."""

    path: Path

    @classmethod
    def usual(cls, environment: Mapping[str, str] = os.environ) -> Folder:
        """`psiselect` in the user's folder for data."""
        data = environment.get("XDG_DATA_HOME", "")
        return cls((Path(data) if data.startswith("/") else Path.home() / ".local" / "share") / "psiselect" / "ui")

    def draws_of(self, election: str) -> Path:
        """The file for the draw of an election. Raises InputError, OutputError, UsageError."""
        return self._inside(_ELECTIONS) / f"{file_name(election)}.draw"

    def budget_of(self, dataset: str) -> Path:
        """The file for the budget of a data set. Raises InputError, OutputError, UsageError."""
        return self._inside(_BUDGETS) / f"{file_name(dataset)}.ledger"

    def identities(self) -> Path:
        """The folder for this person's identities. Raises InputError, OutputError."""
        return self._inside(_IDENTITIES)

    def exchanges(self) -> Path:
        """The folder for exchanges by files that wait for an answer. Raises InputError, OutputError."""
        return self._inside(_EXCHANGES)

    def exchanges_there(self) -> list[Path]:
        """The folders of such exchanges."""
        return sorted((self.path / _EXCHANGES).glob("*/"))

    def certificates(self) -> list[Path]:
        """The certificates of this person's identities."""
        return sorted((self.path / _IDENTITIES).glob("*.crt"))

    def draws(self) -> list[Path]:
        """The draws on record, by name."""
        return sorted((self.path / _ELECTIONS).glob("*.draw"))

    def budgets(self) -> list[Path]:
        """The budgets, by name."""
        return sorted((self.path / _BUDGETS).glob("*.ledger"))

    def _inside(self, name: str) -> Path:
        from psiselect.base.atomic import reported  # here, so that the first page comes quickly

        found = self.path / name
        with reported(found):
            os.makedirs(found, mode=0o700, exist_ok=True)
            for folder in (self.path, found):
                status = folder.stat()
                if status.st_uid != os.geteuid():
                    raise words.folder_of_another(folder)
                if stat.S_IMODE(status.st_mode) & 0o077:
                    folder.chmod(0o700)
        return found


def file_name(name: str) -> str:
    """A file name for what a person has called something: letters and digits of it, and a digest that tells names
    apart. Names that differ in case or spaces only are one. Raises UsageError."""
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not plain or len(plain) > MOST_NAME or not plain.isprintable():
        raise words.not_a_name(MOST_NAME)
    letters = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    return f"{letters or 'name'}-{hashlib.sha256(plain.encode()).hexdigest()[:16]}"
