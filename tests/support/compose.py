"""The containers of compose.yaml, as commands that run on this machine."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.checkout import ROOT, environment

_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


@dataclass(frozen=True)
class Mount:
    """A folder of the host, relative to the folder of the parties, and where a container has it."""

    source: str
    target: str
    read_only: bool


@dataclass(frozen=True, repr=False)
class Service:
    """A service as compose would start it, with nothing set in the environment."""

    name: str
    settings: dict[str, Any]

    def __str__(self) -> str:
        return self.name

    @property
    def command(self) -> list[str]:
        return list(map(str, self.settings["command"]))

    @property
    def mounts(self) -> list[Mount]:
        return [
            Mount(mount["source"].removeprefix("./parties/"), mount["target"], mount.get("read_only", False))
            for mount in self.settings["volumes"]
        ]

    def on_this_machine(self, parties: Path, replaced: dict[str, str]) -> list[str]:
        """The command with the host's paths in place of the container's. replaced: compose's address -> one of here."""
        words = []
        for word in self.command:
            for mount in self.mounts:
                word = word.replace(mount.target, str(parties / mount.source))
            words.append(_replaced(word, replaced))
        return words

    def in_a_sandbox(self, parties: Path, replaced: dict[str, str]) -> list[str]:
        """The same with a root of its own that nobody may write, the mounts and /tmp apart, without any capability, by
        bubblewrap; the network is this machine's."""
        words = ["bwrap", "--unshare-user", "--unshare-ipc", "--unshare-pid", "--uid", "10001", "--gid", "10001"]
        words += ["--cap-drop", "ALL", "--as-pid-1", "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]
        for place in sorted(Path("/").iterdir()):
            if place.name not in {"dev", "etc", "proc", "tmp", "var"}:
                words += ["--ro-bind", str(place), str(place)]
        for place in sorted(Path("/etc").iterdir()):
            if place.exists():
                words += ["--ro-bind", str(place), str(place)]
        words += ["--tmpfs", "/tmp", "--dir", "/var/lib/psiselect"]
        for needed in {ROOT, Path(sys.prefix), Path(sys.base_prefix)}:
            words += ["--ro-bind", str(needed), str(needed)]
        for mount in self.mounts:
            words += ["--ro-bind" if mount.read_only else "--bind", str(parties / mount.source), mount.target]
        words += ["--remount-ro", "/", "--chdir", "/var/lib/psiselect", "--setenv", "XDG_CACHE_HOME", "/tmp"]
        words += ["--setenv", "PYTHONPATH", environment()["PYTHONPATH"].split(os.pathsep)[0]]
        words += [sys.executable, "-m", "cli.main"]
        return words + [_replaced(word, replaced) for word in self.command]


def services() -> dict[str, Service]:
    """All services by name, those that are set up first included."""
    text = _VARIABLE.sub(r"\2", (ROOT / "compose.yaml").read_text())
    return {name: Service(name, settings) for name, settings in yaml.safe_load(text)["services"].items()}


def _replaced(word: str, replaced: dict[str, str]) -> str:
    for one, other in replaced.items():
        word = word.replace(one, other)
    return word
