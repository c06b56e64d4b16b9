"""The shape of `config.yaml`, and the environment variable of each leaf."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from observability.settings import SamplerName


class SecretTree(Struct, frozen=True, forbid_unknown_fields=True):
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


class AuthTree(SecretTree, frozen=True, forbid_unknown_fields=True):
    """Sign-in."""

    secret: str = ""
    pepper: str = ""
    access_ttl: str = "24h"
    refresh_ttl: str = "1440h"
    bcrypt_cost: int = 12


class DatabaseTree(SecretTree, frozen=True, forbid_unknown_fields=True):
    """The database by URL: `postgresql://…` or `sqlite:///…`."""

    url: str = ""


class PostgresTree(SecretTree, frozen=True, forbid_unknown_fields=True):
    """The database by parts; used when any of them is given."""

    host: str = "chatter-postgres"
    port: Annotated[int, Meta(ge=1, le=65535)] = 5432
    username: str = "postgres"
    password: str = ""
    database: str = "postgres"
    min_conns: int = 1
    max_conns: int = 100


class RedisTree(SecretTree, frozen=True, forbid_unknown_fields=True):
    """Reserved: accepted so that existing files load, not used yet."""

    host: str = ""
    port: int = 6379
    username: str = ""
    password: str = ""
    db: int = 0


class BusTree(SecretTree, frozen=True, forbid_unknown_fields=True):
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


class TurnTree(SecretTree, frozen=True, forbid_unknown_fields=True):
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
SECRETS = {
    ("auth", "secret"),
    ("auth", "pepper"),
    ("bus", "url"),
    ("postgres", "password"),
    ("redis", "password"),
    ("turn", "secret"),
}
LISTS = {("server", "cors_origins"), ("calls", "stun_urls"), ("turn", "urls")}
