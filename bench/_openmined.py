"""One run of openmined-psi on two CSV files with one column; prints seconds, bytes and matches as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import private_set_intersection.python as psi

FALSE_POSITIVES = 2.0**-40


def main() -> None:
    """Client and server in this process, one thread: the library has no more."""
    client_items, server_items = (Path(path).read_text().split("\n")[1:-1] for path in sys.argv[1:3])
    start = time.perf_counter()
    client, server = psi.client.CreateWithNewKey(True), psi.server.CreateWithNewKey(True)
    setup = server.CreateSetupMessage(FALSE_POSITIVES, len(client_items), server_items, psi.DataStructure.GCS)
    request = client.CreateRequest(client_items)
    response = server.ProcessRequest(request)
    matches = client.GetIntersection(setup, response)
    seconds = time.perf_counter() - start
    size = sum(message.ByteSize() for message in (setup, request, response))
    sys.stdout.write(json.dumps({"seconds": seconds, "bytes": size, "matches": len(matches)}))


if __name__ == "__main__":
    main()
