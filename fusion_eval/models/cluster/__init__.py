"""vLLM on the GPUs of a Ray cluster, through the batch inference of `ray.data.llm`."""
