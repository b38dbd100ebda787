"""Pages of guardians, on a phone."""
