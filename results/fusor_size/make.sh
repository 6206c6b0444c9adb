#!/bin/sh
# Does a larger fusor fuse better? The same pools, five samples of Gemma 3 270M (base) for each prompt of `fusion_demo`, are fused
# by Gemma itself (prompt `few_shot`, for base models) and by Qwen2.5-Coder 1.5B Instruct (prompt `direct`). Beside them stand one
# sample and Best-of-N by log-probability. The store of `fusion_demo` holds every generation, so this needs no model. Qwen's
# fusions took 41 minutes on two cores that had other work.
set -eu
cd "$(dirname "$0")/../.."
here=results/fusor_size
out=out/fusor_size
store="cache=results/fusion_demo/store.sqlite,offline=true"

rm -rf "$out"
fusion-eval run --tasks fusion_demo --model_args "$store" --output "$out/gemma"
fusion-eval run --tasks fusion_demo --strategies fusion --model_args "fusor=qwen-coder-1.5b,fusor_prompt=direct,$store" --output "$out/qwen"
mv "$out/gemma/single" "$out/gemma/bon" "$out"
mv "$out/gemma/fusion" "$out/fusion_gemma_270m"
mv "$out/qwen/fusion" "$out/fusion_qwen_1.5b"
fusion-eval compare "$out/single" "$out/bon" "$out/fusion_gemma_270m" "$out/fusion_qwen_1.5b" --output "$out"
# The two questions of the README that have another baseline: the large fusor against the small one, and against Best-of-N.
fusion-eval compare "$out/fusion_gemma_270m" "$out/fusion_qwen_1.5b" --metrics chrf --format md > "$here/against_small_fusor.md"
fusion-eval compare "$out/bon" "$out/fusion_qwen_1.5b" --metrics chrf --format md > "$here/against_bon.md"
fusion-eval baseline "$out/fusion_qwen_1.5b" -o "$here/fusion_qwen_1.5b.baseline.json.gz"
cp "$out/comparison.json" "$here/"
fusion-eval export "$out" --format card -o "$here"
fusion-eval export "$out" --format table -o "$here"
