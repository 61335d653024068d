#!/usr/bin/env bash
# Trains the image experiments by their papers' settings, in turn, until the time is over; evaluates and samples each.
#
#   bash experiments/accelerator/train.sh [SECONDS] [--rehearse]       300 s in all if nothing is said
source "$(dirname "$0")/environment.sh"

if [[ " $* " == *" --rehearse "* ]]; then
  data=$(mktemp -d)
  trap 'rm -rf "$data"' EXIT
  python3 -m cifar10 noise "$data/parts"
  python3 -m cifar10 unpack "$data/parts" "$data/tfds"
  export KEPT=$data
elif [ ! -d "$KEPT/tfds" ]; then
  python3 -m cifar10 unpack "$KEPT/cifar10" "$KEPT/tfds"
fi
python3 -m train "$@"
