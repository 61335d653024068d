#!/usr/bin/env bash
# Whether the card computes what it should: three minutes of tests, see correct.py. With --rehearse, half a minute on a CPU.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

if [ "${JAX_PLATFORMS:-}" != cpu ]; then
  export JAX_PLATFORMS=cuda,cpu            # the CPU has the reference
  export JAX_DISABLE_MOST_OPTIMIZATIONS=0  # programs as they are trained with
fi
export JAX_NUM_CPU_DEVICES=1  # a rehearsal has one device, as the card's machine
export JAX_DEFAULT_MATMUL_PRECISION=highest TF_CPP_MIN_LOG_LEVEL=2

exec timeout --kill-after=5 175 python3 experiments/accelerator/correct.py "$@"
