"""What the three commands share: how they log, complain and end."""

import contextlib
import importlib.util
import logging
import math
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, TextIO

import click

from fer_contract.errors import FerError

INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it

_AGAIN_S = 2.0  # longer than a command takes to clean up behind itself


class FiniteRange(click.FloatRange):
    """A number within bounds; click's own lets NaN and infinity pass."""

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the number, or fail as click does."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def run(command: click.Command) -> None:
    """Run a click command as the process: print errors as one line, then exit.

    Exit codes are 0 done, 1 refused, 2 usage, missing extra or bad input, 130
    interrupted from the keyboard.
    """
    name = command.name or "fer"
    standard_output = sys.stdout
    try:
        with _insistent_interrupt():
            code = command.main(prog_name=name, standalone_mode=False) or 0
        if sys.stdout is not None:  # closed by whoever started us
            sys.stdout.flush()
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.ClickException as mistake:
        mistake.show()
        code = mistake.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain(f"{name}: interrupted")
        code = INTERRUPTED
    except FerError as mistake:
        complain(f"{name}: {mistake}")
        code = mistake.exit_code
    except (BrokenPipeError, SystemExit) as ended:
        # Of the former click makes the latter, and only then wraps standard output.
        if isinstance(ended, SystemExit) and sys.stdout is standard_output:
            raise
        # The reader of our standard output went away (`| head`): not our failure.
        _discard(sys.stdout)
        code = 0
    except OSError as failure:
        where = f"{failure.filename}: " if failure.filename else ""
        complain(f"{name}: {where}{failure.strerror or failure}")
        code = FerError.exit_code
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:
            _discard(sys.stdout)
    if code:
        end_at_once(code)
    sys.exit(0)


@contextlib.contextmanager
def _insistent_interrupt() -> Iterator[None]:
    """Repeat an interrupt from the keyboard until it has ended the block.

    Libraries lose it: Keras 3.15 waits for the figures of a batch, which is where a
    training spends its time, under a bare ``except: pass``, and trains on.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # a shell's background job is to be deaf to it
        return

    def interrupt(_number: int, _frame: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end_at_once(code: int) -> NoReturn:
    """End the process with what it has printed, and nothing else.

    A failed or interrupted training leaves native threads behind that still feed it;
    one that calls into an interpreter on its way out aborts the process with a dump.
    JAX, likewise, would take leave of hosts that are gone.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # full, or closed
                stream.flush()
    os._exit(code)


def complain(line: str) -> None:
    """Print a line on standard error, if there is one: the exit code says it too."""
    try:
        click.echo(line, err=True)
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Let go of a standard stream: what it holds must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def log_to_terminal(*, verbose: bool) -> None:
    """Print log records on standard error.

    Args:
        verbose: all of the toolkit's; else from INFO on, which is what an operator is
            to know of: warnings, and that all is well again.
    """
    logging.basicConfig(format="%(levelname)s %(message)s", stream=_terminal())
    for package in ("fer_contract", "fer_trainer", "fer_converter", "fer_edge"):
        logging.getLogger(package).setLevel(logging.DEBUG if verbose else logging.INFO)


def _terminal() -> TextIO:
    """Return standard error by a descriptor of its own.

    While one thread holds back what native code writes to descriptor 2, another may
    have something to tell.
    """
    try:
        descriptor = os.dup(2)
    except OSError:  # closed by whoever started us
        return sys.stderr
    return os.fdopen(
        descriptor, "w", buffering=1, errors="backslashreplace", closefd=False
    )


def require_extra(extra: str, modules: Sequence[str]) -> None:
    """Check that the extra which brings these modules is installed.

    Args:
        extra: name of the extra of ``fer-edge-toolkit``.
        modules: top-level import names that it brings.

    Raises:
        FerError: one line with the pip command, if any module is missing.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise FerError(
            f"{', '.join(missing)} not installed; this command needs: "
            f"pip install 'fer-edge-toolkit[{extra}]' "
            f"(in a checkout: pip install '.[{extra}]')"
        )
