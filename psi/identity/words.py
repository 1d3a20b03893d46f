"""What people read from this room: every error and every note about identities, their certificates and their files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from psiselect.base.errors import InputError, OutputError, RemoteError, UsageError
from psiselect.base.words import counted

# Certificates.


def no_certificate(source: str, problem: str) -> InputError:
    return InputError(f"{source}: {problem}")


def not_an_identity(source: str) -> InputError:
    return no_certificate(
        source,
        "this is not the certificate of a psiselect identity. Ask its owner for the .crt file of `psiselect identity "
        "create`",
    )


VERSION_3 = "this is not a certificate of version 3. Ask its owner for the .crt file of `psiselect identity create`"
AUTHORITY = (
    "this is the certificate of an authority (CA), which could vouch for strangers. Ask its owner for the .crt file of "
    "`psiselect identity create`"
)
MAY_NOT_SIGN = "this certificate's key may not sign. Ask its owner for the .crt file of `psiselect identity create`"
OF_ANOTHER = "another party has issued this certificate. Ask its owner for the .crt file of `psiselect identity create`"


def unknown_extension(oid: str) -> str:
    return (
        f"the certificate has an extension that this program does not know ({oid}). Ask its owner for the .crt file "
        "of `psiselect identity create`"
    )


def not_pem(source: str) -> InputError:
    return InputError(
        f"{source}: this is not a certificate in text form (PEM). Name the .crt file that `psiselect identity create` "
        "wrote"
    )


def several(source: str, count: int) -> InputError:
    return InputError(
        f"{source}: this file has {count} certificates, and one is expected. Name the .crt file that "
        "`psiselect identity create` wrote"
    )


def expired(name: str, when: datetime) -> InputError:
    return InputError(
        f"the certificate of {name} expired on {_date(when)}. Its owner must create a new "
        "identity and send you the new certificate"
    )


def not_valid_yet(name: str, when: datetime) -> InputError:
    return InputError(f"the certificate of {name} is not valid before {_date(when)}. Check the clocks of both machines")


def not_signed(name: str) -> RemoteError:
    return RemoteError(f"a signature of {name} is not valid: {name} did not sign this, or somebody has changed it")


# Identities and their files.


def never_copied() -> UsageError:
    return UsageError(
        "an identity has private keys, so the program neither pickles nor copies it. Pass on its path, and load it "
        "with Identity.load where it is needed"
    )


def no_path(given: object) -> UsageError:
    return UsageError(
        f"the path of an identity must be a path, such as keys/NAME, but its type is {type(given).__name__}"
    )


def bad_name(name: object) -> UsageError:
    return UsageError(
        f"{name!r} cannot be the name of an identity. Use 1 to 63 ASCII letters, digits, '.', '_' or '-', the first "
        "one a letter or digit, and neither .key nor .crt at the end"
    )


def bad_days(days: int, most: int) -> UsageError:
    return UsageError(f"an identity can be valid for 1 to {most:,} days, but not for {days}")


def already_there(prefix: Path) -> UsageError:
    return UsageError(
        f"'{prefix}.key' or '{prefix}.crt' exists already, and the program never overwrites an identity. Choose "
        "another name, or remove both files if no peer relies on them"
    )


def not_written(prefix: Path, reason: str | None) -> OutputError:
    return OutputError(
        f"cannot write '{prefix}.key' and '{prefix}.crt': {reason}. Choose a folder that you can write to"
    )


def other_keys(key_path: Path, certificate_path: Path) -> InputError:
    return InputError(
        f"{key_path}: this file does not belong to '{certificate_path}'. Use two files that one `psiselect identity "
        "create` wrote"
    )


def no_keys(path: Path) -> InputError:
    return InputError(
        f"{path}: this is not the secret file of an identity. Name the .key file that `psiselect identity create` wrote"
    )


def open_to_others(path: Path | str, mode: int) -> str:
    return f"{path}: others can read this private key (mode {mode:04o})"


def mounted(told: str) -> str:
    return (
        f"{told}. The program uses the file all the same, because it is mounted read-only. Mount it with "
        "mode 0400 or 0440"
    )


def of_root(told: str, group: int) -> str:
    return (
        f"{told}. The program uses the file all the same, because it belongs to root. Keep other accounts "
        f"out of group {group}"
    )


def close_it(told: str, path: Path | str) -> InputError:
    return InputError(f"{told}. Run `chmod 600 {path}`. If somebody may have read the file, create a new identity")


def copy_it(told: str) -> InputError:
    return InputError(
        f"{told}, and only the owner of the file can change that. Use a copy that belongs to your account "
        "and has mode 0600. If somebody may have read the file, create a new identity"
    )


def unreadable_folder(folder: Path, reason: str | None) -> InputError:
    return InputError(f"cannot read the folder '{folder}': {reason}")


def not_one_key(folder: Path, count: int) -> InputError:
    return InputError(
        f"{folder}: this folder has {counted(count, 'file', 'files')} with the ending .key, but must have NAME.key and "
        f"NAME.crt of one identity. If the folder has several identities, name one of them, such as {folder}/NAME"
    )


def unreadable(what: str, path: Path | str, reason: str | None) -> InputError:
    return InputError(f"cannot read {what} '{path}': {reason}")


def too_large(what: str, path: Path | str) -> InputError:
    return InputError(f"'{path}' is too large for {what}. Name a file that `psiselect identity create` wrote")


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
