"""Signaling and sockets: who is connected, what is said, and how fast does it get through?"""

from __future__ import annotations

from infra.monitoring.dashboards.dashboard import Dashboard
from infra.monitoring.dashboards.panels import Query, Row, graph, logs
from infra.monitoring.dashboards.promql import quantile, quantiles, rate, series, total

_SOCKETS = Row(
    "Sockets",
    (
        graph(
            "How many sockets are open?",
            "By who holds them: people with an account, guests, recorders.",
            Query(total("chatter_ws_connections", by="kind"), "{{kind}}"),
            stacked=True,
        ),
        graph(
            "How does entry end?",
            "Connections per second, by how their entry ended; all but `accepted` and `waiting` were refused.",
            Query(rate("chatter_ws_handshakes_total", by="result"), "{{result}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "Who cannot come in?",
            "Browsers that told over HTTP that their socket does not open, per second; `origin_refused`: the page came "
            "from another address than BASE_URL.",
            Query(rate("chatter_client_troubles_total", by="reason"), "{{reason}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "Why do sockets close?",
            "Per second. `abnormal` is a cut network, `slow_consumer` one that did not read, `drain` an update.",
            Query(rate("chatter_ws_closes_total", by="reason"), "{{reason}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "How long do connections last?",
            "Of those that ended. Much shorter than calls means unstable networks or a proxy with a timeout.",
            *quantiles("chatter_ws_session_duration_seconds"),
            unit="s",
        ),
        graph(
            "How far away are clients?",
            "From a ping of the server to the pong.",
            *quantiles("chatter_ws_ping_rtt_seconds", "", 0.5, 0.95, 0.99),
            unit="s",
            steps=(("good", None), ("bad", 0.5)),
        ),
        graph(
            "Do lost connections come back?",
            "Attempts to go on with a session, per second: `unknown` came too late, `state_lost` had missed too much.",
            Query(rate("chatter_ws_resumes_total", by="result"), "{{result}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "How many connections are lost now?",
            "Members whose connection broke and who may still come back.",
            Query(total("chatter_sessions_lost", by="instance"), "{{instance}}"),
        ),
        graph(
            "Who is slowed down?",
            "What was refused for being too much, per second: requests, sign-ins, sockets, knocks, frames.",
            Query(rate("chatter_rate_limited_total", by="scope"), "{{scope}}"),
            unit="ops",
        ),
    ),
)
_MESSAGES = Row(
    "Messages",
    (
        graph(
            "What is said to the server?",
            "Frames per second, by type.",
            Query(rate("chatter_ws_messages_total", 'direction="in"', by="type"), "{{type}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "What does the server say?",
            "Frames per second, by type.",
            Query(rate("chatter_ws_messages_total", 'direction="out"', by="type"), "{{type}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "How much is said?",
            "Bytes of frames per second.",
            Query(rate("chatter_ws_message_bytes_total", by="direction"), "{{direction}}"),
            unit="Bps",
        ),
        graph(
            "How long does passing a message on take?",
            "From reading it off one socket to the queue of the other; 50 ms are promised for 99 of 100.",
            Query(quantile(0.5, "chatter_relay_duration_seconds", by="scope"), "p50 {{scope}}"),
            Query(quantile(0.99, "chatter_relay_duration_seconds", by="scope"), "p99 {{scope}}"),
            unit="s",
            steps=(("good", None), ("bad", 0.05)),
        ),
        graph(
            "Which messages are passed on slowly?",
            "The 99th percentile by type.",
            Query(quantile(0.99, "chatter_relay_duration_seconds", by="type"), "{{type}}"),
            unit="s",
        ),
        graph(
            "Which messages are not passed on?",
            "Per second: nobody there any more, or a full queue.",
            Query(rate("chatter_relay_failures_total", by="reason"), "{{reason}}"),
            unit="ops",
        ),
        graph(
            "What is wrong with refused messages?",
            "Frames that were refused, per second. Many after an update: old clients that speak another protocol.",
            Query(rate("chatter_ws_message_rejects_total", by="reason"), "{{reason}}"),
            unit="ops",
        ),
        graph(
            "How full are send queues?",
            "Frames that wait when one more has to; a queue that is full closes its connection.",
            *quantiles("chatter_ws_send_queue_depth", "", 0.5, 0.99),
        ),
        graph(
            "What did clients not take?",
            "Frames that found a queue full, per second, by type.",
            Query(rate("chatter_ws_send_queue_drops_total", by="type"), "{{type}}"),
            unit="ops",
            steps=(("good", None), ("bad", 0.01)),
        ),
    ),
)
_ROOMS = Row(
    "Rooms",
    (
        graph("How many rooms are in use?", "Rooms with someone in them.", Query(total("chatter_rooms"), "rooms")),
        graph(
            "How many people are in rooms?",
            "Members by who they are; a recorder is one too.",
            Query(total("chatter_participants", by="kind"), "{{kind}}"),
            stacked=True,
        ),
        graph(
            "How large are rooms?",
            "Members after each join.",
            *quantiles("chatter_room_participants"),
        ),
        graph(
            "Who comes in?",
            "Joins per second, by role.",
            Query(rate("chatter_joins_total", by="role"), "{{role}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "Why do people leave?",
            "Leaves per second. Many `lost` mean that networks break and clients do not come back.",
            Query(rate("chatter_leaves_total", by="reason"), "{{reason}}"),
            unit="ops",
            stacked=True,
        ),
        graph(
            "How long are rooms in use?",
            "From the first member to the last, of rooms that emptied.",
            *quantiles("chatter_room_duration_seconds"),
            unit="s",
        ),
        graph(
            "How many rooms open and close?",
            "Per second, closed ones by what ended them.",
            Query(rate("chatter_rooms_created_total"), "opened"),
            Query(rate("chatter_rooms_closed_total", by="reason"), "closed: {{reason}}"),
            unit="ops",
        ),
        graph(
            "What do moderators do?",
            "Per second, by action.",
            Query(rate("chatter_moderation_actions_total", by="action"), "{{action}}"),
            unit="ops",
        ),
        graph(
            "Does an instance refuse newcomers?",
            "1 while it drains before a stop.",
            Query(series("chatter_draining"), "{{instance}}"),
            unit="bool_yes_no",
        ),
    ),
)
DASHBOARD = Dashboard(
    "chatter-signaling",
    "Chatter / Signaling and sockets",
    "Who is connected, what is said, and how fast does it get through?",
    (
        _SOCKETS,
        _MESSAGES,
        _ROOMS,
        Row(
            "Log",
            (
                logs(
                    "What happened in rooms?",
                    "Joins, losses, resumes and leaves; `call_id` holds those of one call together.",
                    '{service_name="app"} | json | event=~"join|leave|lost|resume|moderation"',
                ),
                logs(
                    "Who was refused before they were let in?",
                    "Handshakes that Chatter refused, with the address of the page; and what browsers say of it.",
                    '{service_name="app"} | json | event=~"handshake_refused|socket_trouble"',
                ),
            ),
        ),
    ),
)
