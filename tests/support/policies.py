"""The documentation's policy, for real peers."""

from __future__ import annotations

import re
from pathlib import Path

from psi.identity.identity import Identity

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"


def example() -> str:
    """The policy shown in docs/policy.md."""
    (found,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def write_policy(place: Path, *peers: str, **changes: str) -> Path:
    """The documentation's policy, for real peers, with the columns of the test's lists and other changes."""
    general = example().split("[[peer]]")[0].replace('["email", "phone"]', '["Mail"]')
    for name, value in changes.items():
        general, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", general, flags=re.MULTILINE)
        assert found == 1, name
    listed = [f'[[peer]]\nfingerprint = "{Identity.load(place / name).fingerprint.hex()}"\n' for name in peers]
    path = place / "policy.toml"
    path.write_text(general + "\n".join(listed))
    return path
