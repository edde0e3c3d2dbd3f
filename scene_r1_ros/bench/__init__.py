"""Benchmarks side by side with what a user would otherwise take, as ratios; see catalogue.py."""
