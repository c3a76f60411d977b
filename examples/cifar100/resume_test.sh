#!/usr/bin/env bash
# resume_test.sh PROGRAM: a run that was broken off (by step count, then by Ctrl-C) and resumed equals the uninterrupted one: every
# number of every epoch, and the scores of the final network. Also tries wrong arguments.
set -euo pipefail
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $1" >&2; exit 1; }

settings=(--synthetic --backbone slim-w16 --limit-train 600 --epochs 3 --batch 100 --seed 5 --quiet)
train() {
  local out=$1
  shift
  "$program" train "${settings[@]}" --out "$out" "$@"
}
# The epochs without their timings.
numbers() { sed -E 's/"(evaluation_|measuring_)?seconds":[^,}]*,?//g' "$1/metrics.jsonl"; }
scores() { "$program" evaluate --checkpoint "$1" | grep -vE '"(threads|git_revision)"'; }

train "$work/whole"

status=0; train "$work/broken" --max-steps 8 || status=$?
[ "$status" = 130 ] || fail "a run stopped by --max-steps must exit with 130, got $status"
status=0; train "$work/broken" --max-steps 5 --resume || status=$?
[ "$status" = 130 ] || fail "the second stop must exit with 130, got $status"
train "$work/broken" --resume
cmp <(numbers "$work/whole") <(numbers "$work/broken") || fail "the resumed run's epochs differ"
[ "$(numbers "$work/whole" | wc -l)" = 3 ] || fail "expected 3 epochs"
cmp <(scores "$work/whole") <(scores "$work/broken") || fail "the resumed run's network differs"

# --max-steps at an epoch's end takes no step more.
status=0; train "$work/edge" --max-steps 6 || status=$?
[ "$status" = 130 ] || fail "a run stopped at an epoch's end must exit with 130, got $status"
[ "$(wc -l < "$work/edge/metrics.jsonl")" = 1 ] || fail "6 steps are one epoch"
grep -qa '"position": *"0"' "$work/edge/checkpoint.safetensors" || fail "--max-steps 6 must take 6 steps"
# What a resumed run cannot do without.
cp "$work/edge/metrics.jsonl" "$work/lines"
: > "$work/edge/metrics.jsonl"
train "$work/edge" --resume 2>"$work/message" && fail "a resumed run needs its metrics"
grep -q 'edge/metrics.jsonl": expected a line for each of the 1 epochs of the checkpoint, got 0' "$work/message" || fail "missing epochs must be reported: $(cat "$work/message")"
rm "$work/edge/metrics.jsonl"
train "$work/edge" --resume 2>"$work/message" && fail "a resumed run needs its metrics"
grep -q "got 0" "$work/message" || fail "missing metrics must be reported"
cp "$work/lines" "$work/edge/metrics.jsonl"
# The checkpoint before the newest is a run too.
mv "$work/edge/checkpoint.safetensors" "$work/edge/checkpoint.safetensors.prev"
train "$work/edge" 2>"$work/message" && fail "the checkpoint before the newest must not be written over"
grep -q "already holds a run" "$work/message" || fail "a folder with the checkpoint before the newest must be refused"
train "$work/edge" --resume 2>/dev/null
cmp <(numbers "$work/whole") <(numbers "$work/edge") || fail "the run resumed at an epoch's end differs"

# Ctrl-C after the first of the three epochs. On a busy machine the run may be over before the signal comes: once more, then.
for attempt in 1 2 3 4 5; do
  rm -rf "$work/signal"
  "$program" train "${settings[@]}" --out "$work/signal" & child=$!  # not through the function: the signal is for the program
  while [ ! -s "$work/signal/metrics.jsonl" ]; do
    kill -0 "$child" 2>/dev/null || fail "the run ended without an epoch"
    sleep 0.02
  done
  kill -INT "$child" 2>/dev/null || true
  status=0; wait "$child" || status=$?
  [ "$status" = 0 ] || break
done
[ "$status" = 130 ] || fail "Ctrl-C must exit with 130, got $status"
[ "$(wc -l < "$work/signal/metrics.jsonl")" -lt 3 ] || fail "Ctrl-C must leave epochs undone"
train "$work/signal" --resume
cmp <(numbers "$work/whole") <(numbers "$work/signal") || fail "the run resumed after Ctrl-C differs"

message() { "$program" "$@" 2>&1 >/dev/null || true; }
message train --synthetic --out "$work/whole" --quiet | grep -q "already holds a run" || fail "an occupied folder must be refused"
message train --synthetic --out "$work/whole" --resume --epochs 9 --quiet | grep -q "made with other settings" || fail "other settings must be refused"
message train --data "$work" --out "$work/x" | grep -q "no train.bin and test.bin" || fail "missing data must be reported"
message train --synthetic --neuron resonator | grep -q "expected one of none, multilevel, lif" || fail "a wrong word must be reported"
GLIA_DATA="$work" message train --out "$work/x" | grep -q "no train.bin and test.bin" || fail "GLIA_DATA must be used without --data"
message evaluate --checkpoint "$work/none.safetensors" | grep -q "none.safetensors" || fail "a missing checkpoint must be reported"
[ -s "$work/whole/summary.json" ] && [ -s "$work/whole/config.json" ] || fail "summary.json and config.json must be there"
for key in test_accuracy val_accuracy train_accuracy test_loss auc_macro overfitting_gap seconds_per_epoch_median wall_seconds \
  images_per_second parameters seed epochs device threads git_revision; do
  grep -q "\"$key\": *[^n]" "$work/whole/summary.json" || fail "summary.json lacks $key"
done
echo "resumed runs equal the uninterrupted one"
