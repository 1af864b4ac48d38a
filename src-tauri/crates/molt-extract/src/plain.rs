//! Plain text: which encoding it is in, and its paragraphs.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EUC_KR, Encoding, GBK, UTF_16BE, UTF_16LE};
use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use crate::output::Output;

/// More than this share of control or replacement characters is binary data.
const MOST_CONTROLS: f64 = 0.01;

pub fn read(bytes: &[u8], name: &str) -> Result<ExtractedDocument, Failure> {
    let text = decode(bytes).ok_or_else(|| not_text(name))?;
    let mut output = Output::new(name);
    paragraphs(&text, &mut output)?;
    Ok(ExtractedDocument {
        kind: DocumentKind::Text,
        title: None,
        blocks: output.into_blocks(),
        pages: None,
        reader: "text".into(),
    })
}

pub fn not_text(name: &str) -> Failure {
    Failure::Unreadable(format!("“{name}” does not look like text; it may be of another type than its name says"))
}

/// Paragraphs are separated by blank lines.
fn paragraphs(text: &str, output: &mut Output) -> Result<(), Failure> {
    let mut lines = text.split('\n').zip(1..).peekable();
    while let Some((content, number)) = lines.next() {
        if content.trim().is_empty() {
            continue;
        }
        let mut paragraph = content.trim_end().to_owned();
        while let Some((content, _)) = lines.next_if(|(content, _)| !content.trim().is_empty()) {
            paragraph.push('\n');
            paragraph.push_str(content.trim_end());
        }
        output.push_lines(&paragraph, number, &[])?;
    }
    Ok(())
}

/// The text with `\n` line ends, or none when it is not text.
///
/// A byte order mark decides; then UTF-16 by its look; then valid UTF-8; then a detector trained on the old encodings of each language.
pub fn decode(bytes: &[u8]) -> Option<String> {
    let text = if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        encoding.decode_without_bom_handling(&bytes[mark..]).0
    } else if let Some(text) = unmarked_utf16(bytes) {
        // Before UTF-8: English in UTF-16 is valid UTF-8 with a zero in every other place.
        Cow::Owned(text)
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        Cow::Borrowed(text)
    } else if let Some(text) = damaged_utf8(bytes) {
        Cow::Owned(text)
    } else {
        guess(bytes).decode_without_bom_handling(bytes).0
    };
    let text = plausible(&text).then_some(text)?;
    Some(if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.into_owned() })
}

fn plausible(text: &str) -> bool {
    let (mut all, mut bad) = (0u64, 0u64);
    for character in text.chars() {
        all += 1;
        // Form feed, backspace and escape stand in old manuals and in logs of terminals.
        let harmless = matches!(character, '\t' | '\n' | '\r' | '\x0c' | '\x08' | '\x1b');
        bad += u64::from(character == '\u{fffd}' || (character.is_control() && !harmless));
    }
    bad as f64 <= all as f64 * MOST_CONTROLS
}

/// UTF-16 without a mark: all units must be well formed and nearly all be characters that texts consist of.
fn unmarked_utf16(bytes: &[u8]) -> Option<String> {
    if bytes.len() < 4 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    // Whatever the language, its spaces, digits or line ends have a zero byte, and other encodings have none.
    if !bytes.contains(&0) {
        return None;
    }
    let decoded = [UTF_16LE, UTF_16BE]
        .map(|encoding| encoding.decode_without_bom_handling_and_without_replacement(bytes).unwrap_or_default());
    let share = decoded.each_ref().map(|text| common_share(text));
    let best = usize::from(share[1] > share[0]);
    (share[best] > 0.9).then(|| decoded[best].clone().into_owned())
}

/// The share of characters from the blocks that most text is written with.
fn common_share(text: &str) -> f64 {
    let common = |c: &char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{52f}' | '\u{2010}'..='\u{2026}' | '\u{3000}'..='\u{30ff}'
            | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{ff01}'..='\u{ff5e}')
    };
    let all = text.chars().count();
    if all == 0 { 0.0 } else { text.chars().filter(common).count() as f64 / all as f64 }
}

/// UTF-8 in which a few bytes are broken (a log cut in the middle of a character).
fn damaged_utf8(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let (mut good, mut bad) = (0, 0);
    for character in text.chars().filter(|character| !character.is_ascii()) {
        if character == '\u{fffd}' { bad += 1 } else { good += 1 }
    }
    // Text in another encoding hardly ever forms a valid sequence of several bytes.
    (good >= 10 * bad).then(|| text.into_owned())
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let guessed = detector.guess(None, Utf8Detection::Deny);
    let hanzi = common_hanzi(bytes);
    // Short Chinese text is often taken for a western code page, or for Korean, whose syllables have the same bytes. Korean has spaces
    // between its words.
    let korean = guessed == EUC_KR && bytes.contains(&b' ');
    let short = hanzi.high < 40 && hanzi.share() > 0.95 && !korean;
    if short || (guessed.is_single_byte() && hanzi.share() > 0.8) { GBK } else { guessed }
}

/// How much of a text looks like Chinese in GBK.
pub struct Hanzi {
    /// Bytes above 0x7f.
    pub high: u32,
    /// Those that form punctuation or characters of GB 2312's first level, the 3,755 most common ones.
    common: u32,
}

impl Hanzi {
    pub fn share(&self) -> f64 {
        if self.high == 0 { 0.0 } else { f64::from(self.common) / f64::from(self.high) }
    }
}

pub fn common_hanzi(bytes: &[u8]) -> Hanzi {
    let mut hanzi = Hanzi { high: 0, common: 0 };
    let mut rest = bytes;
    while let [first, more @ ..] = rest {
        rest = more;
        if *first < 0x80 {
            continue;
        }
        hanzi.high += 1;
        if let [0xa1..=0xfe, after @ ..] = more {
            rest = after;
            hanzi.high += 1;
            hanzi.common += if matches!(first, 0xa1 | 0xa3 | 0xb0..=0xd7) { 2 } else { 0 };
        }
    }
    hanzi
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{BIG5, EUC_JP, GB18030, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

    const CHINESE: &str = "会议纪要：下周三下午三点在二号会议室讨论预算。请大家提前准备材料，谢谢！";
    const TRADITIONAL: &str = "會議紀要：下週三下午三點在二號會議室討論預算。請大家提前準備資料，謝謝！";
    const JAPANESE: &str = "会議の議事録です。来週の水曜日の午後三時に、予算について話し合います。";

    #[test]
    fn the_encodings_people_have_are_read() {
        for (encoding, text) in [
            (GBK, CHINESE),
            (GB18030, CHINESE),
            (BIG5, TRADITIONAL),
            (SHIFT_JIS, JAPANESE),
            (EUC_JP, JAPANESE),
            (EUC_KR, "다음 주 수요일 오후 세 시에 회의실에서 예산을 논의합니다."),
            (
                WINDOWS_1252,
                "Die Besprechung über die Prüfung findet nächsten Mittwoch um drei statt. Où êtes-vous allés, à l'école ?",
            ),
            (WINDOWS_1251, "Совещание по бюджету состоится в следующую среду в три часа дня."),
        ] {
            let (bytes, _, lossy) = encoding.encode(text);
            assert!(!lossy);
            assert_eq!(decode(&bytes).as_deref(), Some(text), "{}", encoding.name());
        }
    }

    #[test]
    fn short_chinese_in_gbk_is_read() {
        for text in ["你好", "联系人：王小明", "电话 010-12345678 地址：北京市", "预算：三万元"]
        {
            assert_eq!(decode(&GBK.encode(text).0).as_deref(), Some(text));
        }
    }

    #[test]
    fn unicode_is_read_with_and_without_a_mark() {
        for text in [CHINESE, "plain words, and a second line\nhere", JAPANESE] {
            let units = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(text));
            assert_eq!(decode(&[b"\xef\xbb\xbf", text.as_bytes()].concat()).as_deref(), Some(text));
            assert_eq!(decode(&[b"\xff\xfe", units(u16::to_le_bytes).as_slice()].concat()).as_deref(), Some(text));
            assert_eq!(decode(&[b"\xfe\xff", units(u16::to_be_bytes).as_slice()].concat()).as_deref(), Some(text));
        }
        for text in ["a list\r\nof things", "第一章 总则\r\n第二章 细则"] {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(decode(&bytes), Some(text.replace("\r\n", "\n")));
        }
        assert_eq!(decode(b""), Some(String::new()));
    }

    #[test]
    fn a_broken_byte_does_not_change_the_encoding() {
        let mut bytes = CHINESE.repeat(3).into_bytes();
        bytes.truncate(bytes.len() - 1);
        assert!(decode(&bytes).unwrap().starts_with(CHINESE));
    }

    #[test]
    fn binary_data_is_refused() {
        let noise: Vec<u8> = (0u32..4000).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(decode(&noise), None);
        assert_eq!(decode(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0"), None);
        assert_eq!(decode(&[0; 100]), None);
        match read(&[0; 100], "a.txt") {
            Err(Failure::Unreadable(sentence)) => assert!(sentence.contains("a.txt")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn paragraphs_keep_their_lines() {
        let document =
            read("\r\n  First line,\r\nsecond line.  \r\n\r\n \t\r\n第二段\n\n\n".as_bytes(), "a.txt").unwrap();
        let found: Vec<(&str, Option<u32>)> =
            document.blocks.iter().map(|block| (block.text.as_str(), block.line)).collect();
        assert_eq!(found, [("First line,\nsecond line.", Some(2)), ("第二段", Some(6))]);
        assert_eq!(document.kind, DocumentKind::Text);
        assert!(read(b"", "a.txt").unwrap().blocks.is_empty());
    }
}
