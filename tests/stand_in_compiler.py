"""A stand-in for ``edgetpu_compiler``: it plays a log as published, and no more.

Run as ``edgetpu_compiler -s -t N -o DIR MODEL``; what it plays is in the environment.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

HEAD = """Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.
"""

SUCCESS = """
Model compiled successfully in 141 ms.

Input model: {model}
Input size: 5.11MiB
Output model: {output}
Output size: 5.09MiB
On-chip memory used for caching model parameters: 18.00KiB
On-chip memory remaining for caching model parameters: 6.86MiB
Off-chip memory used for streaming uncached model parameters: 0.00B
Number of Edge TPU subgraphs: 1
Total number of operations: {total}
Operation log: {log}
"""

PARTIAL = """
Model successfully compiled but not all operations are supported by the Edge TPU. A \
percentage of the model will instead run on the CPU, which is slower.
Number of operations that will run on Edge TPU: 15
Number of operations that will run on CPU: 353
"""

TAIL = """Compilation child process completed within timeout period.
Compilation succeeded!"""


def say(text: str) -> None:
    """Print, at once: a killed process must not keep what it said."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Play."""
    arguments = sys.argv[1:]
    Path(os.environ["SEEN"]).write_text("\n".join(arguments))
    model = Path(arguments[-1])
    out = Path(arguments[arguments.index("-o") + 1])
    output = out / f"{model.stem}_edgetpu.tflite"
    log = output.with_suffix(".log")
    play = os.environ["PLAY"]
    say(HEAD)
    if play == "hang":
        output.write_bytes(b"half a model")
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(os.environ["CHILD"]).write_text(str(child.pid))
        time.sleep(60)
    if play.startswith("fail:"):
        say(play.removeprefix("fail:"))
        return 1
    rows = os.environ["ROWS"]
    total = sum(int(line.rsplit("|")[1]) for line in rows.splitlines())
    say(SUCCESS.format(model=model.name, output=output, log=log, total=total))
    if play == "partial":
        say(PARTIAL)
    say("Operator                       Count      Status\n")
    for line in rows.splitlines():
        name, count, status = line.split("|")
        say(f"{name:30} {count:10} {status}")
    say(TAIL)
    log.write_text("operations")
    if play == "plain":
        output.write_bytes(model.read_bytes())
    elif play == "garbage":
        output.write_bytes(b"\xff" * 100)
        sys.stdout.buffer.write(b"\xff\xfe\n")
    elif play != "nothing":
        output.write_bytes(Path(os.environ["COMPILED"]).read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
