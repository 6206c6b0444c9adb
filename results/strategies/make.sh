#!/bin/sh
# Every strategy on the pools of `fusion_demo` in English, German and Chinese: Gemma 3 270M (base, 4 bits) samples five answers and
# serves as fusor, ranker and critic itself, so this shows what each strategy does and costs, not what it can do with a model that
# follows instructions. The tasks in `tasks` extract the whole line as the answer to vote on; prompts and scores are those of
# `fusion_demo`. `first` is `single`. `bon`, `weighted_majority` and `rank_fusion` score by log-probability; `mbr`, `bon(scorer=chrf)`
# and `guarded_fusion(by=chrf)` select by the metric that is reported, so their gains are inflated. Most answers of `usc`,
# `genselect`, `chops`, `pairrank`, `council` and `refine` are fallbacks, since this model seldom answers instructions. Lengths are
# cut to what two cores can pay for. The store holds every generation.
set -eu
cd "$(dirname "$0")/../.."
here=results/strategies
out=out/strategies
store="cache=results/fusion_demo/store.sqlite,offline=true"
tasks=fusion_demo_votes_en,fusion_demo_votes_de,fusion_demo_votes_zh
voting='single,majority,weighted_majority(by=logprob),route'
choosing='greedy,random,longest,mbr,bon,bon(scorer=chrf),usc(max_tokens=12),genselect(window=5,max_tokens=12)'
comparing='chops(max_tokens=48),pairrank(budget=1n,max_tokens=12)'
fusing='council(max_tokens=48),fusion,rank_fusion(k=3,by=logprob),guarded_fusion(by=chrf),refine(by=logprob,max_tokens=64)'
layers='moa,rsa(population=5,k=2,rounds=1)'

rm -rf "$out"
fusion-eval run --include_path "$here/tasks" --tasks "$tasks" --strategies "$voting,$choosing,$comparing,$fusing,$layers" --model_args "$store" --output "$out"
for strategy in single fusion; do
  fusion-eval baseline "$out/$strategy" -o "$here/$strategy.baseline.json.gz"
done
cp "$out/comparison.json" "$here/"
fusion-eval export "$out" --format card -o "$here"
fusion-eval export "$out" --format table -o "$here"
