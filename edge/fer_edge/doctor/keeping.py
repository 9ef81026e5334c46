"""What is kept: the state folder, the outbox in it, and room on its disk."""

import contextlib
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from fer_edge.doctor.asking import closed_folder, is_there
from fer_edge.doctor.checks import (
    Case,
    Check,
    Finding,
    forbidden,
    note,
    ok,
    shut_out,
    skipped,
    wrong,
)
from fer_edge.outbox import OutboxSettings

_MEGABYTE = 1_000_000
_LEAST_SPARE = 50 * _MEGABYTE
"""Beside the outbox: for a model that is installed, and for the journal."""
_SQLITE_SECONDS = 5.0


def _outbox(case: Case) -> Finding:
    assert case.config is not None
    settings = case.config.outbox
    if not case.config.mqtt.host:
        return skipped("mqtt.host is empty: nothing is kept")
    if not settings.durable:
        return ok("in memory, as outbox.durable says; a restart loses what waits")
    path = settings.file
    user = case.unit.user or "$USER"
    folder = path.parent
    may = os.access(folder, os.W_OK | os.X_OK)
    if not may and folder == case.unit.state_folder and not case.unit.runs:
        return ok(f"{folder}: systemd hands it to the service at its start")
    if shut := shut_out(case, path):
        return shut
    if not folder.exists():
        return note(
            f"{folder} is not there yet; the daemon makes it, if it may",
            f"sudo install -d -o {user} {folder}",
        )
    if not may:
        return forbidden(
            case, f"{folder}: may not be written", f"sudo chown {user} {folder}"
        )
    if not path.exists():
        return ok(f"{path}: begun with the first event")
    if not os.access(path, os.R_OK | os.W_OK):
        return forbidden(
            case, f"{path}: may not be written", f"sudo chown {user} {path}*"
        )
    return _waiting(path, settings)


def _waiting(path: Path, settings: OutboxSettings) -> Finding:
    """Count what waits, without a change to the file."""
    try:
        with contextlib.closing(
            sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_SQLITE_SECONDS
            )
        ) as connection:
            (count,) = connection.execute("SELECT count(*) FROM event").fetchone()
    except sqlite3.OperationalError as failure:
        return note(f"{path}: cannot be looked into now ({failure})")
    except sqlite3.DatabaseError as failure:
        return note(
            f"{path}: damaged ({failure}); the daemon puts it aside and begins anew"
        )
    says = f"{path}: {count:,} events wait"
    if count >= settings.max_events:
        return note(f"{says}, as many as may; the oldest are dropped", "see broker")
    return ok(says)


def _disk(case: Case) -> Finding:
    settings = case.config.outbox if case.config else OutboxSettings()
    path = settings.file
    folder = closed_folder(path) or path.parent
    while not is_there(folder):
        folder = folder.parent
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    says = f"{free / 1e9:.1f} GB free for {folder}"
    if status.f_flag & os.ST_RDONLY:
        return wrong(
            f"{folder}: mounted read-only; a worn SD card may do that by itself",
            f"sudo mount -o remount,rw $(findmnt -no TARGET -T {folder}); sudo dmesg",
        )
    if status.f_files and not status.f_favail:
        return wrong(f"{folder}: no inodes are left", "df -i; remove small files")
    needed = settings.max_megabytes * _MEGABYTE if settings.durable else 0.0
    if free < _LEAST_SPARE:
        return wrong(says, "sudo journalctl --vacuum-size=50M; sudo apt clean")
    if free < needed + _LEAST_SPARE:
        return note(
            f"{says}; a full outbox takes {settings.max_megabytes:g} MB",
            "sudo journalctl --vacuum-size=50M; or lower outbox.max_megabytes",
        )
    return ok(says)


OUTBOX = Check(
    "outbox", "can be written; what waits", _outbox, needs_config=True, apart=True
)
DISK = Check("disk", "room, inodes, writable", _disk, apart=True)
