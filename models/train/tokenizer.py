"""Builds the tokenizer: byte-level BPE with the pre-tokenisation that GGUF
readers apply for `tokenizer.ggml.model = gpt2`, `pre = qwen2`.

The merges are arranged so that a name or a value has the same tokens wherever
it stands, because the model lives on copying:

1. every common Chinese character and punctuation mark is one token, and no
   merge joins two of them;
2. merges of Latin letters come from BPE on generated English words alone,
   without the space before the word;
3. a space joins only with the frequent lower-case words of the templates,
   after all other merges.
"""

import json
import re
import sys
from collections import Counter

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import lexicon as L
from generate import Generator, Stage

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
PAD, START, END = range(3)
PUNCTUATION = "，。：？！、（）“”‘’《》；·…—【】–€£¥％"
# The regular expression of mistral.rs (and of Qwen2).
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LETTER_TOKENS = 900  # how many merges of Latin letters to learn
SPACE_WORDS = 250  # how many words get a token with the space before them


def byte_letters():
    """The printable letters that stand for the 256 bytes (as in GPT-2)."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    out, extra = {b: chr(b) for b in keep}, 0
    for b in range(256):
        if b not in out:
            out[b] = chr(256 + extra)
            extra += 1
    return out


def english_words(prompts):
    """How often each Latin word occurs in generated text."""
    g, words, spaced = Generator(7), Counter(), Counter()
    for _ in range(prompts):
        p = g.prompt(Stage(bare=0.3))
        text = p.text + "\n".join(e.question + "\n" + e.answer for e in p.endings)
        words.update(re.findall(r"[A-Za-z]+", text))
        spaced.update(re.findall(r" ([a-z]{2,})", text))
    return words, spaced


def build(prompts=4000):
    """The list of tokens and the list of merges, in order of rank."""
    to = byte_letters()
    merges, tokens = [], [to[b] for b in range(256)]
    known = set(tokens)

    def merge(a, b):
        if a + b not in known:
            known.add(a + b)
            tokens.append(a + b)
        if (a, b) not in seen:
            seen.add((a, b))
            merges.append((a, b))

    seen = set()
    for c in L.HAN + PUNCTUATION:
        bytes_ = [to[b] for b in c.encode()]
        for i in range(1, len(bytes_)):
            merge("".join(bytes_[:i]), bytes_[i])
    words, spaced = english_words(prompts)
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=LETTER_TOKENS + 52, min_frequency=5, show_progress=False)
    learner.train_from_iterator((" ".join([w] * n) for w, n in sorted(words.items())), trainer)
    for a, b in json.loads(learner.to_str())["model"]["merges"]:
        merge(a, b)
    newline, space = to[10], to[32]
    merge(newline, newline)
    # Words that are also values keep one spelling, without the space.
    values = set(L.ADJECTIVES + L.THINGS)
    frequent = [w for w, _ in spaced.most_common(600) if w in known and w not in values]
    for w in frequent[:SPACE_WORDS]:
        merge(space, w)
    return SPECIAL + tokens, merges


def load(tokens, merges):
    """The tokenizer, put together exactly as mistral.rs does from a GGUF."""
    vocab = {t: i for i, t in enumerate(tokens)}
    tok = Tokenizer(models.BPE(vocab=vocab, merges=[tuple(m) for m in merges]))
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
    ])
    tok.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tok.add_special_tokens([AddedToken(t, special=True) for t in SPECIAL])
    return tok


def save(path, tokens, merges):
    """Writes tokens and merges as JSON."""
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"tokens": tokens, "merges": merges}, f, ensure_ascii=False)


def open_file(path):
    """(tokens, merges, tokenizer) from the JSON file."""
    with open(path, encoding="utf-8") as f:
        d = json.load(f)
    return d["tokens"], d["merges"], load(d["tokens"], d["merges"])


if __name__ == "__main__":
    tokens, merges = build()
    if len(sys.argv) > 1:
        save(sys.argv[1], tokens, merges)
    tok = load(tokens, merges)
    g, n, chars = Generator(11), 0, 0
    for _ in range(300):
        p = g.prompt(Stage())
        for e in p.endings:
            whole, parts = tok.encode(p.text + e.question).ids, tok.encode(p.text).ids + tok.encode(e.question).ids
            assert whole == parts, (p.text, e.question)
            assert tok.decode(tok.encode(e.answer).ids) == e.answer
        n, chars = n + len(tok.encode(p.text).ids), chars + len(p.text)
    print(len(tokens), "tokens,", len(merges), "merges,", chars / n, "characters per token; mean prompt", n / 300)
    print(tok.encode("The budget of Lyra is 412,000 EUR. 预算是41.2万元").tokens)
