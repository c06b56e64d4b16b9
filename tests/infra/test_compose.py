"""The compose files: what each service must have, and that all they name exists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import SECRETS as SECRET_LEAVES
from api.settings import VARIABLES, load

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION, DEVELOPMENT = "docker-compose.prod.yaml", "docker-compose.yaml"
FILES = (PRODUCTION, DEVELOPMENT)
NODES = ("app-1", "app-2")
OWN = [(PRODUCTION, service) for service in (*NODES, "migrate")] + [(DEVELOPMENT, "app"), (DEVELOPMENT, "migrate")]
ONE_SHOT = {"migrate"}
_LEFT_ALONE = {
    "SERVER_ADDR": "nginx, Prometheus and the health check look for port 8080",
    "GATEWAY_ADDR": "nginx looks for port 8081",
    "GATEWAY_URL": "sockets come in under BASE_URL, through nginx",
    "HTTP_WEBSOCKETS": "nginx leads sockets to the gateway",
    "CHATTER_DATA_DIR": "the image names the folder that the volume is at",
    "RECORDINGS_DIR": "in that folder",
    "DATABASE_URL": "POSTGRES_… say the same, and the password stays in its file",
    "POSTGRES_PORT": "the service has the usual one",
    "OTEL_SERVICE_NAME": "dashboards look for the default",
    "LOG_FORMAT": "Loki reads JSON, the default",
    "TURN_CA_FILE": "coturn has the site's certificate",
}
"""Settings that production has no say in, and why."""
_END_AFTER_DRAIN_S = 15
"""Closing sockets, recorders and the database, and sending the last traces."""
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
    """Fill in what Compose would where `.env` holds no more than the domain."""
    value = re.sub(r"\$\{DOMAIN:[^}]*\}", "call.example.org", value)
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value)


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


def test_an_ending_certificate_keeps_nothing_from_starting() -> None:
    check = _stack(PRODUCTION)["services"]["certbot"]["healthcheck"]["test"]
    assert check == ["CMD", "/opt/chatter/certificate", "check"]  # test_certificate.py: an ended one is well too


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
def test_what_is_built_here_is_never_pulled(name: str, service: str, body: dict[str, Any]) -> None:
    assert (body.get("pull_policy") == "never") is body["image"].startswith("chatter/")


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
        if re.search(r"PASSWORD|SECRET|PEPPER|TOKEN|BUS_URL", key):
            assert value.startswith("/run/secrets/"), key


@pytest.mark.parametrize("name", FILES)
def test_every_secret_is_made_by_the_script(name: str) -> None:
    made = re.search(r"^NAMES=\((.*)\)$", (ROOT / "scripts" / "secrets").read_text("utf-8"), re.MULTILINE)
    assert made is not None
    for secret, source in _stack(name)["secrets"].items():
        assert source == {"file": f"./secrets/{secret}"}
        assert secret in made[1].split()


@pytest.mark.parametrize(("name", "service"), OWN)
def test_the_app_knows_every_setting_and_starts_with_them(name: str, service: str, tmp_path: Path) -> None:
    environment = {key: str(value) for key, value in _stack(name)["services"][service]["environment"].items()}
    known = set(VARIABLES) | {f"{key}_FILE" for key, leaf in VARIABLES.items() if leaf in SECRET_LEAVES}
    assert environment.keys() <= known
    secret, bus = tmp_path / "secret", tmp_path / "bus_url"
    secret.write_text("0123456789abcdef" * 4)
    bus.write_text("nats://chatter:0123@nats:4222\n")
    files = {value: str(bus if value.endswith("bus_url") else secret) for value in environment.values()}
    empty = tmp_path / "config.yaml"
    empty.touch()
    filled = {
        key: files[value] if value.startswith("/run/secrets/") else _example(value)
        for key, value in environment.items()
    }
    settings = load(filled | {"CONFIG_PATH": str(empty), "CHATTER_DATA_DIR": str(tmp_path)}, create_secret=False)
    assert settings.database_url.username == ("chatter_owner" if service == "migrate" else "chatter_app")
    assert settings.production is (service in NODES)
    assert (settings.cluster.bus_url != "") is (service != "migrate")
    grace_s = _seconds(_stack(name)["services"][service]["stop_grace_period"])
    assert grace_s >= settings.cluster.drain_timeout.total_seconds() + _END_AFTER_DRAIN_S


@pytest.mark.parametrize("node", NODES)
def test_every_setting_is_fixed_or_passed_through_or_left_alone_for_a_reason(node: str) -> None:
    given = {key.removesuffix("_FILE") for key in _stack(PRODUCTION)["services"][node]["environment"]}
    assert given & _LEFT_ALONE.keys() == set()
    assert given | _LEFT_ALONE.keys() == VARIABLES.keys()


@pytest.mark.seed("S1-48")
@pytest.mark.seed("S1-70")
def test_what_is_passed_through_has_its_own_name_and_stands_on_the_page() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    settings = page[page.index("### Settings") : page.index("### Pin")]
    environment = _stack(PRODUCTION)["services"]["app-1"]["environment"]
    passed = {key: str(value) for key, value in environment.items() if re.match(r"\$\{[A-Z_]+:-[^}]*\}$", str(value))}
    assert passed["SERVER_CORS_ORIGINS"] == "${SERVER_CORS_ORIGINS:-}"  # empty is the default: test_settings.py
    assert [key for key, value in passed.items() if not value.startswith(f"${{{key}:-")] == []
    asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / PRODUCTION).read_text("utf-8")))
    named = set(re.findall(r"[A-Z][A-Z_]+[A-Z]", settings))
    assert {name for name in asked if not name.endswith("_IMAGE")} <= named


@pytest.mark.parametrize(("name", "service"), [one for one in OWN if one[1] != "migrate"])
def test_the_app_waits_for_what_it_stands_on(name: str, service: str) -> None:
    services = _stack(name)["services"]
    assert services[service]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "postgres": {"condition": "service_healthy"},
        "nats": {"condition": "service_healthy"},
    }
    assert "postgres_owner_password" not in services[service]["secrets"]
    assert "postgres_app_password" not in services["migrate"]["secrets"]


def test_the_nodes_differ_in_name_and_folder_only() -> None:
    services = _stack(PRODUCTION)["services"]
    for node in NODES:
        assert services[node]["environment"].pop("NODE_ID") == node
        services[node].pop("build", None)
    folders = [services[node].pop("volumes") for node in NODES]
    assert folders == [["data:/data"], ["data-2:/data"]]
    assert services["app-1"] == services["app-2"]


def test_the_proxy_knows_every_node() -> None:
    upstreams = (ROOT / "infra" / "nginx" / "upstreams.conf").read_text("utf-8")
    for name, port in (("chatter_app", 8080), ("chatter_gateway", 8081), ("chatter_recordings", 8080)):
        found = re.search(rf"upstream {name} {{(.*?)\n}}", upstreams, re.DOTALL)
        assert found is not None
        assert re.findall(r"server (\S+) resolve", found[1]) == [f"{node}:{port}" for node in NODES]


@pytest.mark.parametrize(
    ("name", "file", "nodes"),
    [(PRODUCTION, "nodes.yml", list(NODES)), (DEVELOPMENT, "nodes-development.yml", ["app"])],
)
def test_prometheus_asks_every_node_by_its_name(name: str, file: str, nodes: list[str]) -> None:
    folder = ROOT / "infra" / "monitoring" / "prometheus"
    jobs = yaml.safe_load((folder / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    [chatter] = [job for job in jobs if job["job_name"] == "chatter"]
    assert chatter["file_sd_configs"] == [{"files": ["nodes.yml"]}]
    assert yaml.safe_load((folder / file).read_text("utf-8")) == [{"targets": [f"{node}:8080" for node in nodes]}]
    stack = _stack(name)["services"]
    mounted = f"./infra/monitoring/prometheus/{file}:/etc/prometheus/nodes.yml:ro"
    assert (mounted in stack["prometheus"]["volumes"]) is (file != "nodes.yml")
    assert all(set(stack[node]["networks"]) & set(stack["prometheus"]["networks"]) for node in nodes)


def test_the_database_has_room_for_every_node() -> None:
    services = _stack(PRODUCTION)["services"]
    command = _example(" ".join(services["postgres"]["command"]))
    most = int(re.search(r"max_connections=(\d+)", command)[1])  # type: ignore[index]
    wanted = sum(int(_example(services[node]["environment"]["POSTGRES_MAX_CONNS"])) for node in NODES)
    # Beside the nodes: migrations, a backup's four, and an operator or two; three are the superuser's.
    assert wanted + 20 <= most


@pytest.mark.parametrize("name", FILES)
def test_the_bus_is_for_the_nodes_alone(name: str) -> None:
    stack = _stack(name)
    assert stack["networks"]["bus"] == {"internal": True}
    assert stack["services"]["nats"]["networks"] == ["bus"]
    users = {service for service, body in stack["services"].items() if "bus" in body.get("networks", ())}
    assert users == {"nats", *(service for stack_name, service in OWN if stack_name == name and service != "migrate")}
    assert all("nats_password" not in body.get("secrets", ()) or service == "nats" for _, service, body in SERVICES)


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
    assert services >= {"nginx", "certbot", *NODES, "nats", "postgres", "migrate", "coturn", "backup"}


def test_development_has_its_services() -> None:
    services = _stack(DEVELOPMENT)["services"]
    assert services.keys() >= {
        "app",
        "web",
        "postgres",
        "nats",
        "coturn",
        "prometheus",
        "loki",
        "tempo",
        "alloy",
        "grafana",
    }


@pytest.mark.seed("S1-63")
def test_development_answers_where_it_is_expected() -> None:
    ports = [port for body in _stack(DEVELOPMENT)["services"].values() for port in body.get("ports", ())]
    assert {port.rsplit(":", 1)[1] for port in ports} >= {"5173", "8080", "8081", "3000", "9090"}


@pytest.mark.seed("S1-70")
def test_going_to_production_takes_secrets_a_domain_and_two_commands() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    install = page[page.index("## Install") : page.index("### Pin")]
    steps = ["scripts/secrets", f"COMPOSE_FILE={PRODUCTION}", "DOMAIN=", "docker compose up -d --build"]
    steps += ["./init-letsencrypt.sh"]
    assert sorted(steps, key=install.index) == steps
    asked = set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / PRODUCTION).read_text("utf-8")))
    assert asked == {"DOMAIN"}, "what .env must hold"


_COMMAND = re.compile(
    r"docker compose (-f docker-compose\.yaml )?(?:--profile monitoring )?"
    r"(up|ps|logs|exec|run|rm|stop|start|restart|top|kill)\b([^`|;<>&#\n]*)"
)
_TAKES_A_VALUE = {"--tail", "--since", "-e"}


def _named_services(command: str, rest: str) -> list[str]:
    """Return the services in a documented command of Compose."""
    words, services = iter(rest.split()), []
    for word in words:
        if word in _TAKES_A_VALUE:
            next(words)
        elif not word.startswith("-"):
            services.append(word)
    return services[:1] if command in {"exec", "run"} else services


def test_commands_of_the_docs_name_services_that_exist() -> None:
    production = _stack(PRODUCTION)["services"].keys() | {"tls-443"}  # docker-compose.turn-443.yaml
    development = _stack(DEVELOPMENT)["services"].keys()
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found = [(page.name, *match.groups()) for page in pages for match in _COMMAND.finditer(page.read_text("utf-8"))]
    assert len(found) > 60
    assert [one for one in found if not set(_named_services(*one[2:])) <= (development if one[1] else production)] == []


def test_everybody_calls_compose_alike() -> None:
    pages = [ROOT / "README.md", ROOT / "Taskfile.yml", *sorted((ROOT / "docs").rglob("*.md"))]
    monitoring = ROOT / "infra" / "monitoring"
    pages += [page for page in monitoring.rglob("*") if page.suffix in {".alloy", ".conf", ".yaml", ".yml"}]
    assert [page.name for page in pages if f"-f {PRODUCTION}" in page.read_text("utf-8")] == []
    for page in (ROOT / "docs" / "operations.md", ROOT / "docs" / "observability.md"):
        assert "`docker compose --profile monitoring up -d --no-recreate`" in page.read_text("utf-8")


_OF_DEVELOPMENT = f"docker compose -f {DEVELOPMENT} "
"""Without the name of the file, COMPOSE_FILE in `.env` would lead each command to production."""


def _compose_commands(lines: Iterable[str]) -> list[str]:
    return [match[0] for line in lines for match in re.finditer(r"docker compose [^`\]|;&]*", line)]


def test_nothing_tells_anybody_to_delete_the_data_of_production() -> None:
    pages = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "Taskfile.yml", *FILES)]
    pages += sorted((ROOT / "docs").rglob("*.md"))
    commands = _compose_commands(line for page in pages for line in page.read_text("utf-8").splitlines())
    deleting = [command for command in commands if re.search(r" down\b.* (?:--volumes|-v)\b", command)]
    assert deleting
    assert [command for command in deleting if not command.startswith(_OF_DEVELOPMENT)] == []


def test_commands_of_development_do_not_reach_production() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8").splitlines()
    rows = _compose_commands(line for line in page if line.startswith("| `task dev:"))
    tasks = _stack("Taskfile.yml")["tasks"]
    run = _compose_commands(str(task["cmds"]) for name, task in tasks.items() if name.startswith("dev:"))
    head = _compose_commands((ROOT / DEVELOPMENT).read_text("utf-8").partition("\nname:")[0].splitlines())
    assert all((rows, run, head))
    assert [command for command in rows + run + head if not command.startswith(_OF_DEVELOPMENT)] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "runbooks").glob("*.md")), ids=lambda page: page.stem)
def test_no_runbook_has_anybody_edit_what_git_tracks(page: Path) -> None:
    text = page.read_text("utf-8")
    tracked = re.findall(
        r"prometheus\.yml|turnserver\.conf|(?:limits|upstreams|trusted-proxy)\.conf|docker-compose\.prod", text
    )
    assert not tracked or "operations.md#files-of-your-own" in text


@pytest.mark.seed("S1-73")
def test_everything_lies_where_it_is_looked_for() -> None:
    folders = ["web", *(f"infra/monitoring/{name}" for name in ("grafana", "loki", "prometheus", "tempo"))]
    files = ["infra/nginx/init.conf", "infra/nginx/prod.conf", *FILES, "Taskfile.yml", "init-letsencrypt.sh"]
    assert [name for name in folders if not (ROOT / name).is_dir()] == []
    assert [name for name in files if not (ROOT / name).is_file()] == []
