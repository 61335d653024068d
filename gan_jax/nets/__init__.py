"""Networks: one file for each family; `linen.py` turns a Flax module into a Network."""
