"""All settings: `config/config.yaml`, overridden by the environment, checked once at the start.

The only module that reads the environment. The tree below is the shape of the file; `VARIABLES` names the environment
variable of each leaf. `load` turns both into the settings of each package.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib.metadata
import os
import re
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec
import yaml
from msgspec import Meta, Struct
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from auth.settings import AuthSettings
from observability.settings import ObservabilitySettings, SamplerName
from signaling.bus.urls import check_bus_url, without_credentials
from signaling.calls.settings import TRACE_ID, CallSettings
from signaling.cluster.settings import ClusterSettings
from signaling.recording.settings import RecordingSettings
from signaling.settings import SignalingSettings
from signaling.turn.settings import TurnSettings
from signaling.turn.urls import parse_turn_url

T = TypeVar("T")
MIN_SECRET_BYTES = 32
_SAMPLE_SECRETS = (
    "a-string-secret-at-least-256-bits-long",
    "dev-secret-change-me",
    "change-me",
    "changeme",
    "your-secret",
    "secret-key",
    "example",
)


class SettingsError(Exception):
    """A setting is unknown, malformed or missing; the message is one line for the operator."""


class _SecretTree(Struct, frozen=True, forbid_unknown_fields=True):
    def __repr__(self) -> str:
        return f"{type(self).__name__}([redacted])"


class ServerTree(Struct, frozen=True, forbid_unknown_fields=True):
    """The HTTP listener and the process."""

    addr: str = ":8080"
    env: Literal["development", "production"] = "development"
    base_url: str = ""
    """Where people reach the app; in development it follows `addr`."""
    cors_origins: tuple[str, ...] = ("http://localhost:5173",)
    data_dir: str = "data"
    http_websockets: bool | None = None
    """Serve WebSockets on the HTTP port too; default: in development."""
    trusted_hops: Annotated[int, Meta(ge=0)] = 0


class GatewayTree(Struct, frozen=True, forbid_unknown_fields=True):
    """The signaling listener."""

    addr: str = ":8081"
    url: str = ""
    """Where browsers reach it, such as `wss://call.example.org`; default: beside `base_url`."""


class AuthTree(_SecretTree, frozen=True, forbid_unknown_fields=True):
    """Sign-in."""

    secret: str = ""
    pepper: str = ""
    access_ttl: str = "24h"
    refresh_ttl: str = "1440h"
    bcrypt_cost: int = 12


class DatabaseTree(_SecretTree, frozen=True, forbid_unknown_fields=True):
    """The database by URL: `postgresql://…` or `sqlite:///…`."""

    url: str = ""


class PostgresTree(_SecretTree, frozen=True, forbid_unknown_fields=True):
    """The database by parts; used when any of them is given."""

    host: str = "chatter-postgres"
    port: Annotated[int, Meta(ge=1, le=65535)] = 5432
    username: str = "postgres"
    password: str = ""
    database: str = "postgres"
    min_conns: int = 1
    max_conns: int = 100


class RedisTree(_SecretTree, frozen=True, forbid_unknown_fields=True):
    """Reserved: accepted so that existing files load, not used yet."""

    host: str = ""
    port: int = 6379
    username: str = ""
    password: str = ""
    db: int = 0


class BusTree(_SecretTree, frozen=True, forbid_unknown_fields=True):
    """How several nodes share their rooms."""

    url: str = ""
    """`nats://…` or `redis://…`; empty for a node that is alone."""
    node_id: str = ""
    """What this node is called; default: the name of the host."""
    drain_timeout: str = "10s"
    """How long a node that is told to stop may hand its rooms over to others."""


class OtelTree(Struct, frozen=True, forbid_unknown_fields=True):
    """OpenTelemetry."""

    service_name: str = "chatter"
    endpoint: str = ""
    sampler: SamplerName = "parentbased_traceidratio"
    sampler_arg: Annotated[float, Meta(ge=0, le=1)] = 1.0
    trace_url: str = ""
    """Where people look at a trace, with `{trace_id}` in place of its id."""


class LogTree(Struct, frozen=True, forbid_unknown_fields=True):
    """Logging."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["json", "text"] = "json"


class CallsTree(Struct, frozen=True, forbid_unknown_fields=True):
    """Calls."""

    stun_urls: tuple[str, ...] = ()
    retention: str = "720h"
    """How long the records of calls are kept."""


class TurnTree(_SecretTree, frozen=True, forbid_unknown_fields=True):
    """Relays for calls."""

    urls: tuple[str, ...] = ()
    secret: str = ""
    ttl: str = "10m"
    ca_file: str = ""


class RecordingsTree(Struct, frozen=True, forbid_unknown_fields=True):
    """Recordings of calls."""

    dir: str = ""
    """Where they lie; default: `recordings` in the data folder."""
    quota: str = "20GB"
    """What all of them together may take."""
    retention: str = "720h"
    max: Annotated[int, Meta(ge=0, le=100)] = 2
    """How many may be recorded or put together at once; 0 switches recording off."""


class LimitsTree(Struct, frozen=True, forbid_unknown_fields=True):
    """Rate and flood limits."""

    scale: float = 1.0


class SettingsTree(Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of `config.yaml`."""

    server: ServerTree = ServerTree()
    gateway: GatewayTree = GatewayTree()
    auth: AuthTree = AuthTree()
    database: DatabaseTree = DatabaseTree()
    postgres: PostgresTree | None = None
    redis: RedisTree = RedisTree()
    bus: BusTree = BusTree()
    otel: OtelTree = OtelTree()
    log: LogTree = LogTree()
    calls: CallsTree = CallsTree()
    turn: TurnTree = TurnTree()
    recordings: RecordingsTree = RecordingsTree()
    limits: LimitsTree = LimitsTree()


VARIABLES: dict[str, tuple[str, str]] = {
    "SERVER_ADDR": ("server", "addr"),
    "ENV": ("server", "env"),
    "BASE_URL": ("server", "base_url"),
    "SERVER_CORS_ORIGINS": ("server", "cors_origins"),
    "CHATTER_DATA_DIR": ("server", "data_dir"),
    "HTTP_WEBSOCKETS": ("server", "http_websockets"),
    "TRUSTED_HOPS": ("server", "trusted_hops"),
    "GATEWAY_ADDR": ("gateway", "addr"),
    "GATEWAY_URL": ("gateway", "url"),
    "AUTH_SECRET": ("auth", "secret"),
    "AUTH_PEPPER": ("auth", "pepper"),
    "AUTH_ACCESS_TTL": ("auth", "access_ttl"),
    "AUTH_REFRESH_TTL": ("auth", "refresh_ttl"),
    "AUTH_BCRYPT_COST": ("auth", "bcrypt_cost"),
    "DATABASE_URL": ("database", "url"),
    "POSTGRES_HOST": ("postgres", "host"),
    "POSTGRES_PORT": ("postgres", "port"),
    "POSTGRES_USER": ("postgres", "username"),
    "POSTGRES_PASSWORD": ("postgres", "password"),
    "POSTGRES_DB": ("postgres", "database"),
    "POSTGRES_MIN_CONNS": ("postgres", "min_conns"),
    "POSTGRES_MAX_CONNS": ("postgres", "max_conns"),
    "BUS_URL": ("bus", "url"),
    "NODE_ID": ("bus", "node_id"),
    "DRAIN_TIMEOUT": ("bus", "drain_timeout"),
    "OTEL_SERVICE_NAME": ("otel", "service_name"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("otel", "endpoint"),
    "OTEL_TRACES_SAMPLER": ("otel", "sampler"),
    "OTEL_TRACES_SAMPLER_ARG": ("otel", "sampler_arg"),
    "TRACE_URL": ("otel", "trace_url"),
    "LOG_LEVEL": ("log", "level"),
    "LOG_FORMAT": ("log", "format"),
    "STUN_URLS": ("calls", "stun_urls"),
    "CALLS_RETENTION": ("calls", "retention"),
    "TURN_URLS": ("turn", "urls"),
    "TURN_SECRET": ("turn", "secret"),
    "TURN_TTL": ("turn", "ttl"),
    "TURN_CA_FILE": ("turn", "ca_file"),
    "RECORDINGS_DIR": ("recordings", "dir"),
    "RECORDINGS_QUOTA": ("recordings", "quota"),
    "RECORDINGS_RETENTION": ("recordings", "retention"),
    "RECORDINGS_MAX": ("recordings", "max"),
    "LIMITS_SCALE": ("limits", "scale"),
}
_SECRETS = {
    ("auth", "secret"),
    ("auth", "pepper"),
    ("bus", "url"),
    ("postgres", "password"),
    ("redis", "password"),
    ("turn", "secret"),
}
_LISTS = {("server", "cors_origins"), ("calls", "stun_urls"), ("turn", "urls")}
_OWN_PREFIX = "CHATTER_"
_SHARED_PREFIXES = (
    "SERVER_",
    "GATEWAY_",
    "AUTH_",
    "POSTGRES_",
    "DATABASE_",
    "LIMIT",
    "RECORDINGS_",
    "CALLS_",
    "LOG_",
    "STUN_",
    "TRACE_",
    "TURN_",
    "TRUSTED_",
    "HTTP_WEB",
    "BASE_",
    "BUS_",
    "NODE_",
)
"""Others use these too; only what looks like a slip of the pen is refused."""
_INJECTED = re.compile(r"_(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)")
"""What container platforms set for each service: CHATTER_SERVICE_HOST, CHATTER_PORT_8080_TCP and the like."""
_TURN_TTL_S = (60, 86400)
"""Shorter than a minute ends before a call is set up; longer is as good as a password."""
_LONGEST_DRAIN = timedelta(minutes=5)
_MAX_DURATION_S = 100 * 365 * 86400.0
_SIZE_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Address(Struct, frozen=True):
    """Where to listen; `host` is None for all interfaces."""

    host: str | None
    port: int


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


def load(
    environ: Mapping[str, str] | None = None, *, create_secret: bool = True, changes: Mapping[str, str] | None = None
) -> Settings:
    """Read and check all settings; `changes` come before the environment. Raises `SettingsError`.

    In development a missing `AUTH_SECRET` is made once and kept in the data folder; not with `create_secret=False`.
    """
    environ = {**(os.environ if environ is None else environ), **(changes or {})}
    values, sources = _merge(environ)
    try:
        tree = msgspec.convert(values, SettingsTree, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error), sources)) from None
    return _build(tree, sources, create_secret)


def redacted(settings: Settings) -> dict[str, Any]:
    """Return the effective tree with secrets masked, for people to read."""
    tree = msgspec.to_builtins(settings.tree)
    if tree["postgres"] is None:
        del tree["postgres"]
    for section, name in _SECRETS:
        if tree.get(section, {}).get(name):
            tree[section][name] = "********"
    if tree["bus"]["url"]:
        tree["bus"]["url"] = without_credentials(settings.cluster.bus_url)
    tree["auth"]["secret"] = "********"  # noqa: S105  # the mask itself
    tree["server"]["base_url"] = settings.base_url
    tree["server"]["data_dir"] = str(settings.data_dir)
    tree["recordings"]["dir"] = str(settings.recording.folder)
    tree["server"]["http_websockets"] = settings.http_websockets
    tree["database"]["url"] = settings.database_url.render_as_string(hide_password=True)
    return dict(tree)


def parse_duration(text: str) -> timedelta:
    """Read a duration above 0 as Go writes it: `24h`, `1h30m`, `500ms`. Raises `ValueError`."""
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", text)
    seconds = sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not 0 < seconds <= _MAX_DURATION_S:
        raise ValueError(f"{text!r} is not a duration such as 24h, 15m or 1h30m")
    return timedelta(seconds=seconds)


def parse_size(text: str) -> int:
    """Read a number of bytes: `500MB`, `20GB`, `1TB`; units are powers of 1,000. Raises `ValueError`."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(MB|GB|TB)", text)
    if found is None or not float(found[1]):
        raise ValueError(f"{text!r} is not a size such as 500MB, 20GB or 1TB")
    return int(float(found[1]) * _SIZE_UNITS[found[2]])


def parse_address(text: str) -> Address:
    """Read `:8080`, `127.0.0.1:8080` or `[::1]:8080`. Raises `ValueError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not an address such as :8080 or 127.0.0.1:8080")
    return Address(host.strip("[]") or None, int(port))


# --- reading --------------------------------------------------------------------------------------------------------


def _merge(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[tuple[str, str], str]]:
    values, sources = _read_file(environ)
    _refuse_typos(environ)
    for variable, path in VARIABLES.items():
        value = environ.get(variable)
        if path in _SECRETS and not value and environ.get(f"{variable}_FILE"):
            value = _read_secret(f"{variable}_FILE", environ[f"{variable}_FILE"])
        if not value:
            continue
        section, name = path
        parsed: Any = [part.strip() for part in value.split(",") if part.strip()] if path in _LISTS else value
        values.setdefault(section, {})[name] = parsed
        sources[path] = variable
    return values, sources


def _read_file(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[tuple[str, str], str]]:
    path = Path(environ.get("CONFIG_PATH", "config/config.yaml"))
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        if "CONFIG_PATH" in environ:
            raise SettingsError(f"CONFIG_PATH: there is no file {path}") from None
        content = None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold a mapping at its top")
    sources: dict[tuple[str, str], str] = {}
    for section, leaves in content.items():
        if leaves is None:
            content[section] = {}
        elif isinstance(leaves, dict):
            sources.update({(section, name): f"{path}: {section}.{name}" for name in leaves})
        else:
            raise SettingsError(f"{path}: {section} must hold a mapping")
    return content, sources


def _read_secret(variable: str, path: str) -> str:
    try:
        secret = Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{variable}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{variable}: {path} holds no text") from None
    if not secret:
        raise SettingsError(
            f"{variable}: {path} is empty; delete it and run scripts/secrets, or write a secret into it"
        )
    return secret


def _refuse_typos(environ: Mapping[str, str]) -> None:
    known = {*VARIABLES, *(f"{name}_FILE" for name, path in VARIABLES.items() if path in _SECRETS), "CONFIG_PATH"}
    for name in environ:
        if name in known or _INJECTED.search(name):
            continue
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        if name.startswith(_OWN_PREFIX) or (close and name.startswith(_SHARED_PREFIXES)):
            hint = f"; did you mean {close[0]}?" if close else ""
            raise SettingsError(f"{name} is not a setting{hint}")


def _explain(problem: str, sources: Mapping[tuple[str, str], str]) -> str:
    what, _, where = problem.partition(" - at `$")
    path = tuple(re.sub(r"\[.*?\]", "", where.rstrip("`")).strip(".").split("."))
    unknown = re.search(r"unknown field `(.*?)`", what)
    if unknown:
        section = ".".join(part for part in path if part)
        return f"{section}.{unknown[1]} is not a setting" if section else f"{unknown[1]} is not a setting"
    source = sources.get((path[0], path[1])) if len(path) == 2 else None
    return f"{source or '.'.join(path)}: {what[:1].lower()}{what[1:]}"


# --- building -------------------------------------------------------------------------------------------------------


def _build(tree: SettingsTree, sources: Mapping[tuple[str, str], str], create_secret: bool) -> Settings:
    data_dir = Path(tree.server.data_dir).expanduser()
    listen = _parsed(("server", "addr"), sources, parse_address, tree.server.addr)
    gateway_listen = _parsed(("gateway", "addr"), sources, parse_address, tree.gateway.addr)
    production = tree.server.env == "production"
    base_url = tree.server.base_url.rstrip("/") or f"http://localhost:{listen.port}"
    base_origin = _origin("BASE_URL", base_url)
    if production and not base_url.startswith("https://"):
        raise SettingsError("BASE_URL must be an https:// address when ENV=production")
    foreign = tree.server.cors_origins
    if production and ("server", "cors_origins") not in sources:
        foreign = ()  # the default is the development server of the web client
    origins = {base_origin, *(_origin("SERVER_CORS_ORIGINS", origin) for origin in foreign)}
    if not production:
        origins |= {f"http://{name}:{listen.port}" for name in ("localhost", "127.0.0.1", "[::1]")}
    if tree.gateway.url:
        _url("GATEWAY_URL", tree.gateway.url, "ws", "wss")
    for url in tree.calls.stun_urls:
        if not url.startswith(("stun:", "stuns:")):
            raise SettingsError(f"STUN_URLS: {url!r} does not begin with stun: or stuns:")
    if tree.otel.endpoint:
        _check_otlp_endpoint("OTEL_EXPORTER_OTLP_ENDPOINT", tree.otel.endpoint)
    if tree.otel.trace_url:
        _check_trace_url("TRACE_URL", tree.otel.trace_url)
    if not 0 < tree.limits.scale <= 1_000_000:
        raise SettingsError("LIMITS_SCALE must be a number above 0")
    if not 4 <= tree.auth.bcrypt_cost <= 18 or (production and tree.auth.bcrypt_cost < 10):
        raise SettingsError("AUTH_BCRYPT_COST must be from 10 to 18 (from 4 in development)")
    secret = _secret(tree, data_dir, production, create_secret)
    return Settings(
        tree=tree,
        data_dir=data_dir,
        base_url=base_url,
        listen=listen,
        gateway_listen=gateway_listen,
        database_url=_database_url(tree, data_dir),
        cluster=_cluster(tree, sources),
        auth=AuthSettings(
            secret=secret,
            pepper=tree.auth.pepper,
            access_ttl=_parsed(("auth", "access_ttl"), sources, parse_duration, tree.auth.access_ttl),
            refresh_ttl=_parsed(("auth", "refresh_ttl"), sources, parse_duration, tree.auth.refresh_ttl),
            bcrypt_cost=tree.auth.bcrypt_cost,
            limits_scale=tree.limits.scale,
        ),
        signaling=SignalingSettings(
            origins=frozenset(origins),
            stun_urls=tree.calls.stun_urls,
            turn=_turn(tree.turn, sources, production),
            trusted_hops=tree.server.trusted_hops,
            limits_scale=tree.limits.scale,
        ),
        calls=CallSettings(
            retention=_parsed(("calls", "retention"), sources, parse_duration, tree.calls.retention),
            trace_url=tree.otel.trace_url,
        ),
        recording=RecordingSettings(
            folder=Path(tree.recordings.dir or data_dir / "recordings").expanduser().absolute(),
            secret=secret,
            gateway_url=_own_url(gateway_listen),
            quota_bytes=_parsed(("recordings", "quota"), sources, parse_size, tree.recordings.quota),
            retention=_parsed(("recordings", "retention"), sources, parse_duration, tree.recordings.retention),
            max_active=tree.recordings.max,
        ),
        observability=ObservabilitySettings(
            service_name=tree.otel.service_name,
            version=importlib.metadata.version("chatter"),
            otlp_endpoint=tree.otel.endpoint,
            sampler=tree.otel.sampler,
            sampler_ratio=tree.otel.sampler_arg,
            log_level=tree.log.level,
            log_format=tree.log.format,
        ),
    )


def _own_url(gateway: Address) -> str:
    """Return where a process on this machine reaches the gateway."""
    host = "127.0.0.1" if gateway.host in {None, "", "0.0.0.0"} else "::1" if gateway.host == "::" else gateway.host  # noqa: S104
    return f"ws://[{host}]:{gateway.port}" if ":" in str(host) else f"ws://{host}:{gateway.port}"


def _parsed(path: tuple[str, str], sources: Mapping[tuple[str, str], str], parse: Callable[[str], T], value: str) -> T:
    try:
        return parse(value)
    except ValueError as error:
        raise SettingsError(f"{sources.get(path, '.'.join(path))}: {error}") from None


def _origin(setting: str, url: str) -> str:
    parts = _url(setting, url, "http", "https")
    return f"{parts.scheme}://{parts.netloc}"


def _url(setting: str, url: str, *schemes: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it checks it
        good = parts.scheme in schemes and parts.hostname and "@" not in parts.netloc and not re.search(r"\s", url)
    except ValueError:  # brackets or a port that do not parse
        good = False
    if not good:
        raise SettingsError(f"{setting}: {url!r} is not an address that begins with {schemes[0]}:// or {schemes[1]}://")
    return parts


def _check_otlp_endpoint(setting: str, url: str) -> None:
    parts = _url(setting, url, "http", "https")
    if parts.query or parts.fragment:  # a path is added to it
        raise SettingsError(f"{setting}: {url!r} is not the base address of a receiver: it has a query or a fragment")


def _check_trace_url(setting: str, url: str) -> None:
    if TRACE_ID not in url:
        raise SettingsError(f"{setting}: {url!r} does not hold {TRACE_ID}, which stands for the id of a trace")
    _url(setting, url, "http", "https")


def _cluster(tree: SettingsTree, sources: Mapping[tuple[str, str], str]) -> ClusterSettings:
    try:
        if tree.bus.url:
            check_bus_url(tree.bus.url)
    except ValueError as error:
        raise SettingsError(f"BUS_URL: {error}") from None
    if tree.bus.url and not (tree.postgres or tree.database.url.startswith("postgres")):
        raise SettingsError("BUS_URL: nodes that share their rooms need a database in common: set DATABASE_URL too")
    node = tree.bus.node_id or socket.gethostname()
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", node):
        if tree.bus.node_id:
            raise SettingsError("NODE_ID has 1 to 64 letters, digits, - and _")
        node = re.sub(r"[^A-Za-z0-9_-]", "-", node)[:64]
    drain_timeout = _parsed(("bus", "drain_timeout"), sources, parse_duration, tree.bus.drain_timeout)
    if drain_timeout > _LONGEST_DRAIN:
        raise SettingsError(f"DRAIN_TIMEOUT is at most {_LONGEST_DRAIN.seconds} seconds")
    return ClusterSettings(bus_url=tree.bus.url, node=node, drain_timeout=drain_timeout)


def _turn(tree: TurnTree, sources: Mapping[tuple[str, str], str], production: bool) -> TurnSettings:
    try:
        urls = tuple(parse_turn_url(text) for text in tree.urls)
    except ValueError as error:
        raise SettingsError(f"{sources.get(('turn', 'urls'), 'turn.urls')}: {error}") from None
    if urls and not tree.secret:
        raise SettingsError("TURN_SECRET is missing: TURN_URLS needs the static-auth-secret of the TURN server")
    if production and urls:
        _refuse_weak("TURN_SECRET", tree.secret)
    ttl = _parsed(("turn", "ttl"), sources, parse_duration, tree.ttl)
    if not _TURN_TTL_S[0] <= ttl.total_seconds() <= _TURN_TTL_S[1]:
        raise SettingsError("TURN_TTL must be from 1m to 24h")
    ca_file = Path(tree.ca_file).expanduser() if tree.ca_file else None
    if urls and ca_file is not None:
        _check_certificates("TURN_CA_FILE", ca_file)
    return TurnSettings(urls=urls, secret=tree.secret, ttl=ttl, ca_file=ca_file)


def _check_certificates(setting: str, path: Path) -> None:
    try:
        ssl.create_default_context().load_verify_locations(path)
    except ssl.SSLError:
        raise SettingsError(f"{setting}: {path} holds no certificates in PEM form") from None
    except OSError as error:
        raise SettingsError(f"{setting}: {path} cannot be read: {error.strerror}") from None


def _database_url(tree: SettingsTree, data_dir: Path) -> URL:
    if tree.database.url:
        try:
            url = make_url(tree.database.url)
        except (ArgumentError, ValueError):
            raise SettingsError("DATABASE_URL is not a database address such as postgresql://user@host/name") from None
        backend = url.get_backend_name()
        if backend in {"postgresql", "postgres"}:
            return url.set(drivername="postgresql+asyncpg")
        if "password" in url.query:
            raise SettingsError("DATABASE_URL: write the password as postgresql://user:password@host/name")
        if backend == "sqlite":
            if not url.database or url.database == ":memory:":
                raise SettingsError("DATABASE_URL: the embedded database needs a file, as in sqlite:///data/chatter.db")
            return url.set(drivername="sqlite+aiosqlite")
        raise SettingsError(f"DATABASE_URL: {backend} is not supported; use postgresql:// or sqlite:///")
    if tree.postgres is not None:
        parts = tree.postgres
        if not 0 < parts.min_conns <= parts.max_conns:
            raise SettingsError("POSTGRES_MIN_CONNS must be at least 1 and at most POSTGRES_MAX_CONNS")
        return URL.create(
            "postgresql+asyncpg",
            username=parts.username,
            password=parts.password or None,
            host=parts.host,
            port=parts.port,
            database=parts.database,
        )
    return URL.create("sqlite+aiosqlite", database=str(data_dir / "chatter.db"))


def _secret(tree: SettingsTree, data_dir: Path, production: bool, create: bool) -> str:
    secret = tree.auth.secret
    if production:
        if not secret:
            raise SettingsError("AUTH_SECRET is missing; make one with: openssl rand -base64 48")
        _refuse_weak("AUTH_SECRET", secret)
    if secret:
        if len(secret.encode()) < MIN_SECRET_BYTES:
            raise SettingsError(f"AUTH_SECRET must have at least {MIN_SECRET_BYTES} bytes")
        return secret
    path = data_dir / "auth_secret"
    try:
        if path.exists():
            return _kept_secret(path)
        made = secrets.token_urlsafe(48)
        if not create:
            return made
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(made)
            # Appears whole or not at all: of two processes that start at once, one keeps its own, the other reads it.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        return _kept_secret(path)
    except OSError as error:
        raise SettingsError(f"CHATTER_DATA_DIR: {path} cannot be used: {error.strerror}") from None


def _refuse_weak(setting: str, secret: str) -> None:
    if any(sample in secret.lower() for sample in _SAMPLE_SECRETS):
        raise SettingsError(f"{setting} is a sample from some documentation; make one with: openssl rand -base64 48")
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise SettingsError(f"{setting} must have at least {MIN_SECRET_BYTES} bytes")


def _kept_secret(path: Path) -> str:
    secret = path.read_text("utf-8", "replace").strip()
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise SettingsError(f"{path} is damaged; delete it, and a new one is made (everybody has to sign in again)")
    return secret
