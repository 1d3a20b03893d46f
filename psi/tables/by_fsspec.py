"""Stores that only fsspec knows, such as hdfs:// and smb://, as file systems of pyarrow (docs/decisions/0308).

The user installs fsspec, and what it needs for a store. Its configuration says how to log in.
"""

from __future__ import annotations

import importlib
import importlib.util

from pyarrow import fs

from psi.tables.words_remote import ALSO_CALLED

# This machine's files need no store. http and ftp do not encrypt, and fsspec's sftp does not check who the server is.
# Others are further names of stores that pyarrow reads.
_LEFT_OUT = frozenset(("local", "http", "ftp", "sftp", "ssh", *ALSO_CALLED))


def knows(scheme: str) -> bool:
    """Whether fsspec is installed, and has a file system for such addresses."""
    if scheme in _LEFT_OUT or importlib.util.find_spec("fsspec") is None:
        return False
    found = importlib.import_module("fsspec")
    return scheme in found.available_protocols() or scheme in found.registry


def opened(address: str) -> tuple[fs.FileSystem, str]:
    """The store, and the path in it. Raises ImportError where the store needs another package, and what the store's
    own library raises."""
    store, path = importlib.import_module("fsspec.core").url_to_fs(address)
    store.invalidate_cache()  # listings may be older than the files
    return fs.PyFileSystem(fs.FSSpecHandler(store)), path


def give_name(store: fs.FileSystem, place: str, path: str) -> None:
    """Give a file its name. Raises what the store's library raises."""
    store.handler.fs.mv(place, path)  # pyarrow's own move passes what some of these stores do not take
