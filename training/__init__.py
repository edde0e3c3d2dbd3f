"""Offline work: data preparation, labels, training and evaluation."""
