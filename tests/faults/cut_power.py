"""Cuts the power of a mounted ext4: from now on it takes nothing, and what its journal has not written is lost."""

import fcntl
import os
import struct
import sys

EXT4_IOC_SHUTDOWN = 0x8004587D
GOING_FLAGS_NOLOGFLUSH = 2

mount = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(mount, EXT4_IOC_SHUTDOWN, struct.pack("I", GOING_FLAGS_NOLOGFLUSH))
