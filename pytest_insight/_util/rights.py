"""Owner, group, mode and access control list of files, and which symbolic links may be followed.

Whoever may write a folder may replace each file in it, whatever the rights on the file, and the new
file has other rights. So the rights of a file are kept when it is replaced, or it is not replaced.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

ACL = "system.posix_acl_access"
"""The extended attribute of an access control list (Linux, acl(5))."""
MAX_LINKS = 40
"""Links that are followed one after the other, as the Linux kernel does."""

_NO_ACL = (getattr(errno, "ENODATA", None), errno.EOPNOTSUPP, errno.ENOSYS)


class Rights(NamedTuple):
    """Who may do what with a file.

    Attributes:
        acl: the access control list as the kernel has it; None if it has no list.
    """

    owner: int
    group: int
    mode: int
    acl: bytes | None


def rights_of(file: Path | int) -> Rights | None:
    """Return the rights of a file or descriptor; None if there is no file, or on Windows."""
    if os.name != "posix":
        return None
    try:
        found = os.stat(file)  # noqa: PTH116 - also of a descriptor
    except FileNotFoundError:
        return None
    return Rights(found.st_uid, found.st_gid, found.st_mode & 0o777, _acl_of(file))


def set_rights(descriptor: int, rights: Rights) -> None:
    """Give an open file the rights of another one.

    The group may differ if it has no rights.

    Raises:
        PermissionError: we may not give it that owner or group.
        OSError: the file system has no such rights.
    """
    problem = _set_owner(descriptor, rights) or _set_group(descriptor, rights)
    if problem is not None:
        raise PermissionError(errno.EPERM, problem)
    _set_mode(descriptor, rights)


def set_most_rights(descriptor: int, rights: Rights) -> None:
    """Give an open file the rights of another one; keep its owner and group if we cannot."""
    _set_owner(descriptor, rights)
    _set_group(descriptor, rights)
    _set_mode(descriptor, rights)


def _set_owner(descriptor: int, rights: Rights) -> str | None:
    """Return what is wrong if the owner cannot be set."""
    if os.fstat(descriptor).st_uid != rights.owner:
        try:
            os.fchown(descriptor, rights.owner, -1)
        except OSError:
            user = _user(rights.owner)
            return f"it belongs to the user {user}, and only that user or root may replace it"
    return None


def _set_group(descriptor: int, rights: Rights) -> str | None:
    """Return what is wrong if a group that has rights cannot be set."""
    if os.fstat(descriptor).st_gid != rights.group:
        try:
            os.fchown(descriptor, -1, rights.group)
        except OSError:
            if rights.mode & stat.S_IRWXG or rights.acl:
                group = _group(rights.group)
                return f"its group is {group}, and only a member of it or root may replace it"
    return None


def _set_mode(descriptor: int, rights: Rights) -> None:
    if rights.acl is None and _acl_of(descriptor) is not None:  # inherited from the folder
        os.removexattr(descriptor, ACL)
    os.fchmod(descriptor, rights.mode)
    if rights.acl is not None:
        os.setxattr(descriptor, ACL, rights.acl)


def adopt_owner(file: Path | int, like: Path) -> None:
    """If we are root, give a new file or folder to the owner and group of `like`.

    Otherwise a user whose folder it is in could never use it again.
    """
    if not is_root():
        return
    model = like.stat()
    if model.st_uid == 0:
        return
    if isinstance(file, Path):
        os.chown(file, model.st_uid, model.st_gid, follow_symlinks=False)
    elif os.fstat(file).st_nlink == 1:  # else a user has made a link to a file of another one
        os.fchown(file, model.st_uid, model.st_gid)


def is_root() -> bool:
    """Return whether this process has the rights of root."""
    return os.name == "posix" and os.geteuid() == 0


def resolve(path: Path) -> Path:
    """Return an absolute path with its symbolic links resolved, as `os.path.realpath` does.

    A link is followed only if its owner is we, root, or the owner of its folder: in a folder that
    others may write, a stranger's link leads to a file that the stranger may not write.

    Raises:
        PermissionError: a link is a stranger's.
        OSError: there are too many links, or a folder cannot be read.
    """
    if os.name != "posix":
        return Path(os.path.realpath(path))
    current, links = "/", 0
    names = str(path).split("/")[::-1]
    while names:
        name = names.pop()
        if name == "..":
            current = os.path.dirname(current)  # noqa: PTH120 - `current` has no links
        if name in ("", ".", ".."):
            continue
        here = f"{current.rstrip('/')}/{name}"
        if not os.path.islink(here):  # noqa: PTH114 - False if it is missing or unreadable
            current = here
            continue
        owner = os.lstat(here).st_uid
        if owner not in (os.geteuid(), 0, os.stat(current).st_uid):  # noqa: PTH116
            raise PermissionError(
                errno.EACCES,
                f"{here} is a symbolic link of the user {_user(owner)}, which is not followed",
            )
        links += 1
        if links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(here)  # noqa: PTH115
        if target.startswith("/"):
            current = "/"
        names += target.split("/")[::-1]
    return Path(current)


def _acl_of(file: Path | int) -> bytes | None:
    try:
        return os.getxattr(file, ACL)
    except AttributeError:  # only Linux has it
        return None
    except OSError as exc:
        if exc.errno in _NO_ACL:
            return None
        raise


def _user(number: int) -> str:
    import pwd  # only for messages

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    import grp  # only for messages

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
