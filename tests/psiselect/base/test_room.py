"""Room that is taken before it is needed, folders for working files, and links that outputs follow."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.checkout import environment

from psiselect.base import atomic, durable, working
from psiselect.base.errors import InputError, OutputError


def taken(path: Path, size: int) -> int:
    """Bytes on the disk of a file of that length without content, after room for 1 MiB was taken."""
    with path.open("wb") as file:
        file.truncate(size)
        durable.hold_room(file.fileno(), 1 << 20)
        found = os.fstat(file.fileno())
    assert found.st_size == size
    return found.st_blocks * 512


def test_room_is_taken_and_the_size_stays(tmp_path: Path) -> None:
    if taken(tmp_path / "file", 5) < 1 << 20:
        pytest.skip("the file system of the temporary folder holds no room")
    # Longer than an int of C can say.
    assert taken(tmp_path / "long", (5 << 32) - (1 << 20)) >= 1 << 20


def test_what_is_no_file_is_left_alone() -> None:
    with Path("/dev/null").open("wb") as nowhere:
        durable.hold_room(nowhere.fileno(), 1 << 20)


_SCRIPT = """
set -e
mount -t tmpfs -o size=256k tmpfs "$1"
exec "$2" - "$1" <<'END'
import os, sys
from pathlib import Path
from psi.accounts import results_file
from psiselect.base import atomic
from psiselect.base.errors import OutputError
place = Path(sys.argv[1])
results_file.hold(place / "results", 1)
with (place / "ballast").open("wb", 0) as ballast:
    try:
        while True:
            ballast.write(bytes(1024))
    except OSError:
        pass
results_file.append(place / "results", {"text": "x" * 60_000})
for step in (lambda: results_file.hold(place / "results", 1), lambda: atomic.write_bytes(place / "out", bytes(9000))):
    try:
        step()
        print("no error")
    except OutputError as error:
        print(error)
print(sorted(os.listdir(place)), os.path.getsize(place / "results"))
END
"""


def test_a_disk_that_is_full_in_between_has_room_for_the_line(tmp_path: Path) -> None:
    """With a real file system of 256 KiB, where one can be mounted."""
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", _SCRIPT, "bash", str(tmp_path), sys.executable],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode and "OutputError" not in done.stderr and "Traceback" not in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()[:100]}")
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done
    assert all("No space left on device" in line for line in lines[:2])
    assert lines[2].startswith("['ballast', 'results'] 60")


def test_no_folder_for_working_files_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", refused)
    assert working.folder(tmp_path) == tmp_path
    with pytest.raises(InputError, match=r"no folder for working files.+--workdir") as found:
        working.folder()
    assert found.value.term == "workdir"


def test_links_lead_to_the_file_but_for_secrets(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/second")
    (tmp_path / "there" / "second").symlink_to("real")
    atomic.write_bytes(tmp_path / "link", b"rows")
    assert (tmp_path / "there" / "real").read_bytes() == b"rows"
    atomic.write_bytes(tmp_path / "link", b"key", secret=True)
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "real").read_bytes() == b"rows"


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OutputError, match="Too many levels"):
        atomic.check(tmp_path / "a")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lay a link as somebody else")
def test_somebody_else_s_link_in_a_shared_folder_is_not_followed(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "out").symlink_to(tmp_path / "mine")
    os.lchown(shared / "out", 65534, 65534)
    with pytest.raises(OutputError, match="a symbolic link that another user made in a shared folder"):
        atomic.write_bytes(shared / "out", b"rows")
    shared.chmod(0o755)
    atomic.write_bytes(shared / "out", b"rows")
    assert (tmp_path / "mine").read_bytes() == b"rows"


def test_a_check_leaves_nothing_behind(tmp_path: Path) -> None:
    atomic.check(tmp_path / "out")
    assert os.listdir(tmp_path) == []
