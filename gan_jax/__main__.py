"""`python -m gan_jax` is `gan-jax`."""

from gan_jax.cli.main import main

main()
