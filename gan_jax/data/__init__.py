"""Data sets: one file for each kind; `source.py` says what a data set is."""
