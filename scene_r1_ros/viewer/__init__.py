"""Recordings, results and the live graph in the Rerun viewer."""
