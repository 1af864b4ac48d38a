"""Trains the model from random weights on generated text.

    python models/train/train.py [--resume]

Everything is seeded.  The README says how the run of the shipped model
differed from the defaults.  The work folder holds the tokenizer and the
checkpoints.
"""

import argparse
import os
import tempfile
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

import tokenizer as T
from batches import collate, encode, pool, repeats
from generate import Generator, Stage
from model import Config, Model

WORK = os.path.join(tempfile.gettempdir(), "moltworker-small")

# (first step, stage): copying heads form on `repeats` before the first entry.
CURRICULUM = [
    (150, Stage(passages=(1, 1), sentences=(1, 3), endings=6, history=0.05)),
    (450, Stage(passages=(1, 2), sentences=(1, 4), endings=7, history=0.1)),
    (700, Stage(passages=(1, 4), sentences=(1, 5), endings=8)),
    (1100, Stage(passages=(1, 4), sentences=(1, 8), endings=8)),
    # Noticing that a name is missing is learnt last, and needs more of the questions than a user would ask.
    (2600, Stage(passages=(1, 4), sentences=(1, 8), endings=8, unanswered=0.35)),
]
TEST = Stage(passages=(1, 4), sentences=(1, 6), endings=6, history=0.1, bare=0.05)


class Muon:
    """Momentum whose update is made orthogonal (Newton-Schulz), for the
    matrices of the layers; matrices of one shape are handled together."""

    def __init__(self, params, lr, momentum=0.95):
        self.lr, self.momentum = lr, momentum
        shapes = {}
        for p in params:
            shapes.setdefault(tuple(p.shape), []).append(p)
        self.groups = [(ps, torch.zeros(len(ps), *shape)) for shape, ps in shapes.items()]

    @torch.no_grad()
    def step(self, scale, decay=0.02):
        for params, buf in self.groups:
            grad = torch.stack([p.grad for p in params])
            buf.lerp_(grad, 1 - self.momentum)
            x = grad.lerp(buf, self.momentum).bfloat16()
            tall = x.shape[1] > x.shape[2]
            x = x.transpose(1, 2) if tall else x
            x = x / (x.flatten(1).float().norm(dim=1)[:, None, None].bfloat16() + 1e-7)
            for _ in range(5):
                a = x @ x.transpose(1, 2)
                x = 3.4445 * x + (-4.775 * a + 2.0315 * (a @ a)) @ x
            x = (x.transpose(1, 2) if tall else x).float()
            lr = self.lr * scale
            size = lr * max(1, buf.shape[1] / buf.shape[2]) ** 0.5
            for p, u in zip(params, x):
                p.mul_(1 - lr * decay).add_(u, alpha=-size)

    def state_dict(self):
        return [b for _, b in self.groups]

    def load_state_dict(self, state):
        for (_, b), s in zip(self.groups, state):
            b.copy_(s)


def loss_of(model, batch, lm_weight, seed):
    """Cross-entropy on the answers, and a little on the text before them."""
    ids, pos, mask, kind, seg = batch
    want, k = ids[:, 1:], kind[:, 1:]
    same = seg[:, 1:] == seg[:, :-1]  # the first token of an ending follows the beginning, not its row neighbour
    g = torch.Generator().manual_seed(seed)
    draw = torch.rand(k.shape, generator=g)
    extra = ((k == 1) & (draw < 0.12) & (pos[:, 1:] > 45)) | ((k == 2) & same & (draw < 0.3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        h = model(ids, pos, mask)[:, :-1]
        answer = (k == 3) & same
        sel = answer | extra if lm_weight else answer
        logits = model.logits(h[sel]).float()
    loss = F.cross_entropy(logits, want[sel], reduction="none")
    is_answer = answer[sel]
    a = loss[is_answer].mean()
    if not lm_weight:
        return a, a.item(), 0.0
    b = loss[~is_answer].mean()
    return a + lm_weight * b, a.item(), b.item()


@torch.no_grad()
def exact(model, tok, prompts):
    """Share of endings whose every token (the end mark included) is the most
    likely one, by skill; that is exact match under greedy decoding."""
    score = {}
    for i in range(0, len(prompts), 8):
        part = prompts[i : i + 8]
        ids, pos, mask, kind, seg = collate([encode(tok, p) for p in part])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            h = model(ids, pos, mask)[:, :-1]
            sel = (kind[:, 1:] == 3)
            ok = torch.ones_like(sel)
            ok[sel] = model.logits(h[sel]).argmax(-1) == ids[:, 1:][sel]
        for row, p in enumerate(part):
            for j, e in enumerate(p.endings, 1):
                good = bool(ok[row][seg[row, 1:] == j].all())
                name = f"{e.skill} {p.passages}" if e.skill == "grounded" else e.skill
                s = score.setdefault(f"{'zh' if e.zh else 'en'} {name}", [0, 0])
                s[0] += good
                s[1] += 1
    return score


def learning_rate(step, steps, decay_from):
    """Warm-up, constant, then linear to zero."""
    if step < 50:
        return (step + 1) / 50
    return min(1.0, max(0.0, (steps - step) / max(1, steps - decay_from)) + 0.01)


def average_gradients(params, workers):
    """The mean of the gradients of all workers."""
    flat = torch.cat([p.grad.view(-1) for p in params])
    dist.all_reduce(flat)
    at = 0
    for p in params:
        p.grad.copy_(flat[at : at + p.numel()].view_as(p)).div_(workers)
        at += p.numel()


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--work", default=WORK, help="folder of the tokenizer and the checkpoints")
    a.add_argument("--resume", action="store_true")
    a.add_argument("--steps", type=int, default=5400)
    a.add_argument("--decay-from", type=int, default=3800, help="step at which the learning rate begins to fall")
    a.add_argument("--tokens", type=int, default=4096, help="tokens of a batch of one worker")
    a.add_argument("--lr", type=float, default=0.02, help="learning rate of Muon")
    a.add_argument("--adam-lr", type=float, default=0.004, help="of the embeddings and norms")
    a.add_argument("--lm", type=float, default=0.15, help="weight of the text before the answers")
    a.add_argument("--workers", type=int, default=2, help="processes of one thread; a step uses a batch of each")
    a.add_argument("--seed", type=int, default=1)
    args = a.parse_args()
    os.makedirs(args.work, exist_ok=True)
    if not os.path.exists(f"{args.work}/tokenizer.json"):
        T.save(f"{args.work}/tokenizer.json", *T.build())
    with tempfile.TemporaryDirectory() as meeting:
        mp.spawn(work, (args, f"file://{meeting}/point"), nprocs=args.workers)


def work(rank, args, meeting):
    """The training loop of one worker; worker 0 reports and saves."""
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=args.workers)
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    tok_file, last = f"{args.work}/tokenizer.json", f"{args.work}/last.pt"
    tokens, _, tok = T.open_file(tok_file)
    model = Model(Config(vocab=len(tokens)))
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embd" not in n]
    others = [p for n, p in model.named_parameters() if p.dim() != 2 or "embd" in n]
    muon = Muon(matrices, args.lr)
    adam = torch.optim.AdamW(others, lr=args.adam_lr, betas=(0.9, 0.98), weight_decay=0.0)
    step, seen, spent = 0, 0, 0.0
    if args.resume and os.path.exists(last):
        s = torch.load(last, weights_only=False)
        model.load_state_dict(s["model"])
        muon.load_state_dict(s["muon"])
        adam.load_state_dict(s["adam"])
        step, seen, spent = s["step"], s["seen"], s["spent"]
    for block in model.blk:  # fuses the small operations between the matrices
        block.forward = torch.compile(block.forward, dynamic=True)
    g = Generator(999, held=True)
    test = [g.prompt(TEST) for _ in range(64)]
    if rank == 0:
        print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {len(tokens)} tokens, step {step}", flush=True)
    begun, queue, per_pool = time.time(), [], 8
    while step < args.steps:
        if step < CURRICULUM[0][0]:
            batch, lm = repeats(step * args.workers + rank, args.tokens, len(tokens)), 0.0
        else:
            stage = [s for at, s in CURRICULUM if at <= step][-1]
            index = step * args.workers + rank  # of the batch among all batches
            number = index // per_pool
            if not queue or queue[0] != (number, stage):
                queue = [(number, stage), pool(tok, args.seed * 10**6 + number, stage, args.tokens, per_pool)]
            rows = queue[1]
            batch, lm = collate(rows[index % per_pool % len(rows)]), args.lm
        scale = learning_rate(step, args.steps, args.decay_from)
        loss, ans, lmv = loss_of(model, batch, lm, step)
        loss.backward()
        average_gradients(matrices + others, args.workers)
        torch.nn.utils.clip_grad_norm_(others, 1.0)
        muon.step(scale)
        for group in adam.param_groups:
            group["lr"] = args.adam_lr * scale
        adam.step()
        model.zero_grad(set_to_none=True)
        step += 1
        seen += int((batch[3] > 0).sum()) * args.workers  # close enough: the batches are alike
        if rank == 0 and step % 20 == 0:
            total = spent + time.time() - begun
            print(f"step {step} {seen / 1e6:.2f} M tokens {total:.0f} s answers {ans:.4f} text {lmv:.3f}", flush=True)
        if rank == 0 and (step % 100 == 0 or step == args.steps):
            total = spent + time.time() - begun
            state = dict(model=model.state_dict(), muon=muon.state_dict(), adam=adam.state_dict(), step=step,
                         seen=seen, spent=total, config=model.c.to_dict(), args=vars(args))
            torch.save(state, last + ".new")
            os.replace(last + ".new", last)
        if rank == 0 and (step % 200 == 0 or step == args.steps):
            score = exact(model, tok, test)
            print("held-out exact match: " + ", ".join(f"{k} {v[0]}/{v[1]}" for k, v in sorted(score.items())), flush=True)


if __name__ == "__main__":
    main()
