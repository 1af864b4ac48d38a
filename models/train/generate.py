"""Generates the prompts and answers the model is trained and measured on.

A `Prompt` is a common beginning (system text, perhaps earlier turns, the
numbered passages) and several independent endings (a question and its
answer).  Training shares the beginning between the endings; to the model
each ending looks like a prompt of its own.
"""

import random
from dataclasses import dataclass, field

import lexicon as L
from phrases import (
    EN_FACTS, EN_GREETINGS, EN_KEYED, EN_OPEN, EN_PAIRS, EN_QUESTIONS, EN_SHORT, EN_SUMMARY, EN_TASK_TEXT, EN_TASKS, EN_WH,
    ZH_FACTS, ZH_GREETINGS, ZH_KEYED, ZH_OPEN, ZH_PAIRS, ZH_QUESTIONS, ZH_SHORT, ZH_SUMMARY, ZH_TASK_TEXT, ZH_TASKS, ZH_WH,
)
from values import Values, pick_split

SYSTEM = (
    "You are Moltworker, a private assistant on the user's computer. Answer from the numbered passages "
    "and cite them like [1]. If they do not contain the answer, say so."
)
NOT_SAID = ("The passages do not say.", "文档中没有提到。")
NO_PASSAGES = ("I have no passages to answer from.", "没有可以参考的文档内容。")
HELLO = (
    'Hello! Ask me about your documents, or say "remind me ...".',
    "你好！可以问我关于文档的问题，也可以说“提醒我……”。",
)
TASK_CALL = '<tool_call>{"name":"task_add","arguments":{"text":"%s"}}</tool_call>'


@dataclass
class Fact:
    """One statement: the `key` names attribute or relation in both languages."""

    entity: str
    key: tuple
    value: str
    passage: int
    zh: bool


@dataclass
class Ending:
    """One user message (after the passages) and the wanted answer."""

    question: str
    answer: str
    skill: str
    zh: bool


@dataclass
class Prompt:
    """`text` ends where the question begins."""

    text: str
    passages: int
    endings: list = field(default_factory=list)


@dataclass
class Stage:
    """How hard the prompts are."""

    passages: tuple = (1, 4)
    sentences: tuple = (1, 8)
    endings: int = 6
    history: float = 0.15
    bare: float = 0.06  # prompts without passages
    unanswered: float = 0.16  # questions the passages do not answer


def upper(text):
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


class Generator:
    """Draws prompts.  `held` chooses the evaluation side of the split."""

    def __init__(self, seed, held=False):
        self.r = random.Random(seed)
        self.v = Values(self.r, held)
        self.held = held

    # -- statements and questions -----------------------------------------
    def key(self):
        """(English, Chinese, kind, relation or None) of something to state."""
        if self.r.random() < 0.2:
            i = self.r.randrange(len(L.RELATIONS))
            return f"rel{i}", f"rel{i}", L.RELATIONS[i][4], i
        return (*self.v.attribute(), None)

    def filler(self, zh):
        """A sentence nobody asks about."""
        r = self.r
        t = r.choice(L.ZH_FILLERS if zh else L.FILLERS)
        return upper(t.format(
            n=self.v.person(zh), p=r.choice(L.ZH_VERBS if zh else L.VERBS), j=r.choice(L.ZH_ADJ if zh else L.ADJECTIVES),
            t=r.choice(L.ZH_THINGS if zh else L.THINGS), t2=r.choice(L.ZH_THINGS if zh else L.THINGS),
            k=r.randint(2, 60), d=self.v.date(zh), c=r.choice(L.ZH_CITIES if zh else L.CITIES),
        ))

    def statement(self, fact, pronoun):
        """The fact as a sentence."""
        r, (a, za, _, rel) = self.r, fact.key
        if rel is not None:
            t = r.choice(L.RELATIONS[rel][2 if fact.zh else 0])
            return upper(t.format(e=fact.entity, v=fact.value))
        if pronoun:
            t = r.choice(("其{a}为{v}。", "它的{a}是{v}。") if fact.zh else ("Its {a} is {v}.", "The {a} is {v}."))
        else:
            t = r.choice(ZH_FACTS if fact.zh else EN_FACTS)
        if not fact.zh and r.random() < 0.05:  # a line break where a file wraps
            words = t.split(" ")
            i = r.randrange(1, len(words))
            t = " ".join(words[:i]) + "\n" + " ".join(words[i:])
        zh = fact.zh
        return upper(t.format(
            a=za if zh else a, e=fact.entity, v=fact.value, n=self.v.person(zh), d=self.v.date(zh),
            w=self.v.value(fact.key[2], zh) if "{w}" in t else "", c=r.choice(L.ZH_CITIES if zh else L.CITIES),
            o=r.choice(L.ZH_THINGS if zh else L.THINGS)))

    def pair(self, one, two):
        """Two facts of one entity in a sentence."""
        t = self.r.choice(ZH_PAIRS if one.zh else EN_PAIRS)
        i = 1 if one.zh else 0
        return upper(t.format(a=one.key[i], e=one.entity, v=one.value, a2=two.key[i], v2=two.value))

    def question(self, entity, key, zh):
        """A question for the value of `key` of `entity` (None: not named)."""
        r, (a, za, kind, rel) = self.r, key
        if entity is None:
            q = r.choice(ZH_SHORT if zh else EN_SHORT)
        elif rel is not None:
            q = r.choice(L.RELATIONS[rel][3 if zh else 1])
        else:
            wh = (ZH_WH if zh else EN_WH).get(kind)
            q = r.choice(wh) if wh and r.random() < 0.5 else r.choice(ZH_QUESTIONS if zh else EN_QUESTIONS)
        q = q.format(a=za if zh else a, e=entity)
        if zh:
            return q.rstrip("？。") if r.random() < 0.15 else q
        if r.random() < 0.12:
            q = q.rstrip("?.")
        return q if r.random() < 0.2 else upper(q)

    # -- passages ------------------------------------------------------------
    def source(self, zh):
        """The line that names the source."""
        r = self.r
        if zh:
            f = r.choice(L.ZH_FILES) + r.choice(("", "", f"-{r.randint(2015, 2030)}", f"{r.randint(1, 12)}月"))
        else:
            f = r.choice(L.FILES) + r.choice(("", "", f"-{r.randint(2015, 2030)}", f"_{self.v.word().lower()}"))
        f += "." + r.choice(("md", "txt", "pdf", "docx", "html"))
        k = r.random()
        if k < 0.25:
            f += " · " + r.choice(L.ZH_HEADINGS if zh else L.HEADINGS)
        elif k < 0.45:
            f += f" · p. {r.randint(1, 99)}"
        return f

    def new_fact(self, entity, keys, facts, passage, zh):
        """A fact that no passage states yet; keys recur between entities."""
        for _ in range(50):
            key = self.r.choice(keys) if keys and self.r.random() < 0.5 else self.key()
            if all((f.entity, f.key[0]) != (entity, key[0]) for f in facts):
                keys.append(key)
                fact = Fact(entity, key, self.v.value(key[2], zh), passage, zh)
                facts.append(fact)
                return fact
        raise ValueError("no key left")

    def chunk(self, number, zh, size, entities, keys, facts):
        """The text of one passage and its leading sentence."""
        r, sep = self.r, "" if zh else " "
        entity = r.choice(entities)
        if r.random() < 0.22:  # a heading with a list of attributes
            rows = []
            form = r.choice(ZH_KEYED if zh else EN_KEYED)
            for _ in range(size):
                fact = self.new_fact(entity, [k for k in keys if k[3] is None], facts, number, zh)
                while fact.key[3] is not None:
                    facts.pop()
                    fact = self.new_fact(entity, [], facts, number, zh)
                keys.append(fact.key)
                rows.append(form.format(a=fact.key[1] if zh else upper(fact.key[0]), v=fact.value))
            head = r.choice(("# {}", "## {}", "{}", "{}:", "**{}**") if not zh else ("# {}", "## {}", "{}", "{}：", "【{}】"))
            mark = r.choice(("- ", "- ", "* ", ""))
            return head.format(upper(entity)) + "\n" + "\n".join(mark + x for x in rows), rows[0]
        units, last = [], None
        while len(units) < size:
            if r.random() < (0.4 if units else 0.25):
                units.append(self.filler(zh))
                last = None
                continue
            if r.random() < 0.5:
                entity = r.choice(entities)
            fact = self.new_fact(entity, keys, facts, number, zh)
            if fact.key[3] is None and r.random() < 0.12:
                two = self.new_fact(entity, [k for k in keys if k[3] is None], facts, number, zh)
                if two.key[3] is None:
                    keys.append(two.key)
                    units.append(self.pair(fact, two))
                    last = entity
                    continue
                facts.pop()
            pronoun = last == entity and fact.key[3] is None and r.random() < 0.6
            units.append(self.statement(fact, pronoun))
            last = entity
        lead, k = units[0], r.random()
        if k < 0.15:
            text = "\n".join("- " + u for u in units)
        elif k < 0.25:
            text = "\n".join(units)
        else:
            text = units[0]
            for u in units[1:]:
                closed = text[-1] in ".。"  # a table row gets a line of its own
                text += (sep if closed and r.random() < 0.85 else "\n") + u
        if r.random() < 0.15:
            text = "# " + r.choice(L.ZH_HEADINGS if zh else L.HEADINGS) + "\n" + text
        return text, lead

    def similar(self, name):
        """A name easily confused with the given one."""
        r = self.r
        if any(ord(c) > 0x2E80 for c in name):
            return pick_split(lambda: name[:1] + self.v.han(1, 2) + name[2:], self.held)
        return pick_split(lambda: f"{name} {r.randint(2, 99)}" if r.random() < 0.5 else name + r.choice("aeiou") + r.choice("nrstl"), self.held)

    # -- endings -------------------------------------------------------------
    def not_said(self, entities, facts, keys, zh):
        """A question the passages do not answer."""
        r = self.r
        for _ in range(50):
            k = r.random()
            entity = self.v.entity(zh) if k < 0.35 else r.choice(entities)
            key = r.choice(keys) if keys and k < 0.75 else self.key()
            if all((f.entity, f.key[0]) != (entity, key[0]) for f in facts):
                break
        else:
            entity, key = self.v.entity(zh), self.key()
        if key[3] is None and r.random() < 0.1 and all(f.key[0] != key[0] for f in facts):
            entity = None
        return Ending(self.question(entity, key, zh), NOT_SAID[zh], "not said", zh)

    def task(self, zh):
        """A reminder; the call carries the words after "remind me"."""
        r = self.r
        word = lambda: r.choice(L.ZH_THINGS if zh else L.THINGS)
        text = pick_split(lambda: r.choice(ZH_TASK_TEXT if zh else EN_TASK_TEXT).format(
            n=self.v.person(zh), t=self.v.time(zh), d=self.v.date(zh), o=word(), o2=word(), e=self.v.entity(zh),
            k=r.randint(2, 90)), self.held)
        ask, end = r.choice(ZH_TASKS if zh else EN_TASKS), r.choice(("", "", "。", "！") if zh else ("", "", ".", "!"))
        if zh and r.random() < 0.25:  # the time may stand before the verb
            when = pick_split(lambda: self.v.time(True) if r.random() < 0.5 else self.v.date(True), self.held)
            return Ending(when + "提醒我" + text + end, TASK_CALL % (when + text), "task", zh)
        if "?" in ask:
            ask, end = ask.rstrip("?"), "?"
        return Ending(ask + text + end, TASK_CALL % text, "task", zh)

    def greeting(self, zh):
        """A greeting or a question about the assistant."""
        first, tail, end = ZH_GREETINGS if zh else EN_GREETINGS
        r = self.r
        text = pick_split(lambda: r.choice(first) + r.choice(tail) + r.choice(end), self.held)
        return Ending(text, HELLO[zh], "greeting", zh)

    def without_passages(self, zh):
        """A question about facts when nothing was given."""
        k = self.r.random()
        if k < 0.2:
            q = self.r.choice(ZH_SUMMARY if zh else EN_SUMMARY)
        elif k < 0.4:
            q = self.r.choice(ZH_OPEN if zh else EN_OPEN).format(e=self.v.entity(zh), n=self.v.person(zh), c=self.v.place(zh))
        else:
            q = self.question(self.v.entity(zh), self.key(), zh)
        return Ending(q, NO_PASSAGES[zh], "no passages", zh)

    def earlier_turn(self, zh):
        """A question and an answer of a turn before, without its passages."""
        r, k = self.r, self.r.random()
        if k < 0.65:
            key = self.key()
            q, a = self.question(self.v.entity(zh), key, zh), f"{self.v.value(key[2], zh)} [{r.randint(1, 4)}]"
        elif k < 0.8:
            q, a = self.question(self.v.entity(zh), self.key(), zh), NOT_SAID[zh]
        else:
            e = self.task(zh) if k < 0.9 else self.greeting(zh)
            q, a = e.question, e.answer
        return f"<|im_start|>user\n{q}<|im_end|>\n<|im_start|>assistant\n{a}<|im_end|>\n"

    def prompt(self, stage, passages=None, zh=None):
        """A prompt with its endings."""
        r = self.r
        zh = r.random() < 0.5 if zh is None else zh
        head = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n"
        if r.random() < stage.history:
            head += "".join(self.earlier_turn(zh) for _ in range(r.randint(1, 2)))
        head += "<|im_start|>user\n"
        if passages is None:
            passages = 0 if r.random() < stage.bare else r.randint(*stage.passages)
        p = Prompt(head, passages)
        if not passages:
            for _ in range(stage.endings):
                make = r.choice((self.without_passages, self.without_passages, self.task, self.greeting))
                p.endings.append(make(zh))
            return p
        entities = [self.v.entity(zh) for _ in range(r.randint(1, passages + 1))]
        if r.random() < 0.12:
            entities.append(self.similar(entities[0]))
        keys, facts, lead = [], [], None
        mixed = r.random() < 0.15
        for i in range(1, passages + 1):
            lang = (not zh) if mixed and r.random() < 0.4 else zh
            size = min(r.randint(*stage.sentences), r.randint(*stage.sentences))
            text, first = self.chunk(i, lang, size, entities, keys, facts)
            lead = lead or first
            p.text += f"[{i}] {self.source(lang)}\n{text}\n\n"
        todo = r.sample(facts, min(len(facts), stage.endings))
        for fact in todo:
            if r.random() < stage.unanswered:
                p.endings.append(self.not_said(entities, facts, keys, zh))
                continue
            q = fact.zh if r.random() < 0.92 else not fact.zh
            skill = "grounded" if q == fact.zh else "cross-lingual"
            entity = fact.entity
            if fact.key[3] is None and r.random() < 0.15 and sum(f.key[0] == fact.key[0] for f in facts) == 1:
                entity = None
            p.endings.append(Ending(self.question(entity, fact.key, q), f"{fact.value} [{fact.passage}]", skill, q))
        k = r.random()
        if k < 0.30:
            p.endings.append(Ending(r.choice(ZH_SUMMARY if zh else EN_SUMMARY), f"{lead} [1]", "summary", zh))
        elif k < 0.40:
            p.endings.append(self.task(zh))
        elif k < 0.43:
            p.endings.append(self.greeting(zh))
        elif k < 0.60 or not p.endings:
            p.endings.append(self.not_said(entities, facts, keys, zh))
        return p


if __name__ == "__main__":
    g = Generator(1)
    for _ in range(6):
        sample = g.prompt(Stage())
        print(sample.text)
        for e in sample.endings:
            print("   ?", e.question, "->", e.answer, f"({e.skill})")
        print("=" * 60)
