#!/bin/sh
# Make data three ways, train a student on each, measure and compare: run.sh OUTPUT [STEPS] [PROMPTS]
set -eu
out=$1 steps=${2:-15} prompts=${3:-30}
here=$(dirname "$0")
mkdir -p "$out"
gguf=$(python -c 'from fusion_eval.models.embedded.weights import GEMMA, joined; print(joined(GEMMA))')
python "$here/prompts.py" "$prompts" > "$out/prompts.jsonl"
fusion-eval synth --prompts "$out/prompts.jsonl" --model 'embedded|qwen-coder-1.5b' \
  --model_args "n=4,max_tokens=48,fusor=qwen-coder-1.5b,fusor_prompt=direct,scorer=chrf,cache=$out/store.sqlite" --strategy single,bon,fusion \
  --stop '\n' --filters language,refusal,length,copy --output "$out/data"
measure() { # a model's folder, and the run's name
  lm_eval --model hf --device cpu --batch_size 14 --model_args "pretrained=$1,dtype=float32" \
    --tasks fusion_demo_fr,fusion_demo_de,fusion_demo_es --num_fewshot 0 --output_path "$out/runs/$2" --log_samples
}
python "$here/train.py" "$out/data/single" "$out/untrained" --start "$gguf" --steps 0
measure "$out/untrained" untrained
for strategy in single bon fusion; do
  python "$here/train.py" "$out/data/$strategy" "$out/student-$strategy" --start "$out/untrained" --steps "$steps"
  measure "$out/student-$strategy" "$strategy"
done
fusion-eval compare "$out/runs/untrained" "$out/runs/single" "$out/runs/bon" "$out/runs/fusion" --metrics chrf --output "$out/runs"
