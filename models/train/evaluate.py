"""Measures the exported GGUF: exact match on generated questions whose names
and values were never seen in training.

    python models/train/evaluate.py [file.gguf] [--prompts N]

The weights are read back from the file (dequantised), and so is the
tokenizer.  An answer counts when greedy decoding gives it exactly, end mark
included.  That is the case if and only if, with the right answer as context,
each of its tokens is the most likely one, so one pass decides it;
`--show` also decodes the wrong ones to show what the model says.
"""

import argparse
import os
from collections import defaultdict

import gguf
import numpy as np
import torch

import tokenizer as T
from batches import collate, encode
from generate import Generator, Stage
from model import Config, Model

STAGE = Stage(passages=(1, 4), sentences=(1, 8), endings=3)


def open_gguf(path):
    """(model, tokenizer) from the file alone."""
    r = gguf.GGUFReader(path)
    get = lambda k: r.fields[k].contents()
    c = Config(
        vocab=len(get("tokenizer.ggml.tokens")), width=get("qwen3.embedding_length"), layers=get("qwen3.block_count"),
        heads=get("qwen3.attention.head_count"), kv_heads=get("qwen3.attention.head_count_kv"),
        head_dim=get("qwen3.attention.key_length"), ff=get("qwen3.feed_forward_length"),
        rope_base=get("qwen3.rope.freq_base"), eps=get("qwen3.attention.layer_norm_rms_epsilon"),
        context=get("qwen3.context_length"),
    )
    model = Model(c)
    state = {
        t.name: torch.from_numpy(np.array(gguf.quants.dequantize(t.data, t.tensor_type), dtype=np.float32))
        for t in r.tensors
    }
    model.load_state_dict(state)
    merges = [m.split(" ", 1) for m in get("tokenizer.ggml.merges")]
    return model.eval(), T.load(get("tokenizer.ggml.tokens"), merges)


@torch.no_grad()
def answer(model, tok, text, limit=160):
    """Greedy decoding of one answer; `text` ends after `assistant\\n`."""
    ids = tok.encode(text).ids
    start = len(ids)
    while len(ids) - start < limit:
        ids.append(int(model.logits(model(torch.tensor([ids]))[0, -1]).argmax()))
        if ids[-1] == T.END:
            break
    return tok.decode([i for i in ids[start:] if i != T.END])


@torch.no_grad()
def check(model, tok, prompts):
    """True or False for each ending of each prompt, in float32.  The endings
    share their beginning and do not see each other (see batches.py)."""
    ids, pos, mask, kind, seg = collate([encode(tok, p) for p in prompts])
    want, sel = ids[:, 1:], kind[:, 1:] == 3
    h = model(ids, pos, mask.float())[:, :-1]
    ok = torch.ones_like(sel)
    ok[sel] = model.logits(h[sel]).argmax(-1) == want[sel]
    return [
        [bool(ok[i][seg[i, 1:] == j].all()) for j in range(1, len(p.endings) + 1)] for i, p in enumerate(prompts)
    ]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    a.add_argument("file", nargs="?", default=os.path.join(here, "..", "moltworker-small.gguf"))
    a.add_argument("--prompts", type=int, default=80, help="prompts per language and number of passages (0 to 4)")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--show", type=int, default=0, help="how many wrong answers to print")
    args = a.parse_args()
    torch.set_num_threads(args.threads)
    model, tok = open_gguf(args.file)
    score, shown = defaultdict(lambda: [0, 0]), 0
    for zh in (False, True):
        for passages in range(5):
            g = Generator(4242 + passages + 10 * zh, held=True)
            prompts = [g.prompt(STAGE, passages, zh) for _ in range(args.prompts if passages else args.prompts // 2)]
            prompts.sort(key=lambda p: len(p.text))
            for i in range(0, len(prompts), 8):
                part = prompts[i : i + 8]
                results = zip(part, check(model, tok, part))
                for p, e, good in ((p, e, g) for p, goods in results for e, g in zip(p.endings, goods)):
                    lang = "zh" if e.zh else "en"
                    for name in (f"{e.skill} {p.passages}", f"{e.skill} all"):
                        score[lang, name][0] += good
                        score[lang, name][1] += 1
                    if not good and shown < args.show:
                        shown += 1
                        said = answer(model, tok, p.text + e.question + "<|im_end|>\n<|im_start|>assistant\n")
                        print(f"--- {p.text[p.text.rfind('user'):]}{e.question}\nwanted: {e.answer}\nsaid:   {said}", flush=True)
    names = sorted({n for _, n in score})
    print(f"{'skill, passages':24} {'English':>20} {'Chinese':>20}")
    for n in names:
        cells = [score.get((lang, n), [0, 0]) for lang in ("en", "zh")]
        text = [f"{g}/{t} = {100 * g / t:.1f} %" if t else "-" for g, t in cells]
        print(f"{n:24} {text[0]:>20} {text[1]:>20}")


if __name__ == "__main__":
    main()
