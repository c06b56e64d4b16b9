"""HTTP and auth: which requests fail or take long, and who signs in?"""

from __future__ import annotations

from infra.monitoring.dashboards.dashboard import Dashboard
from infra.monitoring.dashboards.panels import Query, Row, graph, logs, table, traces
from infra.monitoring.dashboards.promql import quantile, quantiles, rate, series, share, total

_REQUESTS = "http_requests_total"
_PEOPLE = 'path!~"/health|/readyz|/metrics"'
_REFUSED = series(_REQUESTS, 'status=~"[45].."')
_ATTEMPTS = "chatter_auth_attempts_total"

DASHBOARD = Dashboard(
    "chatter-http",
    "Chatter / HTTP and auth",
    "Which requests fail or take long, and who signs in?",
    (
        Row(
            "Requests",
            (
                graph(
                    "How many requests are answered how?",
                    "Per second, by status. 101 are WebSockets, 499 are clients that left before the answer.",
                    Query(rate(_REQUESTS, by="status"), "{{status}}"),
                    unit="reqps",
                    stacked=True,
                ),
                graph(
                    "How many requests fail by our fault?",
                    "Share of 5xx, without health checks; 0.1 % is allowed.",
                    Query(share(rate(_REQUESTS, f'{_PEOPLE}, status=~"5.."'), rate(_REQUESTS, _PEOPLE)), "5xx"),
                    unit="percentunit",
                    steps=(("good", None), ("bad", 0.001)),
                ),
                graph(
                    "How long do answers take?",
                    "All routes together. A diamond opens a trace.",
                    *quantiles("http_request_duration_seconds", _PEOPLE, 0.5, 0.95, 0.99),
                    unit="s",
                ),
                graph(
                    "Which routes are slow?",
                    "The 95th percentile of the five slowest.",
                    Query(
                        f"topk(5, {quantile(0.95, 'http_request_duration_seconds', _PEOPLE, by='method, path')})",
                        "{{method}} {{path}}",
                    ),
                    unit="s",
                ),
                graph(
                    "How many requests are being answered?",
                    "Requests now, by method; a staircase upwards means that something hangs.",
                    Query(total("http_requests_in_progress", by="method"), "{{method}}"),
                ),
                graph(
                    "How much is sent?",
                    "Bytes of bodies per second, the five largest routes.",
                    Query(f"topk(5, {rate('http_response_size_bytes_total', by='path')})", "{{path}}"),
                    unit="Bps",
                ),
                table(
                    "Which routes fail most?",
                    "Answers from 400 on within the chosen time, by route and status.",
                    f"sort_desc(sum by (method, path, status) (increase({_REFUSED}[$__range])))",
                ),
                table(
                    "Which routes are used most?",
                    "Requests within the chosen time.",
                    f"topk(15, sum by (method, path) (increase({series(_REQUESTS)}[$__range])))",
                ),
            ),
        ),
        Row(
            "Signing in",
            (
                graph(
                    "How do people sign in?",
                    "Attempts that succeeded, per second.",
                    Query(rate(_ATTEMPTS, 'result="ok"', by="action"), "{{action}}"),
                    unit="ops",
                    stacked=True,
                ),
                graph(
                    "Why is signing in refused?",
                    "Attempts that failed, per second. Many `bad_credentials` are someone who guesses, "
                    "`reuse_detected` is a stolen or copied refresh token.",
                    Query(rate(_ATTEMPTS, 'result!="ok"', by="action, result"), "{{action}}: {{result}}"),
                    unit="ops",
                    stacked=True,
                ),
                graph(
                    "How long does a password take?",
                    "Time that a thread spends on one. It is meant to be slow, but not to queue up.",
                    Query(quantile(0.5, "chatter_password_hash_duration_seconds", by="op"), "p50 {{op}}"),
                    Query(quantile(0.95, "chatter_password_hash_duration_seconds", by="op"), "p95 {{op}}"),
                    unit="s",
                ),
            ),
        ),
        Row(
            "Single cases",
            (
                logs(
                    "Which requests failed by our fault?",
                    "The line's request_id is what the client was shown; its trace_id leads to the trace.",
                    '{service_name="app"} | json | event="http_request" | status >= 500',
                ),
                traces(
                    "Which requests failed, as traces?",
                    "Requests answered with 5xx.",
                    '{ resource.service.name = "chatter" && kind = server && span.http.response.status_code >= 500 }',
                    width=12,
                ),
                traces(
                    "Which requests took long?",
                    "Requests of more than half a second.",
                    '{ resource.service.name = "chatter" && kind = server && duration > 500ms }',
                    width=12,
                ),
            ),
        ),
    ),
)
