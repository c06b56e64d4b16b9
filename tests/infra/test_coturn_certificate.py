"""coturn as it is shipped reads a renewed certificate, without being started anew."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from tests.api.process import free_ports
from tests.infra.proxy import wait_until
from tests.infra.shipped_coturn import INFRA, shipped_coturn

pytestmark = [pytest.mark.integration, pytest.mark.seed("S1-15")]

_SECRET = "0123456789abcdef" * 4


def _renew(tls: Path) -> None:
    """Put another certificate in place, as infra/tls/certificate does: by a link that changes at once."""
    folder = tls / f"issued-{len(list(tls.iterdir()))}"
    folder.mkdir()
    issued = trustme.CA().issue_cert("localhost")
    issued.private_key_pem.write_to_path(folder / "privkey.pem")
    (folder / "fullchain.pem").write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    draft = tls / "draft"
    draft.symlink_to(folder.name)
    draft.rename(tls / "current")


class Relay:
    """A running coturn and its certificates."""

    def __init__(self, tls: Path, process: subprocess.Popen[bytes], port: int) -> None:
        self.tls = tls
        self.process = process
        self._port = port

    def served(self) -> str:
        """Return the certificate that it shows, in PEM; nothing while it does not answer."""
        with suppress(OSError):
            return ssl.get_server_certificate(("127.0.0.1", self._port), timeout=10)
        return ""


@pytest.fixture
def relay(turnserver: str, tmp_path: Path) -> Iterator[Relay]:
    """coturn by its start script, on ports of the test's own."""
    tls = tmp_path / "tls"
    tls.mkdir()
    _renew(tls)
    port, tls_port = free_ports(2)
    ports = (f"--listening-port={port}", f"--tls-listening-port={tls_port}")
    variables = {
        "TLS_DIR": str(tls),
        "SERVE": str(INFRA / "tls" / "serve-with-certificate"),
        "WATCH_EVERY_S": "0.1",
    }
    with shipped_coturn(tmp_path, _SECRET, tls_port, *ports, **variables) as process:
        yield Relay(tls, process, tls_port)
    with pytest.raises(ConnectionRefusedError):
        ssl.get_server_certificate(("127.0.0.1", tls_port), timeout=10)


def test_a_renewed_certificate_is_served_by_the_same_process(relay: Relay) -> None:
    for _ in range(2):
        before = relay.served()
        assert before == (relay.tls / "current" / "fullchain.pem").read_text()
        _renew(relay.tls)
        wait_until(lambda before=before: relay.served() not in {"", before})  # type: ignore[misc]
    assert relay.process.poll() is None
