#!/usr/bin/env bash
# Whether the card computes what it should: three minutes of tests, see correct.py. With --rehearse, one on a CPU.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

if [ "${JAX_PLATFORMS:-}" != cpu ]; then
  export JAX_PLATFORMS=cuda,cpu            # the CPU has the reference
  export JAX_DISABLE_MOST_OPTIMIZATIONS=0  # programs as they are trained with
fi
export JAX_NUM_CPU_DEVICES=1  # a rehearsal has one device, as the card's machine
export JAX_DEFAULT_MATMUL_PRECISION=highest TF_CPP_MIN_LOG_LEVEL=2

# A call ends within 175 seconds: after 160, timeout asks correct.py to end, which takes up to 12.
exec timeout --preserve-status --kill-after=15 $((160 - SECONDS)) python3 experiments/accelerator/correct.py "$@"
