"""One training on several devices and hosts.

``hosts`` says who takes part, ``rendezvous`` has them meet, ``channel`` is how they
speak. ``distribution`` is what a training sees of it: ``mirrored`` on TensorFlow,
``data_parallel`` on JAX.
"""
