#!/usr/bin/env bash
# Ours beside plain Linen and PyTorch, one iteration of a game at a time, within 3 minutes: $OUT/speed_CARD.json.
#
#   bash experiments/accelerator/speed.sh [--again] [--rehearse]
#
# SECONDS_AT_MOST  after which no other case begins; 170 if it isn't set
# --again          measure what experiments/results/accelerator has, too
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

seconds=${SECONDS_AT_MOST:-170}
timeout --kill-after 5 $((seconds + 10)) python3 experiments/accelerator/speed.py --seconds "$seconds" "$@"
