//! Old Chinese PDFs whose fonts say "Western" while their text is GBK: `È«ÊÀ½ç` is 全世界.

use encoding_rs::{GBK, WINDOWS_1252};

use super::Line;
use crate::{markdown::is_cjk, plain::common_hanzi};

/// Bytes; less is too little to tell.
const LEAST: u32 = 12;

/// Turns a page's lines back into Chinese, if that is what they are.
pub fn repair(lines: &mut [Line]) {
    let bytes: Vec<u8> = lines.iter().flat_map(|line| [western_bytes(&line.text), b"\n".to_vec()].concat()).collect();
    let hanzi = common_hanzi(&bytes);
    // Western accents stand alone between plain letters and so form no pairs.
    if hanzi.high < LEAST || hanzi.share() < 0.85 {
        return;
    }
    for line in lines {
        if line.text.is_ascii() {
            continue;
        }
        let bytes = western_bytes(&line.text);
        line.text = without_gaps(&GBK.decode_without_bom_handling(&bytes).0);
    }
}

/// What was drawn, as bytes; characters that no Western font has become a question mark.
fn western_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    // The first byte of a pair was the last.
    let mut half = false;
    for character in text.chars() {
        let (encoded, _, unknown) = WINDOWS_1252.encode(character.encode_utf8(&mut buffer));
        let byte = match encoded.first() {
            // The soft hyphen of Western fonts is drawn, and read, as a plain one.
            Some(b'-') if half => 0xad,
            Some(byte) if !unknown => *byte,
            _ => b'?',
        };
        half = byte >= 0x80 && !half;
        bytes.push(byte);
    }
    bytes
}

/// Gaps were measured as between letters.
fn without_gaps(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let between = result.ends_with(is_cjk) && characters.peek().copied().is_some_and(is_cjk);
        if character != ' ' || !between {
            result.push(character);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(text: &str) -> String {
        let mut lines = [Line { text: text.into(), apart: false }];
        repair(&mut lines);
        let [line] = lines;
        line.text
    }

    #[test]
    fn chinese_comes_back() {
        assert_eq!(repaired("È« ÊÀ ½ç ÎÞ ²ú Õß £¬ Áª ºÏ Æð À´ A"), "全世界无产者，联合起来 A");
        assert_eq!(repaired("Ô\u{ad}Ôò, Ô-Ôò, 19-37, ÁªºÏÆðÀ´ (A)"), "原则, 原则, 19-37, 联合起来 (A)");
    }

    #[test]
    fn western_text_stays() {
        for text in [
            "Où êtes-vous allés, à l'école été ? Ça dépend, naïve façade.",
            "Größenänderung über Straßenbäume",
            "ÄÖ",
            "plain",
            "已经是中文了，不需要修复。",
        ] {
            assert_eq!(repaired(text), text);
        }
    }
}
