"""Departments, the 18 items, connectors, evidence and department health."""
