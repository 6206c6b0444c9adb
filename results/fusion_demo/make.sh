#!/bin/sh
# The embedded model (Gemma 3 270M, base, 4 bits) on all of `fusion_demo`, with the three strategies of a plain run. The store holds
# every generation, so this needs no model, and gives the same numbers on any machine. It also holds those of `strategies`. With
# another store (`cache=`), and without `offline=true`, the model answers anew.
set -eu
cd "$(dirname "$0")/../.."
here=results/fusion_demo

rm -rf out/fusion_demo
fusion-eval run --tasks fusion_demo --model_args "cache=$here/store.sqlite,offline=true" --output out/fusion_demo
for strategy in single bon fusion; do
  fusion-eval baseline "out/fusion_demo/$strategy" -o "$here/$strategy.baseline.json.gz"
done
cp out/fusion_demo/comparison.json "$here/"
fusion-eval export out/fusion_demo --format card -o "$here"
fusion-eval export out/fusion_demo --format table -o "$here"
fusion-eval analyze out/fusion_demo/single out/fusion_demo/bon out/fusion_demo/fusion --budget tokens \
  --output out/fusion_demo/analysis --format md > "$here/analysis.md"
cp out/fusion_demo/analysis/analysis.json "$here/"
