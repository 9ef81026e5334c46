"""What a broker's no means. Pure: what was seen in, a phrase or a verdict out."""

import socket
import ssl
from enum import Enum, auto

# Reason codes of MQTT 5.
_UNSUPPORTED_PROTOCOL = 0x84
_CLIENT_ID = 0x85
_PASSWORD = (0x86, 0x87)
_TAKEN_OVER = 0x8E
KEEP_ALIVE = 0x8D
PROTOCOL_ERROR = 0x82
_BLAMING = (0x80, 0x81, PROTOCOL_ERROR, 0x83, 0x95, 0x99)
# Too large, by the specification or not, as mosquitto says it; no text as it should be.
_NEVER = (0x95, 0x99)
# Codes from here on mean that something was not done.
_FAILURE = 0x80

# Numbers of OpenSSL, X509_V_ERR_*.
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_ISSUER = (2, 18, 19, 20, 21)
_OTHER_NAME = (62, 64)

NO_WORD = "it hangs up without a word; does mqtt.tls suit this port?"
"""Why there is no connection, where that is all that is known."""


class Verdict(Enum):
    """What becomes of an event that the broker has answered."""

    TAKEN = auto()
    NEVER = auto()
    """It will not take this event, however often it comes."""
    LATER = auto()
    """It takes no such events now: a quota, or rights that are to be given yet."""


def verdict(code: int) -> Verdict:
    """Tell what the reason code of a PUBACK means.

    Not being authorised is no fault of the event: it is kept, within the outbox'
    bounds, until somebody mends the rights.
    """
    if code < _FAILURE:
        return Verdict.TAKEN
    return Verdict.NEVER if code in _NEVER else Verdict.LATER


def blames(code: int) -> bool:
    """Tell whether the code of a DISCONNECT speaks of what was sent before."""
    return code in _BLAMING


def of_failure(failure: Exception, seconds: float) -> str:
    """Say why no connection came about.

    Args:
        failure: what the socket, or TLS on it, raised.
        seconds: that an answer was waited for.
    """
    match failure:
        case ssl.SSLCertVerificationError():
            return _of_certificate(failure)
        case ConnectionResetError() | ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return NO_WORD
        case ssl.SSLError():
            return _of_tls(failure)
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return "the host's name cannot be looked up now"
        case socket.gaierror() | UnicodeError():
            return "no such host"
        case TimeoutError():
            return f"no answer within {seconds:g} s"
        case ConnectionRefusedError():
            return "connection refused; no broker listens there"
        case OSError(strerror=str(text)):
            return text[:1].lower() + text[1:]
    return str(failure)


def of_refusal(code: int, name: str) -> str:
    """Say why the broker accepts no connection.

    Args:
        code: of its CONNACK, in MQTT 5's numbers.
        name: of the code.
    """
    if code in _PASSWORD:
        return f"user or password refused ({name.lower()})"
    if code == _UNSUPPORTED_PROTOCOL:
        return 'it does not speak this version of MQTT; set mqtt.protocol = "3.1.1"'
    if code == _CLIENT_ID:
        return "client id refused; set mqtt.client_id"
    return f"connection refused ({name.lower()})"


def of_goodbye(code: int, name: str) -> str:
    """Say why the broker has ended the connection, by the code of its DISCONNECT."""
    if code == _TAKEN_OVER:
        return (
            "another client has come by the same name; "
            "give each device a mqtt.node of its own"
        )
    return f"the broker ends the connection ({name.lower()})"


def _of_certificate(failure: ssl.SSLCertVerificationError) -> str:
    if failure.verify_code == _EXPIRED:
        return "the broker's certificate has expired"
    if failure.verify_code == _NOT_YET_VALID:
        return "the broker's certificate is not valid yet; is this clock right?"
    if failure.verify_code in _UNKNOWN_ISSUER:
        return "nobody in mqtt.tls_ca_certs vouches for the broker's certificate"
    if failure.verify_code in _OTHER_NAME:
        return "the broker's certificate is for another host name"
    return f"the broker's certificate: {failure.verify_message}"


def _of_tls(failure: ssl.SSLError) -> str:
    reason = (failure.reason or "").upper()
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return "no TLS on this port"
    if "ALERT" in reason:
        words = reason.partition("ALERT_")[2].replace("_", " ").lower()
        return f"the broker refuses this device's certificate, or its lack ({words})"
    return f"TLS: {(failure.reason or str(failure)).replace('_', ' ').lower()}"
