"""What picamera2 wants of a Pi and a virtual camera lacks; sitecustomize.py there.

No pixel passes through here: the camera, its requests and its buffers are libcamera's,
everything about them is picamera2's.
"""

import fcntl
import os
import sys
import time
import types
from typing import Any

import libcamera

# Of a kernel's dma_heap: allocate a buffer, name it, synchronize it.
_ALLOCATE, _NAME, _SYNCHRONIZE = 0xC0184800, 0x40086201, 0x40086200

_ioctl = fcntl.ioctl
_generate_configuration = libcamera.Camera.generate_configuration
_queue_request = libcamera.Camera.queue_request
_FrameBuffer = libcamera.FrameBuffer

_FRAMES_PER_SECOND = 30


class Anything(types.ModuleType):
    """A module of screens, DNG files or processes that has every name."""

    def __getattr__(self, name: str) -> "Anything":
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name)


def ioctl(
    descriptor: Any, request: int, argument: Any = 0, mutate_flag: bool = True
) -> Any:
    """Take buffers from memory: there is no dma_heap."""
    request &= 0xFFFFFFFF  # some are written as negative numbers
    if request == _ALLOCATE:
        argument.fd = os.memfd_create("frame")
        os.ftruncate(argument.fd, argument.len)
        return 0
    if request in (_NAME, _SYNCHRONIZE):
        return 0
    return _ioctl(descriptor, request, argument, mutate_flag)


def generate_configuration(camera: Any, roles: list[Any]) -> Any:
    """Show the picture's formats for the raw ones, which picamera2 only looks at."""
    raw = libcamera.StreamRole.Raw
    if raw in roles:
        roles = [libcamera.StreamRole.Viewfinder]
    return _generate_configuration(camera, roles)


def queue_request(camera: Any, request: Any) -> Any:
    """Take a camera's time: the virtual one is done as soon as it is asked."""
    time.sleep(1 / _FRAMES_PER_SECOND)
    return _queue_request(camera, request)


def status(_metadata: Any) -> Any:
    """Say that all went well: the virtual camera of 0.4.0 leaves memory as it was."""
    return libcamera.FrameMetadata.Status.Success


class FrameBuffer:
    """A buffer of NV12 as the virtual camera wants it: two planes, not one."""

    Plane = _FrameBuffer.Plane

    def __new__(cls, planes: list[Any]) -> Any:
        (brightness,) = planes
        colours = cls.Plane()
        colours.fd = brightness.fd
        colours.offset = brightness.length * 2 // 3
        colours.length = brightness.length // 3
        brightness.length = colours.offset
        return _FrameBuffer([brightness, colours])


fcntl.ioctl = ioctl
libcamera.Camera.generate_configuration = generate_configuration
libcamera.Camera.queue_request = queue_request
libcamera.FrameMetadata.status = property(status)
libcamera.FrameBuffer = FrameBuffer
for _name in ("pykms", "prctl", "pidng", "pidng.camdefs", "pidng.core"):
    sys.modules[_name] = Anything(_name)
