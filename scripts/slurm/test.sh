#!/usr/bin/env bash
# test.sh PIPELINE DATA MODEL [flags of `pipeline extract`]
#
# Sets up a Slurm cluster of one node in a temporary folder, extracts DATA as an array of four, kills one task
# midway and re-queues it, and compares the merged store with that of a single run. Then it runs a sweep with three
# workers and compares its table. Exit code 77: Slurm is not installed.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
pipeline=$(realpath "$1") data=$(realpath "$2") model=$3; shift 3
[ -e "$model" ] && model=$(realpath "$model")
for program in munged mungekey slurmctld slurmd sbatch scontrol; do
  PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || { echo "test.sh: no $program; install munge, slurmctld, slurmd, slurm-client"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "test.sh: Slurm's daemons need root"; exit 77; }
export PATH=$PATH:/usr/sbin
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
chmod 755 "$work"
daemons=()
finish() {
  code=$?
  [ "$code" = 0 ] || tail -n 20 "$work"/*.log "$work"/store/.slurm/*.log 2>/dev/null || true
  for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# The cluster.
mkdir -m 755 "$work/munge" "$work/state" "$work/spool"
mungekey --create --keyfile="$work/munge/key"
munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
  --log-file="$work/munge.log" --seed-file="$work/munge/seed" &
daemons+=($!)
port=$((20000 + RANDOM % 20000))
cat >"$work/slurm.conf" <<EOF
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
KillWait=2
MinJobAge=600
ReturnToService=2
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
export SLURM_CONF=$work/slurm.conf
slurmctld -D >"$work/slurmctld.log" 2>&1 &
daemons+=($!)
slurmd -D >"$work/slurmd.log" 2>&1 &
daemons+=($!)
for _ in $(seq 60); do
  sinfo -h -o %T 2>/dev/null | grep -q idle && break
  sleep 1
done
sinfo -h -o %T | grep -q idle || { echo "test.sh: the cluster did not start"; exit 1; }

# Extract on one machine, and on the cluster.
"$pipeline" extract "$data" --model "$model" "$@" --anew --shard-rows 16 --out "$work/single"
submitted=$(PIPELINE=$pipeline "$here/submit.sh" 4 "$data" --model "$model" "$@" --anew --shard-rows 16 --out "$work/store")
echo "$submitted"
job=$(sed 's/^array job \([0-9]*\) .*/\1/' <<<"$submitted")

# Task 2 is frozen once it has finished a shard, so that it cannot clean up, and re-queued: Slurm kills it.
for _ in $(seq 600); do
  compgen -G "$work/store/part-00002-of-00004/.partial/*.journal" >/dev/null && break
  sleep 0.1
done
frozen=$(pgrep -f "^$pipeline extract .* --out $work/store --shard 2/4\$" || true) # a single process, because the folder is the test's own
[ -n "$frozen" ] || { echo "test.sh: task 2 ended before it could be killed"; exit 1; }
kill -STOP "$frozen"
scontrol requeue "${job}_2"
echo "task 2 was killed with $(cat "$work"/store/part-00002-of-00004/.partial/*.journal | wc -l) rows finished, and re-queued"

for _ in $(seq 600); do
  [ -e "$work/store/manifest.json" ] && ! squeue -h | grep -q . && break
  sleep 1
done
cat "$work/store/.slurm/merge.log"
restarts=$(scontrol show job "${job}_2" | grep -o 'Restarts=[0-9]*' | head -1)
echo "task 2: $restarts; $(grep encoded "$work/store/.slurm/part-2.log" | tail -1)"
[ "$restarts" = Restarts=1 ] || { echo "test.sh: task 2 was not re-queued"; exit 1; }
for file in manifest.json items.jsonl $(cd "$work/single" && ls features-*.npy); do
  cmp "$work/single/$file" "$work/store/$file"
done
echo "the merged store equals the single run's, byte for byte ($(ls "$work"/store/features-*.npy | wc -l) shards)"

# A sweep with one process, and with several workers.
settings=(--clusters 3,4 --method debiased-infonce-clustering --epochs 20 --seeds 2)
"$pipeline" sweep "$work/store" "${settings[@]}" --out "$work/sweep-single"
PIPELINE=$pipeline "$here/sweep.sh" 3 "$work/store" "${settings[@]}" --out "$work/sweep"
for _ in $(seq 600); do
  squeue -h | grep -q . || break
  sleep 1
done
cat "$work/sweep/.slurm/page.log"
cmp "$work/sweep-single/sweep.csv" "$work/sweep/sweep.csv"
echo "the table of three workers equals that of one process ($(($(wc -l <"$work/sweep/sweep.csv") - 1)) runs)"
