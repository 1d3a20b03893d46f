"""How long it takes from `psiselect ui` to its first page, beside Python alone and the command's overview.

    python bench/page.py [--rounds 15]

A round starts each process once, so that all see the same load. It plays the browser: it reads the file that the
command hands over, gives the key for the cookie, and asks for the first page. The figures are medians, with the least
in brackets: time on the wall, and processor time of the server until the page is there. The browser does not count.
What else the machine does makes the wall time longer, and hardly the processor time. The aim is 0.5 s.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).parent.parent
ALONE = {"python -c pass": ("-c", "pass"), "psiselect --help": ("-m", "cli.main", "--help")}
PAGE = "psiselect ui, first page"
AIM = 0.5  # seconds
COMPILED = tempfile.TemporaryDirectory()


def environment() -> dict[str, str]:
    """As after an installation: compiled files are kept, here in a folder of their own."""
    found = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": COMPILED.name, "XDG_DATA_HOME": os.devnull}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def alone(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Wall and processor seconds of a process that ends by itself."""
    before, spent = time.perf_counter(), os.times()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True, env=environment())
    now = os.times()
    busy = now.children_user + now.children_system - spent.children_user - spent.children_system
    return time.perf_counter() - before, busy


def processor_seconds(pid: int) -> float:
    """User and system time of a process that runs, as Linux tells it; 0 elsewhere."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_page() -> tuple[float, float]:
    """Wall and processor seconds from the start of the command to the end of the first page."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "cli.main", "ui", "--no-browser"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            key = Path((process.stderr or sys.stdin).readline().split(": ", 1)[1].strip()).read_text()
            address = urlsplit(re.findall(r'action="([^"]+)"', key)[0])
            body = urlencode({"token": re.findall(r'name="token" value="([^"]+)"', key)[0]})
            headers = {"Origin": "null", "Content-Type": "application/x-www-form-urlencoded"}
            link = http.client.HTTPConnection(address.netloc, timeout=60)
            link.request("POST", address.path, body, headers)
            entered = link.getresponse()
            home = re.findall(r'href="([^"]+/)"', entered.read().decode())[0]
            link.request("GET", home, headers={"Cookie": (entered.headers["set-cookie"] or "").split(";")[0]})
            page = link.getresponse()
            if page.status != 200 or b"What would you like to do?" not in page.read():
                raise SystemExit("this is not the first page")
            found = time.perf_counter() - before, processor_seconds(process.pid)
            link.close()
        finally:
            process.terminate()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in (*ALONE, PAGE)}
    for number in range(rounds + 1):  # the first round fills the file cache
        found = [*map(alone, ALONE.values()), first_page()]
        for times, one in zip(measured.values(), found, strict=True):
            times.extend([one] * (number > 0))
    for name, times in measured.items():
        wall, busy = ([each[kind] for each in times] for kind in (0, 1))
        print(
            f"{name:26} {statistics.median(wall):6.3f} s ({min(wall):.3f}), "
            f"processor {statistics.median(busy):6.3f} s ({min(busy):.3f})"
        )
    middle = statistics.median(wall for wall, _ in measured[PAGE])
    print(f"the first page is {'within' if middle <= AIM else 'NOT within'} {AIM} s here, as the machine is loaded now")


if __name__ == "__main__":
    main()
