"""A Redis Cluster of three primaries."""

from __future__ import annotations

import time
from collections.abc import Callable

from support.ports import free_port
from support.server import Server


def start_cluster(make_server: Callable[..., Server]) -> tuple[list[Server], str, list[int]]:
    """Return the servers, the URL and the ports of a cluster whose nodes know each other."""
    ports = [free_port(bus=True) for _ in range(3)]
    servers = [
        make_server(port=str(port), bind="127.0.0.1", cluster_enabled="yes", cluster_node_timeout="1000")
        for port in ports
    ]
    bounds = (0, 5461, 10923, 16384)
    for n, server in enumerate(servers):
        server.redis.execute_command("CLUSTER", "ADDSLOTS", *range(bounds[n], bounds[n + 1]))
        servers[0].redis.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[n])
    deadline = time.monotonic() + 30
    while not all(_knows_all(server.redis.execute_command("CLUSTER", "INFO")) for server in servers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return servers, f"redis+cluster://127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}", ports


def _knows_all(info: bytes) -> bool:
    return b"cluster_state:ok" in info and b"cluster_known_nodes:3" in info
