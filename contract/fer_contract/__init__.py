"""What trainer, converter and device agree on: labels, pixels, faces, manifests.

The three machines meet only through directories on disk. This package is the one
definition of what lies in them, and imports none of the other packages.
"""

__version__ = "0.1.0"
