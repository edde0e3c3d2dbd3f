"""Benchmarks: metrics as pure functions, the runs that feed them, and the reports."""
