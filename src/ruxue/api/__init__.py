"""REST by audience."""
