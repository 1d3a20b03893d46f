"""Where an identity's files are, and whether a private key may be used: prefixes, mounted secrets, file descriptors.

    DIR/NAME      the files DIR/NAME.crt and DIR/NAME.key (a path that ends in either is taken too)
    DIR           a folder that holds one such pair, as a secret mounted by Kubernetes does
    /dev/fd/N     an open file descriptor: certificate and private keys one after the other, in PEM

Kubernetes replaces all files of a secret at once: they are links into `..data`, a link to a folder that holds one
version. That link is followed once for a pair, so that key and certificate are of the same version.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from psi.identity import words

_MAX_FILE_BYTES = 1 << 16
_DESCRIPTOR = re.compile(r"/dev/stdin|/(?:dev|proc/self)/fd/[0-9]+")
_CURRENT = "..data"  # Kubernetes' name for the version in use


@dataclass(frozen=True, slots=True)
class KeyAccess:
    """Who may get at an open file. mode: permission bits. owner, group: their numbers. read_only: nobody can change it
    or its mode, since it is mounted so."""

    mode: int
    owner: int
    group: int
    read_only: bool


def paths(prefix: Path | str) -> tuple[Path, Path]:
    """Certificate and key of `DIR/NAME`; names hold dots, so suffixes are appended, not replaced."""
    text = re.sub(r"\.(crt|key)\Z", "", str(prefix))
    return Path(text + ".crt"), Path(text + ".key")


def is_descriptor(path: Path | str) -> bool:
    """Whether the path names an open file descriptor of this process."""
    return _DESCRIPTOR.fullmatch(str(path)) is not None


def find(path: Path | str) -> tuple[Path, Path]:
    """The certificate and the key that the path names. Raises InputError for a folder that does not hold one pair."""
    certificate, key = paths(path)
    folder = Path(path)
    if not certificate.exists() and folder.is_dir():
        certificate, key = paths(_only_prefix(folder))
    return _of_one_version(certificate), _of_one_version(key)


def read(path: Path | str, what: str) -> bytes:
    """A small file. Raises InputError."""
    return _read(path, what, secret=False)[0]


def read_secret(path: Path | str, what: str) -> tuple[bytes, str | None]:
    """A small file that holds private keys, and what its user should know about who else can read it (see `judge`).
    Raises InputError. Asked of the open file, not of the name."""
    return _read(path, what, secret=True)


def judge(path: Path | str, access: KeyAccess, user: int, groups: set[int]) -> str | None:
    """Whether a private key may be used by a process of these ids: None, or a note for its user.

    A key that nobody but its owner can read may be used. One that others can read may be used only where this process
    cannot change that: mounted read-only, or owned by root and readable by a group of this process. Raises InputError
    otherwise, with a remedy that this user can follow.
    """
    others = access.mode & 0o077
    if not others:
        return None
    told = words.open_to_others(path, access.mode)
    if not others & 0o022:
        if access.read_only:
            return words.mounted(told)
        in_group = access.group in groups and others & 0o040 and not others & 0o007
        if access.owner == 0 != user and in_group:
            return words.of_root(told, access.group)
    if user in (0, access.owner):
        raise words.close_it(told, path)
    raise words.copy_it(told)


def _only_prefix(folder: Path) -> Path:
    try:
        found = sorted(path.stem for path in folder.glob("[!.]*.key"))
    except OSError as error:
        raise words.unreadable_folder(folder, error.strerror) from None
    if len(found) != 1:
        raise words.not_one_key(folder, len(found))
    return folder / found[0]


def _of_one_version(path: Path) -> Path:
    """The file in the version of a mounted secret that is in use now."""
    current = path.parent / _CURRENT
    inside = current.resolve() / path.name
    return inside if current.is_symlink() and inside.exists() else path


def _read(path: Path | str, what: str, *, secret: bool) -> tuple[bytes, str | None]:
    note = None
    try:
        with open(path, "rb") as file:
            if secret:
                note = _judge_open_file(path, file.fileno())
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise words.unreadable(what, path, error.strerror) from None
    if len(content) > _MAX_FILE_BYTES:
        raise words.too_large(what, path)
    return content, note


def _judge_open_file(path: Path | str, handle: int) -> str | None:
    found = os.fstat(handle)
    if stat.S_ISFIFO(found.st_mode) or found.st_nlink == 0:
        return None  # it has no name by which others could open it
    read_only = bool(os.fstatvfs(handle).f_flag & os.ST_RDONLY)
    access = KeyAccess(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, read_only)
    return judge(path, access, os.geteuid(), {os.getegid(), *os.getgroups()})
