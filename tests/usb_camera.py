"""A USB camera, as its plug and wire see it: the other end of the kernel's dummy bus.

Needs the modules dummy_hcd and gadgetfs, so it is for a virtual machine. A process of
its own, to be killed as a plug is pulled, and stopped as firmware hangs. Arguments: a
folder to mount, and one with the JPEGs that it sees in turn, of ``LARGE`` size.

Like most cameras it gives small frames uncompressed and large ones as Motion JPEG
only. It speaks USB Video Class 1.0, by bulk transfers, which the dummy bus can.
"""

import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

SMALL = (320, 240)
LARGE = (1280, 720)
_FRAMES_PER_SECOND = 10
_INTERVAL = 10_000_000 // _FRAMES_PER_SECOND  # in units of 100 ns

# Of the class: kinds of descriptors, and the formats by their number.
_OF_INTERFACE = 0x24
_UNCOMPRESSED, _COMPRESSED = 1, 2
_SIZES = {_UNCOMPRESSED: SMALL, _COMPRESSED: LARGE}
_YUYV = bytes.fromhex("5955593200001000800000aa00389b71")

_WIRE = 0x81  # endpoint 1, to the host
_PAYLOAD = 16384  # bytes of one transfer, its header of two included
_PACKET = 512

_CONNECTED, _REQUEST = 1, 3
_SET_CONFIGURATION = 9
_SET, _GET_INFORMATION, _GET_LENGTH = 0x01, 0x86, 0x85
_PROBE, _COMMIT = 1, 2


def _described(kind: int, layout: str, *values: object) -> bytes:
    body = struct.pack(f"<B{layout}", kind, *values)
    return bytes([len(body) + 1]) + body


def _largest(size: tuple[int, int]) -> int:
    return size[0] * size[1] * 2


def _frame(kind: int, size: tuple[int, int]) -> bytes:
    most = _largest(size)
    rate = most * 8 * _FRAMES_PER_SECOND
    return _described(
        _OF_INTERFACE, "BBBHHIIIIBI", kind, 1, 0, *size, rate, rate, most, _INTERVAL,
        1, _INTERVAL,
    )  # fmt: skip


def _configuration(packet: int) -> bytes:
    """Return what a host is told of the camera, for one speed of the bus."""
    camera = _described(_OF_INTERFACE, "BBHBBHHHB3s", 2, 1, 0x0201, 0, 0, 0, 0, 0, 3,
                        bytes(3))  # fmt: skip
    wire = _described(_OF_INTERFACE, "BBHBBB", 3, 2, 0x0101, 0, 1, 0)
    control = _described(
        _OF_INTERFACE, "BHHIBB", 1, 0x0100, 13 + len(camera) + len(wire), 48_000_000,
        1, 1,
    )  # fmt: skip
    formats = (
        _described(_OF_INTERFACE, "BBB16sBBBBBB", 4, _UNCOMPRESSED, 1, _YUYV, 16, 1,
                   0, 0, 0, 0)
        + _frame(5, SMALL)
        + _described(_OF_INTERFACE, "BBBBBBBBB", 6, _COMPRESSED, 1, 1, 1, 0, 0, 0, 0)
        + _frame(7, LARGE)
    )  # fmt: skip
    streaming = _described(
        _OF_INTERFACE, "BBHBBBBBBBBB", 1, 2, 15 + len(formats), _WIRE, 0, 2, 0, 0, 0,
        1, 0, 0,
    )  # fmt: skip
    parts = (
        _described(11, "BBBBBB", 0, 2, 0x0E, 3, 0, 0)
        + _described(4, "BBBBBBB", 0, 0, 0, 0x0E, 1, 0, 0)
        + control + camera + wire
        + _described(4, "BBBBBBB", 1, 0, 1, 0x0E, 2, 0, 0)
        + streaming + formats
        + _endpoint(packet)
    )  # fmt: skip
    return _described(2, "HBBBBB", 9 + len(parts), 2, 1, 0, 0x80, 50) + parts


def _endpoint(packet: int) -> bytes:
    return _described(5, "BBHB", _WIRE, 2, packet, 0)


_DEVICE = _described(
    1, "HBBBBHHHBBBB", 0x0200, 0xEF, 2, 1, 64, 0x1209, 1, 0x0100, 0, 0, 0, 1
)


class UsbCamera:
    """Answers its host, and sends frames once it is asked to.

    Args:
        bus: where gadgetfs is mounted.
        pictures: large ones, JPEG.
    """

    def __init__(self, bus: Path, pictures: Sequence[bytes]) -> None:
        self._bus = bus
        self._pictures = pictures
        (device,) = bus.glob("dummy_udc*")
        self._host = os.open(device, os.O_RDWR)
        self._format = _UNCOMPRESSED
        self._asked = threading.Event()

    def plug_in(self) -> None:
        """Answer until killed."""
        described = _configuration(64) + _configuration(_PACKET) + _DEVICE
        os.write(self._host, struct.pack("=I", 0) + described)
        while True:
            event = os.read(self._host, 12)
            (kind,) = struct.unpack("=I", event[8:12])
            if kind == _REQUEST:
                self._answer(*struct.unpack("<BBHHH", event[:8]))

    def _answer(
        self, way: int, request: int, value: int, index: int, length: int
    ) -> None:
        selector = value >> 8
        if way & 0x60 == 0x20 and index == 1 and selector in (_PROBE, _COMMIT):
            if request == _SET:
                wish = os.read(self._host, length)
                self._format = wish[2] if wish[2] in _SIZES else _UNCOMPRESSED
                if selector == _COMMIT:
                    self._asked.set()
            elif request == _GET_INFORMATION:
                os.write(self._host, b"\3")
            elif request == _GET_LENGTH:
                os.write(self._host, struct.pack("<H", 26))
            else:
                os.write(self._host, self._offer()[:length])
        elif way & 0x80:
            self._refuse(way)
        else:
            if request == _SET_CONFIGURATION and value:
                self._open_wire()
            os.read(self._host, 0)

    def _refuse(self, way: int) -> None:
        # To go the wrong way is how gadgetfs is told so.
        try:
            if way & 0x80:
                os.read(self._host, 0)
            else:
                os.write(self._host, b"")
        except OSError:
            return

    def _offer(self) -> bytes:
        return struct.pack(
            "<HBBIHHHHHII", 1, self._format, 1, _INTERVAL, 0, 0, 0, 0, 0,
            _largest(_SIZES[self._format]), _PAYLOAD,
        )  # fmt: skip

    def _open_wire(self) -> None:
        name = min(path for path in self._bus.iterdir() if "ep1in" in path.name)
        wire = os.open(name, os.O_RDWR)
        os.write(wire, struct.pack("=I", 1) + _endpoint(64) + _endpoint(_PACKET))
        threading.Thread(target=self._send, args=(wire,), daemon=True).start()

    def _send(self, wire: int) -> None:
        self._asked.wait()
        number = 0
        while True:
            picture = self._picture(number)
            for start in range(0, len(picture), _PAYLOAD - 2):
                part = picture[start : start + _PAYLOAD - 2]
                last = start + len(part) == len(picture)
                if last and (len(part) + 2) % _PACKET == 0:
                    part += b"\0"  # a transfer ends with a packet that is not full
                os.write(wire, bytes([2, 0x80 | number % 2 | 2 * last]) + part)
            number += 1
            time.sleep(1 / _FRAMES_PER_SECOND)

    def _picture(self, number: int) -> bytes:
        if self._format == _COMPRESSED:
            return self._pictures[number % len(self._pictures)]
        grey = bytes([20 + number % 20 * 10, 128])
        return grey * (_largest(SMALL) // 2)


def main() -> None:
    """Mount the bus and be plugged in."""
    bus, pictures = Path(sys.argv[1]), Path(sys.argv[2])
    subprocess.run(["mount", "-t", "gadgetfs", "gadgetfs", bus], check=True)
    seen = [path.read_bytes() for path in sorted(pictures.glob("*.jpg"))]
    UsbCamera(bus, seen).plug_in()


if __name__ == "__main__":
    main()
