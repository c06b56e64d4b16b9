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


_APP = 'job="chatter", instance="app-1:8080"'
_UP = {f"up{{{_APP}}}": "1x90"}
_DAY_S = 86400
_NEWEST_BACKUP = 'chatter_backup_last_success_timestamp_seconds{job="backup"}'
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


def _disk(free: str, size: str) -> Series:
    labels = f'{{{_APP}, folder="data"}}'
    return {f"chatter_disk_free_bytes{labels}": free, f"chatter_disk_size_bytes{labels}": f"{size}x90"}


def _present(*metrics: str) -> Series:
    return _UP | {f"{metric}{{{_APP}}}": "1x90" for metric in metrics}


def _paths(calls: str, *, within: str = "0x200", between: str = "0x200", relayed: str = "0x200") -> Series:
    pair = f"chatter_client_selected_pair_total{{{_APP}, local="
    return {
        f"chatter_call_duration_seconds_count{{{_APP}}}": calls,
        f'{pair}"host", remote="host"}}': within,
        f'{pair}"srflx", remote="srflx"}}': between,
        f'{pair}"relay", remote="host"}}': relayed,
        f'chatter_turn_check_success{{{_APP}, transport="udp"}}': "1x200",
    }


def _broken(closes: str, people: str) -> Series:
    """Return what a server shows: a counter that grows, and people who stay members while they may come back."""
    return {
        f'chatter_ws_closes_total{{{_APP}, reason="abnormal"}}': closes,
        f'chatter_ws_closes_total{{{_APP}, reason="client"}}': "0+9x90",
        f'chatter_participants{{{_APP}, kind="guest"}}': people,
    }


def _entries(**results: str) -> Series:
    return {f'chatter_ws_handshakes_total{{{_APP}, result="{result}"}}': values for result, values in results.items()}


def _troubles(told: str, reason: str, **entries: str) -> Series:
    return {**_counter("chatter_client_troubles_total", told, f', reason="{reason}"'), **_entries(**entries)}


def _logins(wrong: str, right: str) -> Series:
    attempts = f'chatter_auth_attempts_total{{{_APP}, action="login", result='
    return {f'{attempts}"bad_credentials"}}': wrong, f'{attempts}"ok"}}': right}


def _certificate(not_before: int, not_after: int) -> Series:
    """Return what is told of a certificate; promtool's clock begins at 0."""
    told = {"chatter_tls_cert_not_before_seconds": not_before, "chatter_tls_cert_not_after_seconds": not_after}
    return {f'{name}{{job="tls"}}': f"{value}x90" for name, value in told.items()}


CASES = {
    # One of two is enough.
    "ChatterDown": Case(
        _UP | {'up{job="chatter", instance="app-2:8080"}': "1x80 0x10"}, (_UP, {f"up{{{_APP}}}": "1x40 0x0 1x50"})
    ),
    "ChatterMetricsMissing": Case(_present(*_KEY_METRICS[1:]), (_present(*_KEY_METRICS), {f"up{{{_APP}}}": "0x90"})),
    "ChatterEventLoopLag": Case(
        _lag("chatter_event_loop_lag_seconds", "5"), (_lag("chatter_event_loop_lag_seconds", "0"),)
    ),
    # Everyone is cut off within a minute, and most are back in the next.
    "ChatterSessionsLost": Case(
        _broken("2x87 32x3", "100x87 100 74 96 96"),
        (
            _broken("2x87 32x3", "900x90"),  # many, but few of all
            _broken("2x87 6x3", "4x90"),  # all, but few
            _broken("0+1x90", "40x90"),  # one a minute: phones on trains
            _broken("2x80 32x10", "100x90"),  # it is over
        ),
    ),
    "ChatterBrowsersKeptOut": Case(
        _troubles("0x80 0+1x10", "socket_blocked"),  # not one ever came in
        (
            _troubles("0x80 0+1x10", "draining"),
            _troubles("0x80 1x10", "socket_blocked"),  # one, behind a strict network
            _troubles("0x80 0+1x10", "socket_lost", accepted="0+3x90"),
        ),
    ),
    "ChatterHandshakesRefused": Case(
        _entries(accepted="0x90", bad_origin="0x70 0+3x20"),
        (
            _entries(accepted="0+4x90", bad_origin="0x70 0+3x20"),
            _entries(accepted="0x90", bad_origin="0x70 0+1x20"),
            _entries(accepted="0+1x90", password_required="0+1x90", wrong_password="0+3x90"),
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
    "ChatterDiskNearlyFull": Case(
        _disk(free="900000000x90", size="5000000000"),
        (
            _disk(free="4000000000x90", size="20000000000"),
            _disk(free="6000000000x90", size="1000000000000"),  # little of a large disk is plenty
            _disk(free="11000000000x80 900000000x10", size="100000000000"),
        ),
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
        _paths("0+1x200", between="0+3x200"),
        (
            _paths("0+1x200", between="0+3x200", relayed="0+0.1x200"),
            _paths("0+1x200", within="0+3x200"),  # one office
            _paths("0+0.0167x200", between="0+1x200"),  # a stand-up of eight every hour
        ),
        minutes=200,
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
    "ChatterCertificateEnds": Case(
        _certificate(-36 * _DAY_S, 9 * _DAY_S), (_certificate(-35 * _DAY_S, 10 * _DAY_S), _certificate(0, 90 * _DAY_S))
    ),
    "ChatterCertificateSelfSigned": Case(
        {'chatter_tls_cert_self_signed{job="tls"}': "0x10 1x80"},
        ({'chatter_tls_cert_self_signed{job="tls"}': "1x80 0x10"}, {'chatter_tls_cert_self_signed{job="tls"}': "0x90"}),
    ),
    "ChatterBackupFailed": Case(
        {'chatter_backup_last_run_success{job="backup"}': "1x80 0x10"},
        ({'chatter_backup_last_run_success{job="backup"}': "0x85 1x5"},),
    ),
    "ChatterBackupOld": Case(
        {_NEWEST_BACKUP: f"{-2 * _DAY_S}x90"},
        ({_NEWEST_BACKUP: f"{-_DAY_S}x90"}, {_NEWEST_BACKUP: f"{-2 * _DAY_S}x80 4800x10"}),
    ),
    "ChatterTargetDown": Case(
        {'up{job="loki", instance="loki:3100"}': "0x90"}, ({'up{job="loki", instance="loki:3100"}': "1x85 0x5"},)
    ),
    "ChatterRulesFailing": Case(
        {'prometheus_rule_evaluation_failures_total{rule_group="a"}': "0+1x90"},
        ({'prometheus_rule_evaluation_failures_total{rule_group="a"}': "3x90"},),
    ),
}
