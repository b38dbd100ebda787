"""The log of decisions: append in the decision's own transaction, sealed into a Merkle tree soon after.

Sealing in batches (as certificate transparency logs do, RFC 9162) keeps appends free of a global lock; within a
batch entries are ordered by their leaf, so that the tree depends on what was decided and not on which worker won.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rfc8785
from django.db import connection, transaction

from ruxue import crypto
from ruxue.algorithms import merkle
from ruxue.ledger import clock
from ruxue.ledger.models import Entry, TreeHead

_SEAL_LOCK = 7_202_601


def entry(kind: str, subject: str, body: dict[str, Any]) -> Entry:
    """An unsaved entry; `body` must hold no personal data. Callers that write many save them with bulk_create."""
    at = clock.now()
    full = {"kind": kind, "subject": subject, "at": at.isoformat(), **body}
    return Entry(kind=kind, subject=subject, body=full, leaf=merkle.leaf_hash(rfc8785.dumps(full)), at=at)


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
    waiting = sorted(Entry.objects.filter(index=None), key=lambda e: (e.at, bytes(e.leaf), e.pk))
    if not waiting:
        return head
    size = head.size if head else 0
    for offset, row in enumerate(waiting):
        row.index = size + offset
    Entry.objects.bulk_update(waiting, ["index"], batch_size=2000)
    frontier = merkle.Frontier()
    frontier.extend(bytes(leaf) for leaf in Entry.objects.filter(index__lt=size).order_by("index").values_list("leaf", flat=True))
    frontier.extend(bytes(row.leaf) for row in waiting)
    root = frontier.root().hex()
    total = size + len(waiting)
    signature = crypto.signing_key().sign(f"ruxue-head/1 {total} {root}".encode()).hex()
    return TreeHead.objects.create(size=total, root=root, at=clock.now(), signature=signature)


@dataclass(frozen=True)
class Proof:
    entry: dict[str, Any]
    index: int
    size: int
    root: str
    proof: list[str]


def prove(row: Entry) -> Proof | None:
    """Inclusion proof of a sealed entry in the newest tree; None while it waits for the seal."""
    row.refresh_from_db()
    head = TreeHead.objects.order_by("-size").first()
    if row.index is None or head is None:
        return None
    leaves = [bytes(x) for x in Entry.objects.filter(index__lt=head.size).order_by("index").values_list("leaf", flat=True)]
    path = merkle.inclusion_proof(leaves, row.index)
    return Proof(row.body, row.index, head.size, head.root, [p.hex() for p in path])
