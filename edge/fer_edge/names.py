"""Names of files that OpenCV can be given."""

from pathlib import Path


def is_utf8(path: Path) -> bool:
    """Tell whether a path is UTF-8; of any other OpenCV dies without a word."""
    try:
        # Bytes that are not UTF-8 are surrogates in a Python path.
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
