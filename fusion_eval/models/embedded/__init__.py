"""Models that llama.cpp runs in this process: weights that an extra installs, and any GGUF file."""
