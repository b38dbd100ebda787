"""A synthetic city, its simulated departments, and families who play a season. No real person is in it."""
