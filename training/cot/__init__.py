"""Chains of thought for the cold start: candidates, filters, what is kept and what is not."""
