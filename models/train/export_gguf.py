"""Writes a checkpoint as a GGUF file: Q8_0 matrices, float32 norms, the
tokenizer and the ChatML template.

    python models/train/export_gguf.py [checkpoint] [output]
"""

import os
import sys
import tempfile

import gguf
import numpy as np

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def add_metadata(w, c, name, description):
    """The keys of a Qwen3 model of the shape `c` (a dictionary)."""
    w.add_name(name)
    w.add_license("apache-2.0")
    w.add_description(description)
    w.add_languages(["en", "zh"])
    w.add_block_count(c["layers"])
    w.add_context_length(c["context"])
    w.add_embedding_length(c["width"])
    w.add_feed_forward_length(c["ff"])
    w.add_head_count(c["heads"])
    w.add_head_count_kv(c["kv_heads"])
    w.add_key_length(c["head_dim"])
    w.add_value_length(c["head_dim"])
    w.add_layer_norm_rms_eps(c["eps"])
    w.add_rope_freq_base(c["rope_base"])
    w.add_vocab_size(c["vocab"])


def add_tokenizer(w, tokens, merges, special, eos, pad):
    """A byte-level BPE tokenizer; the `special` ids are control tokens."""
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list(tokens)
    control = set(special)
    w.add_token_types([
        int(gguf.TokenType.CONTROL if i in control else gguf.TokenType.NORMAL) for i in range(len(tokens))
    ])
    w.add_token_merges([f"{a} {b}" for a, b in merges])
    w.add_eos_token_id(eos)
    w.add_bos_token_id(pad)
    w.add_pad_token_id(pad)
    w.add_add_bos_token(False)
    w.add_chat_template(TEMPLATE)


def main():
    # Only here: the benchmark borrows the functions above on machines without it.
    import torch

    import tokenizer as T

    source = sys.argv[1] if len(sys.argv) > 1 else os.path.join(tempfile.gettempdir(), "moltworker-small", "last.pt")
    here = os.path.dirname(os.path.abspath(__file__))
    target = sys.argv[2] if len(sys.argv) > 2 else os.path.join(here, "..", "moltworker-small.gguf")
    state = torch.load(source, weights_only=False, map_location="cpu")
    tokens, merges, _ = T.open_file(os.path.join(os.path.dirname(source), "tokenizer.json"))
    w = gguf.GGUFWriter(target + ".new", "qwen3")
    add_metadata(w, state["config"], "Moltworker Small", "A demonstration and test model, trained on generated text only.")
    w.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    add_tokenizer(w, tokens, merges, (T.PAD, T.START, T.END), T.END, T.PAD)
    for name, p in state["model"].items():
        x = p.float().numpy()
        if x.ndim == 2:
            q = gguf.quants.quantize(x, gguf.GGMLQuantizationType.Q8_0)
            w.add_tensor(name, q, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            w.add_tensor(name, x.astype(np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    os.replace(target + ".new", target)
    print(f"{os.path.normpath(target)}: {os.path.getsize(target) / 1e6:.2f} MB, step {state['step']}")


if __name__ == "__main__":
    main()
