#!/usr/bin/env bash
# A slice of a TPU pod, on Google Cloud: from your own machine, with gcloud set up. A spot slice that was taken away is made
# anew by running this again, and the run goes on. What it will take of each chip, beforehand and without a TPU:
#   gan-jax plan experiments/wgan_gp_digits.py --batch-size 1024 --topology v5e:4x4
set -euo pipefail

NAME=gan-jax
ZONE=us-west4-a
TYPE=v5litepod-16             # 16 chips, 4x4
VERSION=v2-alpha-tpuv5-lite   # v5p: v2-alpha-tpuv5; v6e: v2-alpha-tpuv6e
NFS=10.0.0.2:/runs            # a Filestore share: the run's folder must be seen by all hosts
CODE=https://github.com/YOU/gan_jax.git
TRAIN='experiments/wgan_gp_digits.py --batch-size 1024'

on_all() {
  gcloud compute tpus tpu-vm ssh "$NAME" --zone="$ZONE" --worker=all --command="$1"
}

state=$(gcloud compute tpus tpu-vm describe "$NAME" --zone="$ZONE" --format='value(state)' 2>/dev/null || true)
if [ "$state" = PREEMPTED ]; then
  gcloud compute tpus tpu-vm delete "$NAME" --zone="$ZONE" --quiet
fi
if [ "$state" != READY ]; then
  gcloud compute tpus tpu-vm create "$NAME" --zone="$ZONE" --accelerator-type="$TYPE" --version="$VERSION" --spot
fi
on_all "
  sudo apt-get install -y -q nfs-common python3-venv && sudo mkdir -p /runs
  mountpoint -q /runs || sudo mount $NFS /runs
  [ -d gan_jax ] || git clone -q $CODE gan_jax
  cd gan_jax && python3 -m venv .venv && .venv/bin/pip install -q -e . 'jax[tpu]'
"
on_all "
  cd gan_jax
  if [ -e /runs/pod/config.json ]
  then .venv/bin/gan-jax resume /runs/pod --distributed
  else .venv/bin/gan-jax train $TRAIN --run-dir /runs/pod --distributed
  fi
"
