"""Forks the commands from a process that has already imported TensorFlow.

An import of TensorFlow and Keras takes five seconds of a processor, most commands of
the tests much less. Nothing is computed before a fork: no tensor is made, no device is
looked for and no thread is started but those of OpenBLAS, which ends them itself
before a fork and starts them again. A child goes on as the true command does, with
the arguments, environment, folder and output of the test that asked for it.
"""

import gc
import importlib
import json
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fer_contract.command import log_to_terminal
from fer_contract.quiet import native_messages_to_log

MAIN = {"fer-train": "fer_trainer.cli", "fer-convert": "fer_converter.cli"}
LARGEST_REQUEST = 1 << 20
"""In bytes. The environment is the most of one."""

_IMPORTED = (
    "tensorflow", "keras", "matplotlib.pyplot", "optuna", "cv2", "jinja2",
    "ai_edge_litert.interpreter", *MAIN.values(),
)  # fmt: skip


def import_all() -> None:
    """Import what the commands would, after the settings that they would have made."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    # TensorFlow's logger prints by itself unless it finds another at its import.
    log_to_terminal(verbose=False)
    with native_messages_to_log():
        for name in _IMPORTED:
            importlib.import_module(name)
    # It holds this process's standard error; a child makes one for its own.
    logging.getLogger().handlers.clear()
    gc.freeze()


def next_command(connection: socket.socket) -> Callable[[], Any]:
    """Fork for each request, and answer with how the child ended.

    Returns:
        In a child alone: the command that it is to be.
    """
    while True:
        content, outputs, _, _ = socket.recv_fds(connection, LARGEST_REQUEST, 2)
        if not content:
            sys.exit()  # the tests are over
        child = _fork()
        if child == 0:
            connection.close()
            return _become(json.loads(content), outputs)
        for descriptor in outputs:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def _fork() -> int:
    with warnings.catch_warnings():
        # JAX, which Keras imports, warns of its threads; none has been started.
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        return os.fork()


def _become(request: dict[str, Any], outputs: list[int]) -> Callable[[], Any]:
    for number, descriptor in enumerate(outputs, start=1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What NumPy took from the system at its import would be every child's.
    importlib.import_module("numpy").random.seed()
    name = request["name"]
    sys.argv = [str(Path(sys.executable).parent / name), *request["arguments"]]
    main: Callable[[], Any] = importlib.import_module(MAIN[name]).main
    return main


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks ends it, a child hears it
    import_all()
    sys.exit(next_command(socket.socket(fileno=int(sys.argv[1])))())
