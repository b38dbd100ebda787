"""Ruxue (入学): a city enrolls its children in compulsory school."""
