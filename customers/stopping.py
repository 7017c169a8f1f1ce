"""How an instance stops without cutting anybody off: whoever has got through to it gets an answer.

To its client a connection is there as soon as the kernel has answered, long before a worker accepts it; a proxy has
sent its request by then, and a write must not be sent again elsewhere. gunicorn leaves such connections waiting while
it finishes what it began, and resets them at its end. Here the kernel first overlooks new ones, then the workers accept
those that wait, and then the socket is closed: from there on a proxy is refused at once, and asks another instance.
"""

import ctypes
import socket
import struct
import sys
import time
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

# Seconds for a connection that is being made, which takes as many round trips as it has packets: three.
HANDSHAKE = 0.05

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
# In the instructions of linux/filter.h, on a packet from its TCP header on: drop it if of the flags SYN and ACK it has
# SYN alone, which is how a connection begins; take any other.
_OVERLOOK_NEW = b"".join(
    struct.pack("=HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # load the byte with the flags
        (0x54, 0, 0, 0x12),  # and SYN | ACK
        (0x15, 0, 1, 0x02),  # skip one unless SYN
        (0x06, 0, 0, 0),  # drop
        (0x06, 0, 0, 0xFFFFFFFF),  # take
    )
)


def stop_gently(server: Arbiter) -> None:
    """Have gunicorn's master overlook new connections before it stops its workers.

    A client whose first packet is overlooked sends another one after a second, which is refused. Where the kernel is
    not Linux there is no such filter, and a moment in which somebody can be cut off remains.
    """
    stop = server.stop

    def overlook_and_stop(*args: Any, **kwargs: Any) -> None:
        # Not where the sockets are somebody else's, too: of a master that takes over (USR2), or of systemd.
        alone = server.reexec_pid == server.master_pid == 0 and not server.systemd
        if server.LISTENERS and alone and sys.platform == "linux":
            for listener in server.LISTENERS:
                _overlook_new(listener)
            time.sleep(HANDSHAKE)
        stop(*args, **kwargs)

    server.stop = overlook_and_stop


def _overlook_new(listener: Any) -> None:
    program = ctypes.create_string_buffer(_OVERLOOK_NEW)
    count = len(_OVERLOOK_NEW) // 8
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HL", count, ctypes.addressof(program)))


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """gunicorn's worker with threads, which at its end accepts whoever waits, and does not keep others waiting."""

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections, or do not; for a worker that is to end, that is the last word."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                self._accept_waiting(listener)
                # Where others go on with the socket, it stays open; the last to close it turns clients away.
                listener.close()

    def _accept_waiting(self, listener: Any) -> None:
        listener.setblocking(False)
        accepted = -1
        while accepted != self.nr_conns:
            accepted = self.nr_conns
            self.accept(listener)
