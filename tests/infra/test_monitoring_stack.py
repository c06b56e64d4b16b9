"""Loki, Tempo and Alloy cannot be run here: what can be said of their files without them.

The keys are those of the references of Loki 3.7, Tempo 3.0 and Alloy 1.17. Each file names the command with which its
own program checks it.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from api.settings import parse_duration
from signaling.calls.settings import CallSettings
from tests.infra.proxy import ROOT

MONITORING = ROOT / "infra" / "monitoring"
COMPOSE = ("docker-compose.yaml", "docker-compose.prod.yaml")
_REMOVED_IN_LOKI_3 = {"boltdb_shipper", "shared_store", "table_manager", "enforce_metric_name", "chunk_store_config"}
_REMOVED_IN_TEMPO_3 = {"ingester", "ingester_client", "compactor", "metrics_generator_client", "local_blocks"}
_LABELS = {"service_name", "instance", "env", "level"}

pytestmark = pytest.mark.seed("S1-20")


def read(path: str) -> dict[str, Any]:
    """Return a YAML file of infra/monitoring."""
    content = yaml.safe_load((MONITORING / path).read_text("utf-8"))
    assert isinstance(content, dict)
    return content


def keys_of(value: object) -> set[str]:
    """Return every key, at any depth."""
    if isinstance(value, dict):
        return set(value) | {key for part in value.values() for key in keys_of(part)}
    if isinstance(value, list):
        return {key for part in value for key in keys_of(part)}
    return set()


def volumes_of(service: str) -> list[set[str]]:
    """Return the places inside the container that outlive it, of each stack."""
    stacks = [yaml.safe_load((ROOT / name).read_text("utf-8")) for name in COMPOSE]
    return [{mount.split(":")[1] for mount in stack["services"][service]["volumes"]} for stack in stacks]


# --- Loki -----------------------------------------------------------------------------------------------------------


def test_loki_is_configured_for_version_3() -> None:
    loki = read("loki/loki.yaml")
    assert not keys_of(loki) & _REMOVED_IN_LOKI_3
    [schema] = loki["schema_config"]["configs"]
    assert (schema["store"], schema["schema"], schema["object_store"]) == ("tsdb", "v13", "filesystem")
    assert loki["limits_config"]["allow_structured_metadata"] is True
    assert loki["analytics"] == {"reporting_enabled": False}


def test_loki_forgets_and_keeps_in_its_volume() -> None:
    loki = read("loki/loki.yaml")
    assert loki["compactor"]["retention_enabled"] is True
    assert loki["compactor"]["delete_request_store"] == "filesystem"
    assert loki["limits_config"]["retention_period"] == "168h"
    for inside in volumes_of("loki"):
        assert loki["common"]["path_prefix"] in inside


# --- Tempo ----------------------------------------------------------------------------------------------------------


def test_tempo_is_configured_for_version_3() -> None:
    tempo = read("tempo/tempo.yaml")
    assert not set(tempo) & _REMOVED_IN_TEMPO_3
    assert tempo["usage_report"] == {"reporting_enabled": False}
    assert tempo["distributor"]["receivers"]["otlp"]["protocols"] == {"http": {"endpoint": "0.0.0.0:4318"}}


def test_tempo_forgets_and_keeps_in_its_volume() -> None:
    tempo = read("tempo/tempo.yaml")
    scheduler = tempo["backend_scheduler"]["provider"]["compaction"]["compaction"]["block_retention"]
    assert scheduler == tempo["backend_worker"]["compaction"]["block_retention"] == "720h"
    assert CallSettings().retention == parse_duration(scheduler), "records of calls link to traces"
    trace = tempo["storage"]["trace"]
    for inside in volumes_of("tempo"):
        for path in (trace["local"]["path"], trace["wal"]["path"]):
            assert path.rpartition("/")[0] in inside


# --- Grafana --------------------------------------------------------------------------------------------------------


def test_related_metrics_are_not_narrowed_by_what_prometheus_calls_otherwise() -> None:
    """Prometheus's `instance` is an address and a port; in traces it is a host name and a process."""
    sources = read("grafana/provisioning/datasources/chatter.yaml")["datasources"]
    [tempo] = [source for source in sources if source["type"] == "tempo"]
    assert "tags" not in tempo["jsonData"]["tracesToMetrics"]


@pytest.mark.parametrize("name", COMPOSE)
def test_nobody_is_sent_to_their_own_localhost_for_a_trace(name: str) -> None:
    services = yaml.safe_load((ROOT / name).read_text("utf-8"))["services"]
    told = [body["environment"]["TRACE_URL"] for service, body in services.items() if service.startswith("app")]
    assert set(told) == {"${TRACE_URL:-}"}
    for page in ("observability.md", "call-records.md", "operations.md"):
        assert "TRACE_URL=http://localhost" not in (ROOT / "docs" / page).read_text("utf-8"), page


# --- Alloy ----------------------------------------------------------------------------------------------------------


def alloy() -> str:
    """Return Alloy's file without its comments."""
    text = (MONITORING / "alloy" / "config.alloy").read_text("utf-8")
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


def block(kind: str) -> str:
    """Return what stands in a stage of Alloy's pipeline."""
    [body] = re.findall(rf"{re.escape(kind)} \{{(.*?)\n  \}}", alloy(), re.DOTALL)
    return str(body)


def test_alloys_blocks_are_closed_and_its_components_exist() -> None:
    text = alloy()
    for opening, closing in ("{}", "[]", "()"):
        assert text.count(opening) == text.count(closing)
    made = {f"{kind}.{label}" for kind, label in re.findall(r'^([a-z_.]+) "(\w+)" \{$', text, re.MULTILINE)}
    used = re.findall(r"\b((?:discovery|loki)\.[a-z]+\.\w+)\.(?:targets|output|receiver)\b", text)
    assert len(used) == 4
    assert set(used) <= made


def test_a_stream_is_kept_per_container_and_level_and_for_nothing_else() -> None:
    labels = set(re.findall(r'target_label\s*=\s*"(\w+)"', alloy())) | set(
        re.findall(r"(\w+)\s*= \"\"", block("stage.labels"))
    )
    assert labels == _LABELS


def test_what_names_one_call_is_no_label() -> None:
    metadata = set(re.findall(r"(\w+)\s*= \"\"", block("stage.structured_metadata")))
    assert metadata == {"trace_id", "span_id", "call_id", "request_id"}
    parsed = set(re.findall(r'(\w+)\s*= "(?:\w+)"', block("stage.json")))
    assert metadata | {"level"} == parsed
    page = (ROOT / "docs" / "observability.md").read_text("utf-8")
    assert all(f"`{field}`" in page for field in parsed)


def test_alloy_asks_for_containers_where_the_filter_listens() -> None:
    hosts = set(re.findall(r'host\s*= "([^"]*)"', alloy()))
    [port] = re.findall(r"listen (\d+);", (MONITORING / "docker-api" / "nginx.conf").read_text("utf-8"))
    assert hosts == {f"tcp://docker-api:{port}"}
    wanted = set(re.findall(r'sys\.env\("(\w+)"\)', alloy()))
    for name in COMPOSE:
        service = yaml.safe_load((ROOT / name).read_text("utf-8"))["services"]["alloy"]
        assert service["environment"].keys() == wanted


def test_everybody_is_asked_where_they_answer() -> None:
    jobs = {job["job_name"]: job for job in read("prometheus/prometheus.yml")["scrape_configs"]}
    ports = {
        name: jobs[name]["static_configs"][0]["targets"][0].rpartition(":")[2] for name in ("loki", "tempo", "alloy")
    }
    assert int(ports["loki"]) == read("loki/loki.yaml")["server"]["http_listen_port"]
    assert int(ports["tempo"]) == read("tempo/tempo.yaml")["server"]["http_listen_port"]
    for name in COMPOSE:
        services = yaml.safe_load((ROOT / name).read_text("utf-8"))["services"]
        assert f"--server.http.listen-addr=0.0.0.0:{ports['alloy']}" in services["alloy"]["command"]
        assert {name for name, job in jobs.items() if "static_configs" in job} <= services.keys()


def test_what_scripts_wrote_down_is_asked_for_where_the_proxy_passes_it_on() -> None:
    jobs = {job["job_name"]: job for job in read("prometheus/prometheus.yml")["scrape_configs"]}
    nginx = yaml.safe_load((ROOT / "docker-compose.prod.yaml").read_text("utf-8"))["services"]["nginx"]
    assert "monitoring" in nginx["networks"]
    configuration = (ROOT / "infra" / "nginx" / "prod.conf").read_text("utf-8")
    port = int((ROOT / "infra" / "nginx" / "listen-metrics.conf").read_text("utf-8").split()[1].rstrip(";"))
    for name in ("tls", "backup"):
        assert jobs[name]["dns_sd_configs"][0] | {"names": ["nginx"], "port": port} == jobs[name]["dns_sd_configs"][0]
        assert f"location = {jobs[name]['metrics_path']} {{" in configuration
