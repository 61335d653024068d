"""Training runs: their options, folder, loop, checkpoints and processes."""
