//! A typed line as tokens: words, numbers, Chinese characters and marks, each with its place in the text.

use jiff::{Zoned, civil::Date};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A run of letters of an alphabet; an apostrophe inside belongs to it.
    Word,
    /// A run of digits.
    Number,
    /// One Chinese character.
    Han,
    /// Anything else that is visible, one character.
    Mark,
    /// Something between quotation marks: it is the user's wording and never read.
    Quoted,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub kind: Kind,
    /// Lower case, half width, simplified.
    pub text: String,
    /// Bytes of the line, half open.
    pub start: usize,
    pub end: usize,
    /// White space stands before it, or the line begins.
    pub spaced: bool,
    /// Its first letter is upper case.
    pub capital: bool,
}

/// The tokens with what they are read against.
#[derive(Debug)]
pub(super) struct Line {
    pub tokens: Vec<Token>,
    pub now: Zoned,
    pub today: Date,
}

/// Traditional and other forms of the characters that the grammar knows.
const FORMS: &str = "點点鐘钟鍾钟週周號号後后這这個个禮礼時时兩两晝昼聽听幾几過过無无從从開开隔隔內内節节農农陰阴曆历\
                     歷历裡里裏里間间醒醒記记請请幫帮煩烦別别頭头條条麼么嗎吗級级緊紧優优於于還还兒儿歲岁末末廿廿誕诞\
                     線线樓楼門门車车碼码館馆廳厅聖圣復复國国慶庆勞劳動动親亲萬万齋斋婦妇師师陽阳臘腊\
                     連连續续來来辦办滿满進进總总為为雙双單单數数終终約约將将現现淩凌務务見见題题說说議议問问經经";

fn simplified(c: char) -> char {
    let mut forms = FORMS.chars();
    while let (Some(from), Some(to)) = (forms.next(), forms.next()) {
        if from == c {
            return to;
        }
    }
    c
}

fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '〇')
}

fn closing(c: char) -> Option<char> {
    Some(match c {
        '"' => '"',
        '“' => '”',
        '「' => '」',
        '『' => '』',
        '《' => '》',
        _ => return None,
    })
}

/// How many bytes an address (`https://…`) has that the text begins with.
fn address(text: &str) -> Option<usize> {
    let scheme = text.find("://").filter(|at| text[..*at].bytes().all(|b| b.is_ascii_alphanumeric()))?;
    let rest = &text[scheme + 3..];
    let length = rest.find(|c: char| c.is_whitespace() || !c.is_ascii()).unwrap_or(rest.len());
    (length > 0).then_some(scheme + 3 + length)
}

impl Line {
    pub fn new(text: &str, now: Zoned) -> Self {
        let mut tokens: Vec<Token> = Vec::new();
        let mut spaced = true;
        let mut quote: Option<(char, usize)> = None;
        for (start, c) in text.char_indices() {
            let end = start + c.len_utf8();
            if let Some((close, closed_at)) = quote.filter(|(close, closed_at)| *close != '\0' || start < *closed_at) {
                if let Some(token) = tokens.last_mut() {
                    token.end = end;
                }
                if c == close && start == closed_at {
                    quote = None;
                    spaced = false;
                }
                continue;
            }
            if c.is_whitespace() || c.is_control() {
                spaced = true;
                continue;
            }
            let plain = half_width(c);
            // An address is one thing: no day stands in https://example.org/2026-12-01.
            if spaced
                && c.is_ascii_alphabetic()
                && let Some(length) = address(&text[start..])
            {
                quote = Some(('\0', start + length));
                tokens.push(Token { kind: Kind::Quoted, text: String::new(), start, end, spaced, capital: false });
                spaced = false;
                continue;
            }
            if let Some(close) = closing(c)
                && let Some(length) = text[end..].find(close)
            {
                quote = Some((close, end + length));
                tokens.push(Token { kind: Kind::Quoted, text: String::new(), start, end, spaced, capital: false });
                continue;
            }
            let kind = match plain {
                _ if is_han(plain) => Kind::Han,
                '0'..='9' => Kind::Number,
                _ if plain.is_alphabetic() => Kind::Word,
                '\'' | '’' if !spaced && inside_word(&tokens, text, end) => Kind::Word,
                _ => Kind::Mark,
            };
            let lower: String = match kind {
                Kind::Han => simplified(plain).to_string(),
                Kind::Word if plain == '’' => "'".into(),
                _ => plain.to_lowercase().collect(),
            };
            match tokens.last_mut() {
                Some(last) if !spaced && last.kind == kind && matches!(kind, Kind::Word | Kind::Number) => {
                    last.text.push_str(&lower);
                    last.end = end;
                }
                _ => tokens.push(Token { kind, text: lower, start, end, spaced, capital: plain.is_uppercase() }),
            }
            spaced = false;
        }
        let today = now.date();
        Self { tokens, now, today }
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    fn text_of(&self, i: usize, kind: Kind) -> &str {
        self.tokens.get(i).filter(|t| t.kind == kind).map_or("", |t| &t.text)
    }

    /// The word at `i`, or nothing.
    pub fn word(&self, i: usize) -> &str {
        self.text_of(i, Kind::Word)
    }

    pub fn is_word(&self, i: usize, words: &[&str]) -> bool {
        words.contains(&self.word(i)) && !self.word(i).is_empty()
    }

    /// The token after a sequence of words, if it stands at `i`.
    pub fn words(&self, i: usize, words: &str) -> Option<usize> {
        let mut end = i;
        for word in words.split(' ') {
            if self.word(end) != word {
                return None;
            }
            end += 1;
        }
        Some(end)
    }

    /// The Chinese character at `i`, or nothing.
    pub fn han(&self, i: usize) -> &str {
        self.text_of(i, Kind::Han)
    }

    pub fn is_han(&self, i: usize, any: &str) -> bool {
        self.han(i).chars().next().is_some_and(|c| any.contains(c))
    }

    /// The token after a Chinese phrase, if it stands at `i`.
    pub fn phrase(&self, i: usize, phrase: &str) -> Option<usize> {
        let mut end = i;
        for c in phrase.chars() {
            if !self.han(end).starts_with(c) {
                return None;
            }
            end += 1;
        }
        Some(end)
    }

    /// The first phrase of a list (longest first) that stands at `i`, with what the list says of it.
    pub fn one_of<T: Copy>(&self, i: usize, list: &[(&str, T)]) -> Option<(T, usize)> {
        list.iter().find_map(|(phrase, value)| Some((*value, self.phrase(i, phrase)?)))
    }

    pub fn mark(&self, i: usize, any: &str) -> bool {
        self.text_of(i, Kind::Mark).chars().next().is_some_and(|c| any.contains(c))
    }

    /// The value and the length in digits of the number at `i`; at most nine digits.
    pub fn number(&self, i: usize) -> Option<(u32, usize)> {
        let digits = self.text_of(i, Kind::Number);
        (digits.len() <= 9).then(|| digits.parse().ok()).flatten().map(|n| (n, digits.len()))
    }

    /// Nothing stands between this token and the one before.
    pub fn glued(&self, i: usize) -> bool {
        i > 0 && self.tokens.get(i).is_some_and(|t| !t.spaced)
    }

    /// A number here is part of something else: an amount, a version, a name.
    pub fn is_tied(&self, i: usize) -> bool {
        let Some(before) = i.checked_sub(1).and_then(|b| self.tokens.get(b)) else { return false };
        match before.kind {
            Kind::Mark => "$€£¥#".contains(&before.text) || (self.glued(i) && ".:/-_*=%&~".contains(&before.text)),
            Kind::Word | Kind::Number => self.glued(i),
            Kind::Han => self.is_han(i - 1, "第"),
            Kind::Quoted => false,
        }
    }

    /// White space, a mark that ends a clause, or the end of the line follows.
    pub fn ends(&self, i: usize) -> bool {
        i >= self.len() || self.mark(i, ",.;:!?，。；：！？、)）-–—…")
    }
}

/// An apostrophe belongs to a word when letters stand on both sides.
fn inside_word(tokens: &[Token], text: &str, end: usize) -> bool {
    tokens.last().is_some_and(|t| t.kind == Kind::Word)
        && text[end..].chars().next().is_some_and(|c| c.is_alphabetic() && !is_han(c))
}
