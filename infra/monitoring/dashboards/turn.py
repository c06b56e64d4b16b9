"""TURN and network paths: which way does media take, and do the relays work?"""

from __future__ import annotations

from infra.monitoring.dashboards.dashboard import Dashboard
from infra.monitoring.dashboards.panels import Query, Row, graph, logs, number, traces
from infra.monitoring.dashboards.promql import rate, series, share

_PAIRS = "chatter_client_selected_pair_total"

DASHBOARD = Dashboard(
    "chatter-turn",
    "Chatter / TURN and network paths",
    "Which way does media take between browsers, and do the relays work?",
    (
        Row(
            "Relays",
            (
                number(
                    "Do all TURN servers work?",
                    "The server's own check, every 10 minutes; 0 when one fails. `chatter turn check` says why.",
                    f"min({series('chatter_turn_check_success')})",
                    steps=(("bad", None), ("good", 1)),
                    width=6,
                ),
                number(
                    "How much of the media is relayed?",
                    "Share of the paths chosen within the last hour that lead through a TURN server. Usually one in "
                    "ten; none at all for long means that relaying is broken.",
                    "chatter:turn_share:ratio_rate1h",
                    unit="percentunit",
                    width=6,
                ),
                number(
                    "How many relays are in use?",
                    "Allocations in coturn; `total-quota` in its configuration is the most there can be.",
                    "sum(turn_total_allocations)",
                    steps=(("good", None), ("warn", 54), ("bad", 72)),
                    width=6,
                ),
                number(
                    "How many credentials are handed out?",
                    "Sets of TURN credentials per second.",
                    rate("chatter_turn_credentials_issued_total"),
                    unit="ops",
                    width=6,
                ),
                graph(
                    "Over which transports can TURN be used?",
                    "Result of the last check per transport: 1 works, 0 does not.",
                    Query(f"min by (transport) ({series('chatter_turn_check_success')})", "{{transport}}"),
                    unit="bool_on_off",
                ),
                graph(
                    "How long does a TURN check take?",
                    "The slowest address of each transport.",
                    Query(f"max by (transport) ({series('chatter_turn_check_duration_seconds')})", "{{transport}}"),
                    unit="s",
                ),
                graph(
                    "How many relays does coturn hold?",
                    "Allocations by the transport of the client.",
                    Query("sum by (type) (turn_total_allocations)", "{{type}}"),
                    steps=(("good", None), ("bad", 72)),
                    stacked=True,
                ),
                graph(
                    "How much does coturn relay?",
                    "Bytes per second of relays that ended, from and to its clients; long calls show up at their end.",
                    Query("sum(rate(turn_total_traffic_rcvb[$__rate_interval]))", "received"),
                    Query("sum(rate(turn_total_traffic_sentb[$__rate_interval]))", "sent"),
                    unit="Bps",
                ),
                graph(
                    "How many STUN questions does coturn get?",
                    "Binding requests and the errors among the answers, per second.",
                    Query("sum(rate(stun_binding_request[$__rate_interval]))", "requests"),
                    Query("sum(rate(stun_binding_error[$__rate_interval]))", "errors"),
                    unit="ops",
                ),
            ),
        ),
        Row(
            "Paths",
            (
                graph(
                    "Which kinds of paths do browsers choose?",
                    "Per second, own candidate → the other's. `host` is the same network, `srflx` a NAT, `relay` TURN.",
                    Query(rate(_PAIRS, by="local, remote"), "{{local}} → {{remote}}"),
                    unit="ops",
                    stacked=True,
                ),
                graph(
                    "Which protocols do paths use?",
                    "Per second; through a TURN server it is how the browser speaks to that. Much tcp or tls means "
                    "networks that block UDP.",
                    Query(rate(_PAIRS, by="protocol"), "{{protocol}}"),
                    unit="ops",
                    stacked=True,
                ),
                graph(
                    "How much of the media goes over IPv6?",
                    "Share of the chosen paths.",
                    Query(share(rate(_PAIRS, 'family="v6"'), rate(_PAIRS)), "IPv6"),
                    unit="percentunit",
                ),
                graph(
                    "How often does ICE fail?",
                    "Share of `failed` among the ends of ICE that browsers tell.",
                    Query(
                        share(
                            rate("chatter_client_ice_state_total", 'state="failed"'),
                            rate("chatter_client_ice_state_total", 'state=~"failed|connected|completed"'),
                        ),
                        "failed",
                    ),
                    unit="percentunit",
                    steps=(("good", None), ("bad", 0.02)),
                ),
                graph(
                    "Which ICE states do browsers tell?",
                    "Per second. `disconnected` mostly heals by itself, `failed` needs an ICE restart.",
                    Query(rate("chatter_client_ice_state_total", by="state"), "{{state}}"),
                    unit="ops",
                ),
                graph(
                    "How often do people look for another path?",
                    "Answered offers that restart ICE or build the connection anew, per second.",
                    Query(rate("chatter_negotiations_total", 'kind=~"ice_restart|rebuild"', by="kind"), "{{kind}}"),
                    unit="ops",
                ),
            ),
        ),
        Row(
            "Single cases",
            (
                logs(
                    "What do the TURN checks say?",
                    "A line where a TURN address began to fail or works again, with its cause.",
                    '{service_name="app"} | json | event="turn_check"',
                ),
                traces(
                    "Which pairs found no path?",
                    "Attempts that failed or timed out; the trace has what both browsers offered.",
                    '{ resource.service.name = "chatter" && name = "setup" && status = error }',
                ),
            ),
        ),
    ),
)
