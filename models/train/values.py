"""Random names and values of many kinds, split into a training part and a
held-out part by a hash of the text itself, so that a held-out name or value
is never seen in training whatever the seed."""

import zlib

import lexicon as L


def is_held(text):
    """True for the tenth of all names and values kept for the evaluation."""
    return zlib.crc32(text.encode()) % 10 == 0


def pick_split(make, held):
    """Draws until the text falls on the wanted side of the split."""
    for _ in range(2000):
        text = make()
        if is_held(text) == held:
            return text
    raise ValueError("no text on this side of the split")


class Values:
    """Draws names and values; `r` is the generator of random numbers, `held`
    the side of the split."""

    def __init__(self, r, held):
        self.r, self.held = r, held

    # -- building blocks -------------------------------------------------
    def word(self):
        """A made-up capitalised word such as `Torvik`."""
        r = self.r
        n = r.choice((1, 2, 2, 2, 3, 3))
        s = "".join(r.choice(L.ONSETS) + r.choice(L.VOWELS) for _ in range(n)) + r.choice(L.CODAS)
        if r.random() < 0.2:
            s = r.choice("aeiou") + s
        if r.random() < 0.04:  # Zürich
            i = r.randrange(len(s))
            s = s[:i] + r.choice("áéíóúäöüñçøåèêàß") + s[i + 1 :]
        return s.capitalize() if len(s) > 2 else (s + "nor").capitalize()

    def han(self, lo, hi):
        """Random Chinese characters, half of them from a small common set."""
        pool = L.HAN_COMMON if self.r.random() < 0.4 else L.HAN_NAME
        # A few of the 20,992 characters that have no token of their own.
        rare = lambda: self.r.random() < 0.02
        return "".join(
            chr(self.r.randrange(0x4E00, 0x9FA6)) if rare() else self.r.choice(pool) for _ in range(self.r.randint(lo, hi))
        )

    def grouped(self, zh):
        """A number, sometimes with thousands separators or decimals."""
        r = self.r
        n = r.randint(1, 10 ** r.randint(1, 7))
        k = r.random()
        if k < 0.4:
            return f"{n:,}"
        if k < 0.6:
            return f"{n % 1000}.{r.randint(1, 99)}"
        if k < 0.7:
            return str(n % 1000 * 100 + 100)
        return str(n)

    # -- kinds of values ---------------------------------------------------
    def number(self, zh):
        return self.grouped(zh)

    def percent(self, zh):
        r = self.r
        return r.choice((f"{r.randint(1, 99)}%", f"{r.randint(0, 99)}.{r.randint(1, 99)}%"))

    def money(self, zh):
        r, n = self.r, self.grouped(zh)
        if zh and r.random() < 0.75:
            return n + r.choice(L.ZH_CURRENCIES)
        c = r.choice(L.CURRENCIES)
        return r.choice((f"{n} {c}", f"{n} {c}", f"{c} {n}", f"${n}", f"€{n}", f"{n} euros", f"${n} million"))

    def amount(self, zh):
        n = self.grouped(zh)
        return n + self.r.choice(L.ZH_UNITS) if zh and self.r.random() < 0.8 else f"{n} {self.r.choice(L.UNITS)}"

    def date(self, zh):
        r = self.r
        y, m, d = r.randint(1950, 2049), r.randint(1, 12), r.randint(1, 28)
        if zh and r.random() < 0.75:
            return r.choice((f"{y}年{m}月{d}日", f"{m}月{d}日", f"{y}年{m}月"))
        name = L.MONTHS[m - 1]
        return r.choice((
            f"{y}-{m:02d}-{d:02d}", f"{d} {name} {y}", f"{name} {d}, {y}", f"{d:02d}.{m:02d}.{y}",
            f"{m}/{d}/{y}", f"{r.choice(L.DAYS)}, {d} {name}", f"{name} {y}", f"{d} {name}",
        )) if not zh else f"{y}-{m:02d}-{d:02d}"

    def time(self, zh):
        r = self.r
        h, m = r.randint(1, 12), r.randint(0, 59)
        if zh:
            return r.choice((f"{r.choice(('上午', '下午', '早上', '晚上'))}{h}点{m}分", f"{h + 11}:{m:02d}",
                             f"{r.choice(('上午', '下午', '晚上'))}{h}:{m:02d}"))
        return r.choice((f"{h + 11}:{m:02d}", f"{h}:{m:02d} {r.choice(('am', 'pm'))}", f"{h}.{m:02d} {r.choice(('am', 'pm'))}"))

    def code(self, zh):
        r = self.r
        cap = lambda n: "".join(r.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(n))
        return r.choice((
            f"{cap(r.randint(1, 4))}-{r.randint(1, 99999)}", f"{cap(1)}{r.randint(10, 999)}",
            f"{cap(3)}-20{r.randint(10, 39)}-{r.randint(1, 9999):04d}", f"v{r.randint(0, 20)}.{r.randint(0, 20)}.{r.randint(0, 99)}",
            f"{cap(1)}{r.randint(1, 9)}{cap(1)}-{r.randint(10, 999)}", f"#{r.randint(100, 99999)}",
            f"{cap(2)} {r.randint(100, 9999)}",
        ))

    def phone(self, zh):
        r = self.r
        if zh and r.random() < 0.6:
            return f"1{r.randint(30, 99)}{r.randint(0, 9999):04d}{r.randint(0, 9999):04d}"
        return f"+{r.randint(1, 99)} {r.randint(10, 999)} {r.randint(100, 9999)} {r.randint(10, 9999)}"

    def email(self, zh):
        r = self.r
        a, b = self.word().lower(), self.word().lower()
        end = r.choice(("org", "com", "net", "de", "cn", "io"))
        return r.choice((f"{a}@{b}.{end}", f"{a}.{self.word().lower()}@{b}.{end}", f"www.{a}-{b}.{end}", f"{b}.{end}/{a}"))

    def person(self, zh):
        r = self.r
        if zh and r.random() < 0.85:
            return r.choice(L.SURNAMES) + self.han(1, 2)
        a = r.choice(L.FIRST) if r.random() < 0.5 else self.word()
        b = r.choice(L.LAST) if r.random() < 0.5 else self.word()
        return r.choice((f"{a} {b}", f"{a} {b}", f"{a} {b}", f"Dr. {b}", f"{a[0]}. {b}", a if r.random() < 0.5 else b))

    def org(self, zh):
        r = self.r
        if zh and r.random() < 0.85:
            return self.han(2, 4) + r.choice(("公司", "集团", "有限公司", "工作室", "科技", ""))
        return self.word() + r.choice((" Ltd", " GmbH", " & Sons", " Group", "", f" {self.word()}", " Inc."[:4]))

    def place(self, zh):
        r = self.r
        if zh:
            c = r.choice(L.ZH_CITIES) if r.random() < 0.5 else self.han(2, 3)
            return r.choice((c, c + "市" + self.han(2, 2) + "区", self.han(2, 3) + f"路{r.randint(1, 999)}号", c + self.han(2, 2) + "大厦",
                             f"{r.randint(1, 20)}楼{r.randint(101, 999)}室"))
        c = r.choice(L.CITIES) if r.random() < 0.4 else self.word()
        return r.choice((c, f"{r.randint(1, 400)} {self.word()} {r.choice(('Street', 'Road', 'Avenue', 'Lane'))}",
                         f"{self.word()} Hall", f"{self.word()}, {c}", f"room {r.choice('ABCDEF')}{r.randint(1, 99)}"))

    def phrase(self, zh):
        r = self.r
        if zh:
            return r.choice((r.choice(L.ZH_ADJ) + r.choice(L.ZH_THINGS), self.han(2, 5), self.han(2, 2) + r.choice(L.ZH_THINGS)))
        return r.choice((f"{r.choice(L.ADJECTIVES)} {r.choice(L.THINGS)}", f"{r.choice(L.THINGS)} and {r.choice(L.ADJECTIVES)} {r.choice(L.THINGS)}",
                         f"{self.word()} {r.choice(L.THINGS)}", f"{r.choice(L.ADJECTIVES)} {self.word().lower()}"))

    # -- what the generator calls -----------------------------------------
    def value(self, kind, zh):
        """A value of the kind, on the wanted side of the split."""
        if kind == "any":
            kind = self.r.choice(KINDS)
        return pick_split(lambda: getattr(self, kind)(zh), self.held)

    def entity(self, zh):
        """The name of a thing or a person."""
        r = self.r

        def make():
            k = r.random()
            if zh:
                if k < 0.15:
                    return self.person(True)
                base = self.word() if r.random() < 0.25 else self.han(2, 3)
                return base if k < 0.5 else base + r.choice(L.TYPES)[1]
            if k < 0.12:
                return f"{r.choice(L.FIRST)} {self.word()}"
            if k < 0.2:
                return f"{self.word()} {self.word()}"
            if k < 0.25:
                return f"{self.word()} {r.randint(2, 99)}"
            if k < 0.3:
                return f"{r.choice(L.ADJECTIVES)} {r.choice(L.THINGS)}".title()
            base = self.word()
            if k < 0.36:
                base = "".join(r.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(r.randint(2, 5)))
            if k < 0.6:
                return base
            kind = r.choice(L.TYPES)[0]
            return r.choice((f"the {base} {kind}", f"{kind.capitalize()} {base}", f"{base} {kind.capitalize()}"))

        return pick_split(make, self.held)

    def attribute(self):
        """(English, Chinese, kind) of an attribute; made up half the time."""
        r = self.r
        if r.random() < 0.5:
            return r.choice(L.ATTRIBUTES)
        while True:
            (a, za), (b, zb) = r.choice(L.MODIFIERS), r.choice(L.NOUNS)
            if is_held(f"{a} {b}") == self.held:
                return f"{a} {b}", za + zb, "any"


KINDS = ("number", "percent", "money", "amount", "date", "time", "code", "phone", "email", "person", "org", "place", "phrase")
