#!/bin/bash
# Tests a batch in real job arrays: starts Slurm with four nodes on this machine, as root, in a temporary folder and on
# ports of its own, and stops it again. Installs slurm-wlm and munge through apt where there are none. RTOOL names another
# program than that of this build.
set -euo pipefail
cd "$(dirname "$0")/.."
rtool=$(realpath "${RTOOL:-.build/release/rtool}")
[ -x "$rtool" ] || { echo "there is no $rtool; run \`make build\` first" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "Slurm's daemons start jobs as other users: run this as root, in a container for example" >&2; exit 1; }
PATH=$PATH:/sbin:/usr/sbin
if ! command -v slurmctld >/dev/null || ! command -v munged >/dev/null; then
  echo "installing slurm-wlm munge" >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
fi

dir=$(mktemp -d /tmp/rtool-slurm-XXXXXX)
started=
stop() {
  scancel --user=root --quiet 2>/dev/null || true
  local name pid
  for name in slurmd.n1 slurmd.n2 slurmd.n3 slurmd.n4 slurmctld; do
    [ -f "$dir/$name.pid" ] || continue
    pid=$(cat "$dir/$name.pid")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
  done
  [ -z "$started" ] || kill "$started" 2>/dev/null || true
  rm -rf "$dir"
}
trap stop EXIT
fail() {
  echo "test-slurm: $*" >&2
  tail -n 10 "$dir"/log/slurmctld "$dir"/slurm-*.out >&2 2>/dev/null || true
  exit 1
}
# Waits until a command succeeds.
await() {
  local what=$1
  shift
  for _ in $(seq 1200); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  fail "waited in vain until $what"
}

# Slurm

mkdir -p "$dir"/{state,spool,log} /run/munge
if ! munge -n >/dev/null 2>&1; then
  chown -R munge: /run/munge /var/log/munge /var/lib/munge /etc/munge
  [ -f /etc/munge/munge.key ] || {
    head -c 1024 /dev/urandom >/etc/munge/munge.key
    chown munge: /etc/munge/munge.key
    chmod 400 /etc/munge/munge.key
  }
  su -s /bin/sh munge -c "$(command -v munged) --force"
  await "munged answers" munge -n
  started=$(cat /run/munge/munged.pid)
fi
host=$(hostname -s)
cat >"$dir/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=17616
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/slurmd.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=defer,batch_sched_delay=0
ReturnToService=2
MpiDefault=none
NodeName=n[1-4] NodeHostname=$host NodeAddr=127.0.0.1 Port=17621-17624 CPUs=1 State=UNKNOWN
PartitionName=test Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$dir/slurm.conf
slurmctld
await "slurmctld answers" sinfo
for node in n1 n2 n3 n4; do slurmd -N $node; done
await "four nodes are idle" sh -c '[ "$(sinfo -h -N -t idle | wc -l)" = 4 ]'

# A batch, and what one process makes of it

count=40
cd "$dir"
{
  echo "class,seed"
  for seed in $(seq $count); do echo "forest,$seed"; done
} >seeds.csv
"$rtool" generate --files-from seeds.csv --steps 2 --width 160 --height 128 -o 'photos/{index}.png' --quiet
task=(superres photos --preset fast --factor 2)
"$rtool" "${task[@]}" --output-dir one --quiet

cat >job <<JOB
#!/bin/sh
#SBATCH --output=$dir/slurm-%A-%a.out
exec $rtool ${task[*]} --output-dir out --claim-seconds 3 \\
  --report $dir/reports/\$SLURM_ARRAY_JOB_ID-\$SLURM_ARRAY_TASK_ID.jsonl
JOB
submit() { sbatch --parsable --chdir="$dir" --cpus-per-task=1 --no-requeue "$@" job; }
made() { find out -name '*.png' ! -name '.*' 2>/dev/null | wc -l; }
made_more_than() { [ "$(made)" -gt "$1" ]; }
is_over() { [ -z "$(squeue -h -j "$1" 2>/dev/null)" ]; }
lines() { cat reports/"$1"*.jsonl 2>/dev/null | grep -c "\"status\":\"$2\"" || true; }

# An array with gaps, of which one task is killed and one is asked to end

job=$(submit --array=1,5,9-11)
await "some are done" made_more_than 5
lost=$(squeue -h -r -t R -j "$job" -o %K | sed -n 1p)
asked=$(squeue -h -r -t R -j "$job" -o %K | sed -n 2p)
# As where a node is lost: the process and its child at once, which so can tell nobody, and whose claims stay.
mapfile -t processes < <(pgrep -f -- "--report $dir/reports/$job-$lost.jsonl")
[ ${#processes[@]} -gt 1 ] || fail "task $lost has no processes"
kill -KILL "${processes[@]}"
scancel --signal=TERM --batch "${job}_$asked"
await "the array is over" is_over "$job"
grep -q "interrupted" "$dir/slurm-$job-$asked.out" || fail "the task that got SIGTERM did not say that it was interrupted"
diff -r one out >&2 || fail "the array made other files than one process"
[ -z "$(find out -name '.rtool-*')" ] || fail "a claim or a half file is left: $(find out -name '.rtool-*')"

did=$(lines "$job" done)
twice=$(cat reports/*.jsonl | grep '"status":"done"' | sed 's/.*"input":"\([^"]*\)".*/\1/' | sort | uniq -d)
[ -z "$twice" ] || fail "done twice: $twice"
# A file may be there of which the lost task could not tell any more.
[ "$did" -ge $((count - 1)) ] && [ "$did" -le "$count" ] || fail "the reports say that $did of $count were done"
[ "$("$rtool" batch-status out reports | sed -n '1s/ done.*//p')" = "$did" ] ||
  fail "batch-status counts otherwise"
workers=$(cat reports/"$job"*.jsonl | grep '"status":"done"' | sed 's/.*"process":"\([^"]*\)".*/\1/' | sort -u | wc -l)
[ "$workers" -ge 3 ] || fail "only $workers processes did something"

# What is missing is done by an array of other numbers, and nothing else

rm out/7.png out/23.png
again=$(submit --array=3,7)
await "the second array is over" is_over "$again"
diff -r one out >&2 || fail "the second array made other files than one process"
[ "$(lines "$again" done)" = 2 ] || fail "the second array did $(lines "$again" done) and not 2"

echo "test-slurm: $count inputs, $workers processes on four nodes; one was killed, one was interrupted: same bytes, none done twice"
