"""`psiselect release`, called in this process."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from cli.release.command import command

# So large that the noise is 0 but for probability e^-1000: what is left is the exact value.
LOUD = ["--epsilon", "1e10"]


def run(*args: object) -> Result:
    return CliRunner().invoke(command, [str(a) for a in args])


def released(*args: object) -> dict[str, object]:
    """What it prints with --json."""
    result = run(*args, "--json")
    assert result.exit_code == 0, result
    found: dict[str, object] = json.loads(result.stdout)
    return found
