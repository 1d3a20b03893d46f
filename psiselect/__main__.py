"""`python -m psiselect`: the command `psiselect`."""

from __future__ import annotations

from cli.main import run

if __name__ == "__main__":
    run()
