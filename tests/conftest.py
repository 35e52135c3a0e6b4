"""Where tests find the shared data, and nothing else."""

import os
from pathlib import Path

import pytest

NO_DATA = "shared data not found: set ARGOSY_DATA"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The shared data: `$ARGOSY_DATA`, else `../shared/data` beside the repository root."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ARGOSY_DATA", default))
    if not folder.is_dir():
        pytest.skip(NO_DATA)
    return folder
