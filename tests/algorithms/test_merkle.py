"""Vectors of the certificate-transparency reference tests (RFC 6962), and proofs at every size."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruxue.algorithms import merkle

DATA = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
LEAVES = [merkle.leaf_hash(bytes.fromhex(d)) for d in DATA]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_of_the_reference_tests(size):
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_the_empty_tree_is_the_hash_of_nothing():
    assert merkle.root([]) == hashlib.sha256(b"").digest()


def test_proofs_of_the_reference_tests():
    """RFC 9162 section 2.1.5 gives the same shapes: leaf 0 of 7 is proved by [b, h, l]."""
    assert [p.hex() for p in merkle.inclusion_proof(LEAVES, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert merkle.consistency_proof(LEAVES, 8) == []
    assert [p.hex() for p in merkle.consistency_proof(LEAVES[:5], 2)] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]


@given(st.integers(1, 70), st.data())
def test_proofs_hold_and_changed_ones_do_not(size, data):
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(size)]
    root, index, old = merkle.root(leaves), data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    path = merkle.inclusion_proof(leaves, index)
    assert merkle.verify_inclusion(leaves[index], index, size, path, root)
    assert not merkle.verify_inclusion(leaves[index], index, size, [*path, root], root)
    before, proof = merkle.root(leaves[:old]), merkle.consistency_proof(leaves, old)
    assert merkle.verify_consistency(old, size, before, root, proof)
    assert not merkle.verify_consistency(old, size, before, root, [*proof, root])
    for i in range(len(path)):
        changed = [*path[:i], hashlib.sha256(path[i]).digest(), *path[i + 1 :]]
        assert not merkle.verify_inclusion(leaves[index], index, size, changed, root)
    for i in range(len(proof)):
        changed = [*proof[:i], hashlib.sha256(proof[i]).digest(), *proof[i + 1 :]]
        assert not merkle.verify_consistency(old, size, before, root, changed)


def test_outside_the_tree():
    with pytest.raises(IndexError):
        merkle.inclusion_proof(LEAVES, 8)
    with pytest.raises(IndexError):
        merkle.consistency_proof(LEAVES, 0)
    assert not merkle.verify_inclusion(LEAVES[0], 8, 8, [], merkle.root(LEAVES))
    assert not merkle.verify_consistency(0, 8, merkle.root([]), merkle.root(LEAVES), [])


def test_a_frontier_goes_on_where_an_earlier_one_ended():
    leaves = [merkle.leaf_hash(i.to_bytes(4, "big")) for i in range(5_000)]
    size, peaks = 0, []
    for low in range(0, len(leaves), 791):
        frontier = merkle.Frontier(size, peaks)
        frontier.extend(leaves[low : low + 791])
        size, peaks = frontier.size, frontier.peaks
    assert frontier.size == len(leaves) and frontier.root() == merkle.root(leaves)
    with pytest.raises(ValueError, match="peaks"):
        merkle.Frontier(size, peaks[1:])
