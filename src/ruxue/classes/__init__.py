"""Ceremonies, commitments, rosters, teacher teams, late arrivals."""
