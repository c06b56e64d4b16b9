"""Who is there, as far as one heard."""

from __future__ import annotations

from signaling.bus.courier import Sender
from signaling.cluster.nodes import Nodes

A, A2, B = Sender("a", "1"), Sender("a", "2"), Sender("b", "1")


def test_a_node_is_there_while_it_is_heard() -> None:
    nodes = Nodes()
    assert A not in nodes
    nodes.heard(A, 0)
    assert A in nodes
    nodes.heard(B, 5)
    assert (nodes.silent(7.9), len(nodes)) == ([], 2)
    assert nodes.silent(8) == [A]
    assert nodes.silent(8) == []
    assert (A in nodes, B in nodes) == (False, True)


def test_a_new_life_ends_the_former_one() -> None:
    nodes = Nodes()
    nodes.heard(A, 0)
    nodes.heard(B, 0)
    assert nodes.heard(A2, 1) == [A]
    assert (A in nodes, A2 in nodes, B in nodes) == (False, True, True)


def test_one_who_says_goodbye_is_gone() -> None:
    nodes = Nodes()
    nodes.heard(A, 0)
    nodes.gone(A)
    nodes.gone(A)
    assert A not in nodes
    assert nodes.silent(100) == []


def test_one_who_is_expected_has_to_show_itself_soon() -> None:
    nodes = Nodes()
    nodes.expect(A, 0)
    nodes.expect(B, 0)
    nodes.expect(A, 2)
    assert A not in nodes, "it was not heard yet"
    nodes.heard(B, 1)
    assert nodes.silent(2.9) == []
    assert nodes.silent(3) == [A]
    assert nodes.silent(8.9) == []


def test_one_who_is_heard_is_not_expected() -> None:
    nodes = Nodes()
    nodes.heard(A, 0)
    nodes.expect(A, 1)
    assert nodes.silent(5) == []
    nodes.expect(B, 5)
    nodes.gone(B)
    assert nodes.silent(8) == [A]
