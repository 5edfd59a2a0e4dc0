#!/usr/bin/env bash
# sweep.sh WORKERS STORE… --out DIR [other flags of `pipeline sweep`]
#
# Distributes a sweep over a Slurm cluster: an array job of WORKERS tasks that share the runs, and a job that makes the page
# when all have ended. See README.md beside this script.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
workers=$1; shift
pipeline=${PIPELINE:-$(command -v pipeline)} || { echo "sweep.sh: set PIPELINE to the program, on a disk shared by all nodes" >&2; exit 2; }

out=
args=("$@")
for i in "${!args[@]}"; do
  case ${args[i]} in
    --out | -o) out=${args[i + 1]-} ;;
    --out=*) out=${args[i]#*=} ;;
  esac
done
[ -n "$out" ] || { echo "sweep.sh: --out DIR is required" >&2; exit 2; }
mkdir -p "$out/.slurm"

# Runs are claimed with locks. If a task is stopped or killed, another task takes over its run, or the task itself when it is re-queued.
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
