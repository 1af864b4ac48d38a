"""Writes a GGUF of random weights in the published shape of a real model, for
measuring speed only (its answers are noise).

    python models/train/random_gguf.py OUTPUT.gguf [--shape qwen3-0.6b] [--type q4_k_m]

Tensor types follow llama.cpp's mixes.  Q8_0: all matrices.  Q4_K_M: Q6_K for
the tied embeddings and, in half of the layers, for `attn_v` and `ffn_down`;
Q4_K for the other matrices.  Rows that are no multiple of 256 wide take Q8_0
for Q6_K and Q5_0 for Q4_K.  Norms are float32.  The blocks are random bits
under scales that keep the weights near a standard deviation of 0.03.  The
tokenizer is synthetic: all of its tokens are ordinary but three.
"""

import argparse

import gguf
import numpy as np

from export_gguf import TEMPLATE, add_metadata

QWEN3 = dict(architecture="qwen3", vocab=151936, heads=16, kv_heads=8, head_dim=128, layers=28,
             rope_base=1000000.0, eps=1e-6, context=40960)
SHAPES = {
    # https://huggingface.co/HuggingFaceTB/SmolLM2-135M/blob/main/config.json
    "smollm2-135m": dict(architecture="llama", vocab=49152, width=576, layers=30, heads=9, kv_heads=3, head_dim=64,
                         ff=1536, rope_base=100000.0, eps=1e-5, context=8192),
    # https://huggingface.co/Qwen/Qwen3-0.6B/blob/main/config.json, and likewise
    "qwen3-0.6b": dict(QWEN3, width=1024, ff=3072),
    "qwen3-1.7b": dict(QWEN3, width=2048, ff=6144),
    # Of no published model: for tests that need many answers, not their speed.
    "tiny": dict(QWEN3, vocab=32768, width=256, layers=4, heads=4, kv_heads=2, head_dim=64, ff=512),
}
Q4_K, Q5_0, Q6_K, Q8_0 = (gguf.GGMLQuantizationType[name] for name in ("Q4_K", "Q5_0", "Q6_K", "Q8_0"))
ROWS = 4096  # blocks are drawn in pieces, to keep memory small


def q4_k(rng, blocks):
    """d, dmin (float16), 12 bytes of 6-bit scales, 128 bytes of 4-bit values.

    weight = d * scale * q - dmin * min; every 6-bit scale is 32 and every
    minimum 30, so with q uniform in 0..15 the mean is about zero.
    """
    out = np.empty((blocks, 144), np.uint8)
    head = np.array([0.03 / 4.6 / 32, 0.03 / 4.6 / 4], np.float16).view(np.uint8)
    out[:, :4] = head
    # scales 0-3 and mins 0-3 lie plainly; 4-7 are split into nibbles and the
    # two high bits of the bytes before.
    scale, low = 32, 30
    out[:, 4:8] = (scale & 63) | ((scale >> 4) << 6)
    out[:, 8:12] = (low & 63) | ((low >> 4) << 6)
    out[:, 12:16] = (scale & 15) | ((low & 15) << 4)
    out[:, 16:] = rng.integers(0, 256, (blocks, 128), np.uint8)
    return out


def q6_k(rng, blocks):
    """128 bytes of low nibbles, 64 of high bits, 16 int8 scales, d (float16);
    weight = d * scale * (q - 32)."""
    out = np.empty((blocks, 210), np.uint8)
    out[:, :192] = rng.integers(0, 256, (blocks, 192), np.uint8)
    out[:, 192:208] = np.full(16, 32, np.int8).view(np.uint8)
    out[:, 208:] = np.array([0.03 / 18.5 / 32], np.float16).view(np.uint8)
    return out


def q5_0(rng, blocks):
    """d (float16), 4 bytes of high bits, 16 of low nibbles; weight = d * (q - 16)."""
    out = np.empty((blocks, 22), np.uint8)
    out[:, :2] = np.array([0.03 / 9.2], np.float16).view(np.uint8)
    out[:, 2:] = rng.integers(0, 256, (blocks, 20), np.uint8)
    return out


def q8_0(rng, blocks):
    """d (float16), 32 int8; weight = d * q."""
    out = np.empty((blocks, 34), np.uint8)
    out[:, :2] = np.array([0.03 / 73.9], np.float16).view(np.uint8)
    out[:, 2:] = rng.integers(0, 256, (blocks, 32), np.uint8)
    return out


MAKE = {Q4_K: q4_k, Q5_0: q5_0, Q6_K: q6_k, Q8_0: q8_0}


def quantised(rng, kind, rows, cols):
    """A matrix of random blocks, as bytes of one row each."""
    make, block = MAKE[kind], gguf.GGML_QUANT_SIZES[kind][0]
    per_row = cols // block
    parts = [make(rng, min(ROWS, rows - i) * per_row) for i in range(0, rows, ROWS)]
    return np.concatenate(parts).reshape(rows, -1)


def byte_letters():
    """The printable letters that stand for the 256 bytes (as in GPT-2)."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    out, extra = {b: chr(b) for b in keep}, 0
    for b in range(256):
        if b not in out:
            out[b] = chr(256 + extra)
            extra += 1
    return out


def tokenizer(size):
    """256 bytes, then all pairs and triples of lower-case letters (with and
    without a space before them) and longer words, each with its merge; the
    last three tokens are the control tokens."""
    to, letters = byte_letters(), "etaoinshrdlcumwfgypbvkjxqz"
    tokens, merges = [to[b] for b in range(256)], []
    frontier, room = list(letters) + [to[32]], size - 256 - 3
    while room:
        longer = []
        for a in frontier:
            for b in letters:
                if not room:
                    break
                tokens.append(a + b)
                merges.append((a, b))
                longer.append(a + b)
                room -= 1
        frontier = longer
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return tokens + special, merges


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("output")
    a.add_argument("--shape", choices=SHAPES, default="qwen3-0.6b")
    a.add_argument("--type", choices=["q4_k_m", "q8_0"], default="q4_k_m")
    a.add_argument("--seed", type=int, default=1)
    args = a.parse_args()
    rng = np.random.default_rng(args.seed)
    c = SHAPES[args.shape]
    w = gguf.GGUFWriter(args.output, c["architecture"], use_temp_file=True)
    add_metadata(w, c, f"Random weights in the shape of {args.shape}", "Random weights, for measuring speed only.")
    w.add_rope_dimension_count(c["head_dim"])
    small, large, file_type = {
        "q4_k_m": (Q4_K, Q6_K, gguf.LlamaFileType.MOSTLY_Q4_K_M),
        "q8_0": (Q8_0, Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
    }[args.type]
    w.add_file_type(file_type)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    tokens, merges = tokenizer(c["vocab"])
    n = len(tokens)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list(tokens)
    w.add_token_types([1] * (n - 3) + [3] * 3)
    w.add_token_merges([f"{x} {y}" for x, y in merges])
    w.add_eos_token_id(n - 1)
    w.add_bos_token_id(n - 3)
    w.add_pad_token_id(n - 3)
    w.add_add_bos_token(False)
    w.add_chat_template(TEMPLATE)

    def matrix(name, rows, cols, kind=small):
        if cols % gguf.GGML_QUANT_SIZES[kind][0]:
            kind = {Q4_K: Q5_0, Q6_K: Q8_0}[kind]
        w.add_tensor(name + ".weight", quantised(rng, kind, rows, cols), raw_dtype=kind)

    def norm(name, size):
        w.add_tensor(name + ".weight", np.ones(size, np.float32))

    q, kv = c["heads"] * c["head_dim"], c["kv_heads"] * c["head_dim"]
    matrix("token_embd", c["vocab"], c["width"], large)
    norm("output_norm", c["width"])
    eighth = c["layers"] // 8
    for i in range(c["layers"]):
        # Q4_K_M spends more bits on the first and last eighth and on every
        # third layer between.
        more = i < eighth or i >= 7 * c["layers"] // 8 or (i - eighth) % 3 == 2
        big, p = (large if more else small), f"blk.{i}."
        norm(p + "attn_norm", c["width"])
        matrix(p + "attn_q", q, c["width"])
        matrix(p + "attn_k", kv, c["width"])
        matrix(p + "attn_v", kv, c["width"], big)
        if c["architecture"] == "qwen3":
            norm(p + "attn_q_norm", c["head_dim"])
            norm(p + "attn_k_norm", c["head_dim"])
        matrix(p + "attn_output", c["width"], q)
        norm(p + "ffn_norm", c["width"])
        matrix(p + "ffn_gate", c["ff"], c["width"])
        matrix(p + "ffn_up", c["ff"], c["width"])
        matrix(p + "ffn_down", c["width"], c["ff"], big)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    main()
