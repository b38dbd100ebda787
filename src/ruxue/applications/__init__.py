"""Child, guardians, claims, documents, the state machine, verification, review, messages."""
