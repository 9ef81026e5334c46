"""The converter: a run directory in, a bundle that the device can trust out."""
