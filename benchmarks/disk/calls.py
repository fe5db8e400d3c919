"""Makes SQLite's own writes fail: its table of system calls has a door for exactly this (`xSetSystemCall`).

The library is the one that Python runs on, its code untouched; it meets the error number that a disk would give.
"""

from __future__ import annotations

import _sqlite3
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_WRITE = ctypes.CFUNCTYPE(
    ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64, use_errno=True
)
_SET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_BEFORE_SET = 19
"""Fields between the first three numbers of `sqlite3_vfs` (version 3) and xSetSystemCall."""


class _Vfs(ctypes.Structure):
    _fields_ = [
        ("version", ctypes.c_int), ("size", ctypes.c_int), ("longest", ctypes.c_int),
        ("others", ctypes.c_void_p * (_BEFORE_SET - 3)), ("set_call", _SET),
    ]  # fmt: skip


class Disk:
    """Counts writes; from the one numbered `at` (from 1) they fail with `error`: all until `mended`, or that one."""

    def __init__(self, error: int = 0, at: int = 0, *, once: bool = False) -> None:
        self.error, self.at, self.once = error, at, once
        self.count = self.failed = 0

    def mended(self) -> None:
        """There is space again."""
        self.at = 0

    def fails(self) -> bool:
        """Whether the write that is due now fails."""
        self.count += 1
        failing = bool(self.at) and (self.count == self.at if self.once else self.count >= self.at)
        self.failed += failing
        return failing


@contextmanager
def writing_on(disk: Disk) -> Iterator[None]:
    """Every write of every SQLite file of this process goes to `disk`."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.c_void_p
    address = library.sqlite3_vfs_find(None)
    vfs = _Vfs.from_address(address)
    write: Any = ctypes.CDLL(None, use_errno=True).pwrite64
    write.restype, write.argtypes = ctypes.c_ssize_t, _WRITE._argtypes_  # type: ignore[attr-defined]

    def call(file: int, data: int, size: int, offset: int) -> int:
        if disk.fails():
            ctypes.set_errno(disk.error)
            return -1
        return int(write(file, data, size, offset))

    replacement = _WRITE(call)
    if vfs.set_call(address, b"pwrite64", ctypes.cast(replacement, ctypes.c_void_p)):
        raise RuntimeError("this SQLite does not write by pwrite64")
    try:
        yield
    finally:
        vfs.set_call(address, b"pwrite64", None)
