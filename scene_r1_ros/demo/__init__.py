"""What the demonstration shows: a recording, what is asked about it, and the truth."""

from .annotations import annotated_objects, truth_of
from .prompts import Prompt, choose_prompt
from .queries import DemoQuery, choose_queries, users_query
from .source import DemoSource, demo_source

__all__ = [
    "DemoQuery",
    "DemoSource",
    "Prompt",
    "annotated_objects",
    "choose_prompt",
    "choose_queries",
    "demo_source",
    "truth_of",
    "users_query",
]
