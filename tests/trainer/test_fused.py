"""Batch norm in one kernel: Keras' own figures, on PyTorch."""

import importlib.util
import json
import os
import subprocess
import sys
import textwrap

import pytest

_PROGRAM = """
    import json, sys
    import keras, numpy as np, torch
    from fer_trainer.training.fused import FusedBatchNormalization, fuse

    def network():
        inputs = keras.Input((4, 4, 3))
        norm = keras.layers.BatchNormalization(momentum=0.8)
        return keras.Model(inputs, norm(inputs)), norm

    rng = np.random.default_rng(0)
    faces = rng.normal(3, 2, (6, 4, 4, 3)).astype("float32")
    weigh = rng.normal(0, 1, faces.shape).astype("float32")
    start = [rng.uniform(0.5, 2, 3).astype("float32") for _ in range(4)]
    figures = []
    for fused in (False, True):
        model, norm = network()
        norm.set_weights(start)
        if fused:
            fuse(model)
            assert type(norm) is FusedBatchNormalization
        x = torch.tensor(faces, requires_grad=True)
        out = model(x, training=True)
        (out * torch.tensor(weigh)).sum().backward()
        found = [out, x.grad, norm.gamma.value.grad, norm.beta.value.grad]
        found += norm.get_weights()
        found.append(model(torch.tensor(faces), training=False))
        norm.trainable = False
        found.append(model(torch.tensor(faces), training=True))
        figures.append([keras.ops.convert_to_numpy(part) for part in found])
    print(json.dumps([float(np.abs(a - b).max()) for a, b in zip(*figures)]))
"""


def test_it_is_keras_own_to_the_rounding() -> None:
    """Outputs, gradients, statistics; in training, after it, and where it is frozen."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed: pip install torch")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_PROGRAM)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"KERAS_BACKEND": "torch"},
    )
    assert done.returncode == 0, done.stderr
    differences = json.loads(done.stdout)
    assert len(differences) == 10
    assert max(differences) < 1e-4
