"""Plans for slices of TPUs by the TPU's own compiler, without a TPU."""
