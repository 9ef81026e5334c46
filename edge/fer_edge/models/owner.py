"""Whose the store is: root's commands act as the user that the service runs as."""

import contextlib
import os
import pwd
import sys
from collections.abc import Iterator
from pathlib import Path

from fer_contract.errors import FerError


@contextlib.contextmanager
def acting_for(folder: Path) -> Iterator[None]:
    """Act as the owner of a folder, where root gives the command and it is another's.

    systemd gives the state directory to the service's user, who is to be able to change
    what is put there. And with that user's rights nothing that it may have prepared
    there, a symbolic link say, leads a command of root's astray.

    Args:
        folder: that may not be there yet; it is root's then, and systemd hands it on.

    Raises:
        FerError: that user may not run this program, nor could the service.
    """
    try:
        owner = folder.stat()
    except FileNotFoundError:
        yield
        return
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        # Nor could the service be started with it.
        if not os.access(sys.executable, os.X_OK, effective_ids=True):
            raise FerError(
                f"{sys.executable}: may not be run by {_name(owner.st_uid)}, whom "
                f"{folder} belongs to; install fer-edge where everyone may read it"
            )
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
