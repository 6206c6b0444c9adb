#!/bin/sh
# The embedded model on the part of `fusion_paper` that fits two cores: the first ten items of every task of `ntrex`, and of
# PolyMath's level `low` in each language, with two examples, since the model is a base model. The data come from the hub, or
# from a copy that FUSION_EVAL_DATA names (`fusion-eval tasks --copy_to DIR --tasks ntrex,polymath`). We may not publish the
# sentences, so the card here has no example of a prompt, and there is no store.
set -eu
cd "$(dirname "$0")/../.."
here=results/fusion_paper
languages="en fr de es ru it pt ja ko zh ar"
tasks=ntrex$(printf ',polymath_%s_low' $languages)

rm -rf out/fusion_paper
fusion-eval run --tasks "$tasks" --limit 10 --num_fewshot 2 --model_args max_tokens=80 --output out/fusion_paper
for strategy in single bon fusion; do
  fusion-eval baseline "out/fusion_paper/$strategy" -o "$here/$strategy.baseline.json.gz"
done
cp out/fusion_paper/comparison.json "$here/"
fusion-eval export out/fusion_paper --format table -o "$here"
fusion-eval export out/fusion_paper --format card -o out/fusion_paper
sed '/^## A prompt as it was sent/,/^## What the numbers/{/^## What the numbers/!d}' out/fusion_paper/card.md > "$here/card.md"
