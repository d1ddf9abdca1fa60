"""The tree of RFC 9162 §2.1, beside a second, naive implementation written down from its definitions."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.archive.merkle import (
    GrowingTree,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_from_proof,
    tree_hash,
)

LEAVES = st.lists(st.binary(max_size=40), max_size=40)


def naive(leaves: list[bytes]) -> bytes:
    """MTH(D[n]) by the letter of §2.1.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = max(2**power for power in range(20) if 2**power < len(leaves))
    return sha256(b"\x01" + naive(leaves[:k]) + naive(leaves[k:])).digest()


def test_the_empty_tree_is_the_hash_of_nothing():
    assert tree_hash([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_leaf_without_data_and_a_node_are_told_apart_by_their_first_byte():
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert node_hash(b"", b"") == sha256(b"\x01").digest() != leaf_hash(b"")


@pytest.mark.parametrize("size", range(1, 9))
def test_one_to_eight_leaves(size):
    leaves = [bytes([number]) for number in range(size)]
    assert tree_hash(leaves) == naive(leaves)


def test_seven_leaves_have_the_shape_of_the_example_in_the_rfc():
    # §2.1.5: hash = node(k = node(g, h), l = node(i, j)); i = node(e, f), j = leaf 6
    a, b, c, d, e, f, j = (leaf_hash(bytes([number])) for number in range(7))
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741 (the RFC's letters)
    leaves = [bytes([number]) for number in range(7)]
    assert tree_hash(leaves) == node_hash(k, l)
    assert inclusion_proof(0, leaves) == [b, h, l]
    assert inclusion_proof(3, leaves) == [c, g, l]
    assert inclusion_proof(4, leaves) == [f, j, k]
    assert inclusion_proof(6, leaves) == [i, k]


@given(LEAVES)
def test_growing_gives_each_root_on_the_way(leaves):
    tree = GrowingTree()
    for number, data in enumerate(leaves):
        assert tree.root() == naive(leaves[:number])
        tree.append(data)
    assert (tree.size, tree.root()) == (len(leaves), naive(leaves))


@given(LEAVES.filter(len), st.data())
def test_a_proof_leads_to_the_root_from_its_own_leaf_and_place_only(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = inclusion_proof(index, leaves)
    root = naive(leaves)
    assert root_from_proof(leaves[index], index, len(leaves), proof) == root
    assert root_from_proof(leaves[index] + b"x", index, len(leaves), proof) != root
    assert root_from_proof(leaves[index], index, len(leaves), [*proof, b"\0" * 32]) is None
    if proof:
        assert root_from_proof(leaves[index], index, len(leaves), proof[:-1]) != root


def test_there_is_no_proof_for_a_leaf_that_is_not_there():
    with pytest.raises(IndexError):
        inclusion_proof(2, [b"a", b"b"])
    assert root_from_proof(b"a", 2, 2, []) is None
