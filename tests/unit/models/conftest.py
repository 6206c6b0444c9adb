"""What tests of models may ask for: retries without pauses."""

from __future__ import annotations

import pytest

from fusion_eval.models import limited


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every retry of a limited model come at once."""
    monkeypatch.setattr(limited, "pause", lambda attempt, error: 0.0)
