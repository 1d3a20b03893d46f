"""How much memory this process may use: the machine's, or its container's where that is less.

Linux bounds the memory of groups of processes (cgroups, version 1 and 2), and each group lies inside others: a service
in a pod in a node. The smallest limit on the way up counts. What a limit's file does not say in the form that the
kernel's documentation gives is ignored: then the limit of the groups around it, and the machine's memory, count.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

# Files with a limit in bytes. Above memory.high the kernel slows a group down until it hardly moves.
_LIMITS = {"cgroup2": ("memory.max", "memory.high"), "cgroup": ("memory.limit_in_bytes",)}


def usable_bytes(root: Path = Path("/")) -> int:
    """The least of the machine's memory and the limits of this process's groups, in bytes.

    root: where `proc` and what it names are looked up, for tests.
    """
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([physical, *_group_limits(root)])


def _group_limits(root: Path) -> Iterator[int]:
    """Every limit of this process's groups and of the groups around them."""
    groups = _groups(_text(root / "proc/self/cgroup"))
    for line in _text(root / "proc/self/mountinfo").splitlines():
        kind, top, place = _mount(line)
        if kind in groups:
            yield from _limits(root / place.lstrip("/"), PurePosixPath(top), PurePosixPath(groups[kind]), _LIMITS[kind])


def _limits(mounted: Path, top: PurePosixPath, group: PurePosixPath, names: tuple[str, ...]) -> Iterator[int]:
    """The limits from a group's folder up to where its hierarchy is mounted.

    top: the group that is mounted there. A process in a container may not see its own group: it may lie outside of what
    is mounted (docker under version 1), or have a name that begins with `..`. Then what is mounted is its group.
    """
    inside = group.relative_to(top).parts if group.is_relative_to(top) and ".." not in group.parts else ()
    for depth in range(len(inside), -1, -1):
        for name in names:
            found = _text(mounted.joinpath(*inside[:depth], name)).strip()
            # No process can live in 0 bytes, and "max" is no limit.
            if re.fullmatch(r"[0-9]{1,20}", found, re.ASCII) and int(found):
                yield int(found)


def _groups(text: str) -> dict[str, str]:
    """From /proc/self/cgroup: this process's group in each hierarchy that may limit memory, by the kind of mount."""
    found = {}
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            found["cgroup2"] = path
        elif "memory" in controllers.split(","):
            found["cgroup"] = path
    return found


def _mount(line: str) -> tuple[str, str, str]:
    """From a line of /proc/self/mountinfo: "cgroup2", "cgroup" for version 1 with the memory controller or "" for
    anything else; the group that is mounted; and where."""
    before, _, after = line.partition(" - ")
    fields, kinds = before.split(" "), after.split(" ")
    kind = kinds[0] if kinds[0] in _LIMITS and len(kinds) > 2 and len(fields) > 4 else ""
    if not kind or (kind == "cgroup" and "memory" not in kinds[2].split(",")):
        return "", "", ""
    return kind, _unescaped(fields[3]), _unescaped(fields[4])


def _unescaped(text: str) -> str:
    """A path of mountinfo, which writes spaces, tabs, line breaks and backslashes as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _text(file: Path) -> str:
    """A small file's text, empty where there is none."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
