"""The images of the production stack: the shipped ones, built on Debian packages, and stand-ins for official ones."""

from __future__ import annotations

from pathlib import Path

from tests.infra.containers import BASE, Containers

APP, NGINX = "localhost/chatter/app:local", "localhost/chatter/nginx:local"
POSTGRES = "localhost/chatter-test/postgres:debian"
OTHERS = dict.fromkeys(("NATS_IMAGE", "COTURN_IMAGE", "CERTBOT_IMAGE"), BASE) | {"POSTGRES_IMAGE": POSTGRES}
"""What docker-compose.prod.yaml is told to take in the place of official images."""
# One base for all, because to make one takes the longest.
_PACKAGES = (
    *("python3", "python3-venv", "postgresql-15", "nginx-light", "libnginx-mod-stream", "nats-server", "coturn"),
    *("certbot", "curl", "wget", "openssl", "procps"),
)
_ENTRYPOINT = Path(__file__).parent / "postgres-entrypoint"
_LIKE_THE_OFFICIAL_IMAGE = """
sed -i 's/^postgres:x:[0-9]*:[0-9]*:/postgres:x:999:999:/' /etc/passwd
sed -i 's/^postgres:x:[0-9]*:/postgres:x:999:/' /etc/group
rm -rf /var/lib/postgresql /var/run/postgresql
install -d -o 999 -g 999 -m 755 /var/lib/postgresql
install -d -o 999 -g 999 -m 1777 /var/run/postgresql
"""


def build_images(made: Containers) -> None:
    """Make every image; skips the test where Debian's mirror cannot be reached."""
    made.make_base(*_PACKAGES)
    made.make_node()
    made.build("app", APP)
    made.build("nginx", NGINX)
    _build_postgres(made)


def _build_postgres(made: Containers) -> None:
    container = made.buildah("from", BASE)
    made.buildah("run", "--isolation", "chroot", container, "--", "sh", "-c", _LIKE_THE_OFFICIAL_IMAGE)
    made.buildah("add", "--quiet", container, str(_ENTRYPOINT), "/usr/local/bin/entrypoint")
    path = "--env=PATH=/usr/local/bin:/usr/bin:/bin:/usr/lib/postgresql/15/bin"
    made.buildah("config", "--entrypoint", '["entrypoint"]', path, container)
    made.commit(container, POSTGRES)
