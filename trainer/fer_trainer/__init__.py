"""The trainer: labelled faces in, a run directory with a Keras model out."""
