"""Whether this device can do its work, and if not, which command mends it.

::

    commands ─► case: configuration, unit, world ─► each check ─► finding ─► a line
                                 │ apart: a process with a deadline, and the rights
                                 └─► of the service's user, for all that may hang,
                                     crash, or be forbidden to that user

By subject: ``software``, ``eyes`` (camera, detector, model), ``coral``, ``telling``
(broker, HTTP, hooks), ``keeping`` (outbox, disk), ``machine`` and ``service``.
"""
