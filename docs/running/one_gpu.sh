#!/usr/bin/env bash
# One GPU. From the root of gan_jax; if it was interrupted, run it again and it resumes.
set -euo pipefail

EXPERIMENT=experiments/wgan_gp_digits.py
RUN=runs/one_gpu
export CUDA_VISIBLE_DEVICES=0

python3 -m venv .venv && source .venv/bin/activate
pip install -q -e '.[cuda12]' # cuda13 for drivers from 580 on
python -c 'import jax; assert jax.default_backend() == "gpu", "JAX sees no GPU: does nvidia-smi see one?"'

if [ -e "$RUN/config.json" ]; then
  exec gan-jax resume "$RUN"
fi
exec gan-jax train "$EXPERIMENT" --run-dir "$RUN"
