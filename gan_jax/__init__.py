"""Generative adversarial networks in JAX: pure functions that compose."""
