"""Someone who opens Chatter by its name, which leads to the machine of the stack."""

from __future__ import annotations

import ssl
from typing import Any

import httpx2
from cryptography import x509
from websockets.asyncio.client import connect
from websockets.typing import Origin

from tests.infra.stack.installation import DOMAIN
from tests.infra.visits import certificate_of

ORIGIN = f"https://{DOMAIN}"
_PASSWORD = "a long enough phrase"


class Visitor:
    """A browser at this machine, which trusts one authority, or with none whatever certificate it is shown."""

    def __init__(self, address: str, authority_pem: str = "") -> None:
        self._address = address
        self._trust = ssl.create_default_context(cadata=authority_pem or None)
        if not authority_pem:
            self._trust.check_hostname, self._trust.verify_mode = False, ssl.CERT_NONE
        self.way: dict[str, Any] = {"host": address, "ssl": self._trust}
        """What `connect` has to know of the way to the domain."""

    def who_trusts_anyone(self) -> Visitor:
        """Return one like this who takes any certificate."""
        return Visitor(self._address)

    def is_let_in(self) -> bool:
        """Tell whether the site shows a certificate that the visitor trusts."""
        with self.client() as client:
            try:
                client.get("/")
            except httpx2.ConnectError:
                return False
        return True

    def client(self) -> httpx2.Client:
        """Return a client whose requests come from pages of the domain."""
        headers = {"Origin": ORIGIN, "X-Device-ID": "laptop"}
        return httpx2.Client(base_url=ORIGIN, transport=_Way(self._address, self._trust), timeout=15, headers=headers)

    def sign_up(self, client: httpx2.Client, username: str) -> dict[str, str]:
        """Make an account; return the headers of its requests."""
        return self._token(client, "/auth/register", username)

    def sign_in(self, client: httpx2.Client, username: str) -> dict[str, str]:
        """Come back to an account; return the headers of its requests."""
        return self._token(client, "/auth/login", username)

    def open_socket(self, target: str) -> connect:
        """Open a socket."""
        return connect(f"wss://{DOMAIN}{target}", origin=Origin(ORIGIN), proxy=None, ping_interval=None, **self.way)

    def certificate(self) -> x509.Certificate:
        """Return the certificate that browsers get."""
        return certificate_of(DOMAIN, 443, self._address)

    def _token(self, client: httpx2.Client, path: str, username: str) -> dict[str, str]:
        answer = client.post(path, json={"username": username, "password": _PASSWORD})
        assert answer.status_code in {200, 201}, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}


class _Way(httpx2.HTTPTransport):
    """Takes requests for the domain to where it leads, as a name server would."""

    def __init__(self, address: str, trust: ssl.SSLContext) -> None:
        super().__init__(verify=trust)
        self._address = address

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host=self._address)
        return super().handle_request(request)
