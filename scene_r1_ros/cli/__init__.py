"""The ``scene-r1`` command; one module for each of its subcommands."""
