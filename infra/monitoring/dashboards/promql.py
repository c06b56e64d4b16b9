"""Pieces of PromQL that panels share."""

from __future__ import annotations

from infra.monitoring.dashboards.panels import Query

_HERE = 'instance=~"$instance"'


def series(metric: str, labels: str = "") -> str:
    """Select a metric of the chosen instances, such as `up{instance=~"$instance", job="chatter"}`."""
    return f"{metric}{{{_HERE}{f', {labels}' if labels else ''}}}"


def rate(metric: str, labels: str = "", *, by: str = "") -> str:
    """Return how often per second, summed by these labels."""
    return f"sum{_by(by)}(rate({series(metric, labels)}[$__rate_interval]))"


def total(metric: str, labels: str = "", *, by: str = "") -> str:
    """Sum a gauge by these labels."""
    return f"sum{_by(by)}({series(metric, labels)})"


def quantile(share: float, histogram: str, labels: str = "", *, by: str = "") -> str:
    """Return the value below which this share of the observations lies."""
    buckets = rate(f"{histogram}_bucket", labels, by=f"le, {by}" if by else "le")
    return f"histogram_quantile({share}, {buckets})"


def quantiles(histogram: str, labels: str = "", *shares: float) -> tuple[Query, ...]:
    """Ask for several quantiles, by default the median and the 95th percentile."""
    return tuple(Query(quantile(share, histogram, labels), f"p{share * 100:g}") for share in (shares or (0.5, 0.95)))


def share(part: str, whole: str) -> str:
    """Divide; nothing where there is nothing to divide by, 0 where there is no part."""
    return f"({part} or vector(0)) / ({whole} > 0)"


def _by(labels: str) -> str:
    return f" by ({labels}) " if labels else ""
