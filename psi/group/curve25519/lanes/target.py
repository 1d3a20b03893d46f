"""Which processor this is and how many lanes suit it."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from psi.group import words

DOUBLES, IFMA = "doubles", "ifma"
IFMA_FEATURE = "avx512ifma"  # what both LLVM and Linux call it


class LanesUnavailableError(RuntimeError):
    """The vector code cannot run here; the message says why."""


@dataclass(frozen=True)
class Target:
    """A processor as LLVM names it."""

    triple: str
    cpu: str
    features: str

    @classmethod
    def host(cls) -> Target:
        import llvmlite.binding as llvm

        return cls(llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())

    def has(self, feature: str) -> bool:
        return f"+{feature}" in self.features.split(",")

    def lanes(self) -> int:
        """Lanes of one vector register: 8 with AVX-512, 4 with AVX2, 2 with NEON.

        Wider vectors than the registers spill (measured on AVX2). Without fused multiply-add in hardware LLVM would
        call a library function that is slow and may branch on values: LanesUnavailableError.
        """
        machine = self.triple.split("-")[0]
        if machine in ("aarch64", "arm64"):
            return 2
        if machine == "x86_64" and self.has("fma") and self.has("avx2"):
            return 8 if self.has("avx512f") else 4
        raise LanesUnavailableError(words.no_vector_unit(machine, self.cpu))


def processor_description() -> str | None:
    """What the system says of the first processor, features included, without asking LLVM; None if it doesn't say."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text().partition("\n\n")
    except OSError:
        return None
    wanted = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags")
    lines = [line for line in first.splitlines() if line.split(":")[0].strip() in wanted]
    return "\n".join(lines) if any(line.startswith("flags") for line in lines) else None


def processor_has(flag: str, feature: str) -> bool:
    """Whether this processor has some instructions. Linux is asked, where they are called `flag`; LLVM where it is not,
    which calls them `feature`."""
    description = processor_description()
    if description is None:
        return Target.host().has(feature)
    return any(flag in line.split() for line in description.splitlines() if line.startswith("flags"))


def fields() -> tuple[str, ...]:
    """The fields that this processor can compute in, the fastest first."""
    return (IFMA, DOUBLES) if processor_has(IFMA_FEATURE, IFMA_FEATURE) else (DOUBLES,)
