"""The memory that a process may use, from files as Linux shows them in and outside of containers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from psi.session import machine_memory
from psi.session.job import Memory
from psi.session.machine_memory import usable_bytes

PHYSICAL = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
MB = 1 << 20
UNLIMITED = 9223372036854771712  # what version 1 shows without a limit, with pages of 4 KiB

V2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
V1_CPU = "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu"

Machine = Callable[..., Path]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A root folder: what /proc/self/cgroup says, the mounts, and the limits by their paths."""

    def made(cgroup: str, mounts: tuple[str, ...], limits: dict[str, object]) -> Path:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(cgroup)
        (tmp_path / "proc/self/mountinfo").write_text("".join(f"{line}\n" for line in mounts))
        for name, value in limits.items():
            file = tmp_path / "sys/fs/cgroup" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")
        return tmp_path

    return made


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, None),
        ({"pod/app/memory.max": "max"}, None),
        ({"pod/app/memory.max": 300 * MB}, 300),
        ({"pod/app/memory.max": 300 * MB, "pod/app/memory.high": 200 * MB}, 200),
        ({"pod/app/memory.max": 300 * MB, "pod/app/memory.high": "max"}, 300),
        ({"pod/app/memory.max": "max", "pod/memory.max": 250 * MB}, 250),
        ({"pod/app/memory.max": 300 * MB, "pod/memory.high": 100 * MB, "memory.max": 400 * MB}, 100),
        ({"pod/app/memory.max": 300 * MB, "memory.max": 50 * MB}, 50),
        ({"pod/other/memory.max": 1 * MB, "pod/app/inner/memory.max": 1 * MB}, None),
        ({"pod/app/memory.max": 0, "pod/memory.max": 70 * MB}, 70),
        ({"pod/app/memory.max": "-5"}, None),
        ({"pod/app/memory.max": "12 MB"}, None),
        ({"pod/app/memory.max": "9" * 20}, None),
        ({"pod/app/memory.limit_in_bytes": 5 * MB}, None),
    ],
)
def test_version_2(machine: Machine, limits: dict[str, object], expected: int | None) -> None:
    root = machine("0::/pod/app\n", (V2,), limits)
    assert usable_bytes(root) == (PHYSICAL if expected is None else expected * MB)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"memory/docker/abc/memory.limit_in_bytes": 300 * MB}, 300),
        ({"memory/docker/abc/memory.limit_in_bytes": UNLIMITED}, None),
        ({"memory/docker/abc/memory.limit_in_bytes": UNLIMITED, "memory/docker/memory.limit_in_bytes": 80 * MB}, 80),
        ({"cpu/docker/abc/memory.limit_in_bytes": 9 * MB}, None),
        ({"memory/docker/abc/memory.max": 9 * MB}, None),
    ],
)
def test_version_1(machine: Machine, limits: dict[str, object], expected: int | None) -> None:
    root = machine("5:cpu:/docker/abc\n4:memory,hugetlb:/docker/abc\n0::/\n", (V1_CPU, V1), limits)
    assert usable_bytes(root) == (PHYSICAL if expected is None else expected * MB)


def test_both_versions_at_once(machine: Machine) -> None:
    limits = {"memory/a/memory.limit_in_bytes": 300 * MB, "unified/b/memory.max": 200 * MB}
    root = machine("4:memory:/a\n0::/b\n", (V1, V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")), limits)
    assert usable_bytes(root) == 200 * MB


@pytest.mark.parametrize(
    ("group", "top"),
    [
        ("/docker/abc", "/docker/abc"),  # the host's name of the group, which is what is mounted
        ("/kubepods/pod1/abc", "/docker/abc"),  # a name from another namespace
        ("/../other", "/"),  # the process was moved out of what its namespace shows
        ("/", "/"),  # a namespace of its own
    ],
)
def test_a_container_that_sees_only_its_own_group(machine: Machine, group: str, top: str) -> None:
    mount = V1.replace("0:32 / ", f"0:32 {top} ")
    limits = {"memory/memory.limit_in_bytes": 300 * MB, "other/memory.limit_in_bytes": 9 * MB}
    root = machine(f"4:memory:{group}\n", (mount,), limits)
    assert usable_bytes(root) == 300 * MB


def test_a_group_below_what_is_mounted(machine: Machine) -> None:
    mount = V2.replace("0:28 / ", "0:28 /docker/abc ")
    root = machine("0::/docker/abc/job\n", (mount,), {"job/memory.max": 90 * MB, "docker/abc/job/memory.max": 9 * MB})
    assert usable_bytes(root) == 90 * MB


def test_a_mount_point_with_a_space(machine: Machine) -> None:
    root = machine("0::/a\n", (V2.replace("/sys/fs/cgroup", r"/sys/fs/cgroup/my\040groups"),), {})
    (root / "sys/fs/cgroup/my groups/a").mkdir(parents=True)
    (root / "sys/fs/cgroup/my groups/a/memory.max").write_text("1048576")
    assert usable_bytes(root) == MB


@pytest.mark.parametrize("cgroup", ["", "nonsense", "0:", "x:memory", "\x00:\xff"])
def test_what_cannot_be_read_is_no_limit(machine: Machine, cgroup: str) -> None:
    assert usable_bytes(machine(cgroup, ("", "- - -", "1 2 - cgroup2", V2), {})) == PHYSICAL


def test_without_such_files(tmp_path: Path) -> None:
    assert usable_bytes(tmp_path) == PHYSICAL


def test_the_default_limit_is_a_quarter_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Memory.default().limit == usable_bytes() // 4 <= PHYSICAL // 4
    monkeypatch.setattr(machine_memory, "usable_bytes", lambda: 300 * MB)
    assert Memory.default().limit == 75 * MB
