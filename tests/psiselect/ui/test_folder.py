"""The folder where the page records draws and budgets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from psiselect.base.errors import InputError
from psiselect.ui.folder import Folder


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path / "ui")
    folder.draws_of("Board")
    user = os.geteuid()
    monkeypatch.setattr("psiselect.ui.folder.os.geteuid", lambda: user + 1)
    for use in (folder.draws_of, folder.budget_of):
        with pytest.raises(InputError, match="belongs to another user"):
            use("Board")
