"""A party that gets a signal at a chosen point of a run: it sends the signal to itself, so no clock decides."""

from __future__ import annotations

import os
from signal import SIG_IGN
from signal import signal as handle

from mpc import mesh
from mpc.messages import Message
from psi.transport.wire import Frame


def at_frame(kind: str, number: str, signal: str) -> None:
    """In this process: the signal comes before the frame with that number, from 1, of that kind is sent."""
    left, send = int(number), mesh.Mesh.send

    def sending(links: mesh.Mesh, peer: str, frame: Frame) -> None:
        nonlocal left
        if frame.type == Message[kind]:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), int(signal))
        send(links, peer, frame)

    mesh.Mesh.send = sending  # type: ignore[method-assign]


def ignored_at_frame(kind: str, number: str, signal: str) -> None:
    """As `at_frame`, in a process that was started to ignore the signal."""
    handle(int(signal), SIG_IGN)
    at_frame(kind, number, signal)
