"""Where spans come from and go to: the OpenTelemetry SDK, or nothing at all where no receiver is named."""

from __future__ import annotations

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.trace import NoOpTracer, Tracer
from prometheus_client import CollectorRegistry, Counter

from observability.export import OtlpExporter, Result, SpanQueue
from observability.settings import ObservabilitySettings, SamplerName

_RESULTS: tuple[Result, ...] = ("ok", "failed", "dropped")


class Tracing:
    """The tracer of this process. Makes no thread and no connection before `start`."""

    def __init__(self, settings: ObservabilitySettings, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._exported = Counter(
            "chatter_otel_spans_exported", "Spans by what became of them.", ["result"], registry=registry
        )
        for result in _RESULTS:
            self._exported.labels(result)
        self._provider = _provider(settings) if settings.otlp_endpoint else None
        self._queue: SpanQueue | None = None
        self.tracer: Tracer = NoOpTracer()
        if self._provider is not None:
            self.tracer = self._provider.get_tracer("chatter", settings.version)

    def start(self) -> None:
        """Begin to export."""
        if self._provider is not None and self._queue is None:
            self._queue = SpanQueue(OtlpExporter(self._settings.otlp_endpoint), self._count)
            self._provider.add_span_processor(self._queue)

    def stop(self, timeout_s: float) -> None:
        """Export what is left, for this long at most, and end. Blocks."""
        if self._queue is not None:
            self._queue.stop(timeout_s)

    def _count(self, result: Result, spans: int) -> None:
        self._exported.labels(result).inc(spans)


def _provider(settings: ObservabilitySettings) -> TracerProvider:
    resource = Resource.create(
        {
            "service.name": settings.service_name,
            "service.version": settings.version,
            "service.instance.id": settings.instance,
        }
    )
    return TracerProvider(sampler=create_sampler(settings), resource=resource, shutdown_on_exit=False)


def create_sampler(settings: ObservabilitySettings) -> sampling.Sampler:
    """Return the sampler that the settings name."""
    ratio = settings.sampler_ratio
    samplers: dict[SamplerName, sampling.Sampler] = {
        "always_on": sampling.ALWAYS_ON,
        "always_off": sampling.ALWAYS_OFF,
        "traceidratio": sampling.TraceIdRatioBased(ratio),
        "parentbased_always_on": sampling.DEFAULT_ON,
        "parentbased_always_off": sampling.DEFAULT_OFF,
        "parentbased_traceidratio": sampling.ParentBasedTraceIdRatio(ratio),
    }
    return samplers[settings.sampler]
