"""A USB camera, as its plug and wire see it: the other end of the kernel's dummy bus.

Needs the modules dummy_hcd and gadgetfs, so it is for a virtual machine, of one
processor. A process of its own, to be killed as a plug is pulled, and stopped as
firmware hangs. Arguments: the folder where gadgetfs is mounted, and either the word
yuyv, for a camera of small frames that are grey and get brighter, again and again, or a
folder with the JPEGs that it sees in turn, for one of large frames in Motion JPEG.

It speaks USB Video Class 1.0, by bulk transfers, which the dummy bus can.
"""

import errno
import itertools
import os
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

SMALL = (320, 240)
LARGE = (1280, 720)
_FRAMES_PER_SECOND = 10
_INTERVAL = 10_000_000 // _FRAMES_PER_SECOND  # in units of 100 ns

# Kinds of descriptors; the last is the class's own, for what belongs to an interface.
_DEVICE, _CONFIGURATION, _INTERFACE, _ENDPOINT, _TOGETHER = 1, 2, 4, 5, 11
_OF_INTERFACE = 0x24

_YUYV = bytes.fromhex("5955593200001000800000aa00389b71")

_WIRE = 0x81  # endpoint 1, to the host
_PAYLOAD = 16384  # bytes of one transfer, its header of two included
_PACKETS = (64, 512)  # bytes, of a slow and a fast bus

_REQUEST_EVENT = 3
_SET_CONFIGURATION = 9
_TO_CLASS, _TO_HOST = 0x20, 0x80
_GET_INFORMATION = 0x86


def _described(kind: int, layout: str, *values: object) -> bytes:
    body = struct.pack(f"<B{layout}", kind, *values)
    return bytes([len(body) + 1]) + body


def _wire(packet: int) -> bytes:
    return _described(_ENDPOINT, "BBHB", _WIRE, 2, packet, 0)


class UsbCamera:
    """Answers its host, and sends frames as fast as they are taken.

    Args:
        bus: where gadgetfs is mounted.
        pictures: of its large frames, JPEG; None is a camera of small ones.
    """

    def __init__(self, bus: Path, pictures: list[bytes] | None) -> None:
        self._bus = bus
        self._pictures = pictures
        self._size = SMALL if pictures is None else LARGE
        self._largest = self._size[0] * self._size[1] * 2
        (device,) = bus.glob("dummy_udc*")
        self._host = os.open(device, os.O_RDWR)

    def plug_in(self) -> None:
        """Answer until killed."""
        device = _described(
            _DEVICE, "HBBBBHHHBBBB", 0x0200, 0xEF, 2, 1, 64, 0x1209, 1, 0x0100, 0, 0,
            0, 1,
        )  # fmt: skip
        configurations = b"".join(map(self._configuration, _PACKETS))
        os.write(self._host, struct.pack("=I", 0) + configurations + device)
        while True:
            event = os.read(self._host, 12)
            if struct.unpack("=I", event[8:])[0] != _REQUEST_EVENT:
                continue
            try:
                self._answer(*struct.unpack("<BBHHH", event[:8]))
            except OSError as failure:
                # Refused as it should be.
                if failure.errno != errno.EL2HLT:
                    raise

    def _answer(
        self, way: int, request: int, value: int, interface: int, length: int
    ) -> None:
        if way & _TO_CLASS and way & _TO_HOST and interface == 1:
            answer = b"\3" if request == _GET_INFORMATION else self._offer()
            os.write(self._host, answer[:length])
            return
        if request == _SET_CONFIGURATION and value:
            self._open_wire()
        # To read what should be written is how gadgetfs is told to refuse.
        os.read(self._host, length if way & _TO_CLASS else 0)

    def _configuration(self, packet: int) -> bytes:
        """Return what a host is told, for one speed of the bus."""
        eye = _described(
            _OF_INTERFACE, "BBHBBHHHB3s", 2, 1, 0x0201, 0, 0, 0, 0, 0, 3, bytes(3)
        )
        out = _described(_OF_INTERFACE, "BBHBBB", 3, 2, 0x0101, 0, 1, 0)
        control = _described(
            _OF_INTERFACE, "BHHIBB", 1, 0x0100, 13 + len(eye + out), 48_000_000, 1, 1
        )
        pictures = self._format()
        streaming = _described(
            _OF_INTERFACE, "BBHBBBBBBBB", 1, 1, 14 + len(pictures), _WIRE, 0, 2, 0, 0,
            0, 1, 0,
        )  # fmt: skip
        parts = (
            _described(_TOGETHER, "BBBBBB", 0, 2, 0x0E, 3, 0, 0)
            + _described(_INTERFACE, "BBBBBBB", 0, 0, 0, 0x0E, 1, 0, 0)
            + control + eye + out
            + _described(_INTERFACE, "BBBBBBB", 1, 0, 1, 0x0E, 2, 0, 0)
            + streaming + pictures + _wire(packet)
        )  # fmt: skip
        whole = _described(_CONFIGURATION, "HBBBBB", 9 + len(parts), 2, 1, 0, 0x80, 50)
        return whole + parts

    def _format(self) -> bytes:
        if self._pictures is None:
            kind = 5
            name = _described(
                _OF_INTERFACE, "BBB16sBBBBBB", 4, 1, 1, _YUYV, 16, 1, 0, 0, 0, 0
            )
        else:
            kind = 7
            name = _described(_OF_INTERFACE, "BBBBBBBBB", 6, 1, 1, 1, 1, 0, 0, 0, 0)
        rate = self._largest * 8 * _FRAMES_PER_SECOND
        return name + _described(
            _OF_INTERFACE, "BBBHHIIIIBI", kind, 1, 0, *self._size, rate, rate,
            self._largest, _INTERVAL, 1, _INTERVAL,
        )  # fmt: skip

    def _offer(self) -> bytes:
        return struct.pack(
            "<HBBIHHHHHII", 1, 1, 1, _INTERVAL, 0, 0, 0, 0, 0, self._largest, _PAYLOAD
        )

    def _open_wire(self) -> None:
        wire = os.open(self._bus / "ep1in-bulk", os.O_RDWR)
        os.write(wire, struct.pack("=I", 1) + b"".join(map(_wire, _PACKETS)))
        threading.Thread(target=self._send, args=(wire,), daemon=True).start()

    def _send(self, wire: int) -> None:
        for number, picture in enumerate(self._frames()):
            for start in range(0, len(picture), _PAYLOAD - 2):
                part = picture[start : start + _PAYLOAD - 2]
                last = start + len(part) == len(picture)
                if last and (len(part) + 2) % _PACKETS[1] == 0:
                    part += b"\0"  # a transfer ends with a packet that is not full
                # Waits while nobody looks.
                os.write(wire, bytes([2, 0x80 | number % 2 | 2 * last]) + part)
            time.sleep(1 / _FRAMES_PER_SECOND)

    def _frames(self) -> Iterator[bytes]:
        if self._pictures is not None:
            yield from itertools.cycle(self._pictures)
        for shade in itertools.cycle(range(20, 220, 10)):
            yield bytes([shade, 128]) * (self._largest // 2)


def main() -> None:
    """Be plugged in."""
    # gadgetfs loses what a host says when it goes on before that is read. On a machine
    # with one processor, the host's side cannot: this goes first.
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    bus, seen = Path(sys.argv[1]), Path(sys.argv[2])
    pictures = None
    if seen.name != "yuyv":
        pictures = [path.read_bytes() for path in sorted(seen.glob("*.jpg"))]
    UsbCamera(bus, pictures).plug_in()


if __name__ == "__main__":
    main()
