"""Trained generators to draw from: of a run, of a bundle that travels without the run's code, or of the zoo."""
