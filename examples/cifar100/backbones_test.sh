#!/usr/bin/env bash
# backbones_test.sh PROGRAM IMAGES: pre-training that was broken off and resumed equals the uninterrupted one bit for bit, for every
# objective's network; fine-tuning from its checkpoint, freezing, export and import; wrong arguments. IMAGES: a folder of pictures.
set -euo pipefail
program=$1 images=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $1" >&2; exit 1; }

pretrain() {
  local out=$1
  shift
  "$program" pretrain --synthetic --limit-train 256 --batch 64 --epochs 2 --backbone resnet8-w4 --hidden 32 --projection 16 --seed 3 --probe-every 2 \
    --out "$out" --quiet "$@"
}
numbers() { sed -E 's/"seconds":[^,}]*,?//g' "$1/metrics.jsonl"; }
for objective in ntxent barlow vicreg byol simsiam; do
  pretrain "$work/$objective" --objective $objective
  status=0; pretrain "$work/broken-$objective" --objective $objective --max-steps 3 || status=$?
  [ "$status" = 130 ] || fail "$objective: a run stopped by --max-steps must exit with 130, got $status"
  pretrain "$work/broken-$objective" --objective $objective --resume
  cmp <(numbers "$work/$objective") <(numbers "$work/broken-$objective") || fail "$objective: the resumed run's epochs differ"
  cmp "$work/$objective/checkpoint.safetensors" "$work/broken-$objective/checkpoint.safetensors" ||
    fail "$objective: the resumed run's checkpoint differs"
  grep -q '"effective_rank"' "$work/$objective/metrics.jsonl" || fail "$objective: no diagnostics"
  grep -q '"knn"' "$work/$objective/metrics.jsonl" || fail "$objective: no probe"
done

status=0; pretrain "$work/edge" --max-steps 4 || status=$?
[ "$status" = 130 ] && [ "$(wc -l < "$work/edge/metrics.jsonl")" = 1 ] || fail "4 steps are one epoch"
grep -qa '"position": *"0"' "$work/edge/checkpoint.safetensors" || fail "--max-steps 4 must take 4 steps"
mv "$work/edge/metrics.jsonl" "$work/lines"
pretrain "$work/edge" --resume 2>"$work/log" && fail "a resumed run needs its metrics"
grep -q "expected a line for each of the 1 epochs of the checkpoint, got 0" "$work/log" || fail "missing epochs must be reported: $(cat "$work/log")"
mv "$work/lines" "$work/edge/metrics.jsonl"
mv "$work/edge/checkpoint.safetensors" "$work/edge/checkpoint.safetensors.prev"
pretrain "$work/edge" 2>"$work/log" && fail "the checkpoint before the newest must not be written over"
grep -q "already holds a run" "$work/log" || fail "a folder with the checkpoint before the newest must be refused"

fine_tune() {
  local out=$1
  shift
  "$program" train --synthetic --limit-train 200 --batch 100 --epochs 1 --backbone resnet8-w4 --similarity none --no-spatial --neuron none \
    --out "$out" "$@"
}
fine_tune "$work/tuned" --init "$work/byol" --layer-decay 0.7 --freeze stem 2>"$work/log"
grep -q 'under "net.encoder.backbone."' "$work/log" || fail "fine-tuning must find the encoder, not its slow copy"
[ "$(grep -c '^missing' "$work/log")" = 1 ] && grep -q '^missing *head' "$work/log" || fail "only the head may be missing from a pre-training"

# Export, and training from the exported file: frozen, the backbone is still the same.
"$program" export --checkpoint "$work/tuned" --out "$work/exported.safetensors" 2>/dev/null
fine_tune "$work/frozen" --init "$work/exported.safetensors" --freeze all --quiet
"$program" export --checkpoint "$work/frozen" --out "$work/again.safetensors" 2>/dev/null
"$program" import --from "$work/exported.safetensors" --out "$work/imported.safetensors" 2>"$work/log"
grep -q "0 adapted, 0 missing" "$work/log" || fail "import must load everything that was exported"
"$program" evaluate --checkpoint "$work/imported.safetensors" --data "$work" >/dev/null 2>"$work/log" && fail "evaluation without data must fail"
grep -q "no train.bin" "$work/log" || fail "missing data must be reported"

# A folder of pictures instead of CIFAR files.
if "$program" pretrain --images "$images" --size 16 --crop-size 12 --batch 2 --epochs 1 --backbone resnet8-w4 --hidden 8 --out "$work/pictures" --quiet 2>"$work/log"; then
  [ -s "$work/pictures/checkpoint.safetensors" ] || fail "pre-training on pictures must leave a checkpoint"
else
  grep -q "built without" "$work/log" || fail "pictures: $(cat "$work/log")"
fi

"$program" summary --backbone resnet20 --classes 10 | grep -q "parameters 269,722" || fail "summary of ResNet-20"

message() { "$program" "$@" 2>&1 >/dev/null || true; }
message summary --backbone resnet21 | grep -q "no ResNet of basic blocks has 21 layers" || fail "a wrong depth must be reported"
message summary --size 4 | grep -q -- "--size: expected 8 to 1024" || fail "a wrong size must be reported"
message pretrain --objective supcon --synthetic --out "$work/x" | grep -q "expected one of ntxent" || fail "a wrong objective must be reported"
message pretrain --synthetic --crop-size 4 --out "$work/x" | grep -q -- "--crop-size: expected 8 to 256" || fail "a wrong crop must be reported"
message pretrain --images "$work/nothing" --out "$work/x" | grep -q "is not a folder" || fail "a missing folder must be reported"
message pretrain --synthetic --limit-train 50 --out "$work/x" | grep -q "no full batch" || fail "too few images must be reported"
pretrain_again() { pretrain "$work/ntxent" "$@" 2>&1 || true; }
pretrain_again | grep -q "already holds a run" || fail "an occupied folder must be refused"
pretrain_again --resume --temperature 0.5 | grep -q "made with other settings" || fail "other settings must be refused"
message import --from "$work/ntxent/metrics.jsonl" --backbone resnet18 --out "$work/x" | grep -q "no PyTorch file" || fail "another format must be reported"
message import --from "$work/exported.safetensors" --backbone resnet18 --out "$work/x" | grep -q "missing or of another shape" || fail "another backbone must be refused"
message train --synthetic --init "$work/none.pt" --out "$work/x" | grep -q "none.pt" || fail "a missing file must be reported"
message train --synthetic --layer-decay 2 --out "$work/x" | grep -q -- "--layer-decay" || fail "a wrong decay must be reported"
fine_tune "$work/x" --init "$work/tuned" --freeze 9 2>"$work/log" && fail "a stage that is not there must be refused"
grep -q "stage 9 of a backbone" "$work/log" || fail "a stage that is not there must be reported"
message pretrain --synthetic --weight-decay -5 --out "$work/x" | grep -q -- "--weight-decay: expected 0 or a positive number" || fail "a wrong decay must be reported"
message pretrain --synthetic --checkpoint-minutes nan --out "$work/x" | grep -q -- "--checkpoint-minutes: expected" || fail "minutes that are no number must be reported"
# BYOL with a frozen start, broken off and resumed.
byol() {
  "$program" train --synthetic --limit-train 200 --batch 100 --epochs 2 --backbone resnet8-w4 --similarity byol --no-spatial --neuron none \
    --init "$work/tuned" --freeze-epochs 1 --quiet --out "$@"
}
byol "$work/slow"
status=0; byol "$work/slow-broken" --max-steps 5 || status=$?
[ "$status" = 130 ] || fail "5 of 8 steps must exit with 130, got $status"
byol "$work/slow-broken" --resume
cmp "$work/slow/steps.csv" "$work/slow-broken/steps.csv" || fail "BYOL with a frozen start: the resumed run's steps differ"
echo "pre-training resumes bit for bit; fine-tuning, export and import work"
