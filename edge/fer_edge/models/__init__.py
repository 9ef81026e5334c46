"""Models on the device: installed, switched and, should one fail, taken back.

::

    SOURCE ─► members ─► copied beside the store ─► examined ─► store ─► active
                   (sources)                      (examining)  (store)      │
    the daemon ◄─ the last good one, if it fails twice ◄─ probation ◄───────┘
                                                           (trial)
"""

from pathlib import Path

RELEASED = Path(__file__).parent.parent / "released"
"""A bundle that came with this package; its MODEL_CARD.md says what it can do."""

KEPT = 5
"""Installed models that are kept unless another number is asked for."""


def bundle_of(configured: str) -> Path:
    """Return the bundle to run, whatever became of it so far.

    Args:
        configured: ``[model] bundle``; empty for the active one of those that were
            installed, or the released one if none is.
    """
    if configured:
        return Path(configured)
    from fer_edge.models.store import Store, default_folder

    store = Store(default_folder())
    active = store.active
    return store.path(active) if active else RELEASED
