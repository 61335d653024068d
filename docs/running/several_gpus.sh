#!/usr/bin/env bash
# All GPUs of one machine, in one process. From the root of gan_jax; if it was interrupted, run it again and it resumes.
set -euo pipefail

EXPERIMENT=experiments/wgan_gp_digits.py
RUN=runs/several_gpus
BATCH_SIZE=256 # of all GPUs together, so it must divide among them

python3 -m venv .venv && source .venv/bin/activate
pip install -q -e '.[cuda12]' # cuda13 for drivers from 580 on
python -c 'import jax; print(jax.devices())'

if [ -e "$RUN/config.json" ]; then
  exec gan-jax resume "$RUN"
fi
exec gan-jax train "$EXPERIMENT" --run-dir "$RUN" --batch-size "$BATCH_SIZE"
