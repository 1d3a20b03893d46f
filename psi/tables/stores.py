"""Tables in object stores: fetched once, whole, into a file without a name, and written the same way
(docs/decisions/0228, 0229)."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self
from urllib.parse import SplitResult, quote, urlsplit

import pyarrow as pa

from psi.tables import words_remote
from psi.tables.files import SpooledFile, TableFile
from psi.tables.folder import TableFolder, is_part
from psiselect.base import atomic, later
from psiselect.base.errors import InputError, OutputError, PsiselectError

if TYPE_CHECKING:
    from pyarrow import fs

    from psi.tables import by_fsspec, web
else:
    fs, web = later.Module("pyarrow.fs"), later.Module("psi.tables.web")
    by_fsspec = later.Module("psi.tables.by_fsspec")

WEB = "https"
# Schemes of addresses that pyarrow's file systems read; those that a web server answers are read only.
STORES = frozenset(("s3", "gs", "abfs", "abfss"))
SCHEMES = STORES | {WEB}

_PIECE = 8 << 20
# Google's library would try for a quarter of an hour.
_RETRY_SECONDS = 30
_SPARE_FILES = 64  # open files that the rest of the command needs
_TAKEN_IN_PATHS = "%/:@!$&'()*+,;=~"
# What a library's message says for sure: the rest may quote the address, and so its secrets.
_CODE = re.compile(r"(?:AWS Error |google::cloud::Status\(|HTTP status (?:code )?)([A-Z_]+|\d{3})\b")
# Who may not look may still write.
_MAY_BE_WRITTEN = ("ACCESS_DENIED", "PERMISSION_DENIED", "403")
_CREDENTIALS = {
    "s3": words_remote.CREDENTIALS_OF_S3,
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "abfs": words_remote.CREDENTIALS_OF_AZURE,
}
_CREDENTIALS["abfss"] = _CREDENTIALS["abfs"]


def is_read(scheme: str | None) -> bool:
    """Whether files are read at addresses of this scheme."""
    if scheme is None or scheme in SCHEMES:
        return scheme is not None
    return by_fsspec.knows(scheme)


@dataclass(frozen=True)
class StoreAddress:
    """The address of an object, or of the objects below a prefix. text: as given; it may hold a secret, so it is never
    shown. Raises UsageError where nothing is named in a bucket."""

    text: str

    def __post_init__(self) -> None:
        try:
            place = self._parts.netloc.rpartition("@")[2]
            named = self._parts.path.strip("/")
        except ValueError:
            place = named = ""
        # A key with a slash in it ends the host early, and what follows the colon is half of it.
        cut_short = ":" in place and self.scheme in STORES
        if self.by_fsspec:
            cut_short = "@" in named and "@" not in self._parts.netloc
        if not place or not named or cut_short:
            raise words_remote.no_store_address(self.scheme, self._example)

    def __repr__(self) -> str:
        return f"StoreAddress({self.name!r})"

    @property
    def scheme(self) -> str:
        """In lower case."""
        return self.text.partition("://")[0].lower()

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.text, allow_fragments=self.scheme == WEB)

    @property
    def name(self) -> str:
        """What people are shown: the address without keys, passwords and signatures."""
        parts = self._parts
        who, at, place = parts.netloc.rpartition("@")
        # Of Azure's addresses the part before the @ is the container.
        kept = f"{who.partition(':')[0]}{at}" if self.scheme in ("abfs", "abfss") else ""
        return f"{self.scheme}://{kept}{place}{parts.path}"

    @property
    def is_prefix(self) -> bool:
        """Whether it names all objects that begin with it."""
        return self._parts.path.endswith("/")

    @property
    def by_fsspec(self) -> bool:
        """Whether fsspec reads it, and not pyarrow or the standard library."""
        return self.scheme not in SCHEMES

    def holder(self, path: str) -> str:
        """What must exist before something is written to a path: its bucket, or its folder."""
        return path.rpartition("/")[0] if self.by_fsspec else path.partition("/")[0]

    @property
    def _example(self) -> str:
        return {
            "gs": "gs://BUCKET/FILE",
            "abfs": "abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/FILE",
            "abfss": "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/FILE",
            WEB: "https://HOST/FILE",
            "s3": "s3://BUCKET/FILE",
        }.get(self.scheme, f"{self.scheme}://HOST/FILE")

    def opened(self) -> tuple[fs.FileSystem, str]:
        """The store, and the path in it. Raises InputError."""
        if self.by_fsspec:
            with self.reported():
                return by_fsspec.opened(self.text)
        parts = self._parts
        query = parts.query
        if self.scheme == "gs" and "retry_limit_seconds" not in query:
            query = "&".join(filter(None, (query, f"retry_limit_seconds={_RETRY_SECONDS}")))
        path = quote(parts.path, safe=_TAKEN_IN_PATHS)
        with self.reported():
            store, found = fs.FileSystem.from_uri(
                f"{self.scheme}://{parts.netloc}{path}" + (f"?{query}" if query else "")
            )
        return store, found.rstrip("/")

    @contextlib.contextmanager
    def reported(self) -> Iterator[None]:
        """Turn what the library raises into InputError; its text may quote secrets, so only its codes are kept."""
        try:
            yield
        except FileNotFoundError:
            raise words_remote.no_object(self.name) from None
        except Exception as error:
            if not self.is_of_store(error):
                raise
            raise words_remote.not_given(self.name, self.said(error)) from None

    def is_of_store(self, error: Exception) -> bool:
        """Whether the store's library raised an error. What fsspec uses raises errors of any class."""
        if self.by_fsspec:
            return not isinstance(error, PsiselectError)
        return isinstance(error, pa.ArrowException | OSError)

    def said(self, error: Exception) -> str:
        """What is known of an error, and what to do."""
        if self.by_fsspec:
            needs = isinstance(error, ImportError)
            return (
                words_remote.package_missing(self.scheme) if needs else words_remote.check_fsspec(type(error).__name__)
            )
        if isinstance(error, pa.ArrowInvalid):
            return words_remote.not_understood(self._example)
        found = _CODE.search(str(error))
        code = f" ({found[1]})" if found else ""
        return words_remote.check_the_store(code, _CREDENTIALS[self.scheme])


class StoredFolder(TableFolder):
    """The Parquet files below a prefix of a store, fetched in the order of their names.

    Raises InputError where there are none or too many, one is no Parquet, or their partitions differ.
    """

    def __init__(self, address: StoreAddress, store: fs.FileSystem, path: str, folder: Path) -> None:
        self.path, self.name = Path(path), address.name
        found = _listed(address, store, path)
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _SPARE_FILES
        if len(found) > most:
            raise words_remote.too_many_files(self.name, len(found), most)
        inside = [PurePosixPath(part).relative_to(path) for part, _, _ in found]
        shown = [f"{self.name.rstrip('/')}/{name}" for name in inside]
        files = [_fetched(address, store, part, name, folder) for (part, _, _), name in zip(found, shown, strict=True)]
        self._take(list(zip(inside, files, strict=True)))
        if _listed(address, store, path) != found:
            raise words_remote.parts_changed(self.name)

    def check_unchanged(self) -> None:
        """See `TableFile.check_unchanged`; what was fetched stays as it is."""


@dataclass(frozen=True)
class StoreTarget:
    """An object to be written, whole or not at all. folder: where it is kept until it is complete."""

    address: StoreAddress
    folder: Path

    @classmethod
    def of(cls, text: str, folder: Path) -> Self:
        """Raises UsageError for what cannot be written to."""
        address = StoreAddress(text)
        if not is_read(address.scheme):
            raise words_remote.unknown_scheme(address.scheme)
        if address.scheme == WEB:
            raise words_remote.web_is_read_only(address.name)
        if address.is_prefix:
            raise words_remote.target_is_a_folder(address.name)
        return cls(address, folder)

    @property
    def name(self) -> str:
        """What people are shown."""
        return self.address.name

    @property
    def suffix(self) -> str:
        """Its ending."""
        return PurePosixPath(self.name).suffix

    def check(self) -> None:
        """Raise OutputError now if there is no such bucket, or no way to it. Whether the user may write there is known
        only when the object is written."""
        with self._reported():
            store, path = self.address.opened()
            bucket = self.address.holder(path)
            try:
                kind = store.get_file_info(bucket or "/").type
            except OSError as error:
                found = _CODE.search(str(error))
                if isinstance(error, PermissionError) or (found and found[1] in _MAY_BE_WRITTEN):
                    return
                raise
            if kind is fs.FileType.NotFound:
                missing = words_remote.no_store_folder if self.address.by_fsspec else words_remote.no_bucket
                raise missing(self.name, bucket)

    @contextlib.contextmanager
    def replacing(self) -> Iterator[Path]:
        """Yield a path to write to; on success what was written becomes the object, on any error nothing does. Raises
        OutputError."""
        with contextlib.ExitStack() as stack:
            with atomic.reported(words_remote.kept_meanwhile(self.name, self.folder)):
                part = stack.enter_context(tempfile.TemporaryFile(dir=self.folder))
                here = f"/proc/self/fd/{part.fileno()}"
                yield Path(here)
                size = os.fstat(part.fileno()).st_size
            with self._reported():
                store, path = self.address.opened()
                # Other stores show a file while it grows: there it gets its name when it is complete.
                place = f"{path}.{uuid.uuid4().hex}.part" if self.address.by_fsspec else path
                with self._removed_on_failure(store, place):
                    # In one call: a stream of the library's that is left half-way still makes an object.
                    fs.copy_files(
                        here,
                        place,
                        source_filesystem=fs.LocalFileSystem(),
                        destination_filesystem=store,
                        use_threads=False,
                    )
                    self._check_size(store, place, size)
                    if place != path:
                        by_fsspec.give_name(store, place, path)

    def _check_size(self, store: fs.FileSystem, path: str, size: int) -> None:
        try:
            arrived = store.get_file_info(path).size == size
        except (pa.ArrowException, OSError):  # those who may write need not have the right to look
            return
        if not arrived:
            with contextlib.suppress(pa.ArrowException, OSError):
                store.delete_file(path)
            raise words_remote.not_arrived(self.name)

    @contextlib.contextmanager
    def _removed_on_failure(self, store: fs.FileSystem, place: str) -> Iterator[None]:
        """Remove what has no name yet, if it does not get one."""
        try:
            yield
        except BaseException:
            if self.address.by_fsspec:
                with contextlib.suppress(Exception):
                    store.delete_file(place)
            raise

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            raise error if isinstance(error, OutputError) else words_remote.not_written(error) from None
        except Exception as error:
            if not self.address.is_of_store(error):
                raise
            raise words_remote.not_taken(self.name, self.address.said(error)) from None


def fetch(text: str, folder: Path) -> TableFile:
    """What is at an address, in a file without a name in the folder. Raises InputError, UsageError."""
    address = StoreAddress(text)
    if address.scheme == WEB:
        if address.is_prefix:
            raise words_remote.web_folder(address.name)
        with web.opened(text, address.name) as answer:
            return SpooledFile(address.name, web.pieces(answer, address.name), answer.length, folder)
    store, path = address.opened()
    with address.reported():
        kind = store.get_file_info(path).type
    if address.is_prefix or kind is fs.FileType.Directory:
        return StoredFolder(address, store, path, folder)
    return _fetched(address, store, path, address.name, folder)


def _listed(address: StoreAddress, store: fs.FileSystem, path: str) -> list[tuple[str, int | None, int | None]]:
    """The path of each part, its size and its time."""
    with address.reported():
        found = store.get_file_info(fs.FileSelector(path, recursive=True))
    files = [info for info in found if info.type is fs.FileType.File]
    parts = [info for info in files if is_part(PurePosixPath(info.path).relative_to(path))]
    return sorted((info.path, info.size, info.mtime_ns) for info in parts)


def _fetched(address: StoreAddress, store: fs.FileSystem, path: str, name: str, folder: Path) -> SpooledFile:
    """One object. Raises InputError where it changed meanwhile: the library asks for a piece at a time."""
    with address.reported():
        before = _version(store, path)
        # As it is: unasked, the library would unpack what has such an ending.
        with store.open_input_stream(path, compression=None, buffer_size=0) as stream:
            found = SpooledFile(name, _pieces(address, stream), before[0], folder)
        if _version(store, path) != before:
            raise words_remote.object_changed(name)
    return found


def _pieces(address: StoreAddress, stream: pa.NativeFile) -> Iterator[bytes]:
    while True:
        with address.reported():
            piece = stream.read(_PIECE)
        if not piece:
            return
        yield piece


def _version(store: fs.FileSystem, path: str) -> tuple[int | None, int | None, bytes | None]:
    """Size, time and tag of an object, as far as the store says them. Raises what the library raises."""
    info = store.get_file_info(path)
    with store.open_input_stream(path, compression=None) as stream:
        said = {key.lower(): value for key, value in stream.metadata().items()}
    return info.size, info.mtime_ns, said.get("etag", said.get(b"etag"))
