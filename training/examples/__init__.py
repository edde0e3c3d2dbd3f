"""What a model learns from: a query, frames, and what is true, ready to become a prompt."""
