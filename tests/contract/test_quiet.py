"""Native chatter goes to the log, unless the block fails."""

import logging
import os
import signal
import subprocess
import sys

import pytest

from fer_contract.quiet import native_messages_to_log


def test_native_messages(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What native code writes becomes records at DEBUG, one a line."""
    with caplog.at_level(logging.DEBUG), native_messages_to_log():
        os.write(2, b"delegate \xff made\nsecond line\n")

    assert capfd.readouterr().err == ""
    expected = [
        ("fer_contract.quiet", logging.DEBUG, "delegate � made"),
        ("fer_contract.quiet", logging.DEBUG, "second line"),
    ]
    assert expected == caplog.record_tuples


def test_nothing_written(caplog: pytest.LogCaptureFixture) -> None:
    """Silence makes no record."""
    with caplog.at_level(logging.DEBUG), native_messages_to_log():
        pass

    assert caplog.record_tuples == []


def test_block_that_raises(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The lines are printed, and the error goes on."""

    def fail() -> None:
        with native_messages_to_log():
            os.write(2, b"out of memory\n")
            raise RuntimeError("native")

    with caplog.at_level(logging.DEBUG), pytest.raises(RuntimeError, match="native"):
        fail()

    assert capfd.readouterr().err == "out of memory\n"
    assert caplog.record_tuples == []


def test_block_that_is_interrupted(capfd: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C has no reason that the lines would explain."""

    def interrupted() -> None:
        with native_messages_to_log():
            os.write(2, b"consider another argument\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert capfd.readouterr().err == ""


def test_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard error is the terminal again, and no descriptor is left open."""
    descriptors = os.listdir("/proc/self/fd")  # noqa: PTH208
    for _ in range(3):
        with native_messages_to_log():
            os.write(2, b"hidden\n")

    os.write(2, b"shown\n")

    assert capfd.readouterr().err == "shown\n"
    assert len(descriptors) == len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_one_block_within_another(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Both keep what was written in them."""
    with caplog.at_level(logging.DEBUG), native_messages_to_log():
        os.write(2, b"outer\n")
        with native_messages_to_log():
            os.write(2, b"inner\n")

    assert capfd.readouterr().err == ""
    assert sorted(caplog.messages) == ["inner", "outer"]


def test_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """Results are not touched."""
    with native_messages_to_log():
        os.write(1, b"result\n")

    assert capfd.readouterr().out == "result\n"


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_no_standard_error(redirection: str) -> None:
    """A daemon started without one works all the same."""
    program = (
        "import os\n"
        "from fer_contract.quiet import native_messages_to_log\n"
        "with native_messages_to_log():\n"
        "    print('inside')\n"
        "print('after')\n"
    )
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {redirection}', sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "inside\nafter\n")


def test_crash_inside_the_block() -> None:
    """What native code does to the process is said, though its lines are lost."""
    program = (
        "import ctypes\n"
        "from fer_contract.quiet import native_messages_to_log\n"
        "with native_messages_to_log():\n"
        "    ctypes.string_at(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in done.stderr
