"""CSV files as the csv module writes them, damaged a little."""

from __future__ import annotations

import csv
import io
import random

TOKENS = [
    ",",
    ";",
    "\t",
    '"',
    '""',
    '"""',
    "\n",
    "\r\n",
    "\r",
    "a",
    "b c",
    '"q"',
    "é",
    "\0",
    "\n\n",
    '"a\nb"',
    " ",
    '",',
]
CELLS = ["", "a", "x;y", "x,y", '"', 'q"r', "l\nm", "l\r\nm", "é", '5" p', " "]


def generated(rng: random.Random, rows: int) -> bytes:
    """A CSV file as the csv module writes it, then damaged a little."""
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=rng.choice(",;\t"),
        lineterminator=rng.choice(("\n", "\r\n", "\r")),
        quoting=rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    )
    width = rng.randrange(1, 5)
    writer.writerows(
        [[f"c{i}" for i in range(width)], *([rng.choice(CELLS) for _ in range(width)] for _ in range(rows))]
    )
    text = out.getvalue()
    for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(TOKENS) + text[min(len(text), at + rng.choice((0, 1, 1, 3))) :]
    data = text.encode()
    if rng.random() < 0.1:
        at = rng.randrange(len(data) + 1)
        data = data[:at] + b"\xff" + data[at:]
    return b"\xef\xbb\xbf" + data if rng.random() < 0.1 else data
