"""Database, bus, process: is what Chatter stands on well?"""

from __future__ import annotations

from infra.monitoring.dashboards.dashboard import Dashboard
from infra.monitoring.dashboards.panels import Query, Row, graph, logs, traces
from infra.monitoring.dashboards.promql import quantile, quantiles, rate, series, total

_PROCESS = Row(
    "Process",
    (
        graph(
            "Does something block the event loop?",
            "By how much it wakes a task too late. Everything waits for it, so all else gets slow with it.",
            *quantiles("chatter_event_loop_lag_seconds", "", 0.5, 0.99),
            unit="s",
            steps=(("good", None), ("bad", 0.25)),
        ),
        graph(
            "How much processor is used?",
            "Processors; one instance can use little more than one.",
            Query(rate("process_cpu_seconds_total", by="instance"), "{{instance}}"),
            steps=(("good", None), ("bad", 0.9)),
        ),
        graph(
            "How much memory is used?",
            "What the process holds.",
            Query(total("process_resident_memory_bytes", by="instance"), "{{instance}}"),
            unit="bytes",
        ),
        graph(
            "How many files and sockets are open?",
            "Share of what the process may open.",
            Query(f"{series('process_open_fds')} / {series('process_max_fds')}", "{{instance}}"),
            unit="percentunit",
            steps=(("good", None), ("bad", 0.8)),
        ),
        graph(
            "How often is garbage collected?",
            "Collections per second, by generation.",
            Query(rate("python_gc_collections_total", by="generation"), "generation {{generation}}"),
            unit="ops",
        ),
        graph(
            "How long has it been running?",
            "Since the process started; a saw is a process that crashes.",
            Query(f"time() - {series('process_start_time_seconds')}", "{{instance}}"),
            unit="s",
        ),
    ),
)
_DATABASE = Row(
    "Database",
    (
        graph(
            "How long do queries take?",
            "The 95th percentile by kind of statement.",
            Query(quantile(0.95, "chatter_db_query_duration_seconds", by="operation"), "{{operation}}"),
            unit="s",
            steps=(("good", None), ("bad", 0.25)),
        ),
        graph(
            "How many queries are there?",
            "Per second, by kind of statement.",
            Query(rate("chatter_db_query_duration_seconds_count", by="operation"), "{{operation}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "How long does one wait for a connection?",
            "Until a transaction has its connection. It grows with too few of them, or queries that hold them long.",
            *quantiles("chatter_db_pool_wait_seconds"),
            unit="s",
            steps=(("good", None), ("bad", 0.1)),
        ),
        graph(
            "Do records of calls get lost?",
            "Records per second that could not be written in time; those calls cannot be explained later.",
            Query(rate("chatter_call_records_dropped_total", by="instance"), "{{instance}}"),
            unit="ops",
            steps=(("good", None), ("bad", 0.001)),
        ),
        graph(
            "How many connections are there?",
            "In use and idle.",
            Query(total("chatter_db_pool_connections", by="state"), "{{state}}"),
            stacked=True,
        ),
    ),
)
_BUS = Row(
    "Bus",
    (
        graph(
            "Is the bus connected?",
            "1 where an instance reaches the bus to the others.",
            Query(series("chatter_bus_up"), "{{instance}}"),
            unit="bool_on_off",
        ),
        graph(
            "How much goes over the bus?",
            "Messages per second, by direction and result.",
            Query(rate("chatter_bus_messages_total", by="direction, result"), "{{direction}}: {{result}}"),
            unit="ops",
        ),
        graph(
            "How late do messages come over the bus?",
            "From publishing to receiving.",
            *quantiles("chatter_bus_lag_seconds", "", 0.5, 0.99),
            unit="s",
            steps=(("good", None), ("bad", 0.05)),
        ),
        graph(
            "How often does the bus break?",
            "Connections made anew and gaps in the numbering, per second.",
            Query(rate("chatter_bus_reconnects_total"), "reconnects"),
            Query(rate("chatter_bus_gaps_total"), "gaps"),
            unit="ops",
        ),
    ),
)
_TELEMETRY = Row(
    "Telemetry and recordings",
    (
        graph(
            "Do traces arrive?",
            "Spans per second by what became of them: `failed` were not taken, `dropped` were too many.",
            Query(rate("chatter_otel_spans_exported_total", by="result"), "{{result}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "Do log lines get lost?",
            "Lines per second that nobody took in time.",
            Query(rate("chatter_log_records_dropped_total", by="instance"), "{{instance}}"),
            unit="ops",
            steps=(("good", None), ("bad", 0.01)),
        ),
        graph(
            "How many recordings are being made?",
            "By what is done now.",
            Query(total("chatter_recordings_active", by="stage"), "{{stage}}"),
            stacked=True,
        ),
        graph(
            "What do recordings take on the disk?",
            "Bytes of all recordings.",
            Query(f"max({series('chatter_recordings_bytes')})", "recordings"),
            unit="bytes",
        ),
        graph(
            "How do recordings end?",
            "Per second, by result; all but `ready` are lost.",
            Query(rate("chatter_recordings_total", by="result"), "{{result}}"),
            unit="ops",
            stacked=True,
        ),
    ),
)
# The same for all instances, so none is chosen.
_KEEPING = Row(
    "Certificate and backups",
    (
        graph(
            "How long does the certificate last?",
            "Until it ends. It is renewed when a third of its life is left.",
            Query("min(chatter_tls_cert_not_after_seconds) - time()", "left"),
            unit="s",
            steps=(("bad", None), ("warn", 9 * 86400), ("good", 15 * 86400)),
        ),
        graph(
            "How old is the newest backup?",
            "Since one was made and restored for a test; one is made every night.",
            Query("time() - max(chatter_backup_last_success_timestamp_seconds)", "age"),
            unit="s",
            steps=(("good", None), ("bad", 36 * 3600)),
        ),
        graph(
            "How large are backups?",
            "The size of the newest.",
            Query("max(chatter_backup_size_bytes)", "size"),
            unit="bytes",
        ),
    ),
)
DASHBOARD = Dashboard(
    "chatter-internals",
    "Chatter / Database, bus, process",
    "Is what Chatter stands on well?",
    (
        _PROCESS,
        _DATABASE,
        _BUS,
        _TELEMETRY,
        _KEEPING,
        Row(
            "Single cases",
            (
                logs(
                    "What goes wrong inside?",
                    "The database away, exports that fail, chores that crash, lines that are lost.",
                    '{service_name="app"} | json | event=~"database_unavailable|trace_export_.*|chore_.*'
                    '|log_records_dropped|error|stopping|stopped"',
                ),
                traces(
                    "Which queries took long?",
                    "Database work of more than 100 ms, in the request or call that waited for it.",
                    '{ resource.service.name = "chatter" && span.db.system.name != nil && duration > 100ms }',
                ),
            ),
        ),
    ),
)
