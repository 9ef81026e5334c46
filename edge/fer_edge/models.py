"""Where the device finds a model: the one that it was told of, or the released one."""

from pathlib import Path

RELEASED = Path(__file__).parent / "released"
"""A bundle that came with this package; its MODEL_CARD.md says what it can do."""


def bundle_of(configured: str) -> Path:
    """Return the bundle to run.

    Args:
        configured: ``[model] bundle``; empty for the released model.
    """
    return Path(configured) if configured else RELEASED
