#!/usr/bin/env bash
# submit.sh PARTS DATA --model M --out STORE [other flags of `pipeline extract`]
#
# Distributes an extraction over a Slurm cluster: an array job of PARTS tasks, each of which encodes one part, and a job
# that merges the parts when all are done. See README.md beside this script.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
parts=$1; shift
pipeline=${PIPELINE:-$(command -v pipeline)} || { echo "submit.sh: set PIPELINE to the program, on a disk shared by all nodes" >&2; exit 2; }

out=
args=("$@")
for i in "${!args[@]}"; do
  case ${args[i]} in
    --out | -o) out=${args[i + 1]-} ;;
    --out=*) out=${args[i]#*=} ;;
  esac
done
[ -n "$out" ] || { echo "submit.sh: --out STORE is required" >&2; exit 2; }
mkdir -p "$out/.slurm"

# A stopped task (preempted, re-queued, out of time) gets SIGTERM and keeps its finished rows; a killed
# task loses at most one shard. When re-queued, it continues from there.
array=$(sbatch --parsable --job-name=iconic-extract --array="1-$parts" --requeue --open-mode=append --output="$out/.slurm/part-%a.log" <<EOF
#!/bin/bash
export GOMAXPROCS=\${SLURM_CPUS_PER_TASK:-\${SLURM_CPUS_ON_NODE:-1}}
exec $(printf '%q ' "$pipeline" extract "$@") --shard "\$SLURM_ARRAY_TASK_ID/$parts"
EOF
)
merge=$(sbatch --parsable --job-name=iconic-merge --dependency="afterok:$array" --kill-on-invalid-dep=yes --output="$out/.slurm/merge.log" <<EOF
#!/bin/bash
exec $(printf '%q ' "$pipeline" merge "$out")
EOF
)
echo "array job $array of $parts tasks, then merge job $merge; logs in $out/.slurm"
