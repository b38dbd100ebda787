"""Who signs in: guardians, staff with a role in a scope, consent and the log of access."""
