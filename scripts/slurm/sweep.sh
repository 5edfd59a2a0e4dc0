#!/usr/bin/env bash
# sweep.sh WORKERS STORE… --out DIR [other flags of `pipeline sweep`]
#
# Spreads a sweep over a Slurm cluster: an array job of WORKERS tasks that share the runs among them, and a job that makes the page
# once all have ended. See README.md beside this script.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
workers=$1; shift
pipeline=${PIPELINE:-$(command -v pipeline)} || { echo "sweep.sh: set PIPELINE to the program, on a disk that all nodes see" >&2; exit 2; }

out=
args=("$@")
for i in "${!args[@]}"; do
  case ${args[i]} in
    --out | -o) out=${args[i + 1]-} ;;
    --out=*) out=${args[i]#*=} ;;
  esac
done
[ -n "$out" ] || { echo "sweep.sh: --out DIR is needed" >&2; exit 2; }
mkdir -p "$out/.slurm"

# Each run is claimed by a lock. A task that is stopped or killed leaves its run to the others, or to itself when it is re-queued.
array=$(sbatch --parsable --job-name=iconic-sweep --array="1-$workers" --requeue --open-mode=append --output="$out/.slurm/worker-%a.log" <<EOF
#!/bin/bash
export GOMAXPROCS=\${SLURM_CPUS_PER_TASK:-\${SLURM_CPUS_ON_NODE:-1}}
exec $(printf '%q ' "$pipeline" sweep "$@") --shard "\$SLURM_ARRAY_TASK_ID/$workers"
EOF
)
page=$(sbatch --parsable --job-name=iconic-page --dependency="afterok:$array" --kill-on-invalid-dep=yes --output="$out/.slurm/page.log" <<EOF
#!/bin/bash
exec $(printf '%q ' "$pipeline" sweep "$@") --report
EOF
)
echo "array job $array of $workers workers, then page job $page; logs in $out/.slurm"
