"""The command in this process, for tests that hold the library against it."""

from __future__ import annotations

import pytest
from support.program import Run, Shown

from cli.main import main


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The program, in this process."""

    def call(*arguments: object) -> Shown:
        monkeypatch.setattr("sys.argv", ["psiselect", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Shown(int(ended.value.code or 0), capsys.readouterr().out)

    return call
