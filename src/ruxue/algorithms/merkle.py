"""Merkle tree of an append-only log, as RFC 9162 section 2.1 defines it, on SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf: 0x00 before its bytes."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: 0x01 before its children, so that a node can't pass for a leaf."""
    return hashlib.sha256(b"\1" + left + right).digest()


def _split(size: int) -> int:
    """Largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


class Frontier:
    """Roots of the complete subtrees from left to right: enough to append and to know the root.

    `size` and `peaks` of an earlier frontier go on where it ended.
    """

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)
        if len(self.peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(self.peaks)}")

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Appends leaf hashes."""
        for leaf in leaves:
            node, index = leaf, self.size
            while index & 1:
                node = node_hash(self.peaks.pop(), node)
                index >>= 1
            self.peaks.append(node)
            self.size += 1

    def root(self) -> bytes:
        """Root of all leaves so far; of an empty tree, the hash of nothing."""
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node


def root(leaves: Sequence[bytes]) -> bytes:
    """Root of the tree over these leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


class Tree:
    """All levels over fixed leaves: many proofs from one pass of hashing."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(level := self._levels[-1]) > 1:
            paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
            self._levels.append(paired + level[len(paired) * 2 :])

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Path from leaf `index` to the root, nearest first. Raises IndexError outside the tree."""
        if not 0 <= index < len(self._levels[0]):
            raise IndexError(f"no leaf {index} in a tree of {len(self._levels[0])}")
        path = []
        for level in self._levels[:-1]:
            if (sibling := index ^ 1) < len(level):
                path.append(level[sibling])
            index >>= 1
        return path


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """One path from leaf `index` to the root, nearest first. Raises IndexError outside the tree."""
    return Tree(leaves).inclusion_proof(index)


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """True where `path` leads from the leaf at `index` to the root `expected` of a tree of `size` leaves."""
    if not 0 <= index < size:
        return False
    node, fn, sn = leaf, index, size - 1
    for sibling in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            node = node_hash(node, sibling)
        fn >>= 1
        sn >>= 1
    return sn == 0 and node == expected


def consistency_proof(leaves: Sequence[bytes], old: int) -> list[bytes]:
    """Proof that the tree of the first `old` leaves is a beginning of this one (0 < old ≤ size)."""

    def walk(m: int, low: int, high: int, whole: bool) -> list[bytes]:
        if m == high - low:
            return [] if whole else [root(leaves[low:high])]
        k = _split(high - low)
        if m <= k:
            return [*walk(m, low, low + k, whole), root(leaves[low + k : high])]
        return [*walk(m - k, low + k, high, False), root(leaves[low : low + k])]

    if not 0 < old <= len(leaves):
        raise IndexError(f"no earlier tree of {old} leaves in one of {len(leaves)}")
    return walk(old, 0, len(leaves), True)


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """True where `path` proves that the tree of `old` leaves grew into that of `new` leaves."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    steps = list(path)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    left = right = steps[0]
    for node in steps[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            left, right = node_hash(node, left), node_hash(node, right)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            right = node_hash(right, node)
        fn >>= 1
        sn >>= 1
    return sn == 0 and left == old_root and right == new_root
