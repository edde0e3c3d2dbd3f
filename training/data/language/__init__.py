"""Language about synthetic rooms: descriptions, questions and reasoning from the true scene."""
