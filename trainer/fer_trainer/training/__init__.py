"""One training, from a plan and faces to a run directory that can be taken up again.

``train`` is where it begins: ``network`` is what learns, ``batches`` what it learns
from, ``epoch_end`` what happens between two epochs, ``checkpoint`` what is kept.
"""
