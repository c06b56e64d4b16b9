"""The compose files: what each service must have, and that all they name exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import _SECRETS as SECRET_LEAVES
from api.settings import VARIABLES, load

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION, DEVELOPMENT = "docker-compose.prod.yaml", "docker-compose.yaml"
FILES = (PRODUCTION, DEVELOPMENT)
OWN = ("app", "migrate")
ONE_SHOT = {"migrate"}
DOCKER_SOCKET = "/var/run/docker.sock:/run/docker.sock:ro"
"""Whoever may use all of it is root: only the filter in front of it has it (test_monitoring_docker_api.py)."""

pytestmark = pytest.mark.seed("S1-13")


def _stack(name: str) -> dict[str, Any]:
    stack = yaml.safe_load((ROOT / name).read_text("utf-8"))
    assert isinstance(stack, dict)
    return stack


SERVICES = [(name, service, body) for name in FILES for service, body in _stack(name)["services"].items()]
each_service = pytest.mark.parametrize(
    ("name", "service", "body"), SERVICES, ids=[f"{name}:{service}" for name, service, _ in SERVICES]
)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([0-9]+)(s|m)", text)
    assert found is not None, text
    return int(found[1]) * (60 if found[2] == "m" else 1)


def _example(value: str) -> str:
    """Fill in what Compose would: the default of a variable, or a domain."""
    return re.sub(r"\$\{[A-Z_]+(?:(:-|:\?)([^}]*))?\}", lambda m: m[2] if m[1] == ":-" else "call.example.org", value)


@pytest.mark.seed("S1-17")
@each_service
def test_its_health_is_watched(name: str, service: str, body: dict[str, Any]) -> None:
    check = body["healthcheck"]
    if service in ONE_SHOT:
        assert check == {"disable": True}
        assert body["restart"] == "no"
    else:
        assert check["test"]
        assert _seconds(check["timeout"]) <= _seconds(check["interval"])
        assert body["restart"] == "unless-stopped"


@each_service
def test_it_is_bounded(name: str, service: str, body: dict[str, Any]) -> None:
    assert {"mem_limit", "cpus", "pids_limit", "stop_grace_period"} <= body.keys()
    assert body["logging"]["options"].keys() >= {"max-size", "max-file"}


@each_service
def test_it_has_no_privileges(name: str, service: str, body: dict[str, Any]) -> None:
    assert "no-new-privileges:true" in body["security_opt"]
    assert not body.get("privileged")
    assert "cap_add" not in body
    sockets = [volume for volume in body.get("volumes", ()) if "docker.sock" in str(volume)]
    assert sockets == ([DOCKER_SOCKET] if service == "docker-api" else [])
    if name == PRODUCTION:
        assert body["read_only"] is True
        assert body["cap_drop"] == ["ALL"]


@each_service
def test_its_image_is_named_exactly(name: str, service: str, body: dict[str, Any]) -> None:
    image = _example(body["image"])
    assert ":" in image.rpartition("/")[2], image
    assert not image.endswith(":latest")
    if "build" not in body and not image.startswith("chatter/"):
        assert body["image"].startswith("${"), "cannot be pinned from .env"


@each_service
def test_only_the_edge_is_reachable_from_outside(name: str, service: str, body: dict[str, Any]) -> None:
    ports = body.get("ports", [])
    if name == PRODUCTION and service == "nginx":
        assert ports == ["80:8080", "443:8443"]
    else:
        assert all(port.startswith("127.0.0.1:") for port in ports), ports
    if service in {"postgres", "backup", "migrate"}:
        assert not ports
        assert body["networks"] == ["data"]


@each_service
def test_what_it_mounts_exists(name: str, service: str, body: dict[str, Any]) -> None:
    volumes = _stack(name)["volumes"]
    for mount in body.get("volumes", ()):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert mount.endswith(":ro") or (name, service) == (DEVELOPMENT, "web"), mount
        else:
            assert source in volumes or mount == DOCKER_SOCKET, source
    entrypoint = body.get("entrypoint", [])
    for mount in body.get("volumes", ()):
        source, target = mount.split(":")[:2]
        if entrypoint and entrypoint[0].startswith(f"{target}/"):
            assert (ROOT / source / entrypoint[0].removeprefix(f"{target}/")).stat().st_mode & 0o111


@each_service
def test_its_secrets_are_files(name: str, service: str, body: dict[str, Any]) -> None:
    declared = _stack(name)["secrets"]
    environment = {key: str(value) for key, value in body.get("environment", {}).items()}
    read = {value.removeprefix("/run/secrets/") for value in environment.values() if value.startswith("/run/secrets/")}
    assert read == set(body.get("secrets", ())) <= declared.keys()
    for key, value in environment.items():
        if re.search(r"PASSWORD|SECRET|PEPPER|TOKEN", key):
            assert value.startswith("/run/secrets/"), key


@pytest.mark.parametrize("name", FILES)
def test_every_secret_is_made_by_the_script(name: str) -> None:
    made = re.search(r"^NAMES=\((.*)\)$", (ROOT / "scripts" / "secrets").read_text("utf-8"), re.MULTILINE)
    assert made is not None
    for secret, source in _stack(name)["secrets"].items():
        assert source == {"file": f"./secrets/{secret}"}
        assert secret in made[1].split()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("service", OWN)
def test_the_app_knows_every_setting_and_starts_with_them(name: str, service: str, tmp_path: Path) -> None:
    environment = {key: str(value) for key, value in _stack(name)["services"][service]["environment"].items()}
    known = set(VARIABLES) | {f"{key}_FILE" for key, leaf in VARIABLES.items() if leaf in SECRET_LEAVES}
    assert environment.keys() <= known
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef" * 4)
    empty = tmp_path / "config.yaml"
    empty.touch()
    filled = {
        key: str(secret) if value.startswith("/run/secrets/") else _example(value) for key, value in environment.items()
    }
    settings = load(filled | {"CONFIG_PATH": str(empty), "CHATTER_DATA_DIR": str(tmp_path)}, create_secret=False)
    assert settings.database_url.username == {"app": "chatter_app", "migrate": "chatter_owner"}[service]
    assert settings.production is (name == PRODUCTION and service == "app")


@pytest.mark.parametrize("name", FILES)
def test_the_app_waits_for_its_schema_and_database(name: str) -> None:
    services = _stack(name)["services"]
    assert services["app"]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "postgres": {"condition": "service_healthy"},
    }
    assert "postgres_owner_password" not in services["app"]["secrets"]
    assert "postgres_app_password" not in services["migrate"]["secrets"]


@pytest.mark.seed("S1-64")
@pytest.mark.parametrize("name", FILES)
def test_postgres_keeps_its_data_where_version_18_does(name: str) -> None:
    postgres = _stack(name)["services"]["postgres"]
    assert "postgres:18" in _example(postgres["image"])
    assert "postgres:/var/lib/postgresql" in postgres["volumes"]


def test_networks_are_split() -> None:
    stack = _stack(PRODUCTION)
    assert stack["networks"]["data"] == {"internal": True}
    assert "data" not in stack["services"]["nginx"]["networks"]
    assert _stack(DEVELOPMENT)["networks"]["data"] == {"internal": True}


@pytest.mark.parametrize("name", FILES)
def test_only_alloy_reaches_the_docker_api(name: str) -> None:
    stack = _stack(name)
    assert stack["networks"]["docker-api"] == {"internal": True}
    assert stack["services"]["docker-api"]["networks"] == ["docker-api"]
    assert "ports" not in stack["services"]["docker-api"]
    users = {service for service, body in stack["services"].items() if "docker-api" in body.get("networks", ())}
    assert users == {"docker-api", "alloy"}


@pytest.mark.parametrize("name", FILES)
def test_monitoring_is_there_when_asked_for(name: str) -> None:
    stack = _stack(name)
    asked = {service for service, body in stack["services"].items() if body.get("profiles") == ["monitoring"]}
    assert asked == {"prometheus", "loki", "tempo", "docker-api", "alloy", "grafana"}
    assert stack["services"]["alloy"]["environment"]["COMPOSE_PROJECT"] == stack["name"]


@pytest.mark.seed("S1-71")
def test_production_has_its_services() -> None:
    services = set(_stack(PRODUCTION)["services"])
    assert services >= {"nginx", "certbot", "app", "postgres", "migrate", "coturn", "backup"}


@pytest.mark.seed("S1-63")
def test_development_answers_where_it_is_expected() -> None:
    ports = [port for body in _stack(DEVELOPMENT)["services"].values() for port in body.get("ports", ())]
    assert {port.rsplit(":", 1)[1] for port in ports} >= {"5173", "8080", "8081", "3000", "9090"}
