"""Where an identity's files may be, and whether a private key may be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from psi.identity import files
from psi.identity.files import KeyAccess, judge
from psi.identity.identity import Identity
from psiselect.base.errors import InputError

ROOT, USER, GROUP = 0, 1000, 2000


def access(mode: int, owner: int = ROOT, *, group: int = GROUP, read_only: bool = False) -> KeyAccess:
    return KeyAccess(mode, owner, group, read_only)


@pytest.mark.parametrize("mode", [0o600, 0o400])
@pytest.mark.parametrize("owner", [ROOT, USER])
def test_a_key_for_its_owner_alone_needs_no_note(mode: int, owner: int) -> None:
    assert judge("a.key", access(mode, owner), USER, {GROUP}) is None


@pytest.mark.parametrize(
    "found",
    [
        access(0o440),  # Kubernetes with fsGroup, on any file system
        access(0o640),
        access(0o440, read_only=True),
        access(0o444, read_only=True),  # Kubernetes without fsGroup
        access(0o644, group=ROOT, read_only=True),
        access(0o644, USER, read_only=True),  # the user's own, mounted read-only into a container
    ],
)
def test_a_key_that_this_process_cannot_protect_is_used_with_a_note(found: KeyAccess) -> None:
    note = judge("mnt/a.key", found, USER, {GROUP})
    assert note is not None
    assert f"mnt/a.key: other users of this computer can read this private key (mode {found.mode:04o})" in note


@pytest.mark.parametrize(
    ("found", "user", "groups", "remedy"),
    [
        (access(0o640, USER), USER, {GROUP}, "Run `chmod 600 a.key`"),  # could be changed
        (access(0o604, USER), USER, {GROUP}, "Run `chmod 600 a.key`"),
        (access(0o440), ROOT, {ROOT, GROUP}, "Run `chmod 600 a.key`"),
        (access(0o640, USER), ROOT, {ROOT, GROUP}, "Run `chmod 600 a.key`"),
        (access(0o440), USER, {GROUP + 1}, "run `chmod 600` on your copy of the .key file"),  # not in the group
        (access(0o444), USER, {GROUP}, "run `chmod 600` on your copy of the .key file"),  # for every account
        (access(0o404), USER, {GROUP}, "run `chmod 600` on your copy of the .key file"),
        (access(0o440, USER + 1), USER, {GROUP}, "run `chmod 600` on your copy of the .key file"),  # another user's
        (access(0o460), USER, {GROUP}, "run `chmod 600` on your copy of the .key file"),  # others may replace it
        (access(0o666, read_only=True), USER, {GROUP}, "run `chmod 600` on your copy of the .key file"),
    ],
)
def test_any_other_key_is_refused_with_a_remedy_for_this_user(
    found: KeyAccess, user: int, groups: set[int], remedy: str
) -> None:
    with pytest.raises(InputError) as refused:
        judge("a.key", found, user, groups)
    assert remedy in str(refused.value)
    assert ("Run `chmod" in str(refused.value)) == ("Run `chmod" in remedy)


def test_the_open_file_is_judged_with_the_ids_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Identity.create("acme", tmp_path)
    assert Identity.load(tmp_path / "acme").note is None
    made.key_path.chmod(0o440)
    with pytest.raises(InputError, match="chmod 600"):
        Identity.load(tmp_path / "acme")
    seen: list[tuple[object, ...]] = []
    monkeypatch.setattr(files, "judge", lambda *given: seen.append(given) or "a note")
    assert Identity.load(tmp_path / "acme").note == "a note"
    state = made.key_path.stat()
    expected = KeyAccess(0o440, state.st_uid, state.st_gid, read_only=False)
    assert seen == [(made.key_path, expected, os.geteuid(), {os.getegid(), *os.getgroups()})]


def test_a_folder_with_one_identity_names_it(tmp_path: Path) -> None:
    made = Identity.create("acme.eu", tmp_path / "one")
    assert Identity.load(tmp_path / "one").fingerprint == made.fingerprint
    Identity.create("other", tmp_path / "one")
    with pytest.raises(InputError, match=r"has 2 files that end in \.key, so the program does not know which identity"):
        Identity.load(tmp_path / "one")
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="has no file that ends in"):
        Identity.load(tmp_path / "none")


def test_a_pair_of_files_goes_before_a_folder_of_the_same_name(tmp_path: Path) -> None:
    made = Identity.create("acme", tmp_path)
    Identity.create("other", tmp_path / "acme")
    assert Identity.load(tmp_path / "acme").fingerprint == made.fingerprint


def test_a_mounted_secret_is_read_in_one_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes points `..data` to another folder between the reading of certificate and key."""
    mount = tmp_path / "mount"
    old, new = (Identity.create("acme", mount / version) for version in ("..1", "..2"))
    (mount / "..data").symlink_to("..1")
    for name in ("acme.key", "acme.crt"):
        (mount / name).symlink_to(f"..data/{name}")
    for path in (mount, mount / "acme"):
        assert Identity.load(path).fingerprint == old.fingerprint
    read = files.read

    def replaced_after_the_certificate(path: Path | str, what: str) -> bytes:
        content = read(path, what)
        (mount / "..new").symlink_to("..2")
        os.replace(mount / "..new", mount / "..data")
        return content

    with monkeypatch.context() as patch:
        patch.setattr(files, "read", replaced_after_the_certificate)
        assert Identity.load(mount).fingerprint == old.fingerprint
    assert Identity.load(mount).fingerprint == new.fingerprint


def test_certificate_and_keys_come_through_a_file_descriptor(tmp_path: Path) -> None:
    made = Identity.create("acme", tmp_path)
    both = (made.certificate_path.read_bytes(), made.key_path.read_bytes())
    for text in (b"".join(both), b"".join(reversed(both))):
        reading, writing = os.pipe()
        os.write(writing, text)
        os.close(writing)
        loaded = Identity.load(f"/dev/fd/{reading}")
        assert (loaded.fingerprint, loaded.note) == (made.fingerprint, None)
        assert loaded.sign(b"x") == made.sign(b"x")
        with pytest.raises(InputError, match=f"/dev/fd/{reading}: this is not a certificate in text form \\(PEM\\)"):
            Identity.load(f"/dev/fd/{reading}")
        os.close(reading)


def test_a_descriptor_of_a_file_that_others_can_read_is_refused_unless_it_has_no_name(tmp_path: Path) -> None:
    made = Identity.create("acme", tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(made.certificate_path.read_bytes() + made.key_path.read_bytes())
    both.chmod(0o644)
    with both.open("rb") as file:
        with pytest.raises(InputError, match="can read this private key"):
            Identity.load(f"/dev/fd/{file.fileno()}")
        both.chmod(0o602)
        with pytest.raises(InputError, match="can change this private key"):
            Identity.load(f"/dev/fd/{file.fileno()}")
        both.unlink()
        assert Identity.load(f"/dev/fd/{file.fileno()}").fingerprint == made.fingerprint


def test_a_descriptor_that_is_not_open_is_named() -> None:
    with pytest.raises(InputError, match="cannot read the identity '/dev/fd/987': No such file"):
        Identity.load("/dev/fd/987")
