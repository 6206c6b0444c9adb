#!/bin/sh
# Can a small judge be trusted? Three prompts of `fusion_open` in each of four languages, answered by the embedded model (Gemma 3
# 270M, base, at most 100 tokens), and judged by Qwen2.5-Coder 1.5B Instruct in both orders. It cannot: of 24 pairs it named
# the answer that stood first in both orders 24 times, so every pair is a tie and the win rates say nothing about the answers. Its
# consistency over orders is 0%, and no preference for length can be seen behind that. The store holds every generation.
set -eu
cd "$(dirname "$0")/../.."
here=results/fusion_open_judged
out=out/fusion_open_judged
store="cache=$here/store.sqlite,offline=true"
tasks=fusion_open_en,fusion_open_fr,fusion_open_de,fusion_open_es

rm -rf "$out"
fusion-eval run --tasks "$tasks" --limit 3 --model_args "max_tokens=100,$store" --output "$out"
fusion-eval judge "$out/single" "$out/bon" "$out/fusion" --judge qwen-coder-1.5b --judge_args "$store" --output "$out/judged"
cp "$out/judged/comparison.json" "$here/"
fusion-eval export "$out" --format card -o "$here"
fusion-eval judge "$out/single" "$out/bon" "$out/fusion" --judge qwen-coder-1.5b --judge_args "$store" --format md > "$here/table.md"
