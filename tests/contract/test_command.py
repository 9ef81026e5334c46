"""How a command ends, seen from the shell."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fer_contract.command import FiniteRange, require_extra
from fer_contract.errors import FerError

_TINY = """
import logging, os, signal, sys, time
import click
from fer_contract.command import log_to_terminal, require_extra, run
from fer_contract.errors import DataError, DigestError, RefusedError
from fer_contract.quiet import native_messages_to_log

@click.group()
def tiny(): pass

@tiny.command()
def done(): click.echo("result")

@tiny.command()
def refused(): raise RefusedError("parity: 97.1 %; at least 98 % is wanted")

@tiny.command()
def exchanged(): raise DigestError("model.tflite: exchanged")

@tiny.command()
def unusable(): raise DataError("a\\nb.zip: no image found")

@tiny.command()
@click.option("--file", type=click.Path())
def read(file): open(file)

@tiny.command()
def full(): raise OSError(28, "No space left on device")

@tiny.command()
def extra(): require_extra("train", ["sys", "no_such_module_1", "no_such_module_2"])

@tiny.command()
def interrupted():
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()

@tiny.command()
@click.option("--times", type=int)
def swallowed(times):
    for attempt in range(times):
        try:
            if not attempt:
                os.kill(os.getpid(), signal.SIGINT)
            time.sleep(300)
        except:
            pass
    time.sleep(300)

@tiny.command()
def deaf():
    os.kill(os.getpid(), signal.SIGINT)
    click.echo("done")

@tiny.command()
@click.option("--code", type=int)
def ends(code): raise click.exceptions.Exit(code)

@tiny.command()
@click.option("--code", type=int)
def exits(code): sys.exit(code)

@tiny.command()
def bug(): raise KeyError("bug")

@tiny.command()
@click.option("--count", type=int)
@click.option("--plain", is_flag=True)
def lines(count, plain):
    for number in range(count):
        sys.stdout.write(f"{number}\\n") if plain else click.echo(number)

@tiny.command()
@click.option("--verbose", is_flag=True)
def logs(verbose):
    log_to_terminal(verbose=verbose)
    logging.getLogger("fer_contract.dataset").debug("read %s", "a.zip")
    logging.getLogger("fer_contract.dataset").warning("two images")
    logging.getLogger("fer_edge.cameras").info("frames again")
    logging.getLogger("another.library").info("chatter")
    with native_messages_to_log():
        logging.getLogger("fer_edge.classifiers").warning("meanwhile")

# A shell's background job, as tests may be in, is started deaf to it.
deaf = "deaf" in sys.argv
signal.signal(signal.SIGINT, signal.SIG_IGN if deaf else signal.default_int_handler)
run(tiny)
"""

# Unbuffered, a broken pipe would show at other places than it does for users.
_ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"
}


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little command that ends in every way there is."""
    path = tmp_path_factory.mktemp("command") / "tiny.py"
    path.write_text(_TINY, encoding="utf-8")
    return path


def _run(script: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command: exit code, standard output, standard error."""
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        env=_ENVIRONMENT,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["done"], (0, "result\n", "")),
        (["refused"], (1, "", "tiny: parity: 97.1 %; at least 98 % is wanted\n")),
        (["exchanged"], (1, "", "tiny: model.tflite: exchanged\n")),
        (["unusable"], (2, "", "tiny: a\\nb.zip: no image found\n")),
        (
            ["read", "--file", "/no/such/file"],
            (2, "", "tiny: /no/such/file: No such file or directory\n"),
        ),
        (["full"], (2, "", "tiny: No space left on device\n")),
        (
            ["extra"],
            (
                2,
                "",
                "tiny: no_such_module_1, no_such_module_2 not installed; this command "
                "needs: pip install 'fer-edge-toolkit[train]' "
                "(in a checkout: pip install '.[train]')\n",
            ),
        ),
        (["ends", "--code", "0"], (0, "", "")),
        (["ends", "--code", "7"], (7, "", "")),
        (["exits", "--code", "0"], (0, "", "")),
        (["exits", "--code", "3"], (3, "", "")),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_end(
    arguments: list[str], expected: tuple[int, str, str], script: Path
) -> None:
    """An error is one line on standard error, and the exit code tells its kind."""
    assert expected == _run(script, *arguments)


def test_interrupted_from_the_keyboard(script: Path) -> None:
    """The exit code is a shell's, and no traceback is shown."""
    code, _, errors = _run(script, "interrupted")

    assert code == 130
    # The first line ends the one on which the terminal shows ^C.
    assert errors == "\ntiny: interrupted\n"


@pytest.mark.parametrize("times", ["1", "2"])
def test_interrupt_that_a_library_loses(times: str, script: Path) -> None:
    """Keras drops one that comes while it waits for a batch; it comes again."""
    code, _, errors = _run(script, "swallowed", "--times", times)

    assert code == 130
    assert errors == "\ntiny: interrupted\n"


def test_background_job_of_a_shell(script: Path) -> None:
    """It is started deaf to the keyboard, and stays so."""
    assert _run(script, "deaf") == (0, "done\n", "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--fast"], "--fast"),
        (["nothing"], "nothing"),
        (["ends", "--code", "many"], "many"),
        (["ends", "--code"], "--code"),
    ],
)
def test_usage(arguments: list[str], complaint: str, script: Path) -> None:
    """A mistake in the arguments ends in 2, its last line names it."""
    code, output, errors = _run(script, *arguments)

    assert (code, output) == (2, "")
    last = errors.splitlines()[-1]
    assert last.startswith("Error: ")
    assert complaint in last


def test_help(script: Path) -> None:
    """Help goes to standard output and is no mistake."""
    code, output, errors = _run(script, "--help")

    assert (code, errors) == (0, "")
    assert output.startswith("Usage: tiny [OPTIONS] COMMAND")


def test_error_of_the_program(script: Path) -> None:
    """A bug is not dressed up as the user's mistake: it keeps its traceback."""
    code, _, errors = _run(script, "bug")

    assert code == 1
    assert errors.startswith("Traceback")


@pytest.mark.parametrize("plain", [[], ["--plain"]], ids=["click", "plain"])
@pytest.mark.parametrize("count", ["3", "50000"])
def test_reader_that_goes_away(count: str, plain: list[str], script: Path) -> None:
    """`| true` and `| head` end the command quietly, without a failure."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            [sys.executable, str(script), "lines", "--count", count, *plain],
            stdout=write_end,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write_end)

    assert (done.returncode, done.stderr) == (0, b"")


def test_standard_output_closed(script: Path) -> None:
    """Whoever starts a command with nothing to write to gets its exit code."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} {script} done >&-"],
        capture_output=True,
        text=True,
        env=_ENVIRONMENT,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_reader_that_takes_one_line(script: Path) -> None:
    """The pipe of a shell, as users type it."""
    command = f"{sys.executable} {script} lines --count 50000"
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        env=_ENVIRONMENT,
        timeout=60,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("0\n0\n", "")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["logs"], ""),
        (["logs", "--verbose"], "DEBUG read a.zip\n"),
    ],
    ids=["quiet", "verbose"],
)
def test_log(arguments: list[str], expected: str, script: Path) -> None:
    """What an operator is to know is shown, and with --verbose all of the toolkit.

    Also what is told while the chatter of native code is held back: it comes at once,
    and as what it is.
    """
    expected += "WARNING two images\nINFO frames again\nWARNING meanwhile\n"
    assert (0, "", expected) == _run(script, *arguments)


def test_log_to_the_journal(script: Path) -> None:
    """Each line begins with how serious it is, which systemd takes off it again."""
    reading, writing = os.pipe()
    with open(reading) as journal:  # noqa: PTH123 - a descriptor
        found = os.fstat(writing)
        stream = f"{found.st_dev}:{found.st_ino}"
        for command in ("logs", "refused"):
            subprocess.run(
                [sys.executable, script, command],
                stderr=writing,
                env={**_ENVIRONMENT, "JOURNAL_STREAM": stream},
                timeout=60,
                check=False,
            )
        os.close(writing)
        assert journal.read().splitlines() == [
            "<4>WARNING two images",
            "<6>INFO frames again",
            "<4>WARNING meanwhile",
            "<3>tiny: parity: 97.1 %; at least 98 % is wanted",
        ]


@pytest.mark.parametrize("stream", ["", "8:1", "nonsense"])
def test_journal_of_another_program(stream: str, script: Path) -> None:
    """A variable that is inherited does not make a terminal the journal."""
    done = subprocess.run(
        [sys.executable, script, "refused"],
        capture_output=True,
        text=True,
        env={**_ENVIRONMENT, "JOURNAL_STREAM": stream},
        timeout=60,
        check=False,
    )
    assert done.stderr == "tiny: parity: 97.1 %; at least 98 % is wanted\n"


def test_extra_that_is_installed() -> None:
    """Nothing happens, and nothing is imported."""
    before = set(sys.modules)

    require_extra("edge", ["json", "this"])

    assert "this" not in set(sys.modules) - before


def test_extra_that_is_missing_in_part() -> None:
    """Only the missing modules are named."""
    with pytest.raises(FerError) as caught:
        require_extra("edge", ["json", "no_such_module"])

    expected = (
        "no_such_module not installed; this command needs: "
        "pip install 'fer-edge-toolkit[edge]' (in a checkout: pip install '.[edge]')"
    )
    assert expected == str(caught.value)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_number_that_is_none(number: str) -> None:
    """Bounds alone let a NaN pass."""
    with pytest.raises(click.BadParameter):
        FiniteRange(0, None).convert(number, None, None)


def test_number_within_bounds() -> None:
    """It is taken as it is."""
    assert FiniteRange(0, 1).convert("0.25", None, None) == 0.25


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_error_without_standard_error(redirection: str, script: Path) -> None:
    """The exit code says it, and nothing else breaks."""
    done = subprocess.run(
        ["sh", "-c", f'"$0" "$1" extra {redirection}', sys.executable, script],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
