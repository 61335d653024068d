#!/usr/bin/env bash
# Trains the image experiments by their papers' settings, in turn, until the time is over; evaluates and samples each.
#
#   bash experiments/accelerator/train.sh [SECONDS] [--rehearse]       300 s in all if nothing is said
#
# DATA_DIR  where `gan-jax prepare cifar10` has prepared it; if it isn't set, the images that travelled are unpacked first
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

seconds=300 rehearse=()
for argument in "$@"; do
  case $argument in
    --rehearse) rehearse=(--rehearse) seconds=600 ;;
    *[!0-9]* | '') echo "train.sh: $argument: give a whole number of seconds, --rehearse, or nothing" >&2; exit 2 ;;
    *) seconds=$argument ;;
  esac
done

if [ "${#rehearse[@]}" -gt 0 ]; then
  KEPT=$(mktemp -d) DATA_DIR=''
  trap 'rm -rf "$KEPT"' EXIT
  mkdir "$KEPT/cifar10"
  python3 -m cifar10 noise "$KEPT/cifar10"
fi
if [ -z "${DATA_DIR:-}" ]; then
  DATA_DIR=$KEPT/tfds_of_$(find "$KEPT/cifar10" -name '*.webp' | wc -l)_parts
  if [ ! -d "$DATA_DIR" ]; then python3 -m cifar10 unpack "$KEPT/cifar10" "$DATA_DIR"; fi
fi
timeout --kill-after=5 $((seconds + 30)) python3 -m train "$seconds" --data-dir "$DATA_DIR" --runs "$KEPT/runs" "${rehearse[@]}"
