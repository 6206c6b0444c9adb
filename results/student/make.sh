#!/bin/sh
# A student that learns from synthetic data: Gemma 3 270M, fine-tuned for 15 steps on translations of 30 sentences into French, German
# and Spanish. The data are made three ways from the same pools of two teachers (the student's own base model and Qwen2.5-Coder 1.5B):
# the first sample, the best of four by chrF consensus, and the answers that Qwen fused. The filters drop 13 of the 30 first
# samples, mostly in another language, and one of the others. The students are measured on the 42 sentences of `fusion_demo`
# without worked examples. The students of Best-of-N and of Fusion-of-N beat the untrained one and the student of single samples;
# fusion against Best-of-N: +1.8 [-4.8, +8.4], p = 0.60. One seed each, so the chance of the training is not in the intervals.
# The store holds every generation of the teachers; training differs a little from machine to machine.
set -eu
cd "$(dirname "$0")/../.."
here=results/student
out=out/student

rm -rf "$out"
mkdir -p "$out"
cp "$here/store.sqlite" "$out/store.sqlite"
sh examples/student/run.sh "$out"
cp "$out/runs/comparison.json" "$here/"
fusion-eval export "$out/runs" --format table -o "$here"
fusion-eval export "$out/runs" --format card -o "$here"
for student in untrained fusion; do
  fusion-eval baseline "$out/runs/$student" -o "$here/$student.baseline.json.gz"
done
for strategy in single bon fusion; do
  cp "$out/student-$strategy/loss.csv" "$here/loss-$strategy.csv"
  cp "$out/student-$strategy/loss.png" "$here/loss-$strategy.png"
done
