#!/usr/bin/python3
"""hello.c's tree in Python: hello.py DIR

The same paths, the same text, direct_io, nothing remembered by the kernel. Needs Debian's
python3-pyfuse3, and so Debian's python3. Ends when it is unmounted.
"""

import errno
import os
import stat
import sys

import pyfuse3
import trio

TEXT = b"1\n"
PATHS = (
    "sys/kernel/livepatch/livepatch_sample/enabled",
    "sys/kernel/livepatch/livepatch_sample/vmlinux/patched",
    "sys/module/livepatch_callbacks_demo/parameters/pre_patch_ret",
    "proc/cmdline",
)


def tree():
    """What a directory holds, by its inode number; a file holds nothing."""
    directories = {pyfuse3.ROOT_INODE: {}}
    last = pyfuse3.ROOT_INODE
    for path in PATHS:
        directory = directories[pyfuse3.ROOT_INODE]
        *parents, name = path.encode().split(b"/")
        for parent in parents:
            if parent not in directory:
                last += 1
                directory[parent] = last
                directories[last] = {}
            directory = directories[directory[parent]]
        last += 1
        directory[name] = last
    return directories


class Hello(pyfuse3.Operations):
    def __init__(self):
        super().__init__()
        self.directories = tree()

    async def getattr(self, inode, ctx=None):
        entry = pyfuse3.EntryAttributes()
        directory = inode in self.directories
        entry.st_ino = inode
        entry.st_mode = stat.S_IFDIR | 0o755 if directory else stat.S_IFREG | 0o644
        entry.st_size = 0 if directory else 4096
        entry.entry_timeout = 0
        entry.attr_timeout = 0
        return entry

    async def setattr(self, inode, attr, fields, fh, ctx):
        return await self.getattr(inode)

    async def lookup(self, parent_inode, name, ctx=None):
        inode = self.directories.get(parent_inode, {}).get(name)
        if inode is None:
            raise pyfuse3.FUSEError(errno.ENOENT)
        return await self.getattr(inode)

    async def opendir(self, inode, ctx):
        return inode

    async def readdir(self, fh, start_id, token):
        names = list(self.directories[fh].items())
        for index, (name, inode) in enumerate(names[start_id:], start_id + 1):
            if not pyfuse3.readdir_reply(token, name, await self.getattr(inode), index):
                break

    async def open(self, inode, flags, ctx):
        return pyfuse3.FileInfo(fh=inode, direct_io=True)

    async def read(self, fh, offset, size):
        return TEXT[offset : offset + size]

    async def write(self, fh, offset, data):
        return len(data)


def main():
    options = set(pyfuse3.default_options) | {"fsname=hello.py"}
    options.discard("default_permissions")
    pyfuse3.init(Hello(), sys.argv[1], options)
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close(unmount=os.path.ismount(sys.argv[1]))


if __name__ == "__main__":
    main()
