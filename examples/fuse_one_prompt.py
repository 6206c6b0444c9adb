"""Draw a pool for one prompt with the embedded model, and fuse it.

Usage: python examples/fuse_one_prompt.py 'The capital of France is'
"""

import sys

import fusion_eval as fe


def main(prompt: str) -> None:
    """Print the candidates, then the fused answer."""
    pool = fe.sample(prompt, n=3, model="embedded", max_tokens=16)
    texts = [candidate.text for candidate in pool.usable]
    for text in texts:
        print(f"- {text.strip()!r}")
    answer = fe.fuse(prompt, texts, fusor="embedded", max_tokens=16)
    print(f"= {answer.text.strip()!r}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
