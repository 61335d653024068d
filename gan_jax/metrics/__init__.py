"""Figures of merit: one file each, pure functions of features or samples."""
