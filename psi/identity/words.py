"""What people read from this room: every error and every note about identities, their certificates and their files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from psiselect.base.errors import InputError, OutputError, RemoteError, UsageError

# Certificates.


def no_certificate(source: str, problem: str) -> InputError:
    return InputError(f"{source}: {problem}")


def not_an_identity(source: str) -> InputError:
    return no_certificate(
        source,
        "not the certificate of a psiselect identity; ask the peer for the .crt file of `psiselect identity create`",
    )


VERSION_3 = "not a certificate of version 3; ask for the .crt file of `psiselect identity create`"
AUTHORITY = (
    "the certificate of an authority (CA), which could vouch for strangers; ask for the .crt file of "
    "`psiselect identity create`"
)
MAY_NOT_SIGN = "the certificate's key may not sign; ask for the .crt file of `psiselect identity create`"
OF_ANOTHER = "the certificate was issued by another party; ask for the .crt file of `psiselect identity create`"


def unknown_extension(oid: str) -> str:
    return (
        f"the certificate has an extension that this program does not know ({oid}); ask for the .crt file "
        "of `psiselect identity create`"
    )


def not_pem(source: str) -> InputError:
    return InputError(
        f"{source}: not a certificate as text (PEM); expected the .crt file of `psiselect identity create`"
    )


def several(source: str, count: int) -> InputError:
    return InputError(
        f"{source}: holds {count} certificates; expected the .crt file of `psiselect identity create`, which holds one"
    )


def expired(name: str, when: datetime) -> InputError:
    return InputError(
        f"the certificate of {name} expired on {_date(when)}; its owner has to create a new identity and hand out the "
        "new certificate"
    )


def not_valid_yet(name: str, when: datetime) -> InputError:
    return InputError(f"the certificate of {name} is not valid before {_date(when)}; check the clocks of both machines")


def not_signed(name: str) -> RemoteError:
    return RemoteError(f"a signature of {name} is not valid: {name} did not sign this, or somebody has changed it")


# Identities and their files.


def never_copied() -> UsageError:
    return UsageError(
        "an identity holds private keys, so it is neither pickled nor copied; hand on its path, and load it with "
        "Identity.load where it is needed"
    )


def no_path(given: object) -> UsageError:
    return UsageError(f"expected a path, such as keys/NAME, got {type(given).__name__}")


def bad_name(name: object) -> UsageError:
    return UsageError(
        f"{name!r} cannot name an identity: use 1 to 63 ASCII letters, digits, '.', '_' or '-', the first one a letter "
        "or digit, and no ending .key or .crt"
    )


def bad_days(days: int, most: int) -> UsageError:
    return UsageError(f"an identity is valid for 1 to {most} days, not {days}")


def already_there(prefix: Path) -> UsageError:
    return UsageError(
        f"{prefix}.key or {prefix}.crt exists, and an identity is never overwritten; choose another name, or remove "
        "both files if no peer relies on them"
    )


def not_written(prefix: Path, reason: str | None) -> OutputError:
    return OutputError(f"cannot write {prefix}.key and {prefix}.crt: {reason}; choose a folder that can be written")


def other_keys(key_path: Path, certificate_path: Path) -> InputError:
    return InputError(
        f"{key_path}: does not belong to {certificate_path}; use two files that one `psiselect identity create` wrote"
    )


def no_keys(path: Path) -> InputError:
    return InputError(
        f"{path}: not the secret file of an identity; expected the .key file of `psiselect identity create`"
    )


def open_to_others(path: Path | str, mode: int) -> str:
    return f"{path}: others can read this private key (mode {mode:04o})"


def mounted(told: str) -> str:
    return (
        f"{told}. The program uses the file all the same, because it is mounted read-only; mount it with "
        "mode 0400 or 0440"
    )


def of_root(told: str, group: int) -> str:
    return (
        f"{told}. The program uses the file all the same, because it belongs to root; keep other accounts "
        f"out of group {group}"
    )


def close_it(told: str, path: Path | str) -> InputError:
    return InputError(f"{told}; run `chmod 600 {path}`, or create a new identity if somebody may have read the file")


def copy_it(told: str) -> InputError:
    return InputError(
        f"{told}, and only the owner of the file can change that; use a copy that belongs to your account "
        "and has mode 0600, or create a new identity if somebody may have read the file"
    )


def unreadable_folder(folder: Path, reason: str | None) -> InputError:
    return InputError(f"cannot read the folder {folder}: {reason}")


def not_one_key(folder: Path, count: int) -> InputError:
    return InputError(
        f"{folder}: this folder holds {count} files that end in .key; expected NAME.key and NAME.crt of one "
        f"identity. If the folder has several identities, name one of them, such as {folder}/NAME"
    )


def unreadable(what: str, path: Path | str, reason: str | None) -> InputError:
    return InputError(f"cannot read {what} {path}: {reason}")


def too_large(what: str, path: Path | str) -> InputError:
    return InputError(f"{path} is too large for {what}; expected a file of `psiselect identity create`")


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
