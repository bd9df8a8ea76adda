"""Make the kernel refuse what this process asks for: system calls, and root's privileges.

A seccomp filter (Linux, no privileges needed) makes chosen system calls of this process return an
error, for as long as it lives. See seccomp(2) and the kernel's "Seccomp BPF" page for the program.
Standard output and error stay writable, so that the process can say what it saw.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

_NUMBERS = {
    "x86_64": {
        "write": (1, 18, 20),  # write, pwrite64, writev
        "sync": (74, 75),  # fsync, fdatasync
        "truncate": (77,),
        "rename": (82, 264, 316),  # rename, renameat, renameat2
        "chmod": (90, 91, 268),  # chmod, fchmod, fchmodat
        "create": (257, 83, 258),  # openat, mkdir, mkdirat
    },
    "aarch64": {
        "write": (64, 68, 66),
        "sync": (82, 83),
        "truncate": (46,),
        "rename": (38, 276),
        "chmod": (52, 53),
        "create": (56, 34),
    },
}
_OPENAT = {"x86_64": 257, "aarch64": 56}
_BY_DESCRIPTOR = frozenset({"write", "sync", "truncate"})
"""Calls with a descriptor as first argument stay allowed on standard output and error."""

_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER_AT, _FIRST_ARGUMENT_AT, _THIRD_ARGUMENT_AT = 0, 16, 32  # in struct seccomp_data
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_CAPABILITY_VERSION_3, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 0x20080522, 1, 2
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2


def can_refuse() -> bool:
    """Return whether this machine supports it."""
    return sys.platform == "linux" and platform.machine() in _NUMBERS


def refuse(kind: str, error: int) -> None:
    """Make every further call of this kind fail with this errno, in this process.

    Raises:
        OSError: the kernel does not let us.
    """
    code = [_step(_LOAD, _NUMBER_AT)]
    for number in _NUMBERS[platform.machine()][kind]:
        if kind in _BY_DESCRIPTOR:
            test = [_step(_LOAD, _FIRST_ARGUMENT_AT), _step(_GREATER, 2, 0, 1)]
        elif number == _OPENAT[platform.machine()]:
            test = [_step(_LOAD, _THIRD_ARGUMENT_AT), _step(_ANY_BIT, os.O_CREAT, 0, 1)]
        else:
            test = []
        steps = [*test, _step(_RETURN, _ERRNO | error), _step(_LOAD, _NUMBER_AT)]
        code += [_step(_EQUAL, number, 0, len(steps)), *steps]
    code += [_step(_RETURN, _ALLOW)]
    program = b"".join(code)

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))

    libc = ctypes.CDLL(None, use_errno=True)
    filter_ = Program(len(code), program)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(filter_), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the kernel takes no filter")


def obey_permissions() -> None:
    """Give up root's privilege to ignore the permissions of files, for good; see capabilities(7).

    Raises:
        OSError: the kernel does not let us.
    """
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable: 32 each, then 32 more
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "the kernel does not say what this process may do")
    for number in range(3):
        sets[number] &= ~(1 << _CAP_DAC_OVERRIDE | 1 << _CAP_DAC_READ_SEARCH)
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "the kernel keeps this process as it is")


def _step(code: int, value: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, jump_true, jump_false, value)
