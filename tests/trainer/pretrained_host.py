"""Begin with pretrained weights on a processor that acts as two; a program.

Usage: pretrained_host.py WEIGHTS FACES.npy OUT.npy; OUT gets all weights in a row.
"""

import sys

import numpy as np
import tensorflow as tf

from fer_contract.preprocess import InputSpec


def main() -> None:
    """Load them as ``fer-train run`` does, where the network lies on both devices."""
    weights, faces, out = sys.argv[1:]
    processor = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(processor, parts)
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        from fer_trainer.presets.mobilenet_faces import build, load

        network = build(InputSpec(), 4)
        load(network, weights, np.load(faces))
    np.save(out, np.concatenate([array.ravel() for array in network.get_weights()]))


if __name__ == "__main__":
    main()
