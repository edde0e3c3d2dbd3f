"""Rewards in TRL's form: ``(completions, **columns) -> list[float | None]``, one idea a file.

``None`` means "does not apply to this row"; TRL leaves it out of the sum.
"""
