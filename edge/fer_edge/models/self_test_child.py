"""The self-test in a process of its own: a model that crashes it takes nothing along.

::

    python -m fer_edge.models.self_test_child BUNDLE PARENT

It says the runtime, or why it refuses; its exit code is that of the refusal.
"""

import contextlib
import os
import resource
import sys
from pathlib import Path

_DATA_BYTES = 1 << 30
_PROCESSOR_SECONDS = 100


def main(bundle: Path, parent: int) -> int:
    """Load the model and compare its golden vectors.

    Args:
        bundle: that holds them.
        parent: process id of the command, without which there is nobody to tell.
    """
    _limit()
    from fer_contract.errors import FerError
    from fer_edge.child import end_with_parent, take_output
    from fer_edge.classifiers.cpu import CpuClassifier

    end_with_parent(parent)
    with os.fdopen(take_output(), "w") as answers:
        try:
            classifier = CpuClassifier(bundle)
        except FerError as refusal:
            answers.write(str(refusal))
            return refusal.exit_code
        except (OSError, MemoryError) as failure:
            answers.write(f"{bundle}: {failure or type(failure).__name__}")
            return FerError.exit_code
        answers.write(classifier.runtime)
    return 0


def _limit() -> None:
    """Have the machine go on with its work, whatever this process does."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_SECONDS, _PROCESSOR_SECONDS))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or hard > _DATA_BYTES:
        resource.setrlimit(resource.RLIMIT_DATA, (_DATA_BYTES, _DATA_BYTES))
    # Where memory runs out, this is what has to go.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
