# Sourced by correct.sh, speed.sh and train.sh, which stand beside it: a place for what they measure, and what they import.
#
# OUT         folder for what comes home; runs/accelerator if it isn't set
# --rehearse  a CPU, toy sizes: the same code in a minute, whose figures draw.py refuses
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export OUT=${OUT:-runs/accelerator}
mkdir -p "$OUT"

# The wheels that pack.sh gathered, where they travelled: installed once, beside what the machine has.
site=${TMPDIR:-/tmp}/gan_jax_site
if [ -d .accelerator/wheels ] && [ ! -e "$site/done" ]; then
  python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$site" .accelerator/wheels/*.whl
  touch "$site/done"
fi
export PYTHONPATH="$PWD:$PWD/experiments/accelerator:$PWD/experiments/benchmarks:$site${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONUNBUFFERED=1 XLA_PYTHON_CLIENT_PREALLOCATE=false  # PyTorch, and several processes, share the card

for argument in "$@"; do
  if [ "$argument" = --rehearse ]; then export JAX_PLATFORMS=cpu CUDA_VISIBLE_DEVICES='' JAX_DISABLE_MOST_OPTIMIZATIONS=1; fi
done
