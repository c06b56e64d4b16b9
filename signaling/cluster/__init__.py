"""Rooms whose members sit on several nodes.

Each room lives on one node, its owner: there its state is, and there its sessions are. A connection that a proxy
brought to another node is carried over the bus: what arrives at its socket is passed to the owner, what the owner
writes comes back. The hub of the owner sees a `Link` like any other; only its transport differs.
"""
