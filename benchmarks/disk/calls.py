"""Makes SQLite's own writes and syncs fail, by the doors that its file layer (`sqlite3_vfs`) has for exactly this.

The library is the one that Python runs on, its code untouched. A write meets the error number that a disk would give
(`xSetSystemCall`); a sync fails as SQLite reports a failed fsync, in the methods that an opened file is given.
"""

from __future__ import annotations

import _sqlite3
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FSYNC_FAILED = 1034
"""SQLITE_IOERR_FSYNC."""

_WRITE = ctypes.CFUNCTYPE(
    ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64, use_errno=True
)
_SET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
"""The file's name as a pointer: SQLite keeps it."""


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs` of version 3."""

    _fields_ = [
        ("version", ctypes.c_int), ("size", ctypes.c_int), ("longest", ctypes.c_int), ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p), ("data", ctypes.c_void_p), ("open", ctypes.c_void_p),
        ("others", ctypes.c_void_p * 12), ("set_call", _SET),
    ]  # fmt: skip


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods` of version 3."""

    _fields_ = [
        ("version", ctypes.c_int), ("close_to_truncate", ctypes.c_void_p * 4), ("sync", ctypes.c_void_p),
        ("others", ctypes.c_void_p * 13),
    ]  # fmt: skip


class Disk:
    """Counts writes and syncs; from the one numbered `at` (from 1) those of a kind fail with `error`: all until
    `mended`, or that one. `repeated` counts syncs of a journal's log that had failed before."""

    def __init__(self, error: int = 0, at: int = 0, *, once: bool = False, syncs: bool = False) -> None:
        self.error, self.at, self.once, self.syncs = error, at, once, syncs
        self.counts = {False: 0, True: 0}
        self.failed = self.repeated = 0
        self._spoilt, self._logs = set[int](), set[int]()

    def mended(self) -> None:
        """There is space again."""
        self.at = 0

    def fails(self, *, sync: bool = False) -> bool:
        """Whether the write or sync that is due now fails."""
        self.counts[sync] += 1
        if sync is not self.syncs or not self.at:
            return False
        count = self.counts[sync]
        failing = count == self.at if self.once else count >= self.at
        self.failed += failing
        return failing

    def opened(self, file: int, name: str) -> None:
        """A file, maybe where one was that is closed."""
        self._spoilt.discard(file)
        self._logs.discard(file)
        if name.endswith("journal.sqlite-wal"):
            self._logs.add(file)

    def sync_fails(self, file: int) -> bool:
        """Whether the sync of `file` that is due now fails."""
        self.repeated += file in self._spoilt
        failing = self.fails(sync=True)
        if failing and file in self._logs:
            self._spoilt.add(file)
        return failing


@contextmanager
def writing_on(disk: Disk) -> Iterator[None]:
    """Every write and sync of every SQLite file that this process opens goes to `disk`."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.c_void_p
    address = library.sqlite3_vfs_find(None)
    vfs = _Vfs.from_address(address)
    write, open_ = _write(disk), _open(disk, _OPEN(vfs.open))
    if vfs.set_call(address, b"pwrite64", ctypes.cast(write, ctypes.c_void_p)):
        raise RuntimeError("this SQLite does not write by pwrite64")
    before, vfs.open = vfs.open, ctypes.cast(open_, ctypes.c_void_p).value
    try:
        yield
    finally:
        vfs.set_call(address, b"pwrite64", None)
        vfs.open = before


def _write(disk: Disk) -> Any:
    write: Any = ctypes.CDLL(None, use_errno=True).pwrite64
    write.restype, write.argtypes = ctypes.c_ssize_t, _WRITE._argtypes_  # type: ignore[attr-defined]

    def call(file: int, data: int, size: int, offset: int) -> int:
        if disk.fails():
            ctypes.set_errno(disk.error)
            return -1
        return int(write(file, data, size, offset))

    return _WRITE(call)


_KEPT: list[Any] = []
"""Methods of files that may be open still when their disk is gone: they must outlive them."""


def _open(disk: Disk, open_: Any) -> Any:
    known: dict[int, _Methods] = {}

    def with_sync(address: int) -> _Methods:
        methods = _Methods()
        ctypes.memmove(ctypes.byref(methods), address, ctypes.sizeof(_Methods))
        sync = _SYNC(methods.sync)

        def call(file: int, flags: int) -> int:
            return FSYNC_FAILED if disk.sync_fails(file) else int(sync(file, flags))

        callback = _SYNC(call)
        methods.sync = ctypes.cast(callback, ctypes.c_void_p).value
        _KEPT.append((callback, methods))
        return methods

    def call(vfs: int, name: int, file: int, flags: int, out: int) -> int:
        result = int(open_(vfs, name, file, flags, out))
        methods = ctypes.c_void_p.from_address(file)
        if result == 0 and methods.value:
            disk.opened(file, ctypes.string_at(name).decode() if name else "")
            if methods.value not in known:
                known[methods.value] = with_sync(methods.value)
            methods.value = ctypes.addressof(known[methods.value])
        return result

    return _OPEN(call)
