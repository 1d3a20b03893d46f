"""One run of spu's PSI on two CSV files with one column `email`; prints seconds, bytes, peak matches; JSON, last line.

    python bench/_spu.py A.csv B.csv ecdh-fourq|ecdh-25519|rr22|kkrt

Run it with an interpreter that has spu (bench/matching.py --spu). Two processes, one a party, over loopback. Only
`psi_execute` is timed: it reads one CSV file and writes the other, as spu's users do, but interpreters and libraries
are up before.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import socket
import sys
import time
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any


def config(protocol: str, source: Path, rank: int) -> Any:
    """What one party runs; party 0 learns, as in the other tools."""
    from spu import psi

    kind = {
        "ecdh-fourq": psi.PsiProtocol.PROTOCOL_ECDH,
        "ecdh-25519": psi.PsiProtocol.PROTOCOL_ECDH,
        "rr22": psi.PsiProtocol.PROTOCOL_RR22,
        "kkrt": psi.PsiProtocol.PROTOCOL_KKRT,
    }[protocol]
    curve = psi.EllipticCurveType.CURVE_25519 if protocol == "ecdh-25519" else psi.EllipticCurveType.CURVE_FOURQ
    return psi.PsiExecuteConfig(
        protocol_conf=psi.PsiProtocolConfig(
            protocol=kind,
            receiver_rank=0,
            broadcast_result=False,
            ecdh_params=psi.EcdhParams(curve=curve),
        ),
        input_params=psi.InputParams(path=str(source), selected_keys=["email"], keys_unique=True),
        output_params=psi.OutputParams(path=str(source.with_suffix(f".spu{rank}.csv")), disable_alignment=True),
    )


def party(rank: int, protocol: str, source: Path, ports: list[int], out: Queue[dict[str, float]]) -> None:
    """One party in its own process."""
    from spu import libspu, psi

    description = libspu.link.Desc()
    description.recv_timeout_ms = 600_000
    for number, port in enumerate(ports):
        description.add_party(f"party{number}", f"127.0.0.1:{port}")
    link = libspu.link.create_brpc(description, rank)
    start = time.perf_counter()
    report = psi.psi_execute(config(protocol, source, rank), link)
    seconds = time.perf_counter() - start
    out.put(
        {
            "rank": rank,
            "seconds": seconds,
            "matches": report.intersection_count,
            "peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
    )
    link.stop_link()


def loopback_bytes() -> int:
    """What the loopback interface has carried so far, with the headers of TCP and IP."""
    line = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[8])


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def main() -> None:
    """Both parties, then one line."""
    sources, protocol = [Path(path) for path in sys.argv[1:3]], sys.argv[3]
    context = multiprocessing.get_context("spawn")
    out: Queue[dict[str, float]] = context.Queue()
    ports = free_ports(2)
    parties = [context.Process(target=party, args=(rank, protocol, sources[rank], ports, out)) for rank in (0, 1)]
    before = loopback_bytes()
    for each in parties:
        each.start()
    found = sorted((out.get(timeout=900) for _ in parties), key=lambda report: report["rank"])
    carried = loopback_bytes() - before
    for each in parties:
        each.join()
    sys.stdout.write(
        "\n"
        + json.dumps(
            {
                "seconds": max(report["seconds"] for report in found),
                "bytes": carried,
                "matches": found[0]["matches"],
                "peak": sum(report["peak"] for report in found),
            }
        )
    )


if __name__ == "__main__":
    main()
