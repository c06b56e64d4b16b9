"""From the tree to what each package needs."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from msgspec import Struct
from sqlalchemy.engine import URL

from api.settings.checks import (
    SettingsError,
    Sources,
    check_certificates,
    check_otlp_endpoint,
    check_trace_url,
    checked_url,
    origin_of,
    refuse_weak,
)
from api.settings.database import database_url
from api.settings.secret import auth_secret
from api.settings.tree import ServerTree, SettingsTree
from api.settings.units import Address, parse_address, parse_duration, parse_size
from api.version import VERSION
from auth.settings import AuthSettings
from observability.settings import ObservabilitySettings
from signaling.bus.urls import check_bus_url
from signaling.calls.settings import CallSettings
from signaling.cluster.settings import ClusterSettings
from signaling.recording.settings import RecordingSettings
from signaling.settings import SignalingSettings
from signaling.turn.settings import TurnSettings
from signaling.turn.urls import parse_turn_url

T = TypeVar("T")
_TURN_TTL_S = (60, 86400)
"""Shorter than a minute ends before a call is set up; longer is as good as a password."""
_LONGEST_DRAIN = timedelta(minutes=5)


class Settings(Struct, frozen=True):
    """What the application runs with: the tree as given, and what each part needs."""

    tree: SettingsTree
    data_dir: Path
    base_url: str
    listen: Address
    gateway_listen: Address
    database_url: URL
    cluster: ClusterSettings
    auth: AuthSettings
    signaling: SignalingSettings
    calls: CallSettings
    recording: RecordingSettings
    observability: ObservabilitySettings

    @property
    def production(self) -> bool:
        """Whether this is a production deployment."""
        return self.tree.server.env == "production"

    @property
    def http_websockets(self) -> bool:
        """Whether the HTTP port serves WebSockets too."""
        chosen = self.tree.server.http_websockets
        return not self.production if chosen is None else chosen

    @property
    def origins(self) -> frozenset[str]:
        """Web origins that may use credentials: our own and the allowed foreign ones."""
        return self.signaling.origins

    def ws_url(self, room_id: str, host: str) -> str:
        """Return where browsers open the room's socket; `host` is what the request was sent to."""
        if self.tree.gateway.url:
            return f"{self.tree.gateway.url.rstrip('/')}/ws/{room_id}"
        base = urlsplit(self.base_url)
        if self.production:
            return f"wss://{base.netloc}/ws/{room_id}"
        name = urlsplit(f"//{host}").hostname or base.hostname or "localhost"
        name = f"[{name}]" if ":" in name else name
        return f"ws://{name}:{self.gateway_listen.port}/ws/{room_id}"


def build(tree: SettingsTree, sources: Sources, *, create_secret: bool) -> Settings:
    """Check what the tree's shape cannot say, and build the settings of every package. Raises `SettingsError`."""
    return _Builder(tree, sources).build(create_secret)


class _Builder:
    def __init__(self, tree: SettingsTree, sources: Sources) -> None:
        self._tree = tree
        self._sources = sources
        self._production = tree.server.env == "production"
        self._listen = self._parsed("server", "addr", parse_address)
        self._gateway_listen = self._parsed("gateway", "addr", parse_address)
        self._base_url = base_url(tree.server, self._listen)
        self._data_dir = Path(tree.server.data_dir).expanduser()

    def build(self, create_secret: bool) -> Settings:
        tree = self._tree
        self._check()
        secret = auth_secret(tree, self._data_dir, create=create_secret)
        return Settings(
            tree=tree,
            data_dir=self._data_dir,
            base_url=self._base_url,
            listen=self._listen,
            gateway_listen=self._gateway_listen,
            database_url=database_url(tree, self._data_dir),
            cluster=self._cluster(),
            auth=self._auth(secret),
            signaling=SignalingSettings(
                origins=self._origins(),
                stun_urls=tree.calls.stun_urls,
                turn=self._turn(),
                trusted_hops=tree.server.trusted_hops,
                limits_scale=tree.limits.scale,
            ),
            calls=CallSettings(
                retention=self._parsed("calls", "retention", parse_duration),
                trace_url=tree.otel.trace_url,
            ),
            recording=self._recording(secret),
            observability=self._observability(),
        )

    def _check(self) -> None:
        tree = self._tree
        if self._production and not self._base_url.startswith("https://"):
            raise SettingsError("BASE_URL must be an https:// address when ENV=production")
        if tree.gateway.url:
            checked_url("GATEWAY_URL", tree.gateway.url, "ws", "wss")
        for url in tree.calls.stun_urls:
            if not url.startswith(("stun:", "stuns:")):
                raise SettingsError(f"STUN_URLS: {url!r} does not begin with stun: or stuns:")
        if tree.otel.endpoint:
            check_otlp_endpoint("OTEL_EXPORTER_OTLP_ENDPOINT", tree.otel.endpoint)
        if tree.otel.trace_url:
            check_trace_url("TRACE_URL", tree.otel.trace_url)
        if not 0 < tree.limits.scale <= 1_000_000:
            raise SettingsError("LIMITS_SCALE must be a number above 0")
        if not 4 <= tree.auth.bcrypt_cost <= 18 or (self._production and tree.auth.bcrypt_cost < 10):
            raise SettingsError("AUTH_BCRYPT_COST must be from 10 to 18 (from 4 in development)")

    def _origins(self) -> frozenset[str]:
        foreign = self._tree.server.cors_origins
        if self._production and ("server", "cors_origins") not in self._sources:
            foreign = ()  # the default is the development server of the web client
        origins = {origin_of("BASE_URL", self._base_url)}
        origins |= {origin_of("SERVER_CORS_ORIGINS", origin) for origin in foreign}
        if not self._production:
            origins |= {f"http://{name}:{self._listen.port}" for name in ("localhost", "127.0.0.1", "[::1]")}
        return frozenset(origins)

    def _auth(self, secret: str) -> AuthSettings:
        auth = self._tree.auth
        return AuthSettings(
            secret=secret,
            pepper=auth.pepper,
            access_ttl=self._parsed("auth", "access_ttl", parse_duration),
            refresh_ttl=self._parsed("auth", "refresh_ttl", parse_duration),
            bcrypt_cost=auth.bcrypt_cost,
            limits_scale=self._tree.limits.scale,
        )

    def _recording(self, secret: str) -> RecordingSettings:
        recordings = self._tree.recordings
        return RecordingSettings(
            folder=Path(recordings.dir or self._data_dir / "recordings").expanduser().absolute(),
            secret=secret,
            gateway_url=_own_url(self._gateway_listen),
            quota_bytes=self._parsed("recordings", "quota", parse_size),
            retention=self._parsed("recordings", "retention", parse_duration),
            max_active=recordings.max,
        )

    def _observability(self) -> ObservabilitySettings:
        otel, log = self._tree.otel, self._tree.log
        return ObservabilitySettings(
            service_name=otel.service_name,
            version=VERSION,
            otlp_endpoint=otel.endpoint,
            sampler=otel.sampler,
            sampler_ratio=otel.sampler_arg,
            log_level=log.level,
            log_format=log.format,
        )

    def _cluster(self) -> ClusterSettings:
        bus = self._tree.bus
        try:
            if bus.url:
                check_bus_url(bus.url)
        except ValueError as error:
            raise SettingsError(f"BUS_URL: {error}") from None
        if bus.url and not (self._tree.postgres or self._tree.database.url.startswith("postgres")):
            raise SettingsError("BUS_URL: nodes that share their rooms need a database in common: set DATABASE_URL too")
        drain_timeout = self._parsed("bus", "drain_timeout", parse_duration)
        if drain_timeout > _LONGEST_DRAIN:
            raise SettingsError(f"DRAIN_TIMEOUT is at most {_LONGEST_DRAIN.seconds} seconds")
        return ClusterSettings(bus_url=bus.url, node=_node(bus.node_id), drain_timeout=drain_timeout)

    def _turn(self) -> TurnSettings:
        turn = self._tree.turn
        # coturn takes what was made with any line (infra/docker/coturn-start): the others are those that are replaced.
        secret = turn.secret.partition("\n")[0]
        try:
            urls = tuple(parse_turn_url(text) for text in turn.urls)
        except ValueError as error:
            raise SettingsError(f"{self._called('turn', 'urls')}: {error}") from None
        if urls and not secret:
            raise SettingsError("TURN_SECRET is missing: TURN_URLS needs the static-auth-secret of the TURN server")
        if self._production and urls:
            refuse_weak("TURN_SECRET", secret)
        ttl = self._parsed("turn", "ttl", parse_duration)
        if not _TURN_TTL_S[0] <= ttl.total_seconds() <= _TURN_TTL_S[1]:
            raise SettingsError("TURN_TTL must be from 1m to 24h")
        ca_file = Path(turn.ca_file).expanduser() if turn.ca_file else None
        if urls and ca_file is not None:
            check_certificates("TURN_CA_FILE", ca_file)
        return TurnSettings(urls=urls, secret=secret, ttl=ttl, ca_file=ca_file)

    def _parsed(self, section: str, name: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(getattr(getattr(self._tree, section), name))
        except ValueError as error:
            raise SettingsError(f"{self._called(section, name)}: {error}") from None

    def _called(self, section: str, name: str) -> str:
        return self._sources.get((section, name), f"{section}.{name}")


def base_url(server: ServerTree, listen: Address) -> str:
    """Return where people reach the app."""
    return server.base_url.rstrip("/") or f"http://localhost:{listen.port}"


def _own_url(gateway: Address) -> str:
    """Return where a process on this machine reaches the gateway."""
    host = "127.0.0.1" if gateway.host in {None, "", "0.0.0.0"} else "::1" if gateway.host == "::" else gateway.host  # noqa: S104
    return f"ws://[{host}]:{gateway.port}" if ":" in str(host) else f"ws://{host}:{gateway.port}"


def _node(given: str) -> str:
    node = given or socket.gethostname()
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", node):
        return node
    if given:
        raise SettingsError("NODE_ID has 1 to 64 letters, digits, - and _")
    return re.sub(r"[^A-Za-z0-9_-]", "-", node)[:64]
