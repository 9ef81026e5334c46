"""The process of one check; see ``apart``.

::

    python -m fer_edge.doctor.apart_child CHECK PARENT

The case comes on standard input, from the parent alone; the finding is what it says.
"""

import dataclasses
import json
import os
import pickle
import sys


def main(name: str, parent: int) -> int:
    """Do one check, and tell what it finds.

    Args:
        name: of the check.
        parent: process id of the command, without which there is nobody to tell.
    """
    from fer_edge.child import end_with_parent, take_output
    from fer_edge.doctor.order import CHECKS

    end_with_parent(parent)
    answers = os.fdopen(take_output(), "w")
    case = pickle.load(sys.stdin.buffer)
    (check,) = (check for check in CHECKS if check.name == name)
    finding = check.look(case)
    with answers:
        json.dump(dataclasses.asdict(finding), answers)
        answers.flush()
        # A camera's thread may hang in its driver, and keep the process.
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
