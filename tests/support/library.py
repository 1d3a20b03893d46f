"""Two parties of `import psiselect` in two threads over TLS on 127.0.0.1."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psiselect
from psiselect import MatchResult

SLOW = {"backend": "portable", "threads": 1}  # no code to load or compile
ACME = {"mail": ["Ann@Example.com", "bob@example.com", None, "ann@example.COM", "no address", "eve@example.org"]}
ACME["city"] = ["Łódź", "Sao", "blank", "again", "bad", "only"]
GLOBEX = {"e": ["ANN@example.com", "zoe@example.net", "eve@example.org"], "plan": ["gold", "free", "silver"]}
MATCHED = ["ANN@example.com", "eve@example.org"]  # of Globex


@dataclass(frozen=True)
class Pair:
    """What each of two calls returned or raised."""

    listener: Any
    connector: Any

    @property
    def found(self) -> MatchResult:
        """Of the side that connects. Raises what it raised."""
        if isinstance(self.connector, BaseException):
            raise self.connector
        result: MatchResult = self.connector
        return result


def threads() -> list[str]:
    """What runs beside the tests' own threads; `psiselect-signals` is the command's, run in this process."""
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("psi")]
    return [name for name in names if name != "psiselect-signals"]


def parties(folder: Path) -> None:
    """The identities of Acme and Globex."""
    for name in ("acme", "globex"):
        psiselect.Identity.create(name, folder)


def session(
    folder: Path, acme: Any, globex: Any, listen: dict[str, Any] | None = None, connect: dict[str, Any] | None = None
) -> Pair:
    """Acme listens, Globex connects; more options for each."""
    ready, where, ended = threading.Event(), [""], [None, None]

    def listening(addresses: Any) -> None:
        where[0] = addresses[0]
        ready.set()

    def wait() -> None:
        try:
            ended[0] = psiselect.listen(  # type: ignore[call-overload,assignment,misc]
                *("127.0.0.1:0", acme), identity=folder / "acme", peer=folder / "globex.crt",
                listening=listening, **{**SLOW, "timeout": 60, "key": "mail:email", **(listen or {})},
            )  # fmt: skip
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            ended[0] = error  # type: ignore[assignment]
        finally:
            ready.set()

    thread = threading.Thread(target=wait)
    thread.start()
    ready.wait()
    try:
        ended[1] = psiselect.connect(
            *(where[0], globex), identity=folder / "globex", peer=folder / "acme.crt",
            **{**SLOW, "timeout": 60, "key": "e:email", **(connect or {})},
        )  # fmt: skip
    except BaseException as error:  # noqa: BLE001 - looked at by the test
        ended[1] = error  # type: ignore[assignment]
    thread.join()
    return Pair(*ended)
