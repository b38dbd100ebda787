"""Distributions, flows, warnings, forecasts: aggregates only."""
