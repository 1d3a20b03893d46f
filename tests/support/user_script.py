"""A stranger's script that uses every public name of matching; `mypy --strict` reads it, and nobody runs it.

The last function misuses them: `--strict` complains where a mistake is not one any more.
"""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from fractions import Fraction

import psiselect

me: psiselect.Identity = psiselect.Identity.load("keys/globex")
stop = threading.Event()


def show(done: int, total: int) -> None:
    print(done, total)


def compare() -> psiselect.MatchResult:
    result = psiselect.connect(
        "acme.example:7001",
        object(),
        key=["mail:email", "phone:phone"],
        identity=me,
        peer="acme.crt",
        reveal="noisy-count",
        epsilon="0.1",
        delta=Fraction(1, 10**6),
        timeout=30,
        progress=show,
        cancel=stop,
        memory_limit="800M",
        send=["plan"],
        audit="audit.log",
        resume=False,
    )
    number: int = result.count + result.noisy_count + result.matched_rows
    total: Decimal = result.total
    print(number, total, result.rows, result.frame, result.to_pandas(), result.to_polars(), result.record)
    return result


found = psiselect.listen("*:7001", "a.csv", key="mail", identity=["keys/a", me], peer=[me.public], listening=print)
both = psiselect.match("a.csv", "b.csv", key="mail", key_b="e", value_max=Decimal("10.5"), output="out.csv")
made: psiselect.FileResult = psiselect.offer("a.csv", key="m", identity=me, peer="a.crt", out="o", state="s")
psiselect.answer(made.file, "b.csv", key="m", identity=me, peer="b.crt", out="a")
psiselect.finish("a", state="s", table=object(), rows=False).to_dict()
ended: psiselect.ServiceEnd = psiselect.serve(
    "*:7001", "a.csv", key="mail", identity=me, peer=["b.crt"], found=print, refused=print, cancel=stop, grace=5
)
cost: psiselect.CostEstimate = psiselect.estimate(5, 6, link="1M", reveal="count")
checked: psiselect.Checked = psiselect.check("a.csv", key="m", null=["-"])
psiselect.normalize(["x"], "email")


async def later() -> int:
    waiting = psiselect.listen_async("*:7001", "a.csv", key="mail", identity=me, peer="b.crt")
    calling = psiselect.connect_async("b:1", "a.csv", key="mail", identity=me, peer="b.crt", learn="both")
    return (await waiting).own_size + (await calling).peer_size


try:
    print(asyncio.run(later()), psiselect.__version__)
except (psiselect.UsageError, psiselect.InputError, psiselect.OutputError, psiselect.ResourceError) as error:
    print(error.exit_code, error.kind, error.term)
except (psiselect.PolicyError, psiselect.MinimumError, psiselect.BudgetError, psiselect.CancelError) as error:
    print(error.exit_code)
except (psiselect.RemoteError, psiselect.TransportError, psiselect.LocalError, psiselect.PsiselectError) as error:
    print(error.kind)


def mistakes() -> None:
    """Seen before the script runs."""
    psiselect.connect("a:1", 5, key="k", identity="i")  # type: ignore[call-arg]
    psiselect.match(1, 2, key="k", epsilon=0.1)  # type: ignore[arg-type]
    psiselect.match(1, 2, key="k", lern="me")  # type: ignore[call-arg]
    psiselect.match(1, 2, key="k", reveal="macthes")  # type: ignore[arg-type]
    psiselect.match(1, 2, key="k").cuont  # type: ignore[attr-defined]  # noqa: B018
    psiselect.match(1, 2, "k")  # type: ignore[call-arg]
