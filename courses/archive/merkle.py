"""The Merkle tree of RFC 9162 §2.1 over SHA-256. Pure: bytes in, bytes out.

Leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖ right), the empty tree SHA-256 of nothing;
n leaves are split at the largest power of two below n. `GrowingTree` reckons the same root while
leaves are appended, with one hash per level in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

__all__ = [
    "EMPTY_ROOT",
    "GrowingTree",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root_from_proof",
    "tree_hash",
]

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """32 bytes: the hash of one leaf's data."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """32 bytes: the hash of a node over two subtrees' hashes."""
    return sha256(b"\x01" + left + right).digest()


class GrowingTree:
    """A tree that leaves are appended to; it keeps the hashes of its complete subtrees, largest first.

    RFC 9162 §2.1.2 («Verifying a Tree Head Given Entries»): after leaf number i (from 0) as many
    subtrees join as i has trailing one bits.
    """

    def __init__(self) -> None:
        self.size = 0
        self._whole: list[bytes] = []

    def append(self, data: bytes) -> None:
        whole = self._whole
        joined = sha256(b"\x00" + data).digest()
        size = self.size
        while size & 1:
            joined = sha256(b"\x01" + whole.pop() + joined).digest()
            size >>= 1
        whole.append(joined)
        self.size += 1

    def root(self) -> bytes:
        """32 bytes: the tree hash of all leaves so far; may be asked at any time."""
        if not self._whole:
            return EMPTY_ROOT
        joined = self._whole[-1]
        for left in reversed(self._whole[:-1]):
            joined = node_hash(left, joined)
        return joined


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """32 bytes: MTH of RFC 9162 §2.1.1 over the leaves' data, in their order."""
    tree = GrowingTree()
    for data in leaves:
        tree.append(data)
    return tree.root()


def _split(size: int) -> int:
    """The largest power of two below `size` (which is above 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(index, leaves) of RFC 9162 §2.1.3.1: the neighbours' hashes from the leaf up to the root.

    `index` counts from 0. Raises IndexError when there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} among {len(leaves)}")
    path: list[bytes] = []
    start, end = 0, len(leaves)
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(tree_hash(leaves[middle:end]))
            end = middle
        else:
            path.append(tree_hash(leaves[start:middle]))
            start = middle
    path.reverse()
    return path


def root_from_proof(data: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to (RFC 9162 §2.1.3.2); the leaf is in the tree when it is the tree's.

    None when the proof cannot belong to leaf `index` (from 0) of a tree with `size` leaves.
    """
    if not 0 <= index < size:
        return None
    number, last = index, size - 1
    joined = leaf_hash(data)
    for neighbour in proof:
        if last == 0:
            return None
        if number & 1 or number == last:
            joined = node_hash(neighbour, joined)
            while not number & 1 and number:
                number >>= 1
                last >>= 1
        else:
            joined = node_hash(joined, neighbour)
        number >>= 1
        last >>= 1
    return joined if last == 0 else None
