"""Plans, carried out on this machine or in the folder of another one's image."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from fer_contract.errors import RefusedError
from fer_edge.service.plan import Remove, Run, Step, Write

_SECONDS = 240.0
"""That a command may take. Starting the service waits for its first frame, for which
the unit gives it 180 s."""


def carry_out(steps: Sequence[Step], root: Path, say: Callable[[str], object]) -> None:
    """Do what a plan says; what is so already is left alone.

    Args:
        steps: in order.
        root: folder that stands for ``/``; where it is another, only those commands are
            run that take ``--root=``.
        say: told of each thing that was done.

    Raises:
        RefusedError: a command failed; the message has its last words.
        OSError: a file cannot be written.
    """
    for step in steps:
        match step:
            case Write():
                _write(step, root, say)
            case Remove():
                _remove(root / step.path.relative_to("/"), say)
            case Run():
                if root == Path("/"):
                    _run(step, say)
                elif step.rooted:
                    name, *others = step.arguments
                    _run(
                        replace(step, arguments=(name, f"--root={root}", *others)), say
                    )
                else:
                    say(f"not run in an image: {' '.join(step.arguments)}")


def _write(step: Write, root: Path, say: Callable[[str], object]) -> None:
    path = root / step.path.relative_to("/")
    if path.exists() and step.kept:
        opened = bool(step.group) and _open_to(path, _group_number(step.group, root))
        say(f"kept {path}" + (f", readable by {step.group} now" if opened else ""))
        return
    content = step.content.encode()
    if path.is_file() and _is_so(path, content, step.mode):
        say(f"unchanged {path}")
        return
    if not path.parent.exists():
        path.parent.mkdir(mode=step.folder_mode, parents=True)
        # Root's umask may be one that would shut out the service.
        path.parent.chmod(step.folder_mode)
    # Whole or not at all, whenever the power fails.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), step.mode)
            if step.group:
                os.fchown(stream.fileno(), -1, _group_number(step.group, root))
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    say(f"wrote {path}")


def _open_to(path: Path, group: int) -> bool:
    """Let a group read a file, if it cannot; tell whether that was needed.

    Whoever brings a file before the group is there cannot have done it.
    """
    found = path.stat()
    if found.st_mode & stat.S_IROTH:
        return False
    if found.st_gid == group and found.st_mode & stat.S_IRGRP:
        return False
    os.chown(path, -1, group)
    path.chmod(stat.S_IMODE(found.st_mode) & ~stat.S_IRWXG | stat.S_IRGRP)
    return True


def _is_so(path: Path, content: bytes, mode: int) -> bool:
    return path.read_bytes() == content and stat.S_IMODE(path.stat().st_mode) == mode


def _group_number(group: str, root: Path) -> int:
    """Return its number there, which in an image is another one than here."""
    for line in (root / "etc/group").read_text(encoding="utf-8").splitlines():
        name, _, number, *_ = line.split(":")
        if name == group:
            return int(number)
    raise RefusedError(f"{root / 'etc/group'}: no group {group}")


def _remove(path: Path, say: Callable[[str], object]) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
    else:
        return
    say(f"removed {path}")


def _run(step: Run, say: Callable[[str], object]) -> None:
    spelled = " ".join(step.arguments)
    try:
        done = subprocess.run(
            step.arguments,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        complaint = f"{spelled}: no such command"
    except subprocess.TimeoutExpired:
        complaint = f"{spelled}: not done within {_SECONDS:g} s"
    else:
        if done.returncode == 0:
            say(f"ran {spelled}")
            return
        words = (done.stderr or done.stdout).strip().splitlines()
        complaint = f"{spelled}: {words[-1] if words else f'exit {done.returncode}'}"
    if step.needed:
        raise RefusedError(complaint)
    say(f"passed over {complaint}")
