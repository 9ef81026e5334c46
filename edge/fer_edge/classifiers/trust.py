"""Whether an Edge TPU may be asked: its file, its model, and what it answers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer_contract.errors import RefusedError
from fer_contract.golden import TOLERANCE_ELSEWHERE, Golden
from fer_contract.manifest import BundleManifest
from fer_contract.preprocess import Pixels
from fer_contract.tflite import EDGETPU_MARK
from fer_edge.classifiers.cpu import CpuClassifier
from fer_edge.classifiers.edgetpu_child import facts_of
from fer_edge.classifiers.process import EdgeTpuProcess, Outputs, ProcessError


def compiled_model(bundle: Path, manifest: BundleManifest) -> tuple[Path | None, str]:
    """Find the model of a bundle that was compiled for the Edge TPU.

    Args:
        bundle: directory that ``fer-convert`` made.
        manifest: its manifest, whose digests were confirmed.

    Returns:
        Its path, or None and what is lacking.
    """
    name = manifest.EDGETPU
    path = bundle / name
    # A file that the manifest does not list was put there by nobody knows whom.
    if name not in manifest.files:
        return None, f"{bundle}: the manifest lists no {name}"
    if EDGETPU_MARK not in path.read_bytes():
        # A plain model would run, on the processor, without a word.
        return None, f"{path}: holds no {EDGETPU_MARK.decode()}, so it is not compiled"
    return path, ""


def examine(process: EdgeTpuProcess, cpu: CpuClassifier, until: float) -> None:
    """Check that a process has the processor's model, and have it do the self-test.

    Args:
        process: just started.
        cpu: the same model on the processor.
        until: seconds of ``time.monotonic`` at which to give up.

    Raises:
        ProcessError: it refused, has another model, or gave no answer.
        RefusedError: its answers differ from the golden vectors.
        TimeoutError, EOFError: it was too slow, or ended.
    """
    # Google's compiled files have the very shapes and quantization of their models.
    facts, wanted = process.facts(until), facts_of(cpu.model)
    if facts != wanted:
        raise ProcessError(
            f"its model has {facts}; that of the processor has {wanted}",
            hopeless=True,
        )
    where = str(cpu.bundle / BundleManifest.GOLDEN)
    answers: list[Outputs] = []

    def classify(face: Pixels) -> Outputs:
        answers.append(process.quantized(face, cpu.model.classes, until))
        return answers[-1]

    cpu.golden.check(cpu.input, classify, "the Edge TPU", where)
    check_first_labels(cpu.golden, answers, where)


def check_first_labels(golden: Golden, answers: Sequence[Outputs], where: str) -> None:
    """Check that what is best for the Edge TPU is best in the golden outputs too.

    Golden labels nearer to each other than the tolerance count as equals.

    Args:
        golden: N vectors.
        answers: N times uint8 (C,), what the Edge TPU gave for them.
        where: file, for the message.

    Raises:
        RefusedError: for one face another label is best.
    """
    for index, seen in enumerate(answers):
        best = int(np.argmax(seen))
        expected = golden.outputs[index], golden.plain[index]
        behind = min(int(each.max()) - int(each[best]) for each in expected)
        if behind > TOLERANCE_ELSEWHERE:
            raise RefusedError(
                f"{where}: for face {index} the Edge TPU's best label is {best}, "
                f"{behind} steps behind the golden one; "
                f"{TOLERANCE_ELSEWHERE} are allowed"
            )
