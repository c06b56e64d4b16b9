"""The settings: file, environment, defaults, refusals, the generated secret, what is never shown."""

from __future__ import annotations

import json
import multiprocessing
import stat
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
import yaml

from api.settings import (
    VARIABLES,
    Address,
    Settings,
    SettingsError,
    SettingsTree,
    load,
    parse_address,
    parse_duration,
    redacted,
)

ROOT = Path(__file__).resolve().parents[2]
SECRET = "Zk3-f8Qw_v1LmN7pXc0RtYbH2sJdGaUe"
PRODUCTION = {"ENV": "production", "BASE_URL": "https://call.example.org", "AUTH_SECRET": SECRET}

# Every variable with a value that is not its default, as text and as it stands in the tree.
GIVEN: dict[str, tuple[str, Any]] = {
    "SERVER_ADDR": ("127.0.0.1:9000", "127.0.0.1:9000"),
    "ENV": ("production", "production"),
    "BASE_URL": ("https://call.example.org", "https://call.example.org"),
    "SERVER_CORS_ORIGINS": (" https://a.example , https://b.example,", ["https://a.example", "https://b.example"]),
    "CHATTER_DATA_DIR": ("elsewhere", "elsewhere"),
    "HTTP_WEBSOCKETS": ("false", False),
    "TRUSTED_HOPS": ("2", 2),
    "GATEWAY_ADDR": ("[::1]:9001", "[::1]:9001"),
    "GATEWAY_URL": ("wss://call.example.org", "wss://call.example.org"),
    "AUTH_SECRET": (SECRET, SECRET),
    "AUTH_PEPPER": ("pepper", "pepper"),
    "AUTH_ACCESS_TTL": ("15m", "15m"),
    "AUTH_REFRESH_TTL": ("720h", "720h"),
    "AUTH_BCRYPT_COST": ("13", 13),
    "DATABASE_URL": ("postgresql://chatter@db/chatter", "postgresql://chatter@db/chatter"),
    "POSTGRES_HOST": ("db", "db"),
    "POSTGRES_PORT": ("5433", 5433),
    "POSTGRES_USER": ("chatter", "chatter"),
    "POSTGRES_PASSWORD": ("hush", "hush"),
    "POSTGRES_DB": ("calls", "calls"),
    "POSTGRES_MIN_CONNS": ("2", 2),
    "POSTGRES_MAX_CONNS": ("20", 20),
    "BUS_URL": ("nats://bus:4222", "nats://bus:4222"),
    "NODE_ID": ("node-2", "node-2"),
    "DRAIN_TIMEOUT": ("20s", "20s"),
    "OTEL_SERVICE_NAME": ("chatter-1", "chatter-1"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("http://tempo:4318", "http://tempo:4318"),
    "OTEL_TRACES_SAMPLER": ("always_on", "always_on"),
    "OTEL_TRACES_SAMPLER_ARG": ("0.25", 0.25),
    "TRACE_URL": ("https://grafana.example.org/t/{trace_id}", "https://grafana.example.org/t/{trace_id}"),
    "LOG_LEVEL": ("DEBUG", "DEBUG"),
    "LOG_FORMAT": ("text", "text"),
    "STUN_URLS": ("stun:a.example:3478,stun:b.example:3478", ["stun:a.example:3478", "stun:b.example:3478"]),
    "CALLS_RETENTION": ("48h", "48h"),
    "TURN_URLS": (
        "turn:a.example:3478?transport=udp,turns:a.example",
        ["turn:a.example:3478?transport=udp", "turns:a.example"],
    ),
    "TURN_SECRET": (SECRET, SECRET),
    "TURN_TTL": ("5m", "5m"),
    "TURN_CA_FILE": ("ca.pem", "ca.pem"),
    "RECORDINGS_DIR": ("films", "films"),
    "RECORDINGS_QUOTA": ("3GB", "3GB"),
    "RECORDINGS_RETENTION": ("24h", "24h"),
    "RECORDINGS_MAX": ("5", 5),
    "LIMITS_SCALE": ("2.5", 2.5),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be in a folder without a config file; what is generated goes there too."""
    monkeypatch.chdir(tmp_path)


def config(folder: Path, text: str) -> dict[str, str]:
    """Write a config file; return the variable that names it."""
    path = folder / "own.yaml"
    path.write_text(text, "utf-8")
    return {"CONFIG_PATH": str(path)}


def sound_file() -> dict[str, Any]:
    """Return what must be given so that each setting can be tried by itself."""
    return {
        "server": {"base_url": "https://file.example.org"},
        "auth": {"secret": "x" * 32},
        "database": {"url": "postgresql://chatter@file/chatter"},
        "turn": {"secret": "x" * 32},
    }


def tree_of(settings: Settings) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(msgspec.json.encode(settings.tree))
    return tree


def default_tree() -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(msgspec.json.encode(msgspec.convert({"postgres": {}}, SettingsTree)))
    return tree


def refusal(variables: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refused:
        load(variables)
    message = str(refused.value)
    assert "\n" not in message
    return message


# --- file and environment -------------------------------------------------------------------------------------------


def test_the_values_given_below_are_those_of_all_variables_and_differ_from_the_defaults() -> None:
    assert list(GIVEN) == list(VARIABLES)
    defaults = default_tree()
    for name, (section, leaf) in VARIABLES.items():
        assert defaults[section][leaf] != GIVEN[name][1], name


def test_every_leaf_of_the_file_has_a_variable_but_for_those_reserved() -> None:
    defaults = default_tree()
    leaves = {(section, leaf) for section, tree in defaults.items() for leaf in tree if section != "redis"}
    assert set(VARIABLES.values()) == leaves


@pytest.mark.seed("S1-45")
@pytest.mark.parametrize("variable", VARIABLES)
def test_each_variable_overrides_the_file(tmp_path: Path, variable: str) -> None:
    section, leaf = VARIABLES[variable]
    text, value = GIVEN[variable]
    default = default_tree()[section][leaf]
    if leaf == "secret":
        default = "x" * 32
    file = sound_file()
    file.setdefault(section, {})[leaf] = default if default is not None else True
    environ = config(tmp_path, yaml.safe_dump(file))
    assert tree_of(load(environ))[section][leaf] == (default if default is not None else True)
    assert tree_of(load(environ | {variable: text}))[section][leaf] == value
    assert tree_of(load(environ | {variable: ""}))[section][leaf] == (default if default is not None else True)


@pytest.mark.parametrize("variable", VARIABLES)
def test_each_value_can_stand_in_the_file(tmp_path: Path, variable: str) -> None:
    section, leaf = VARIABLES[variable]
    file = sound_file()
    file.setdefault(section, {})[leaf] = GIVEN[variable][1]
    assert tree_of(load(config(tmp_path, yaml.safe_dump(file))))[section][leaf] == GIVEN[variable][1]


def test_all_variables_at_once_reach_the_parts(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    settings = load({name: text for name, (text, _) in GIVEN.items()})
    assert settings.production
    assert not settings.http_websockets
    assert settings.listen == Address("127.0.0.1", 9000)
    assert settings.gateway_listen == Address("::1", 9001)
    assert settings.base_url == "https://call.example.org"
    assert settings.data_dir == Path("elsewhere")
    assert settings.origins == {"https://a.example", "https://b.example", "https://call.example.org"}
    assert settings.database_url.render_as_string() == "postgresql+asyncpg://chatter@db/chatter"
    assert settings.auth.secret == SECRET
    assert settings.auth.pepper == "pepper"
    assert settings.auth.access_ttl == timedelta(minutes=15)
    assert settings.auth.refresh_ttl == timedelta(days=30)
    assert settings.auth.bcrypt_cost == 13
    assert settings.auth.limits_scale == settings.signaling.limits_scale == 2.5
    assert settings.signaling.stun_urls == ("stun:a.example:3478", "stun:b.example:3478")
    turn = settings.signaling.turn
    assert [(url.host, url.port, url.transport) for url in turn.urls] == [
        ("a.example", 3478, "udp"),
        ("a.example", 5349, "tls"),
    ]
    assert (turn.secret, turn.ttl, turn.ca_file) == (SECRET, timedelta(minutes=5), Path("ca.pem"))
    assert settings.signaling.trusted_hops == 2
    assert settings.observability.service_name == "chatter-1"
    assert settings.observability.otlp_endpoint == "http://tempo:4318"
    assert (settings.observability.log_level, settings.observability.log_format) == ("DEBUG", "text")


@pytest.mark.seed("S1-46")
def test_the_file_is_looked_for_at_its_usual_place(tmp_path: Path) -> None:
    assert load({}).listen.port == 8080
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("server: {addr: ':9999'}")
    assert load({}).listen.port == 9999


def test_a_file_that_is_named_must_exist() -> None:
    assert refusal({"CONFIG_PATH": "nowhere.yaml"}) == "CONFIG_PATH: there is no file nowhere.yaml"


@pytest.mark.parametrize("text", ["", "# nothing\n", "server:\n", "server:\nauth:\n", "{}"])
def test_an_empty_file_or_section_is_fine(tmp_path: Path, text: str) -> None:
    assert tree_of(load(config(tmp_path, text))) == tree_of(load({}))


@pytest.mark.seed("S1-47")
@pytest.mark.seed("S1-48")
@pytest.mark.seed("S1-50")
@pytest.mark.seed("S1-51")
@pytest.mark.seed("S1-52")
@pytest.mark.seed("S1-53")
@pytest.mark.seed("S1-55")
def test_the_defaults() -> None:
    settings = load({})
    assert settings.listen == Address(None, 8080)
    assert settings.gateway_listen == Address(None, 8081)
    assert settings.tree.server.cors_origins == ("http://localhost:5173",)
    assert settings.auth.access_ttl == timedelta(hours=24)
    assert settings.auth.refresh_ttl == timedelta(hours=1440)
    assert settings.auth.bcrypt_cost == 12
    assert settings.observability.service_name == "chatter"
    assert not settings.production
    assert settings.http_websockets
    assert settings.base_url == "http://localhost:8080"
    assert settings.database_url.render_as_string() == "sqlite+aiosqlite:///data/chatter.db"
    postgres = default_tree()["postgres"]
    assert postgres == {
        "host": "chatter-postgres",
        "port": 5432,
        "username": "postgres",
        "password": "",
        "database": "postgres",
        "min_conns": 1,
        "max_conns": 100,
    }
    assert set(msgspec.to_builtins(settings.tree.redis)) == {"host", "port", "username", "password", "db"}


@pytest.mark.seed("S1-45")
def test_the_comments_of_the_shipped_file_are_the_real_defaults(tmp_path: Path) -> None:
    shipped = (ROOT / "config" / "config.yaml").read_text("utf-8")
    assert yaml.safe_load(shipped) is None
    commented = shipped[shipped.index("# server:") :]
    values = yaml.safe_load("\n".join(line.removeprefix("# ") for line in commented.splitlines()))
    defaults = default_tree()
    defaults["server"]["http_websockets"] = True  # in development
    del defaults["redis"]
    assert values == defaults
    load(config(tmp_path, yaml.safe_dump({name: tree for name, tree in values.items() if name != "auth"})))


def test_the_shipped_file_names_each_variable() -> None:
    shipped = (ROOT / "config" / "config.yaml").read_text("utf-8")
    for variable, (section, leaf) in VARIABLES.items():
        (line,) = [line for line in shipped.splitlines() if f"[{variable}]" in line or f"[{variable}," in line]
        assert line.startswith(f"#   {leaf}:"), (section, variable)


@pytest.mark.seed("S1-52")
@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "sqlite+aiosqlite:///data/chatter.db"),
        ({"CHATTER_DATA_DIR": "/var/lib/chatter"}, "sqlite+aiosqlite:////var/lib/chatter/chatter.db"),
        ({"DATABASE_URL": "sqlite:///x.db"}, "sqlite+aiosqlite:///x.db"),
        ({"DATABASE_URL": "postgres://u@h/d"}, "postgresql+asyncpg://u@h/d"),
        ({"DATABASE_URL": "postgresql+psycopg://u:p@h:1/d"}, "postgresql+asyncpg://u:p@h:1/d"),
        ({"POSTGRES_HOST": "db"}, "postgresql+asyncpg://postgres@db:5432/postgres"),
        ({"POSTGRES_PASSWORD": "p@ss:/"}, "postgresql+asyncpg://postgres:p%40ss%3A%2F@chatter-postgres:5432/postgres"),
        ({"DATABASE_URL": "sqlite:///x.db", "POSTGRES_HOST": "db"}, "sqlite+aiosqlite:///x.db"),
    ],
)
def test_the_database(variables: dict[str, str], url: str) -> None:
    assert load(variables, create_secret=False).database_url.render_as_string(hide_password=False) == url


def test_the_database_by_parts_in_the_file(tmp_path: Path) -> None:
    settings = load(config(tmp_path, "postgres: {host: db, password: p}") | {"POSTGRES_USER": "u"})
    assert settings.database_url.render_as_string(hide_password=False) == "postgresql+asyncpg://u:p@db:5432/postgres"


def test_the_base_url_follows_the_port_in_development() -> None:
    settings = load({"SERVER_ADDR": ":9000"})
    assert settings.base_url == "http://localhost:9000"
    assert settings.origins == {
        "http://localhost:5173",
        "http://localhost:9000",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
    }


def test_production_trusts_only_named_origins() -> None:
    settings = load(PRODUCTION | {"SERVER_CORS_ORIGINS": "https://app.example.org"})
    assert settings.origins == {"https://call.example.org", "https://app.example.org"}


# --- durations and addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("24h", 86400), ("1440h", 5184000), ("1h30m", 5400), ("500ms", 0.5), ("90s", 90), ("1.5h", 5400), ("2d", 172800)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


NOT_DURATIONS = [
    "",
    "24",
    "h",
    "24 h",
    "-1h",
    "1h-",
    "1y",
    "1H",
    "0s",
    "0h0m",
    "1.h",
    "9" * 20 + "h",
    "٣h",
    "1h\n",
    "1e3s",
]


@pytest.mark.parametrize("text", NOT_DURATIONS)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":8080", Address(None, 8080)),
        ("0.0.0.0:80", Address("0.0.0.0", 80)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:65535", Address("::1", 65535)),
        ("[::]:1", Address("::", 1)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "8080", "localhost", ":", ":65536", ":-1", ":+1", ": 80", ":٣", ":80\n", "a:b"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        parse_address(text)


# --- refusals -------------------------------------------------------------------------------------------------------

MALFORMED = {
    "SERVER_ADDR": "8080",
    "ENV": "prod",
    "BASE_URL": "ftp://call.example.org",
    "SERVER_CORS_ORIGINS": "localhost:5173",
    "HTTP_WEBSOCKETS": "perhaps",
    "TRUSTED_HOPS": "-1",
    "GATEWAY_ADDR": ":eighty",
    "GATEWAY_URL": "https://call.example.org",
    "AUTH_SECRET": "short",
    "AUTH_ACCESS_TTL": "24",
    "AUTH_REFRESH_TTL": "a month",
    "AUTH_BCRYPT_COST": "3",
    "DATABASE_URL": "mysql://root@db/chatter",
    "POSTGRES_PORT": "99999",
    "POSTGRES_MIN_CONNS": "0",
    "POSTGRES_MAX_CONNS": "0",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "tempo:4318",
    "OTEL_TRACES_SAMPLER": "sometimes",
    "OTEL_TRACES_SAMPLER_ARG": "1.5",
    "LOG_LEVEL": "loud",
    "LOG_FORMAT": "xml",
    "TURN_URLS": "stun:a.example",
    "TURN_TTL": "10",
    "RECORDINGS_QUOTA": "10",
    "RECORDINGS_RETENTION": "10",
    "RECORDINGS_MAX": "-1",
    "LIMITS_SCALE": "0",
}


@pytest.mark.parametrize("variable", MALFORMED)
def test_a_malformed_variable_is_named(variable: str) -> None:
    assert variable in refusal({variable: MALFORMED[variable]})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BASE_URL", "http://[::1"),
        ("BASE_URL", "https://"),
        ("BASE_URL", "https://user:password@call.example.org"),
        ("BASE_URL", "http://localhost:port"),
        ("BASE_URL", "http://:8080"),
        ("SERVER_CORS_ORIGINS", "http://a.example,*"),
        ("SERVER_CORS_ORIGINS", "null"),
        ("SERVER_CORS_ORIGINS", "http://a.example:99999"),
        ("GATEWAY_URL", "wss://[::1"),
        ("GATEWAY_URL", "wss://"),
        ("AUTH_ACCESS_TTL", "9" * 30 + "h"),
        ("AUTH_ACCESS_TTL", "0s"),
        ("AUTH_BCRYPT_COST", "19"),
        ("AUTH_BCRYPT_COST", "twelve"),
        ("DATABASE_URL", "postgresql://db:port/chatter"),
        ("DATABASE_URL", "chatter"),
        ("POSTGRES_PORT", "0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:password@tempo:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://tempo:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://te mpo:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://tempo:4318?a=b"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://tempo:4318/#there"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan"),
        ("OTEL_TRACES_SAMPLER_ARG", "-0.1"),
        ("OTEL_TRACES_SAMPLER_ARG", "half"),
        ("BUS_URL", "http://bus:4222"),
        ("BUS_URL", "bus:4222"),
        ("BUS_URL", "nats://bus:port"),
        ("BUS_URL", "nats://bus:4222"),  # and no database in common
        ("NODE_ID", "node 1"),
        ("NODE_ID", "n" * 65),
        ("DRAIN_TIMEOUT", "soon"),
        ("DRAIN_TIMEOUT", "6m"),
        ("LIMITS_SCALE", "nan"),
        ("LIMITS_SCALE", "inf"),
        ("LIMITS_SCALE", "-1"),
    ],
)
def test_other_malformed_values_are_refused_in_one_line(variable: str, value: str) -> None:
    assert variable in refusal({variable: value})


TURN = {"TURN_URLS": "turn:a.example", "TURN_SECRET": SECRET}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"TURN_URLS": "turn:a.example"},
            "TURN_SECRET is missing: TURN_URLS needs the static-auth-secret of the TURN server",
        ),
        (
            {"TURN_URLS": "turn:a.example,https://a.example", "TURN_SECRET": SECRET},
            "TURN_URLS: 'https://a.example' is not an address such as turn:turn.example.org:3478?transport=udp",
        ),
        (
            {"TURN_URLS": "turns:a.example?transport=udp", "TURN_SECRET": SECRET},
            "TURN_URLS: 'turns:a.example?transport=udp': turns: goes over TCP; write ?transport=tcp",
        ),
        (TURN | {"TURN_TTL": "59s"}, "TURN_TTL must be from 1m to 24h"),
        (TURN | {"TURN_TTL": "25h"}, "TURN_TTL must be from 1m to 24h"),
        (TURN | {"TURN_CA_FILE": "nowhere.pem"}, "TURN_CA_FILE: nowhere.pem cannot be read: No such file or directory"),
        (TURN | {"TURN_CA_FILE": "empty.pem"}, "TURN_CA_FILE: empty.pem holds no certificates in PEM form"),
        (PRODUCTION | TURN | {"TURN_SECRET": "short"}, "TURN_SECRET must have at least 32 bytes"),
        (
            PRODUCTION | TURN | {"TURN_SECRET": "example" * 8},
            "TURN_SECRET is a sample from some documentation; make one with: openssl rand -base64 48",
        ),
        (TURN | {"TURN_SECRET": "", "TURN_SECRET_FILE": "nowhere"}, "TURN_SECRET_FILE: nowhere cannot be read"),
        ({"TURN_URL": "turn:a.example"}, "TURN_URL is not a setting; did you mean TURN_URLS?"),
    ],
)
def test_relays_that_cannot_work_are_refused(tmp_path: Path, variables: dict[str, str], message: str) -> None:
    (tmp_path / "empty.pem").touch()
    assert refusal(variables).startswith(message)


def test_the_secret_of_the_relays_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n", "utf-8")
    settings = load({"TURN_URLS": "turn:a.example", "TURN_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.signaling.turn.secret == SECRET


def test_credentials_are_made_with_the_first_of_several_secrets(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n{'of-before' * 8}\n", "utf-8")
    settings = load(PRODUCTION | {"TURN_URLS": "turn:a.example", "TURN_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.signaling.turn.secret == SECRET


def test_relays_have_short_lived_credentials_unless_told_otherwise() -> None:
    assert load(TURN).signaling.turn.ttl == timedelta(minutes=10)


def test_a_refused_database_address_does_not_show_its_password() -> None:
    for url in ("mysql://root:hush-hush@db/x", "postgresql://u:hush-hush@db:port/x"):
        assert "hush-hush" not in refusal({"DATABASE_URL": url})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("serber: {}", "serber is not a setting"),
        ("server: {adr: ':1'}", "server.adr is not a setting"),
        ("server: {Addr: ':1'}", "server.Addr is not a setting"),
        ("redis: {hots: x}", "redis.hots is not a setting"),
        ("1: 2", "1"),
        ("server: {1: 2}", "server"),
        ("server: 5", "server must hold a mapping"),
        ("server: [a]", "server must hold a mapping"),
        ("[]", "must hold a mapping at its top"),
        ("text", "must hold a mapping at its top"),
        ("a: [", "is not valid YAML"),
        ("a: b: c", "is not valid YAML"),
        ("server: {addr: !!python/object/apply:os.getcwd []}", "is not valid YAML"),
        ("server: {addr: [1]}", "server.addr"),
        ("server: {trusted_hops: many}", "server.trusted_hops"),
        ("server: {addr: '8080'}", "server.addr: '8080' is not an address"),
        ("auth: {access_ttl: 24}", "auth.access_ttl"),
        ("server: {cors_origins: [1, {}]}", "server.cors_origins"),
        ("server: {cors_origins: http://a.example}", "server.cors_origins"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(config(tmp_path, text))
    overrides = {"TRUSTED_HOPS": "1", "POSTGRES_HOST": "db"} if "trusted_hops" not in text else {"SERVER_ADDR": ":9000"}
    assert message in refusal(config(tmp_path, text) | overrides)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"server: {base_url: 'http://\xe9'}")
    assert "cannot be read" in refusal({"CONFIG_PATH": "latin.yaml"})
    assert "cannot be read" in refusal({"CONFIG_PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("SERVER_ADRR", "SERVER_ADDR"),
        ("SERVER_CORS_ORIGIN", "SERVER_CORS_ORIGINS"),
        ("AUTH_SECRETS", "AUTH_SECRET"),
        ("AUTH_SECRET_FIEL", "AUTH_SECRET_FILE"),
        ("CHATTER_DATA_DIRS", "CHATTER_DATA_DIR"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_right_one(typo: str, meant: str) -> None:
    message = refusal({typo: "x"})
    assert message == f"{typo} is not a setting; did you mean {meant}?"


def test_other_peoples_variables_are_left_alone() -> None:
    load(
        {
            "PATH": "/bin",
            "SERVER_SOFTWARE": "x",
            "AUTH_SOCK": "x",
            "POSTGRES_INITDB_ARGS": "x",
            "GATEWAY_INTERFACE": "x",
        }
    )


@pytest.mark.seed("S1-49")
@pytest.mark.parametrize("env", ["development", "production"])
def test_a_short_secret_is_refused(env: str) -> None:
    for secret in ("short", "x" * 31, "é" * 15):
        assert "at least 32 bytes" in refusal(PRODUCTION | {"ENV": env, "AUTH_SECRET": secret})
    assert load(PRODUCTION | {"ENV": env, "AUTH_SECRET": "é" * 16}).auth.secret == "é" * 16


@pytest.mark.seed("S1-49")
def test_production_needs_a_secret_of_its_own(tmp_path: Path) -> None:
    for given in ({}, {"AUTH_SECRET": ""}):
        message = refusal({"ENV": "production", "BASE_URL": "https://call.example.org", **given})
        assert message == "AUTH_SECRET is missing; make one with: openssl rand -base64 48"
    assert list(tmp_path.iterdir()) == []
    for sample in (
        "a-string-secret-at-least-256-bits-long",
        "dev-secret-change-me-dev-secret-change-me",
        "CHANGE-ME-CHANGE-ME-CHANGE-ME-CHANGE-ME",
        "example-example-example-example-example",
    ):
        message = refusal(PRODUCTION | {"AUTH_SECRET": sample})
        assert "sample" in message
        assert sample not in message


@pytest.mark.parametrize("base_url", ["http://call.example.org", "", "//call.example.org"])
def test_production_needs_https(base_url: str) -> None:
    assert "BASE_URL" in refusal(PRODUCTION | {"BASE_URL": base_url})


def test_production_needs_a_dear_hash() -> None:
    assert "AUTH_BCRYPT_COST" in refusal(PRODUCTION | {"AUTH_BCRYPT_COST": "9"})
    assert load({"AUTH_BCRYPT_COST": "4"}).auth.bcrypt_cost == 4


# --- secrets from files ---------------------------------------------------------------------------------------------

SECRET_FILES = [
    ("AUTH_SECRET", ("auth", "secret")),
    ("AUTH_PEPPER", ("auth", "pepper")),
    ("POSTGRES_PASSWORD", ("postgres", "password")),
]


@pytest.mark.parametrize(("variable", "path"), SECRET_FILES)
def test_a_secret_may_come_from_a_file(tmp_path: Path, variable: str, path: tuple[str, str]) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    named = {f"{variable}_FILE": str(tmp_path / "secret")}
    section, leaf = path
    assert tree_of(load(named))[section][leaf] == SECRET
    assert tree_of(load(named | {variable: ""}))[section][leaf] == SECRET
    assert tree_of(load(named | {variable: "direct" * 8}))[section][leaf] == "direct" * 8


@pytest.mark.parametrize(("variable", "path"), SECRET_FILES)
def test_a_secret_file_that_cannot_be_read(tmp_path: Path, variable: str, path: tuple[str, str]) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("missing", "binary", "."):
        assert refusal({f"{variable}_FILE": str(tmp_path / name)}).startswith(f"{variable}_FILE:")
    assert tree_of(load({f"{variable}_FILE": "", "POSTGRES_HOST": "db"}))[path[0]][path[1]] == ""


# --- the generated secret -------------------------------------------------------------------------------------------


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    first = load({"CHATTER_DATA_DIR": str(tmp_path / "a" / "b")}).auth.secret
    kept = tmp_path / "a" / "b" / "auth_secret"
    assert kept.read_text() == first
    assert len(first) >= 43
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert load({"CHATTER_DATA_DIR": str(tmp_path / "a" / "b")}).auth.secret == first
    assert [path.name for path in kept.parent.iterdir()] == ["auth_secret"]
    assert load({"CHATTER_DATA_DIR": str(tmp_path / "c")}).auth.secret != first


def test_looking_makes_nothing(tmp_path: Path) -> None:
    load({"CHATTER_DATA_DIR": str(tmp_path / "data")}, create_secret=False)
    assert list(tmp_path.iterdir()) == []


def test_a_given_secret_makes_nothing(tmp_path: Path) -> None:
    assert load({"AUTH_SECRET": SECRET}).auth.secret == SECRET
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\n", b"half", b"\xff\xfe"])
def test_a_damaged_secret_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "auth_secret").write_bytes(content)
    message = refusal({"CHATTER_DATA_DIR": str(tmp_path)})
    assert str(tmp_path / "auth_secret") in message


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in ("file", "file/below"):
        assert "CHATTER_DATA_DIR" in refusal({"CHATTER_DATA_DIR": str(tmp_path / folder)})
    assert "/dev/null" in refusal({"CHATTER_DATA_DIR": "/dev/null"})


def _load_together(folder: str, barrier: Barrier, results: Any) -> None:
    barrier.wait(20)
    results.put(load({"CHATTER_DATA_DIR": folder}).auth.secret)


def test_two_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_load_together, args=(str(tmp_path), barrier, results)) for _ in range(2)]
    for process in processes:
        process.start()
    secrets = {results.get(timeout=30) for _ in processes}
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    results.close()
    assert secrets == {(tmp_path / "auth_secret").read_text()}
    assert [path.name for path in tmp_path.iterdir()] == ["auth_secret"]


def test_the_other_process_was_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "auth_secret"
    monkeypatch.setattr(Path, "exists", lambda path: False)
    kept.write_text(SECRET)
    assert load({"CHATTER_DATA_DIR": str(tmp_path)}).auth.secret == SECRET


# --- what is never shown --------------------------------------------------------------------------------------------

HIDDEN = "never-show-this-0123456789-0123456789"


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    environ = config(tmp_path, f"redis: {{password: {HIDDEN}}}")
    for variables in (
        {"DATABASE_URL": f"postgresql://u:{HIDDEN}@h/d"},
        {"POSTGRES_PASSWORD": HIDDEN, "AUTH_SECRET": HIDDEN, "AUTH_PEPPER": HIDDEN},
        {"TURN_URLS": "turn:a.example", "TURN_SECRET": HIDDEN},
    ):
        settings = load(environ | variables)
        shown = redacted(settings)
        for text in (json.dumps(shown), repr(settings), str(settings), repr(settings.tree), f"{settings.tree.auth}"):
            assert HIDDEN not in text
            assert settings.auth.secret not in text
        tree = settings.tree
        for part in (settings.auth, tree.redis, tree.database, tree.postgres, tree.turn):
            assert HIDDEN not in repr(part)
        assert shown["auth"]["secret"] == "********"


def test_what_is_shown_is_what_is_in_force() -> None:
    shown = redacted(load({"SERVER_ADDR": ":9000", "CHATTER_DATA_DIR": "d"}, create_secret=False))
    assert shown["server"]["addr"] == ":9000"
    assert shown["server"]["base_url"] == "http://localhost:9000"
    assert shown["server"]["http_websockets"] is True
    assert shown["database"]["url"] == "sqlite+aiosqlite:///d/chatter.db"
    assert shown["auth"]["pepper"] == ""
    assert "postgres" not in shown
    assert redacted(load({"POSTGRES_PASSWORD": "hush"}, create_secret=False))["postgres"]["password"] == "********"
