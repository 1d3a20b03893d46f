"""Both parties of an exchange by directories, on this machine's disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psi.offline import by_parts, directory, manifest
from psi.offline.by_parts import Answered, Offered
from psi.offline.chunks import KEY_BYTES
from psi.offline.directory import DirectoryWriter
from psi.offline.envelope import NO_FILE, FileKind, Reader
from psi.offline.manifest import ManifestReader
from psi.session.session import SessionResult
from support.entropy import FixedEntropy
from support.exchanged import Pair, silent


@dataclass
class InParts:
    """Both parties' steps in a folder; each call makes the set-ups anew, as each command does."""

    pair: Pair
    folder: Path

    def offer(self, name: str = "offer", **changes: object) -> tuple[Path, bytes]:
        setup = self.pair.offerer(**changes)
        place, made = self._write(
            name, FileKind.OFFER_MANIFEST, NO_FILE, lambda to: by_parts.offer(setup, to.column, silent)
        )
        assert isinstance(made, Offered)
        return place, made.contents

    def answer(self, offer: Path, name: str = "answer", **changes: object) -> tuple[Path, SessionResult]:
        setup, file = self.pair.answerer(**changes), self.read(FileKind.OFFER_MANIFEST, offer)
        offered = ManifestReader(file)

        def make(to: DirectoryWriter) -> Answered:
            return by_parts.answer(setup, file.id, offered, columns_of(offer, offered), to.column, silent)

        place, made = self._write(name, FileKind.ANSWER_MANIFEST, file.id, make)
        assert isinstance(made, Answered)
        return place, made.result

    def finish(self, offer: Path, contents: bytes, answer: Path, **changes: object) -> SessionResult:
        offer_id = self.read(FileKind.OFFER_MANIFEST, offer).id
        file = self.read(FileKind.ANSWER_MANIFEST, answer)
        assert file.previous == offer_id
        answered = ManifestReader(file)
        read = columns_of(answer, answered)
        return by_parts.finish(self.pair.offerer(**changes), offer_id, contents, answered, read, silent)

    def read(self, kind: FileKind, folder: Path) -> Reader:
        return self.pair.read(kind, directory.read_manifest(folder))

    def _write(
        self, name: str, kind: FileKind, previous: bytes, make: Callable[[DirectoryWriter], Offered | Answered]
    ) -> tuple[Path, Offered | Answered]:
        entropy = FixedEntropy(name)
        key = entropy.read(KEY_BYTES)
        to = DirectoryWriter(self.folder / name, key, entropy)
        made = make(to)
        whom = self.pair.people[kind.side], self.pair.people[kind.side.other].public
        signature = made.signature if isinstance(made, Answered) else None
        content, _ = manifest.write(kind, *whom, previous, entropy, (made.begun, key, made.columns, signature))
        to.manifest(content)
        return self.folder / name, made


def columns_of(folder: Path, read: ManifestReader) -> by_parts.ReadColumn:
    return lambda listed: directory.read_column(folder, read.key, listed)
