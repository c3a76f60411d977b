#!/usr/bin/env bash
# experiment_test.sh PROGRAM: the experiment around the training run, on generated images: partial labels with every kind of state
# resumed, several seeds, an ablation broken off and resumed, robustness, overhead, and the report made of them.
set -euo pipefail
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $1" >&2; exit 1; }
brief=(--synthetic --limit-train 300 --batch 60 --epochs 1 --quiet)
small=("${brief[@]}" --backbone slim-w16)
numbers() { sed -E 's/"(evaluation_|measuring_)?seconds":[^,}]*,?//g' "$1/metrics.jsonl"; }

# Partial labels, two views, momentum encoder and averaged weights: everything a checkpoint can hold.
all=(--labels 100 --unlabelled-ratio 2 --similarity byol --spatial jigsaw --ema --mixup 0.2 --cutmix 1 --long-tail 2 --label-noise 0.2)
"$program" train "${small[@]}" "${all[@]}" --out "$work/whole"
status=0; "$program" train "${small[@]}" "${all[@]}" --out "$work/broken" --max-steps 2 || status=$?
[ "$status" = 130 ] || fail "a run stopped by --max-steps must exit with 130, got $status"
"$program" train "${small[@]}" "${all[@]}" --out "$work/broken" --resume
cmp <(numbers "$work/whole") <(numbers "$work/broken") || fail "the resumed run differs"
cmp "$work/whole/steps.csv" "$work/broken/steps.csv" || fail "the resumed run's steps differ"
cmp "$work/whole/confusion.csv" "$work/broken/confusion.csv" || fail "the resumed run's confusion matrix differs"
grep -q '"labelled_images": 100' "$work/whole/summary.json" || fail "100 labelled images expected"

# The early-learning memory, and the labelled-only arm: the same number of steps.
"$program" train "${small[@]}" --labels 100 --labelled-only --classification elr --out "$work/elr"
[ "$(wc -l < "$work/elr/steps.csv")" = 6 ] || fail "300 images in steps of 60 are 5 steps, whatever the labels"

awk -F'[:,]' '/"images_per_second"/ { rate = $2 } /"seconds_per_epoch_median"/ { time = $2 } END { exit !(rate * time > 149 && rate * time < 151) }' "$work/elr/summary.json" ||
  fail "5 steps of 30 labelled images are 150 images"

# Two arms side by side, and arms that cannot be compared.
"$program" train "${small[@]}" --labels 100 --unlabelled-ratio 0 --similarity none --spatial none --seeds 1,2 --out "$work/arms/labelled"
"$program" train "${small[@]}" --labels 100 --similarity ntxent --seeds 1,2 --out "$work/arms/joint"
"$program" compare --run "$work/arms/joint" --against "$work/arms/labelled" --out "$work/arms/compared" > "$work/table"
[ -s "$work/arms/compared/comparison.json" ] && [ -s "$work/arms/compared/comparison.md" ] || fail "the comparison must be on disk"
for row in "| objective.similarity | ntxent | none |" "| unlabelled_ratio | 1.0 | 0.0 |" "2 paired seeds" "| test accuracy, % |"; do
  grep -qF "$row" "$work/table" || fail "the comparison lacks: $row"
done
grep -q "Seed 2: the arms took different numbers of steps, 10 and 5" "$work/table" || fail "two views take half as many images per step"
status=0; "$program" compare --run "$work/arms" --against "$work/arms/joint" 2> "$work/message" || status=$?
[ "$status" = 1 ] && grep -q "no finished run" "$work/message" || fail "a folder without runs must be refused"

# A profile of some steps; it is written also when fewer steps came than were asked for.
"$program" train --synthetic --backbone slim-w16 --limit-train 480 --batch 60 --epochs 1 --quiet --bfloat16 --profile 50 --out "$work/profile"
grep -q "^3 steps, " "$work/profile/profile.txt" || fail "3 steps behind the first 5 expected: $(head -n 1 "$work/profile/profile.txt")"
grep -q "conv2d" "$work/profile/profile.txt" || fail "the profile lacks the convolutions"
grep -q '"traceEvents"' "$work/profile/profile.json" || fail "no trace"

# A network of spikes, and what its neurons do.
"$program" train "${brief[@]}" --backbone spiking-w8 --neuron lif --steps 3 --out "$work/spiking"
"$program" activity --checkpoint "$work/spiking" --images 8 > "$work/activity" 2>&1 || fail "activity failed: $(cat "$work/activity")"
for layer in backbone.stages.0.spike backbone.spikes.1 neuron; do
  grep -q "^$layer .*lif" "$work/activity" || fail "no neurons $layer in: $(cat "$work/activity")"
done

# An ablation broken off and resumed skips what is finished.
status=0; "$program" ablate "${small[@]}" --seeds 1 --max-steps 3 --out "$work/ablation" || status=$?
[ "$status" = 130 ] || fail "a broken-off ablation must exit with 130, got $status"
"$program" ablate "${small[@]}" --seeds 1 --out "$work/ablation"
[ "$(ls "$work/ablation/runs" | wc -l)" = 4 ] || fail "4 cells expected without pre-trained weights"
before=$(stat -c %Y "$work/ablation/runs/plain-seed-1/summary.json")
"$program" ablate "${small[@]}" --seeds 1 --out "$work/ablation"
[ "$before" = "$(stat -c %Y "$work/ablation/runs/plain-seed-1/summary.json")" ] || fail "a finished run must be left alone"
grep -q "whole against plain" "$work/ablation/ablation.md" || fail "the table lacks a comparison"
status=0; "$program" ablate "${small[@]}" --seeds 1 --shift 1 --out "$work/ablation" 2> "$work/message" || status=$?
grep -q "holds a run of other settings" "$work/message" || fail "an ablation with other settings must be refused"

"$program" robustness --checkpoint "$work/whole" --limit 100 > "$work/table" 2>&1 || fail "robustness failed: $(cat "$work/table")"
grep -q "haze" "$work/table" || fail "the robustness table lacks a kind"
"$program" overhead "${small[@]}" --rounds 1 --out "$work/whole" | grep -q "+ all" || fail "the overhead table lacks a row"
"$program" faithfulness --checkpoint "$work/whole" --images 4 --steps 4 > "$work/table" 2>&1 || fail "faithfulness failed: $(cat "$work/table")"
for text in "off completeness by" "random order" "Grad-CAM" "  head " "backbone.stages.0.widen"; do
  grep -q -- "$text" "$work/table" || fail "the faithfulness table lacks: $text"
done
grep -q '"insertion"' "$work/whole/faithfulness.json" || fail "faithfulness.json lacks the curves"
"$program" report --run "$work/whole" --ablation "$work/ablation" --explain 2 --out "$work/report.html" > /dev/null
grep -q "</html>" "$work/report.html" || fail "the report is cut off"
for text in "Damaged images" "Ablation" "What each part costs" "What the network looked at" "Grad-CAM" "say nothing about CIFAR-100"; do
  grep -q "$text" "$work/report.html" || fail "the report lacks: $text"
done
message() { "$program" "$@" 2>&1 >/dev/null || true; }
message activity --checkpoint "$work/spiking" --images 0 | grep -q "expected 1 to 500, got 0" || fail "--images 0 must be refused"
message report --run "$work/nothing" | grep -q "no summary.json" || fail "a missing run must be reported"
message train --synthetic --seeds 1,x | grep -q "expected different whole numbers" || fail "bad seeds must be reported"
message overhead --synthetic --device cuda | grep -q -- "--device must be cpu, got cuda" || fail "overhead on another device must be refused"
message train --synthetic --limit-train 400 --labels 5000 --out "$work/y" --quiet | grep -q -- "--labels: expected 1 to 400" || fail "too many labels must be reported by option"
message train --synthetic --labels 99999 --out "$work/y" --quiet | grep -q "99999" || fail "too many labels must be reported"
echo "the experiment's parts work together"
