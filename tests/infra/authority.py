"""Pebble, the small ACME server of Let's Encrypt, in the place of a certificate authority."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from pathlib import Path

import httpx2
import trustme

from tests.api.process import free_ports
from tests.infra.conftest import program
from tests.infra.proxy import answers, wait_until


class Authority:
    """An authority at `host` that looks for challenges at one address and port, whatever the domain."""

    def __init__(
        self, folder: Path, challenge_port: int, *, challenge_host: str = "127.0.0.1", host: str = "127.0.0.1"
    ) -> None:
        programs = [program(name, "pebble") for name in ("pebble", "pebble-challtestsrv")]
        folder.mkdir()
        self._host = host
        self.port, management, dns, self._dns_management = free_ports(4)
        self.url = f"https://{host}:{self.port}/dir"
        self.ca_file = folder / "ca.pem"
        self._roots = f"https://{host}:{management}/roots/0"
        own = trustme.CA()
        own.cert_pem.write_to_path(self.ca_file)
        issued = own.issue_cert(host)
        issued.private_key_pem.write_to_path(folder / "key.pem")
        issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        configuration = {
            "listenAddress": f"{host}:{self.port}",
            "managementListenAddress": f"{host}:{management}",
            "certificate": str(folder / "cert.pem"),
            "privateKey": str(folder / "key.pem"),
            "httpPort": challenge_port,
            "tlsPort": 1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": configuration}))
        pebble, names = programs
        resolver = [names, "-management", f"{host}:{self._dns_management}", "-dns01", f"{host}:{dns}"]
        resolver += ["-defaultIPv4", challenge_host, "-defaultIPv6", ""]
        resolver += ["-http01", "", "-https01", "", "-tlsalpn01", ""]
        self._commands = (resolver, [pebble, "-config", str(folder / "pebble.json"), "-dnsserver", f"{host}:{dns}"])
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start and wait until it answers."""
        manners = {"PATH": os.environ["PATH"], "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        for command in self._commands:
            quiet = subprocess.DEVNULL
            self._processes.append(subprocess.Popen(command, env=manners, stdout=quiet, stderr=quiet))
        wait_until(lambda: answers(self._dns_management, self._host) and answers(self.port, self._host))

    def root(self) -> str:
        """Return the certificate that it signs with, in PEM."""
        trust = ssl.create_default_context(cafile=str(self.ca_file))
        return httpx2.get(self._roots, verify=trust, trust_env=False).text

    def close(self) -> None:
        """End it."""
        for process in self._processes:
            process.kill()
            process.wait()
