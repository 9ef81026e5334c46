"""Several models side by side: the same faces, intervals, and why they differ."""

from fer_trainer.comparison.compare import (
    Contestant,
    check_comparable,
    compare,
    train_all,
)
from fer_trainer.comparison.page import JSON, PAGE, write_comparison

__all__ = [
    "JSON",
    "PAGE",
    "Contestant",
    "check_comparable",
    "compare",
    "train_all",
    "write_comparison",
]
