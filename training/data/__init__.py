"""Synthetic rooms, preparation of ScanNet, labels."""
