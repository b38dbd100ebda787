"""Append-only record of decisions, tree heads, proofs; the platform's clock."""
