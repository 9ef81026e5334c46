"""A camera on loopback that speaks RTSP: GStreamer's server, for a process of its own.

Run by Debian's Python, for which the bindings are built. Two arguments: a port, 0 for
any that is free, and how its packets may travel: tcp, udp or both. It prints its port
once it listens, then the transport that each client asks for.

At ``/live`` it gives H.264, 64x48 at 25 frames a second, a grey that comes and goes, to
whoever knows that ann's password is sesame.
"""

import sys

import gi  # type: ignore[import-not-found]

for _name in ("Gst", "GstRtsp", "GstRtspServer"):
    gi.require_version(_name, "1.0")

from gi.repository import (  # type: ignore[import-not-found]  # noqa: E402
    GLib,
    Gst,
    GstRtsp,
    GstRtspServer,
)

_PICTURES = (
    "( videotestsrc is-live=true pattern=zone-plate kt=2 "
    "! video/x-raw,width=64,height=48,framerate=25/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 "
    "! rtph264pay name=pay0 pt=96 )"
)
_TRANSPORTS = {
    "tcp": GstRtsp.RTSPLowerTrans.TCP,
    "udp": GstRtsp.RTSPLowerTrans.UDP,
    "both": GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP,
}


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _guard() -> GstRtspServer.RTSPAuth:
    """Ask for the password as most cameras do, by digest."""
    guard = GstRtspServer.RTSPAuth()
    guard.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "family")
    guard.add_digest("ann", "sesame", token)
    return guard


def _live(transport: str) -> GstRtspServer.RTSPMediaFactory:
    live = GstRtspServer.RTSPMediaFactory()
    live.set_launch(_PICTURES)
    live.set_shared(True)
    live.set_protocols(_TRANSPORTS[transport])
    family = GstRtspServer.RTSPPermissions()
    for permission in ("access", "construct"):
        family.add_permission_for_role("family", f"media.factory.{permission}", True)
    live.set_permissions(family)
    return live


def _told_of_setup(_server: object, client: GstRtspServer.RTSPClient) -> None:
    def tell(_client: object, context: GstRtspServer.RTSPContext) -> None:
        _code, asked = context.request.get_header(GstRtsp.RTSPHeaderField.TRANSPORT, 0)
        _tell(asked)

    client.connect("setup-request", tell)


def main() -> None:
    """Serve until killed."""
    port, transport = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.set_auth(_guard())
    server.get_mount_points().add_factory("/live", _live(transport))
    server.connect("client-connected", _told_of_setup)
    if not server.attach(None):
        sys.exit(f"port {port} is taken")
    _tell(str(server.get_bound_port()))
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
