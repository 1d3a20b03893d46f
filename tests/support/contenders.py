"""What several processes do at the same time with one file: each function is the whole of one process.

The functions are here and not in the test modules, since a spawned process imports the module of its function by name.
A test module's name begins with `tests`, which another installed distribution may own (diffprivlib 0.6.6 does).
"""

from __future__ import annotations

from datetime import datetime
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path

from psi.accounts import audit
from psi.accounts.policy import Allowance
from psi.accounts.session_counter import SessionCounter
from psi.offline.answered import AnsweredOffers
from psiselect.base.errors import PolicyError


def write_many(path: Path, who: int) -> None:
    """Add 40 long lines to an audit file, each with this writer's number."""
    for number in range(40):
        audit.append(path, {"from": who, "number": number, "padding": "x" * 3000})


def compete(path: Path, allowance: Allowance, now: int, won: Synchronized[int], start: Barrier) -> None:
    """Try one run with each of 20 peers at the time `now`, and add the number of runs allowed to `won`."""
    start.wait()
    for number in range(20):
        try:
            SessionCounter(path).spend(bytes([number]) * 32, allowance, now)
        except PolicyError:
            continue
        with won.get_lock():
            won.value += 1


def answer_offers(path: Path, offers: list[bytes], now: datetime, out: str) -> None:
    """Add every offer to the memory of answered offers, and write those that were new to the file `out`."""
    memory = AnsweredOffers(path)
    for offer in offers:
        try:
            memory.add(offer, now)
        except PolicyError:
            continue
        with open(out, "a") as file:
            file.write(offer.hex() + "\n")
