# Sourced by correct.sh, speed.sh and train.sh beside it: where their figures go, and what they import.
#
# OUT         folder for what comes home; runs/accelerator if it isn't set
# --rehearse  on a CPU, at toy size: the same code in a minute, whose figures are never drawn
set -euo pipefail
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
OUT=$(realpath -m "${OUT:-$root/runs/accelerator}")
export OUT
mkdir -p "$OUT"
cd "$root"

# What pack.sh made and this call brought along is kept, since the next call brings something else.
export KEPT=${TMPDIR:-/tmp}/gan_jax_accelerator
mkdir -p "$KEPT/cifar10" "$KEPT/site"
export PYTHONPATH="$PWD:$PWD/experiments/accelerator:$PWD/experiments/benchmarks:$KEPT/site${PYTHONPATH:+:$PYTHONPATH}"
for part in .accelerator/?/; do
  if [ -d "$part/cifar10" ]; then cp -u "$part"/cifar10/* "$KEPT/cifar10"; fi
  if [ -d "$part/wheels" ] && ! python3 -m packages 2>/dev/null; then
    python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$KEPT/site" "$part"/wheels/*.whl
  fi
done
python3 -m packages

export PYTHONUNBUFFERED=1
export JAX_COMPILATION_CACHE_DIR=$KEPT/compiled # what one call compiles, the next one finds
export XLA_PYTHON_CLIENT_PREALLOCATE=false # PyTorch, and processes side by side, share the card

for argument in "$@"; do
  if [ "$argument" = --rehearse ]; then export JAX_PLATFORMS=cpu CUDA_VISIBLE_DEVICES='' JAX_DISABLE_MOST_OPTIMIZATIONS=1 OMP_NUM_THREADS=1; fi
done
