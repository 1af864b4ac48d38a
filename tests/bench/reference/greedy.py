"""Compares the greedy answers of the workers with those of transformers, which computes in 32-bit floats on the processor.

    pip install -r requirements.txt
    python greedy.py MODEL.gguf WORKER ...

MODEL is the small model, WORKER the program of a worker (molt-llama, molt-engine). Three files with the same weights answer: the one
given; a copy in which the mark that ends an answer has another name, so that answers go on to the number of tokens asked for; and a
copy of that in which the weights are 32-bit floats: beside quantised weights the workers round what they multiply them with, too.
The prompts come from the generator that the model was trained with, from the part that training does not draw, half of them Chinese.

A worker tells the text of its tokens and their number. Answers are equal when these are, and when every piece of text ends where a
token of the reference does. Prints, for the first difference of an answer, the two most likely tokens of the reference and how far
their logits lie apart, and last the counts as JSON. A difference where they lie closer together than rounding reaches is a tie. Fails
when there are others.
"""

import argparse
import codecs
import json
import os
import re
import sys
import tempfile

import gguf
import torch
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

from worker import Worker

TRAINING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "models", "train")
SEED = 20
# How far rounding may move two logits apart. Beside quantised weights the workers round to 8 bits what they multiply: when it does that
# too, the reference differs from itself at margins up to 0.04. Beside 32-bit floats llama.cpp still sums up attention in 16-bit
# floats, which changes margins by up to 0.009.
QUANTISED, FLOATS = 0.1, 0.01
# What a GGUF file and transformers call the same tensor of a layer.
LAYER = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}
OTHER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def dequantised(tensor):
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype("float32")


class Reference:
    """The model of a Qwen3 file in transformers, with the weights that the file's numbers stand for."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        get = lambda key: reader.fields[key].contents()
        names = {tensor.name: tensor for tensor in reader.tensors}
        config = Qwen3Config(
            vocab_size=len(get("tokenizer.ggml.tokens")), hidden_size=get("qwen3.embedding_length"),
            intermediate_size=get("qwen3.feed_forward_length"), num_hidden_layers=get("qwen3.block_count"),
            num_attention_heads=get("qwen3.attention.head_count"), num_key_value_heads=get("qwen3.attention.head_count_kv"),
            head_dim=get("qwen3.attention.key_length"), rms_norm_eps=get("qwen3.attention.layer_norm_rms_epsilon"),
            max_position_embeddings=get("qwen3.context_length"), tie_word_embeddings="output.weight" not in names,
            rope_parameters={"rope_type": "default", "rope_theta": get("qwen3.rope.freq_base")}, attn_implementation="eager",
        )
        state = {}
        for name, tensor in names.items():
            stem, layer = name.removesuffix(".weight"), re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
            ours = f"model.layers.{layer[1]}.{LAYER[layer[2]]}" if layer else OTHER[stem]
            state[ours + ".weight"] = torch.from_numpy(dequantised(tensor))
        if config.tie_word_embeddings:
            state["lm_head.weight"] = state["model.embed_tokens.weight"]
        self.model = Qwen3ForCausalLM(config).float().eval()
        self.model.load_state_dict(state)
        self.tokenizer = AutoTokenizer.from_pretrained(os.path.dirname(path), gguf_file=os.path.basename(path))
        self.tokenizer.chat_template = get("tokenizer.chat_template")
        self.end = get("tokenizer.ggml.eos_token_id")
        types = get("tokenizer.ggml.token_type")
        letters = {letter: byte for byte, letter in byte_letters().items()}
        # The bytes of each token; marks have none.
        self.bytes = [
            bytes(letters[letter] for letter in token) if kind == gguf.TokenType.NORMAL else b""
            for token, kind in zip(get("tokenizer.ggml.tokens"), types)
        ]

    @torch.no_grad()
    def greedy(self, messages, limit):
        """(token, its margin over the second, the second) for each token of the answer, the one that ends it last, and whether it ended."""
        turns = [{"role": message["role"], "content": message["text"]} for message in messages]
        text = self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        ids = torch.tensor([self.tokenizer(text, add_special_tokens=False)["input_ids"]])
        self.prompt_tokens = ids.shape[1]
        chosen, cache = [], None
        while len(chosen) < limit:
            out = self.model(ids, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            (best, second), (first, other) = (values.tolist() for values in out.logits[0, -1].topk(2))
            chosen.append((first, best - second, other))
            if first == self.end:
                return chosen, True
            ids = torch.tensor([[first]])
        return chosen, False


def byte_letters():
    """The printable letters that stand for the 256 bytes in byte-level BPE."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in keep]
    return {**{byte: chr(byte) for byte in keep}, **{byte: chr(256 + at) for at, byte in enumerate(others)}}


def copy(source, target, widened):
    """Writes the file with another name for the token that ends an answer; `widened`: with its weights as 32-bit floats."""
    reader = gguf.GGUFReader(source)
    get = lambda key: reader.fields[key].contents()
    writer = gguf.GGUFWriter(target, get("general.architecture"))
    end = get("tokenizer.ggml.tokens")[get("tokenizer.ggml.eos_token_id")]
    rename = lambda text: text.replace(end, "<|no_mark|>")
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        value = field.contents()
        if key == "tokenizer.ggml.tokens":
            value = [rename(token) for token in value]
        if key == "tokenizer.chat_template":
            value = rename(value)
        if key == "tokenizer.ggml.eos_token_id":
            value = get("tokenizer.ggml.padding_token_id")
        if widened and key == "general.file_type":
            value = int(gguf.LlamaFileType.ALL_F32)
        kinds = field.types
        writer.add_key_value(key, value, kinds[0], kinds[-1] if len(kinds) > 1 else None)
    for tensor in reader.tensors:
        if widened:
            writer.add_tensor(tensor.name, dequantised(tensor))
        else:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def prompts(count):
    """Conversations, from the generator of the training texts."""
    sys.path.insert(0, TRAINING)
    from generate import Generator, Stage

    generator, made = Generator(SEED, held=True), []
    for number in range(count):
        prompt = generator.prompt(Stage(endings=1), number // 2 % 5, number % 2 == 1)
        text = prompt.text + prompt.endings[0].question + "<|im_end|>"
        turns = re.findall(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>", text, re.DOTALL)
        made.append([{"role": role, "text": text} for role, text in turns])
    return made


def compare(reference, wanted, ended, prompt_tokens, pieces, done):
    """The index of the first token that differs, what is wrong, and whether another token was chosen there; None where nothing is."""
    tokens = [token for token, _, _ in wanted]
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    whole, ends = "", [0]
    for token in tokens:
        whole += decoder.decode(reference.bytes[token])
        ends.append(len(whole))
    said = "".join(pieces)
    if done["prompt_tokens"] != prompt_tokens:
        return 0, f"the prompt has {done['prompt_tokens']} tokens instead of {prompt_tokens}", False
    if said != whole:
        same = len(os.path.commonprefix([said, whole]))
        at = max(index for index, end in enumerate(ends) if end <= same)
        return min(at, len(tokens) - 1), f"{said[ends[at]:][:20]!r} instead of {whole[ends[at]:][:20]!r}", True
    # One of the workers counts the token that ends the answer.
    if done["completion_tokens"] not in (len(tokens), len(tokens) - ended) or (done["finish"] == "stop") != ended:
        return len(tokens) - 1, f"{done['completion_tokens']} tokens, {done['finish']}, instead of {len(tokens)}", False
    reached = 0
    for piece in pieces:
        reached += len(piece)
        if reached not in ends:
            return max(index for index, end in enumerate(ends) if end < reached), f"a token ends behind {whole[:reached][-20:]!r}", False
    return None


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    arguments.add_argument("workers", nargs="+")
    arguments.add_argument("--prompts", type=int, default=50)
    arguments.add_argument("--tokens", type=int, default=64, help="tokens of an answer")
    arguments.add_argument("--threads", type=int, default=1)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    asked, counts = prompts(given.prompts), []
    with tempfile.TemporaryDirectory() as folder:
        files = {"as given": (os.path.abspath(given.model), QUANTISED)}
        for name, widened in (("without end", False), ("without end, 32-bit floats", True)):
            files[name] = os.path.join(folder, f"{len(files)}.gguf"), FLOATS if widened else QUANTISED
            copy(given.model, files[name][0], widened)
        for name, (path, rounding) in files.items():
            reference = Reference(path)
            wanted = [(*reference.greedy(messages, given.tokens), reference.prompt_tokens) for messages in asked]
            margin = min(token[1] for answer, _, _ in wanted for token in answer)
            tokens = sum(len(answer) for answer, _, _ in wanted)
            print(f"{name}: {tokens} tokens, the smallest margin is {margin:.2g}", flush=True)
            for program in given.workers:
                equal, ties, worker_name = 0, 0, os.path.basename(program)
                with Worker(program, path, 2048, given.threads) as worker:
                    for number, (messages, (answer, ended, size)) in enumerate(zip(asked, wanted)):
                        wrong = compare(reference, answer, ended, size, *worker.greedy(messages, given.tokens))
                        equal += wrong is None
                        if wrong:
                            at, reason, is_other = wrong
                            token, margin, second = answer[at]
                            ties += is_other and margin < rounding
                            two = [reference.bytes[token].decode(errors="replace") for token in (token, second)]
                            place = f"{name}, {worker_name}, prompt {number}, token {at}"
                            print(f"{place}: {reason}; {two[0]!r} before {two[1]!r} by {margin:.2g}", flush=True)
                same = {"equal": equal, "ties": ties, "prompts": len(asked)}
                counts.append({"file": name, "worker": worker_name, "tokens": tokens, **same})
                print(json.dumps(counts[-1]), flush=True)
    print(json.dumps(counts))
    sys.exit(any(count["equal"] + count["ties"] < count["prompts"] for count in counts))


if __name__ == "__main__":
    main()
