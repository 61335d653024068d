#!/usr/bin/env bash
# Trains the models of the zoo, which come with the package, and writes their bundles and cards into the current folder.
# Each takes a quarter of an hour to three hours of one core; without names, all of them: bash experiments/zoo/make.sh [NAME ...]
set -euo pipefail
experiments="$(dirname "$0")/.."

declare -A commands=(
  [digits]="objectives_digits.py --batch-size 32 --steps 30000"
  [conditional_digits]="dcgan_digits.py --conditional --steps 30000"
  [drums]="wavegan_drums.py --width 16 --steps 14000"
  [text]="wgan_gp_text.py --learning-rate 0.0004 --steps 15000"
  [furniture]="gan3d_furniture.py --steps 24000"
  [moving_digits]="relativistic_video.py --steps 40000"
)
[ $# -gt 0 ] || set -- "${!commands[@]}"
for name in "$@"; do
  read -ra words <<< "${commands[$name]}"
  gan-jax train "$experiments/${words[0]}" "${words[@]:1}" --run-dir "zoo_$name"
  gan-jax evaluate "zoo_$name"
  gan-jax export "zoo_$name" --half --out "$name.ganjax"
done
