"""Why a TURN server cannot be used: one name per cause, with words for the operator."""

from __future__ import annotations

from enum import Enum


class Cause(Enum):
    """What is wrong. The value is the stable name, `hint` says what to look at."""

    UNREACHABLE = (
        "unreachable",
        "No answer from this address. Is the TURN server running, and does every firewall in between pass this port?",
    )
    BAD_SECRET = (
        "bad_secret",
        "The TURN server does not accept our credentials. TURN_SECRET must equal its static-auth-secret.",
    )
    EXPIRED = (
        "expired",
        "The TURN server takes our credentials for expired. Set the clocks of both machines right (NTP).",
    )
    TLS_NOT_TRUSTED = (
        "tls_not_trusted",
        "The certificate is not valid for this name or not signed by an authority known here. "
        "For one of your own set TURN_CA_FILE; browsers must trust it too.",
    )
    TLS_FAILED = (
        "tls_failed",
        "Something answers, but not with TLS. Has the TURN server a certificate (cert, pkey)? Is this its TLS port?",
    )
    QUOTA = (
        "quota",
        "The TURN server gives out no more relays. Raise user-quota, total-quota or the range of relay ports.",
    )
    DENIED_PEER = (
        "denied_peer",
        "The TURN server may not send to its own relay address. Allow it with allowed-peer-ip, or set external-ip.",
    )
    NO_DATA = (
        "no_data",
        "A relay was granted, but nothing came through it. Open the relay ports (min-port to max-port, UDP) in the "
        "firewall and check external-ip.",
    )
    FAILED = ("failed", "The TURN server refused; the detail and its log say why.")

    def __init__(self, code: str, hint: str) -> None:
        self.code = code
        self.hint = hint


class TurnFailure(Exception):
    """A TURN server could not be used; `detail` is technical and for operators only."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(f"{cause.code}: {detail}")
        self.cause = cause
        self.detail = detail
