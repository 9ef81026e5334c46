"""The Edge TPU compiler's word, and what it is worth without proof."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fer_converter.edgetpu.compiler as module
from fer_converter.edgetpu.compiler import (
    MAPPED,
    MORE_THAN_ONE_SUBGRAPH,
    NOT_SUPPORTED,
    Compilation,
    Row,
    compile_model,
    disagreements,
    parse_figures,
    parse_table,
)

ALL_MAPPED = f"CONV_2D|12|{MAPPED}\nSOFTMAX|1|{MAPPED}\nADD|3|{MAPPED}"
FAILURES = {
    "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'. An older version "
    "of this builtin might be supported. Are you using an old TFLite binary with a "
    "newer model?\n\nInvalid model: x.tflite\nModel could not be parsed": (
        "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'"
    ),
    "ERROR: Attempting to use a delegate that only supports static-sized tensors with "
    "a graph that has dynamic-sized tensors.\nCompilation failed: Model failed in "
    "Tflite interpreter. Please ensure model can be loaded/run": "ERROR: Attempting to "
    "use a delegate that only supports static-sized tensors",
    "Invalid model: x.tflite\nModel not quantized": "Model not quantized",
    "Internal compiler error. Aborting! ": "Internal compiler error. Aborting!",
    "Compilation failed due to large activation tensors in model.": (
        "Compilation failed due to large activation tensors in model."
    ),
    "Compilation failed!": "Compilation failed!",
    "nothing that is known": "exit 1",
}

Play = Callable[..., Compilation]


@pytest.fixture
def play(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Compile a file with the stand-in, playing something."""
    script = tmp_path / "edgetpu_compiler"
    program = repository / "tests" / "stand_in_compiler.py"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {program} "$@"\n')
    script.chmod(0o755)
    model = tmp_path / "model_int8.tflite"
    model.write_bytes(b"a plain model")
    compiled = tmp_path / "compiled"
    compiled.write_bytes(b"....edgetpu-custom-op....")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    monkeypatch.setenv("CHILD", str(tmp_path / "child"))
    monkeypatch.setenv("COMPILED", str(compiled))

    def compile_playing(
        what: str, rows: str = ALL_MAPPED, seconds: int = 30
    ) -> Compilation:
        monkeypatch.setenv("PLAY", what)
        monkeypatch.setenv("ROWS", rows)
        return compile_model(script, model, tmp_path, seconds)

    return compile_playing


def test_a_model_that_maps_whole(play: Play, tmp_path: Path) -> None:
    """Success, with the table, the sizes and the file."""
    done = play("success")
    assert (done.succeeded, done.reason) == (True, "")
    assert done.version == "16.0.384591198"
    assert done.table == (
        Row("ADD", 3, MAPPED),
        Row("CONV_2D", 12, MAPPED),
        Row("SOFTMAX", 1, MAPPED),
    )
    assert done.figures == {
        "input_bytes": round(5.11 * 2**20),
        "output_bytes": round(5.09 * 2**20),
        "on_chip_used_bytes": 18 * 2**10,
        "on_chip_remaining_bytes": round(6.86 * 2**20),
        "off_chip_bytes": 0,
        "subgraphs": 1,
        "operations": 16,
    }
    assert done.output == tmp_path / "model_int8_edgetpu.tflite"
    assert done.output.is_file()
    assert not (tmp_path / "model_int8_edgetpu.log").exists()


def test_what_it_is_called_with(play: Play, tmp_path: Path) -> None:
    """One model, its table asked for, and its own time-out set."""
    play("success", seconds=77)
    assert (tmp_path / "seen").read_text().splitlines() == [
        "-s", "-t", "77", "-o", str(tmp_path), str(tmp_path / "model_int8.tflite"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["split_concat", "keras_lstm_mnist_ptq", "mobilenet_v1_0.25_128_quant"]
)
def test_output_as_google_made_it(
    play: Play, shared: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The real compiled files count as compiled, their plain twins do not."""
    folder = shared / "models"
    monkeypatch.setenv("COMPILED", str(folder / f"{name}_edgetpu.tflite"))
    assert play("success").succeeded
    monkeypatch.setenv("COMPILED", str(folder / f"{name}.tflite"))
    assert "nothing was mapped" in play("success").reason


def test_a_partial_mapping(play: Play, tmp_path: Path) -> None:
    """Exit 0 all the same: refused, the operators named, and no file left."""
    rows = (
        f"CONV_2D|10|{MAPPED}\nLEAKY_RELU|3|{NOT_SUPPORTED}\n"
        f"CONV_2D|2|{MORE_THAN_ONE_SUBGRAPH}"
    )
    done = play("partial", rows)
    assert not done.succeeded
    assert done.reason == "5 of 15 on the CPU: CONV_2D, LEAKY_RELU"
    assert Row("CONV_2D", 2, MORE_THAN_ONE_SUBGRAPH) in done.table
    assert done.output is None
    assert not list(tmp_path.glob("*_edgetpu*"))


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("plain", "nothing was mapped: no Edge TPU operator in the compiled model"),
        ("garbage", "nothing was mapped: no Edge TPU operator in the compiled model"),
        ("nothing", "it wrote no model"),
    ],
)
def test_exit_0_and_nothing_compiled(
    play: Play, tmp_path: Path, what: str, reason: str
) -> None:
    """Its exit code is not believed, nor a file of an earlier run."""
    (tmp_path / "model_int8_edgetpu.tflite").write_bytes(b"edgetpu-custom-op of old")
    assert play(what).reason == reason
    assert not (tmp_path / "model_int8_edgetpu.tflite").exists()


@pytest.mark.parametrize(("text", "told"), FAILURES.items(), ids=range(len(FAILURES)))
def test_a_failure(play: Play, text: str, told: str) -> None:
    """Its telling line is the reason."""
    done = play(f"fail:{text}")
    assert not done.succeeded
    assert told in done.reason
    assert "\n" not in done.reason
    assert done.reason.startswith("exit 1")


def test_no_table_in_the_log(play: Play) -> None:
    """What cannot be read is not success."""
    assert play("success", "").reason == "its log has no table of operators"


def test_a_hang(play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed with the process it started, and half a file does not stay."""
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.5)
    done = play("hang", seconds=1)
    assert done.reason == "no end after 1 s and 0.5 s of grace; killed"
    assert not list(tmp_path.glob("*_edgetpu*"))
    assert is_gone(int((tmp_path / "child").read_text()))


def is_gone(process: int) -> bool:
    """Wait until a process is dead; a zombie is."""
    for _ in range(50):
        status = Path(f"/proc/{process}/stat")
        if not status.exists() or status.read_text().rsplit(") ")[-1][0] == "Z":
            return True
        time.sleep(0.1)
    return False


@pytest.mark.usefixtures("play")
def test_an_interrupt(tmp_path: Path) -> None:
    """Ctrl-C ends the compiler too; nothing of it stays."""
    code = (
        "from pathlib import Path; "
        "from fer_converter.edgetpu.compiler import compile_model; "
        f"compile_model(Path({str(tmp_path / 'edgetpu_compiler')!r}), "
        f"Path({str(tmp_path / 'model_int8.tflite')!r}), Path({str(tmp_path)!r}), 60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", f"import signal; "
         f"signal.signal(2, signal.default_int_handler); {code}"],
        env={**os.environ, "PLAY": "hang", "ROWS": ""},
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        child = tmp_path / "child"
        while not child.exists() or not child.read_text():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    assert is_gone(int(child.read_text()))
    assert not list(tmp_path.glob("*_edgetpu*"))


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        ("#!/bin/sh\n", 0o644, "Permission denied"),
        ("\x7fELF of another processor", 0o755, "Exec format error"),
    ],
)
def test_a_compiler_that_does_not_start(
    tmp_path: Path, content: str, mode: int, reason: str
) -> None:
    """Named with the reason."""
    compiler = tmp_path / "edgetpu_compiler"
    compiler.write_text(content)
    compiler.chmod(mode)
    done = compile_model(compiler, tmp_path / "model.tflite", tmp_path, 180)
    assert (done.succeeded, done.reason) == (False, f"{compiler}: {reason}")


def test_a_table_in_any_order() -> None:
    """Rows that are alike are added; what surrounds the table is not of it."""
    log = (
        "Input size: 5.11MiB\n\nOperator  Count  Status\n\n"
        f"MUL  2  {MAPPED}\nADD  1  {MAPPED}\nMUL  3  {MAPPED}\n"
        f"MUL  1  {MORE_THAN_ONE_SUBGRAPH}\n"
        "Compilation child process completed within timeout period.\n"
        "ADD 9 of something else\n"
    )
    assert parse_table(log) == (
        Row("ADD", 1, MAPPED),
        Row("MUL", 1, MORE_THAN_ONE_SUBGRAPH),
        Row("MUL", 5, MAPPED),
    )
    assert parse_figures(log) == {"input_bytes": round(5.11 * 2**20)}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ADD", "MUL", "CONV_2D"]),
            st.integers(1, 99),
            st.sampled_from([MAPPED, NOT_SUPPORTED, MORE_THAN_ONE_SUBGRAPH]),
        )
    )
)
def test_no_operator_is_lost_from_a_table(rows: list[tuple[str, int, str]]) -> None:
    """However its rows are split: the counts are what they were."""
    lines = [f"{name:20} {count:5} {status}" for name, count, status in rows]
    table = parse_table("\n".join(["Operator  Count  Status", "", *lines]))
    assert sum(row.count for row in table) == sum(count for _, count, _ in rows)
    assert len({(row.operator, row.status) for row in table}) == len(table)


def test_prediction_and_log_that_agree() -> None:
    """However the rows are split, and whatever the reason of the rest."""
    predicted = [Row("MUL", 3, MAPPED), Row("ADD", 2, NOT_SUPPORTED)]
    seen = [
        Row("MUL", 1, MAPPED),
        Row("MUL", 2, MAPPED),
        Row("ADD", 2, MORE_THAN_ONE_SUBGRAPH),
    ]
    assert disagreements(predicted, seen) == []


def test_prediction_and_log_that_disagree() -> None:
    """A line for each operator, with both counts."""
    predicted = [Row("LEAKY_RELU", 3, NOT_SUPPORTED), Row("ADD", 2, MAPPED)]
    seen = [Row("LEAKY_RELU", 3, MAPPED), Row("SUB", 1, MAPPED)]
    assert disagreements(predicted, seen) == [
        "ADD: predicted 2 of 2 mapped, compiler mapped 0 of 0",
        "LEAKY_RELU: predicted 0 of 3 mapped, compiler mapped 3 of 3",
        "SUB: predicted 0 of 0 mapped, compiler mapped 1 of 1",
    ]
