"""Every place in the code that makes, renames or syncs files, found by its calls: a new one without a test fails."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from support.checkout import ROOT

PACKAGES = ("psiselect", "psi", "dpselect", "mpc", "cli")
ROOMS = ("psiselect/base/durable.py", "psiselect/base/atomic.py")  # what everybody else writes through
WRITES = {"write_text", "touch", "mkstemp", "mkdtemp", "TemporaryFile", "NamedTemporaryFile", "TemporaryDirectory"} | {
    *(
        "rename",
        "symlink_to",
        "hardlink_to",
        "fsync",
        "fdatasync",
        "ParquetWriter",
        "sync_file",
        "sync_folder",
        "create_private",
    ),
    *("open_private", "write_bytes", "replacing", "AppendLog", "transaction", "move", "copy2", "copyfile"),
}

# Each place with its calls, and what holds its order: a case of test_order_on_disk, or a test of its own.
PLACES = {
    "cli/advisor/command.py": ("create_private write_bytes", "whole or not at all: atomic"),
    "cli/advisor/scaffold.py": ("write_bytes", "whole or not at all: atomic"),
    "cli/demo/samples.py": ("replacing", "whole or not at all: atomic"),
    "cli/demo/command.py": ("TemporaryDirectory", "working files of the demo"),
    "cli/poll.py": ("write_bytes", "whole or not at all: atomic"),
    "psiselect/poll.py": ("write_bytes", "whole or not at all: atomic"),
    "psiselect/elections/draws.py": ("AppendLog", "a draw"),
    "cli/vote/announce.py": ("write_bytes", "whole or not at all: atomic"),
    "psiselect/ui/ledgers.py": ("TemporaryDirectory copyfile", "working files of a page that reads"),
    "psiselect/ui/exchanges.py": ("mkdtemp write_text", "the peer's certificate and a folder, not durable"),
    "psiselect/ui/workroom.py": ("TemporaryDirectory", "working files of a room"),
    "psiselect/ui/server.py": ("TemporaryDirectory open", "a key for this hour, not durable"),
    "psiselect/ui/uploads.py": ("NamedTemporaryFile TemporaryFile", "what was handed in, not durable"),
    "cli/vote/plan.py": ("replacing", "whole or not at all: atomic"),
    "cli/psi/log_writer.py": ("open", "a log, not durable"),
    "psiselect/matching/placed.py": ("replacing sync_file", "tests/cli/psi/test_steps.py"),
    "cli/_errors.py": ("open", "the null device, not durable"),
    "cli/_ledger.py": ("open", "the null device, not durable"),
    "cli/mpc/results.py": ("replacing write_text", "whole or not at all: atomic"),
    "cli/main.py": ("open", "the null device, not durable"),
    "cli/psi/results.py": ("write_bytes", "whole or not at all: atomic"),
    "psiselect/matching/records.py": ("write_bytes", "a record"),
    "dpselect/ledger.py": ("create_private link sync_folder transaction", "a ledger is made"),
    "psi/accounts/line_file.py": ("AppendLog", "a line of an audit file"),
    "psi/accounts/session_counter.py": ("create_private transaction", "a session is counted"),
    "psi/group/curve25519/lanes/cache.py": ("mkstemp open replace", "a cache, not durable: test_lanes_cache"),
    "psi/identity/identity.py": ("open sync_file sync_folder", "an identity"),
    "psi/offline/answered.py": ("AppendLog", "an offer is answered"),
    "psi/distributed/secret_files.py": ("mkstemp open", "working files, gone with the run"),
    "psi/distributed/places.py": ("sync_file sync_folder", "tests/psiselect/test_on_an_engine.py"),
    "psi/offline/directory.py": (
        "ParquetWriter replacing sync_file sync_folder",
        "tests/psi/offline/test_directories.py",
    ),
    "psi/offline/state.py": ("create_private write_bytes", "an offer's state"),
    "psi/resume/folder.py": ("create_private open_private sync_folder write_bytes", "a session begins"),
    "psi/resume/journal.py": ("fdatasync fsync open_private sync_folder", "steps in a journal"),
    "psi/transport/pinning.py": ("open", "a pipe, not durable"),
    "psi/store/scratch.py": ("mkstemp", "working files, gone with the process: test_scratch"),
    "psi/tables/files.py": ("TemporaryFile", "working files without a name: test_one_reader"),
    "psi/tables/kept.py": ("TemporaryFile", "working files without a name: test_databases"),
    "psi/tables/stores.py": ("TemporaryFile", "working files without a name: test_store_outputs"),
    "psi/tables/writing.py": ("ParquetWriter replacing", "matched rows"),
}


def called(tree: ast.AST) -> Iterator[str]:
    """The calls of a module that write files or put them on disk."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = getattr(node.func.value, "id", "") if isinstance(node.func, ast.Attribute) else ""
        if name == "write_bytes" and isinstance(node.func, ast.Attribute) and owner != "atomic":
            yield "Path.write_bytes"
        elif name in WRITES or (name in ("replace", "link") and owner == "os"):
            yield name
        elif name in ("open", "fdopen") and opens_to_write(node, owner):
            yield "open"


def opens_to_write(node: ast.Call, owner: str) -> bool:
    modes = [value.value for value in [*node.args, *(more.value for more in node.keywords)]
             if isinstance(value, ast.Constant) and isinstance(value.value, str)]  # fmt: skip
    flags = {found.attr for found in ast.walk(node) if isinstance(found, ast.Attribute)}
    return bool(flags & {"O_CREAT", "O_WRONLY", "O_RDWR"}) or any(
        mode[:1] in ("w", "a", "x") and len(mode) <= 3 and set(mode) <= set("wax+bt") for mode in modes
    )


def found() -> dict[str, str]:
    places: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            calls = set(called(ast.parse(path.read_text())))
            name = path.relative_to(ROOT).as_posix()
            # Inside `with replacing(...) as part` a file is written that `replacing` syncs and names.
            inside = {"open"} if "replacing" in calls else set()
            if name not in ROOMS and calls - inside:
                places[name] = calls - inside
    return {name: " ".join(sorted(calls)) for name, calls in places.items()}


def test_every_place_that_writes_files_is_known() -> None:
    assert found() == {name: calls for name, (calls, _) in PLACES.items()}


def test_what_holds_their_order_exists() -> None:
    cases = (Path(__file__).parent / "test_order_on_disk.py").read_text()
    for _, held in PLACES.values():
        known = f'"{held}": (' in cases or "atomic" in held or "not durable" in held or "working files" in held
        assert known or (ROOT / held).is_file(), held
