"""Debian's Prometheus with the shipped configuration, asked over its HTTP API."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
import yaml

from tests.api.process import free_ports, status_of
from tests.infra.proxy import answers, wait_until

SHIPPED = Path(__file__).resolve().parents[2] / "infra" / "monitoring" / "prometheus"
_EVERY = "1s"


class Sample(NamedTuple):
    """One series of an answer."""

    labels: dict[str, str]
    value: float


class Prometheus:
    """A running Prometheus."""

    def __init__(self, port: int) -> None:
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=15, trust_env=False)

    def ask(self, path: str, **parameters: Any) -> Any:
        """Ask the API; fails where it refuses."""
        answer = self._client.get(path, params=parameters).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def query(self, expr: str) -> list[Sample]:
        """Evaluate an expression now."""
        data = self.ask("/query", query=expr)
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][1]))]
        return [Sample(series["metric"], float(series["value"][1])) for series in data["result"]]

    def tells(self, expr: str) -> bool:
        """Tell whether an expression has a value that is a number."""
        return any(math.isfinite(sample.value) for sample in self.query(expr))

    def rules(self, kind: str) -> list[dict[str, Any]]:
        """Return the rules of a kind (`record`, `alert`), with what became of them."""
        groups = self.ask("/rules", type=kind)["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def names(self) -> set[str]:
        """Return the names of all metrics."""
        return set(self.ask("/label/__name__/values"))

    def scrapes(self) -> float:
        """Return how many samples of the target `chatter` are kept: it grows with each scrape."""
        return sum(sample.value for sample in self.query('count_over_time(up{job="chatter"}[1h])'))

    def wait_for_scrapes(self, count: int = 2) -> None:
        """Wait until this many more scrapes came in; the first of them may have begun before."""
        wanted = self.scrapes() + count
        wait_until(lambda: self.scrapes() >= wanted)

    def close(self) -> None:
        """Close the connections to it."""
        self._client.close()


@contextmanager
def running_prometheus(folder: Path, program: str, target: str) -> Iterator[Prometheus]:
    """Run it until the end of the block, with one target in the place of the nodes."""
    [port] = free_ports(1)
    configuration = _twin(folder, target, port)
    command = [
        program,
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    server = Prometheus(port)
    try:
        wait_until(lambda: process.poll() is not None or _status(port) == 200)
        if process.poll() is not None:
            pytest.fail((folder / "prometheus.log").read_text())
        yield server
    finally:
        server.close()
        process.terminate()
        process.wait(20)


def _status(port: int) -> int:
    """Ask whether it is ready, which it is some time after it listens."""
    return status_of(f"http://127.0.0.1:{port}/-/ready") if answers(port) else 0


def shipped_rules() -> Iterator[Path]:
    """Return the files of rules."""
    yield from sorted((SHIPPED / "rules").glob("*.yml"))


def _twin(folder: Path, target: str, own_port: int) -> Path:
    """Write the shipped configuration with other addresses, and everything once a second."""
    settings = yaml.safe_load((SHIPPED / "prometheus.yml").read_text("utf-8"))
    settings["global"] = {"scrape_interval": _EVERY, "evaluation_interval": _EVERY}
    targets = {"chatter": target, "prometheus": f"127.0.0.1:{own_port}"}
    settings["scrape_configs"] = [
        {"job_name": job["job_name"], "static_configs": [{"targets": [targets[job["job_name"]]]}]}
        for job in settings["scrape_configs"]
        if job["job_name"] in targets
    ]
    (folder / "rules").mkdir()
    for path in shipped_rules():
        rules = yaml.safe_load(path.read_text("utf-8"))
        groups = [{key: value for key, value in group.items() if key != "interval"} for group in rules["groups"]]
        (folder / "rules" / path.name).write_text(yaml.safe_dump({"groups": groups}), "utf-8")
    written = folder / "prometheus.yml"
    written.write_text(yaml.safe_dump(settings), "utf-8")
    return written


def expressions(panels: Sequence[dict[str, Any]], language: str = "prometheus") -> Iterator[tuple[str, str]]:
    """Return title and query of every panel that asks this kind of data source."""
    for panel in panels:
        for target in panel.get("targets", ()):
            if target["datasource"]["type"] == language:
                yield panel["title"], target.get("expr") or target["query"]
