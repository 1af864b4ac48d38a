"""Compares the vectors and scores of the llama.cpp worker with those of transformers, which computes in 32-bit floats on the processor.

    pip install -r requirements.txt
    python vectors.py SMALL.gguf WORKER

SMALL is the small model, whose tokenizer the models here have; WORKER the program molt-llama. The models are of random weights, in the
shapes of those that people have: Qwen3-Embedding (causal, the last token), EmbeddingGemma (both ways, most layers over near tokens
alone, the mean) and BGE Reranker (RoBERTa with a head for one number). Prints the least likeness of a pair of vectors, and the largest
difference between two scores over how far scores lie apart. Fails where these are more than 16-bit keys and values explain.
"""

import argparse
import os
import tempfile

import gguf
import numpy
import torch
from transformers import (
    AutoTokenizer, Gemma3TextConfig, Gemma3TextModel, Qwen3Config, Qwen3Model, XLMRobertaConfig, XLMRobertaForSequenceClassification,
)

from worker import Worker

LIKENESS, DIFFERENCE = 0.9999, 0.01
TEXTS = [
    "The printer is in room 204.", "Rain.", "会议推迟到下周三，请通知所有人。", "The budget was approved by the board in May, and not before. " * 12,
    "On 12 May: café, naïve, 25 % and 🙂", "预算会议改到十二号房间。" * 40,
]
QUESTION = "Where is the printer?"
KINDS = {bool: gguf.GGUFValueType.BOOL, int: gguf.GGUFValueType.UINT32, float: gguf.GGUFValueType.FLOAT32}
SHARED = {"vocab_size": 0, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 7, "num_attention_heads": 4}
DECODER = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}
QWEN = {**DECODER, "ffn_norm": "post_attention_layernorm"}
GEMMA = {
    **DECODER, "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
ROBERTA = {
    "attn_q": "attention.self.query", "attn_k": "attention.self.key", "attn_v": "attention.self.value",
    "attn_output": "attention.output.dense", "attn_output_norm": "attention.output.LayerNorm", "ffn_up": "intermediate.dense",
    "ffn_down": "output.dense", "layer_output_norm": "output.LayerNorm",
}


def random(model):
    """Weights that make a difference: norms around one, all else as far apart as its width wants."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            around = 1.0 if "norm" in name.lower() and name.endswith("weight") and "Gemma" not in type(model).__name__ else 0.0
            spread = 0.2 if weight.dim() < 2 else weight.shape[1] ** -0.5
            weight.copy_(torch.randn(weight.shape, generator=generator) * spread + around)
    return model.float().eval()


def write(path, architecture, small, figures, tensors):
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in figures.items():
        writer.add_key_value(f"{architecture}.{key}", value, KINDS[type(value)])
    for key, field in small.fields.items():
        if key.startswith("tokenizer.ggml."):
            kinds = field.types
            writer.add_key_value(key, field.contents(), kinds[0], kinds[-1] if len(kinds) > 1 else None)
    if architecture == "bert":
        writer.add_uint32("tokenizer.ggml.token_type_count", 1)
        writer.add_string("tokenizer.chat_template.rerank", "{query}<|im_end|>{document}<|im_end|>")
    for name, tensor in tensors.items():
        writer.add_tensor(name, numpy.ascontiguousarray(tensor.detach().numpy().astype("float32")))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def layers(model, names, prefix="layers", kinds=("weight",), shift=0.0):
    state, made = model.state_dict(), {}
    for layer in range(SHARED["num_hidden_layers"]):
        for ours, theirs in names.items():
            for kind in kinds:
                tensor = state.get(f"{prefix}.{layer}.{theirs}.{kind}")
                if tensor is not None:
                    made[f"blk.{layer}.{ours}.{kind}"] = tensor + shift if "norm" in ours else tensor
    return made


def decoder_figures(config, window=None):
    figures = {
        "context_length": 1024, "embedding_length": config.hidden_size, "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size, "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads, "attention.key_length": config.head_dim,
        "attention.value_length": config.head_dim, "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
    }
    return {**figures, "rope.freq_base": 1e6, **({"attention.sliding_window": window} if window else {})}


class Qwen:
    role, prefix = "embedder", ""

    def __init__(self, small, tokenizer):
        config = Qwen3Config(
            **SHARED, num_key_value_heads=2, head_dim=32, rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        )
        self.model, self.end = random(Qwen3Model(config)), tokenizer.convert_tokens_to_ids("<|endoftext|>")
        self.file = lambda path: write(
            path, "qwen3", small, {**decoder_figures(config), "pooling_type": 3},
            {"token_embd.weight": self.model.embed_tokens.weight, "output_norm.weight": self.model.norm.weight, **layers(self.model, QWEN)},
        )

    def vector(self, ids):
        ids = ids[:511] + [self.end]
        return self.model(torch.tensor([ids])).last_hidden_state[0, -1]


class Gemma:
    role, prefix = "embedder", "title: none | text: "

    def __init__(self, small, tokenizer):
        config = Gemma3TextConfig(
            **SHARED, num_key_value_heads=1, head_dim=32, query_pre_attn_scalar=32, sliding_window=16, use_bidirectional_attention=True,
            pad_token_id=0, bos_token_id=0, eos_token_id=0,
        )
        self.model = random(Gemma3TextModel(config))
        self.file = lambda path: write(
            path, "gemma-embedding", small, {**decoder_figures(config, window=16), "pooling_type": 1},
            {
                "token_embd.weight": self.model.embed_tokens.weight, "output_norm.weight": self.model.norm.weight + 1,
                **layers(self.model, GEMMA, shift=1.0),
            },
        )

    def vector(self, ids):
        return self.model(torch.tensor([ids[:512]])).last_hidden_state[0].mean(0)


class Roberta:
    role = "reranker"

    def __init__(self, small, tokenizer):
        # Positions begin behind the number of the padding, and there is one kind of token.
        config = XLMRobertaConfig(**SHARED, max_position_embeddings=514, type_vocab_size=1, num_labels=1, pad_token_id=1)
        self.model, self.mark = random(XLMRobertaForSequenceClassification(config)), tokenizer.convert_tokens_to_ids("<|im_end|>")
        state = self.model.state_dict()
        get = lambda name: state["roberta.embeddings." + name]
        tensors = {
            "token_embd.weight": get("word_embeddings.weight"), "position_embd.weight": get("position_embeddings.weight")[2:],
            "token_types.weight": get("token_type_embeddings.weight"), "token_embd_norm.weight": get("LayerNorm.weight"),
            "token_embd_norm.bias": get("LayerNorm.bias"), "cls.weight": state["classifier.dense.weight"],
            "cls.bias": state["classifier.dense.bias"], "cls.output.weight": state["classifier.out_proj.weight"],
            "cls.output.bias": state["classifier.out_proj.bias"],
            **layers(self.model, ROBERTA, "roberta.encoder.layer", ("weight", "bias")),
        }
        figures = {
            "context_length": 512, "embedding_length": config.hidden_size, "block_count": config.num_hidden_layers,
            "feed_forward_length": config.intermediate_size, "attention.head_count": config.num_attention_heads,
            "attention.layer_norm_epsilon": config.layer_norm_eps, "attention.causal": False, "pooling_type": 4,
        }
        self.file = lambda path: write(path, "bert", small, figures, tensors)

    def score(self, query, text):
        room = 512 - 2
        query = query[: room // 2]
        ids = query + [self.mark] + text[: room - len(query)] + [self.mark]
        # Where a token of the text is the padding, transformers would leave its place out.
        places = torch.arange(2, 2 + len(ids))[None]
        return self.model(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), position_ids=places).logits[0, 0].item()


@torch.no_grad()
def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("small")
    arguments.add_argument("worker")
    given = arguments.parse_args()
    small = gguf.GGUFReader(given.small)
    folder, name = os.path.split(os.path.abspath(given.small))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    SHARED["vocab_size"] = len(small.fields["tokenizer.ggml.tokens"].contents())
    fails = False
    with tempfile.TemporaryDirectory() as folder:
        for kind in (Qwen, Gemma, Roberta):
            model, path = kind(small, tokenizer), os.path.join(folder, kind.__name__.lower() + ".gguf")
            model.file(path)
            with Worker(given.worker, path, 512, role=model.role) as worker:
                if model.role == "reranker":
                    theirs = torch.tensor([model.score(ids(QUESTION), ids(text)) for text in TEXTS])
                    ours = torch.tensor(worker.rerank(QUESTION, TEXTS))
                    off = ((ours - theirs).abs().max() / (theirs.max() - theirs.min())).item()
                    fails |= not off < DIFFERENCE
                    print(f"{kind.__name__}: scores {theirs.min():.3f} to {theirs.max():.3f}, off by at most {off:.5f} of that")
                else:
                    theirs = torch.stack([model.vector(ids(model.prefix + text)) for text in TEXTS])
                    likeness = torch.nn.functional.cosine_similarity(torch.tensor(worker.embed(TEXTS)), theirs)
                    others = torch.nn.functional.cosine_similarity(theirs[:1], theirs[1:])
                    fails |= not likeness.min() > LIKENESS
                    print(f"{kind.__name__}: likeness at least {likeness.min():.6f}; of different texts at most {others.max():.3f}")
    raise SystemExit(1 if fails else 0)


if __name__ == "__main__":
    main()
