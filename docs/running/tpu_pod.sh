#!/usr/bin/env bash
# A slice of a TPU pod, on Google Cloud: from your own machine, with gcloud set up. If a spot slice was
# taken away, run this again: it creates a new one and resumes the run. To see the memory per chip without a TPU:
#   gan-jax plan experiments/wgan_gp_digits.py --batch-size 1024 --topology v5e:4x4
set -euo pipefail

NAME=gan-jax
ZONE=us-west4-a
TYPE=v5litepod-16           # 16 chips, 4x4
VERSION=v2-alpha-tpuv5-lite # v5p: v2-alpha-tpuv5; v6e: v2-alpha-tpuv6e
NFS=10.0.0.2:/runs          # a Filestore share: the run's folder must be seen by all hosts
CODE=https://github.com/YOU/gan_jax.git
TRAIN='experiments/wgan_gp_digits.py --batch-size 1024'

on_all() {
  gcloud compute tpus tpu-vm ssh "$NAME" --zone="$ZONE" --worker=all --command="set -e; $1"
}

state=$(gcloud compute tpus tpu-vm describe "$NAME" --zone="$ZONE" --format='value(state)' 2>/dev/null || true)
if [ "$state" = PREEMPTED ]; then
  gcloud compute tpus tpu-vm delete "$NAME" --zone="$ZONE" --quiet
fi
if [ "$state" != READY ]; then
  gcloud compute tpus tpu-vm create "$NAME" --zone="$ZONE" --accelerator-type="$TYPE" --version="$VERSION" --spot
fi
# uv brings a Python of 3.11 or later, which the machines' images may lack.
on_all "
  sudo apt-get -q -o DPkg::Lock::Timeout=300 update
  sudo apt-get -q -y -o DPkg::Lock::Timeout=300 install nfs-common
  sudo mkdir -p /runs
  mountpoint -q /runs || sudo mount $NFS /runs
  sudo install -d -m 777 /runs/pod
  [ -d gan_jax ] || git clone -q $CODE gan_jax
  cd gan_jax
  pip3 install -q --user uv
  ~/.local/bin/uv venv -q --allow-existing --python 3.12
  ~/.local/bin/uv pip install -q -e '.[tpu]'
"
# In the background, so that a lost connection doesn't end it.
on_all "
  cd gan_jax
  if [ -e /runs/pod/config.json ]
  then run='gan-jax resume /runs/pod'
  else run='gan-jax train $TRAIN --run-dir /runs/pod'
  fi
  setsid nohup .venv/bin/\$run --distributed > ~/gan-jax.log 2>&1 < /dev/null &
"
echo "gcloud compute tpus tpu-vm ssh $NAME --zone=$ZONE --worker=0 --command='tail -f gan-jax.log' shows how it goes"
