"""How much larger the tolerances of tests are on this device. Importing this uses the device."""

import jax

ROUNDING = 1 if jax.default_backend() == "cpu" else 10  # a GPU's kernels differ more from program to program
