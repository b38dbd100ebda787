"""The log of decisions: append in the decision's own transaction, sealed into a Merkle tree soon after.

Sealing in batches (as certificate transparency logs do, RFC 9162) keeps appends free of a global lock; within a
batch entries are ordered by their leaf, so that the tree depends on what was decided and not on which worker won.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from ruxue import crypto
from ruxue.algorithms import canonical, merkle
from ruxue.algorithms.bundle import head_text
from ruxue.ledger import clock
from ruxue.ledger.models import Entry, TreeHead

_SEAL_LOCK = 7_202_601


def entry(kind: str, subject: str, body: dict[str, Any]) -> Entry:
    """An unsaved entry; `body` must hold no personal data. Callers that write many save them with bulk_create."""
    at = clock.now()
    full = {"kind": kind, "subject": subject, "at": at.isoformat(), **body}
    return Entry(kind=kind, subject=subject, body=full, leaf=merkle.leaf_hash(canonical.encode(full)), at=at)


def append(kind: str, subject: str, body: dict[str, Any]) -> Entry:
    """Records a decision in the caller's transaction."""
    row = entry(kind, subject, body)
    row.save()
    return row


@transaction.atomic
def seal() -> TreeHead | None:
    """Gives every waiting entry its place and signs a new head; returns the newest head (None for an empty log)."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_SEAL_LOCK])
    head = TreeHead.objects.order_by("-size").first()
    waiting = sorted(
        (at, bytes(leaf), pk) for at, leaf, pk in Entry.objects.filter(index=None).values_list("at", "leaf", "pk")
    )
    if not waiting:
        return head
    size = head.size if head else 0
    with connection.cursor() as cursor:
        cursor.execute(
            "update ledger_entry e set index = %s + i.place - 1 "
            "from unnest(%s::bigint[]) with ordinality as i(id, place) where e.id = i.id",
            [size, [pk for _, _, pk in waiting]],
        )
    frontier = merkle.Frontier(size, (bytes.fromhex(p) for p in head.peaks) if head else ())
    frontier.extend(leaf for _, leaf, _ in waiting)
    root = frontier.root().hex()
    signature = crypto.signing_key().sign(head_text(frontier.size, root)).hex()
    return TreeHead.objects.create(
        size=frontier.size,
        root=root,
        at=clock.now(),
        signature=signature,
        peaks=[p.hex() for p in frontier.peaks],
    )


class Tree:
    """The newest sealed tree, read once: proofs for many entries."""

    def __init__(self) -> None:
        self.head = TreeHead.objects.order_by("-size").first()
        size = self.head.size if self.head else 0
        leaves = Entry.objects.filter(index__lt=size).order_by("index").values_list("leaf", flat=True)
        self._levels = merkle.Tree([bytes(x) for x in leaves])

    def prove(self, pk: int) -> dict[str, Any] | None:
        """The ledger part of a bundle: entry, inclusion proof and signed head; None while the entry waits for the seal."""
        row = Entry.objects.get(pk=pk)
        if self.head is None or row.index is None or row.index >= self.head.size:
            return None
        return {
            "entry": row.body,
            "index": row.index,
            "size": self.head.size,
            "root": self.head.root,
            "proof": [p.hex() for p in self._levels.inclusion_proof(row.index)],
            "signature": self.head.signature,
            "public_key": crypto.public_signing_key(),
        }
