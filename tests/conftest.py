"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def specs() -> Path:
    """The vendors' contracts, which stand beside the project and are not part of it."""
    folder = ROOT.parent / "shared" / "specs"
    if not folder.is_dir():
        pytest.skip(f"the vendors' contracts are not at {folder}: contract tests need them")
    return folder
