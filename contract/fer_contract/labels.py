"""The classes of a model, in the order of its outputs. The order travels with it."""

import re
from collections.abc import Sequence

from fer_contract.errors import ManifestError

# What an MQTT topic, a folder, a metric label and a file name can all hold.
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,31}")

# The edge reports this where no class is certain, so no class may take the name.
UNCERTAIN = "uncertain"

Labels = tuple[str, ...]


def _instead(label: object) -> str:
    """Propose a plain name: many data sets have folders like ``Happy``."""
    plain = label.lower().replace(" ", "_") if isinstance(label, str) else ""
    return f"; {plain!r} would do" if _LABEL.fullmatch(plain) else ""


def parse_labels(text: str, where: str) -> Labels:
    """Read labels with commas between them, and blanks if written as in prose.

    Raises:
        ManifestError: as ``check_labels``.
    """
    return check_labels([name.strip() for name in text.split(",")], where)


def check_labels(labels: Sequence[object], where: str) -> Labels:
    """Return the labels as a tuple.

    Args:
        labels: class names in output order.
        where: file or option that they come from, for the message.

    Raises:
        ManifestError: fewer than two, one twice, or one that is no plain name.
    """
    for label in labels:
        if not isinstance(label, str) or not _LABEL.fullmatch(label):
            raise ManifestError(
                f"{where}: label {label!r}; allowed are 1 to 32 characters a-z, 0-9, "
                f"_ and -, a letter first{_instead(label)}"
            )
        if label == UNCERTAIN:
            raise ManifestError(
                f"{where}: label {label!r} is what the device says below its threshold"
            )
    names = tuple(str(label) for label in labels)
    if len(names) < 2:
        raise ManifestError(f"{where}: {len(names)} labels; at least 2 are needed")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ManifestError(f"{where}: label {twice!r} stands more than once")
    return names
