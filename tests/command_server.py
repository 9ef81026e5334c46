"""Forks programs from a process that has already imported TensorFlow and Keras.

An import of the two takes five seconds of a processor, most commands of the tests much
less. The first process imports all but these, since Keras then has to know its backend;
it forks one that imports them for each backend that is asked for, and that one forks
the programs. All processes that run tests share it. Nothing is computed before a fork:
no tensor is made, no device is looked for and no thread is started but those of
OpenBLAS, which ends them itself before a fork and starts them again. A child goes on as
the true program does, with the arguments, environment, folder and output of the test
that asked for it, and is killed as one.
"""

import gc
import importlib
import io
import json
import logging
import os
import runpy
import select
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
    "matplotlib.pyplot", "optuna", "cv2", "jinja2",
    "ai_edge_litert.interpreter", *MAIN.values(),
)  # fmt: skip

Program = Callable[[], Any]


def import_all(*names: str) -> None:
    """Import what the programs would, after the settings that they would have made."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    # TensorFlow's logger prints by itself unless it finds another at its import.
    log_to_terminal(verbose=False)
    with native_messages_to_log():
        for name in names:
            importlib.import_module(name)
    # It holds this process's standard error; a child makes one for its own.
    logging.getLogger().handlers.clear()
    gc.freeze()


def serve_backends(listener: socket.socket, owner: socket.socket) -> Program:
    """Pass each request of any client on to the process of its backend.

    Args:
        listener: where clients connect.
        owner: once its other end is closed, the tests are over.

    Returns:
        In a child alone: the program that it is to be.
    """
    clients: list[socket.socket] = []
    servers: dict[str, socket.socket] = {}
    while True:
        ready, _, _ = select.select([owner, listener, *clients], [], [])
        if owner in ready:
            sys.exit()  # the other processes see their ends closed
        if listener in ready:
            clients.append(listener.accept()[0])
            continue
        content, descriptors, _, _ = socket.recv_fds(ready[0], LARGEST_REQUEST, 3)
        if not content:
            clients.remove(ready[0])
            ready[0].close()
            continue
        backend = json.loads(content)["environment"].get("KERAS_BACKEND", "tensorflow")
        if backend not in servers:
            import_all(*_IMPORTED)  # not before somebody wants it
            servers[backend], theirs = socket.socketpair(
                socket.AF_UNIX, socket.SOCK_SEQPACKET
            )
            if _fork() == 0:
                for other in (owner, listener, *clients, *servers.values()):
                    other.close()
                for descriptor in descriptors:
                    os.close(descriptor)
                return serve_programs(theirs, backend)
            theirs.close()
        try:
            socket.send_fds(servers[backend], [content], descriptors)
        except OSError:  # it has ended; its import failed, say
            servers.pop(backend).close()
        for descriptor in descriptors:
            os.close(descriptor)  # so the client hears that nobody answers


def serve_programs(connection: socket.socket, backend: str) -> Program:
    """Import Keras, and fork for each request.

    Returns:
        In a child alone: the program that it is to be.
    """
    os.environ["KERAS_BACKEND"] = backend
    # Three of the four seconds that a small training takes with JAX are XLA's, which
    # compiles the same functions for each. JAX reads these at its import.
    # Who reads what another is still writing is warned, and compiles it.
    os.environ["JAX_COMPILATION_CACHE_DIR"] = sys.argv[3]
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    # TensorFlow imports Keras, and Keras, to set its seed, TensorFlow with any backend.
    import_all("keras", "tensorflow")
    assert sys.modules["keras"].backend.backend() == backend
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    while True:
        content, descriptors, _, _ = socket.recv_fds(connection, LARGEST_REQUEST, 3)
        if not content:
            sys.exit()
        if _fork() == 0:
            connection.close()
            return _keep(json.loads(content), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(request: dict[str, Any], descriptors: list[int]) -> Program:
    """Fork once more; tell the child's number, then, in another line, how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *outputs, report = descriptors
    child = _fork()
    if child == 0:
        os.close(report)
        return _become(request, outputs)
    for descriptor in outputs:
        os.close(descriptor)
    os.write(report, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _fork() -> int:
    with warnings.catch_warnings():
        # JAX, which Keras imports, warns of its threads; none has been started.
        warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
        return os.fork()


def _become(request: dict[str, Any], outputs: list[int]) -> Program:
    for number, descriptor in enumerate(outputs, start=1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Python asks for the variable at its start alone.
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering="PYTHONUNBUFFERED" in os.environ)
    # What NumPy took from the system at its import would be every child's.
    importlib.import_module("numpy").random.seed()
    program = request["program"]
    if program in MAIN:
        sys.argv = [str(Path(sys.executable).parent / program), *request["arguments"]]
        main: Program = importlib.import_module(MAIN[program]).main
        return main
    sys.argv = [program, *request["arguments"]]

    def run() -> None:
        runpy.run_path(program, run_name="__main__")

    return run


# Usage: command_server.py LISTENER OWNER CACHE, the first two being descriptors
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks ends it, a child hears it
    given = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    sys.exit(serve_backends(*given)())
