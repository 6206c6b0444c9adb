#!/bin/sh
# Every way to choose or to make an answer that two cores can pay for, on one pool of a chat model: Qwen2.5-Coder 1.5B Instruct
# samples five answers, scores and fuses them itself (prompt `direct`), for all sentences of `fusion_demo`.
# `self_certainty` and `confidence` choose alike here, since an answer is shorter than a window of `confidence`. Most answers of
# `usc` are fallbacks: this model seldom names a number. The store holds every generation.
set -eu
cd "$(dirname "$0")/../.."
here=results/chat_pool
out=out/chat_pool
store="cache=$here/store.sqlite,offline=true"
tasks=fusion_demo
strategies='single,greedy,random,longest,mbr,bon(scorer=logprob),bon(scorer=self_certainty),bon(scorer=confidence),usc(max_tokens=160),fusion,rank_fusion(k=3,by=logprob)'

rm -rf "$out"
fusion-eval run --tasks "$tasks" --strategies "$strategies" --model_args "model=qwen-coder-1.5b,fusor_prompt=direct,$store" --output "$out"
for strategy in single fusion; do
  fusion-eval baseline "$out/$strategy" -o "$here/$strategy.baseline.json.gz"
done
cp "$out/comparison.json" "$here/"
fusion-eval export "$out" --format card -o "$here"
fusion-eval export "$out" --format table -o "$here"
