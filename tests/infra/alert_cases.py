"""For each plain alert: series with which it fires, and series with which it must stay silent.

Values are in promtool's notation, one per minute: `0+1x30` begins at 0 and grows by 1 thirty times.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Series = Mapping[str, str]


class Case(NamedTuple):
    """What an alert does with these series, looked at when they end, 90 minutes after their beginning by default."""

    fires: Series
    silent: tuple[Series, ...]
    minutes: int = 90


_APP = 'job="chatter", instance="app:8080"'
_UP = {f"up{{{_APP}}}": "1x90"}
_KEY_METRICS = (
    "http_requests_total",
    "chatter_ws_connections",
    "chatter_rooms",
    "chatter_calls_total",
    "chatter_event_loop_lag_seconds_count",
)


def _lag(metric: str, slow: str) -> Series:
    """Return a histogram of which 100 observations come per minute, so many of them beyond its first bucket."""
    return {
        f'{metric}_bucket{{{_APP}, le="0.05"}}': f"0+{100 - int(slow)}x90",
        f'{metric}_bucket{{{_APP}, le="0.5"}}': "0+100x90",
        f'{metric}_bucket{{{_APP}, le="+Inf"}}': "0+100x90",
    }


def _counter(metric: str, values: str, labels: str = "") -> Series:
    return {f"{metric}{{{_APP}{labels}}}": values}


def _present(*metrics: str) -> Series:
    return _UP | {f"{metric}{{{_APP}}}": "1x90" for metric in metrics}


def _paths(direct: str, relayed: str) -> Series:
    pair = f"chatter_client_selected_pair_total{{{_APP}, local="
    return {
        f'{pair}"host", remote="host"}}': direct,
        f'{pair}"relay", remote="host"}}': relayed,
        f'chatter_turn_check_success{{{_APP}, transport="udp"}}': "1x200",
    }


def _logins(wrong: str, right: str) -> Series:
    attempts = f'chatter_auth_attempts_total{{{_APP}, action="login", result='
    return {f'{attempts}"bad_credentials"}}': wrong, f'{attempts}"ok"}}': right}


CASES = {
    "ChatterDown": Case({f"up{{{_APP}}}": "1x80 0x10"}, (_UP, {f"up{{{_APP}}}": "1x40 0x0 1x50"})),
    "ChatterMetricsMissing": Case(_present(*_KEY_METRICS[1:]), (_present(*_KEY_METRICS), {f"up{{{_APP}}}": "0x90"})),
    "ChatterEventLoopLag": Case(
        _lag("chatter_event_loop_lag_seconds", "5"), (_lag("chatter_event_loop_lag_seconds", "0"),)
    ),
    "ChatterSessionsLost": Case(
        {f"chatter_sessions_lost{{{_APP}}}": "30x90", f'chatter_participants{{{_APP}, kind="guest"}}': "100x90"},
        (
            {f"chatter_sessions_lost{{{_APP}}}": "30x90", f'chatter_participants{{{_APP}, kind="guest"}}': "900x90"},
            {f"chatter_sessions_lost{{{_APP}}}": "2x90", f'chatter_participants{{{_APP}, kind="guest"}}': "4x90"},
        ),
    ),
    "ChatterSendQueueDrops": Case(
        _counter("chatter_ws_send_queue_drops_total", "0x80 1x10", ', type="chat"'),
        (_counter("chatter_ws_send_queue_drops_total", "7x90", ', type="chat"'),),
    ),
    "ChatterDatabasePoolWait": Case(
        _lag("chatter_db_pool_wait_seconds", "20"), (_lag("chatter_db_pool_wait_seconds", "3"),)
    ),
    "ChatterBusDown": Case(
        _counter("chatter_bus_up", "1x80 0x10"), (_counter("chatter_bus_up", "1x90"), _counter("chatter_bus_up", ""))
    ),
    "ChatterDiskFull": Case(
        _counter("chatter_recordings_total", "0x85 1x5", ', result="disk_full"'),
        (_counter("chatter_recordings_total", "0+1x90", ', result="ready"'),),
    ),
    "ChatterTurnBroken": Case(
        _counter("chatter_turn_check_success", "1x60 0x30", ', transport="udp"'),
        (_counter("chatter_turn_check_success", "1x80 0x10", ', transport="udp"'),),
    ),
    "ChatterTurnUnused": Case(
        _paths("0+3x200", "0x200"), (_paths("0+3x200", "0+1x200"), _paths("0+0.1x200", "0x200")), minutes=200
    ),
    "ChatterTurnFull": Case(
        {
            'turn_total_allocations{job="coturn", instance="turn:9641", type="UDP"}': "50x90",
            'turn_total_allocations{job="coturn", instance="turn:9641", type="TCP"}': "30x90",
        },
        ({'turn_total_allocations{job="coturn", instance="turn:9641", type="UDP"}': "50x90"},),
    ),
    "ChatterLoginFailures": Case(
        _logins("0+10x90", "0+2x90"), (_logins("0+10x90", "0+30x90"), _logins("0+1x90", "0x90"))
    ),
    "ChatterRefreshTokenReused": Case(
        _counter("chatter_auth_attempts_total", "0x60 1x30", ', action="refresh", result="reuse_detected"'),
        (_counter("chatter_auth_attempts_total", "0+9x90", ', action="refresh", result="ok"'),),
    ),
    "ChatterTracesNotExported": Case(
        _counter("chatter_otel_spans_exported_total", "0+5x90", ', result="failed"'),
        (
            _counter("chatter_otel_spans_exported_total", "0+5x90", ', result="ok"'),
            _counter("chatter_otel_spans_exported_total", "0x85 9x5", ', result="failed"'),
        ),
    ),
    "ChatterLogsDropped": Case(
        _counter("chatter_log_records_dropped_total", "0x80 4x10"),
        (_counter("chatter_log_records_dropped_total", "4x90"),),
    ),
    "ChatterCallRecordsLost": Case(
        _counter("chatter_call_records_dropped_total", "0x80 1x10"),
        (_counter("chatter_call_records_dropped_total", "1x90"),),
    ),
    "ChatterTargetDown": Case(
        {'up{job="loki", instance="loki:3100"}': "0x90"}, ({'up{job="loki", instance="loki:3100"}': "1x85 0x5"},)
    ),
    "ChatterRulesFailing": Case(
        {'prometheus_rule_evaluation_failures_total{rule_group="a"}': "0+1x90"},
        ({'prometheus_rule_evaluation_failures_total{rule_group="a"}': "3x90"},),
    ),
}
