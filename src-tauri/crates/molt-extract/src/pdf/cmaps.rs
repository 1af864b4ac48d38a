//! Chinese, Japanese and Korean fonts whose character maps are named and not in the file (`GBK-EUC-H`, `90ms-RKSJ-H`).
//!
//! The first reader knows no such names, and the second one loses its way where a text mixes characters of one and of two bytes. So
//! the maps are written into the document, for the characters that it draws, before the first reader sees it. The names and what they
//! mean are from ISO 32000-1, table 118.

use std::collections::{BTreeMap, BTreeSet};

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GBK, SHIFT_JIS};
use pdf_extract::{Dictionary, Document, Object, ObjectId, Stream, content::Content};

/// Entries in one section of a map, after Adobe Technical Note 5014.
const SECTION: usize = 100;

/// Bytes of drawing instructions that are looked through.
const MOST_INSTRUCTIONS: usize = 64 << 20;

/// How the strings of a font are cut into codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Codes {
    Gbk,
    Big5,
    ShiftJis,
    EucJp,
    /// Two bytes of seven bits.
    Jis,
    EucKr,
    Utf16,
}

impl Codes {
    fn of(name: &str) -> Option<Self> {
        let name = name.strip_suffix("-H").or(name.strip_suffix("-V")).unwrap_or(name);
        Some(match name {
            "GB-EUC" | "GBK-EUC" | "GBKp-EUC" | "GBpc-EUC" | "GBK2K" => Self::Gbk,
            "B5pc" | "HKscs-B5" | "ETen-B5" | "ETenms-B5" => Self::Big5,
            "83pv-RKSJ" | "90ms-RKSJ" | "90msp-RKSJ" | "90pv-RKSJ" | "Add-RKSJ" | "Ext-RKSJ" => Self::ShiftJis,
            "EUC" => Self::EucJp,
            "H" | "V" => Self::Jis,
            "KSC-EUC" | "KSCms-UHC" | "KSCms-UHC-HW" | "KSCpc-EUC" => Self::EucKr,
            "UniGB-UCS2" | "UniGB-UTF16" | "UniCNS-UCS2" | "UniCNS-UTF16" | "UniJIS-UCS2" | "UniJIS-UCS2-HW"
            | "UniJIS-UTF16" | "UniKS-UCS2" | "UniKS-UTF16" => Self::Utf16,
            _ => return None,
        })
    }

    /// Bytes of a code, its first and its last one.
    fn ranges(self) -> &'static [(usize, u32, u32)] {
        match self {
            Self::Gbk | Self::Big5 | Self::EucKr => &[(1, 0, 0x80), (2, 0x8140, 0xfefe)],
            Self::ShiftJis => &[(1, 0, 0x80), (1, 0xa0, 0xdf), (2, 0x8140, 0x9ffc), (2, 0xe040, 0xfcfc)],
            Self::EucJp => &[(1, 0, 0x80), (2, 0x8ea0, 0x8edf), (2, 0xa1a1, 0xfefe)],
            Self::Jis => &[(2, 0x2121, 0x7e7e)],
            Self::Utf16 => &[(2, 0, 0xd7ff), (2, 0xe000, 0xffff), (4, 0xd800_dc00, 0xdbff_dfff)],
        }
    }

    /// Adds the codes of a string.
    fn cut(self, mut string: &[u8], codes: &mut BTreeSet<(usize, u32)>) {
        while !string.is_empty() {
            let mut code = 0;
            let mut length = string.len();
            for (index, byte) in string.iter().enumerate().take(4) {
                code = code << 8 | u32::from(*byte);
                let fits =
                    |(bytes, first, last): &(usize, u32, u32)| *bytes == index + 1 && (*first..=*last).contains(&code);
                if self.ranges().iter().any(fits) {
                    length = index + 1;
                    codes.insert((length, code));
                    break;
                }
            }
            string = &string[length..];
        }
    }

    fn character(self, length: usize, code: u32) -> Option<String> {
        let bytes = code.to_be_bytes();
        let bytes = &bytes[4 - length..];
        let decoded = |encoding: &'static Encoding, bytes: &[u8]| {
            encoding.decode_without_bom_handling_and_without_replacement(bytes).map(|text| text.into_owned())
        };
        match self {
            Self::Gbk => decoded(GBK, bytes),
            Self::Big5 => decoded(BIG5, bytes),
            Self::ShiftJis => decoded(SHIFT_JIS, bytes),
            Self::EucJp => decoded(EUC_JP, bytes),
            Self::Jis => decoded(EUC_JP, &bytes.iter().map(|byte| byte | 0x80).collect::<Vec<_>>()),
            Self::EucKr => decoded(EUC_KR, bytes),
            Self::Utf16 => {
                let units: Vec<u16> = bytes.chunks(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect();
                String::from_utf16(&units).ok()
            }
        }
    }
}

/// Writes the maps into a document that names them.
pub fn embed(document: &mut Document) {
    let fonts: Vec<(ObjectId, Codes)> = document
        .objects
        .iter()
        .filter_map(|(id, object)| {
            let font = object.as_dict().ok().filter(|font| is(font, b"Subtype", b"Type0"))?;
            let name = resolved(document, font.get(b"Encoding").ok()?)?.as_name().ok()?;
            Some((*id, Codes::of(std::str::from_utf8(name).ok()?)?))
        })
        .collect();
    if fonts.is_empty() {
        return;
    }
    let strings = strings(document);
    let mut made: BTreeMap<Codes, (ObjectId, ObjectId)> = BTreeMap::new();
    for (id, codes) in fonts {
        let (encoding, letters) = *made.entry(codes).or_insert_with(|| {
            let mut used = BTreeSet::new();
            strings.iter().for_each(|string| codes.cut(string, &mut used));
            let letters = letters_of(codes, &used);
            let add = |document: &mut Document, content: String| {
                document.add_object(Stream::new(Dictionary::new(), content.into_bytes()))
            };
            (add(document, encoding_of(codes)), add(document, letters))
        });
        // The widths are for the numbers of glyphs, which now are the codes.
        let descendant = descendant(document, id, codes);
        if let Some(font) = document.objects.get_mut(&id).and_then(|font| font.as_dict_mut().ok()) {
            font.set("Encoding", Object::Reference(encoding));
            // Its own map is by code as well, and better.
            if !font.has(b"ToUnicode") {
                font.set("ToUnicode", Object::Reference(letters));
            }
            if let Some(descendant) = descendant {
                font.set("DescendantFonts", Object::Array(vec![Object::Dictionary(descendant)]));
            }
        }
    }
}

fn is(dictionary: &Dictionary, key: &[u8], name: &[u8]) -> bool {
    dictionary.get(key).and_then(Object::as_name).is_ok_and(|value| value == name)
}

fn resolved<'d>(document: &'d Document, object: &'d Object) -> Option<&'d Object> {
    document.dereference(object).ok().map(|(_, object)| object)
}

/// The font's inner part, with widths by code and with a descriptor, which the reader insists on.
fn descendant(document: &Document, font: ObjectId, codes: Codes) -> Option<Dictionary> {
    let font = document.get_dictionary(font).ok()?;
    let all = resolved(document, font.get(b"DescendantFonts").ok()?)?.as_array().ok()?;
    let mut descendant = resolved(document, all.first()?)?.as_dict().ok()?.clone();
    descendant.remove(b"W");
    if codes != Codes::Jis {
        // Half as wide as a Chinese character, which is exact for most of these fonts.
        let half = Object::Array(vec![Object::Integer(500); 0x7f - 0x20]);
        descendant.set("W", Object::Array(vec![Object::Integer(0x20), half]));
    }
    if !descendant.has(b"FontDescriptor") {
        descendant.set("FontDescriptor", Object::Dictionary(Dictionary::new()));
    }
    Some(descendant)
}

/// All strings that are drawn, by whatever font.
fn strings(document: &Document) -> BTreeSet<Vec<u8>> {
    let mut strings = BTreeSet::new();
    let mut left = MOST_INSTRUCTIONS;
    let mut look = |instructions: &[u8]| {
        left = left.saturating_sub(instructions.len());
        let Some(content) = Some(left).filter(|left| *left > 0).and_then(|_| Content::decode(instructions).ok()) else {
            return;
        };
        for operation in content.operations {
            if !matches!(operation.operator.as_str(), "Tj" | "TJ" | "'" | "\"") {
                continue;
            }
            for operand in operation.operands {
                match operand {
                    Object::String(string, _) => drop(strings.insert(string)),
                    Object::Array(parts) => {
                        strings.extend(parts.into_iter().filter_map(|part| Some(part.as_str().ok()?.to_vec())));
                    }
                    _ => {}
                }
            }
        }
    };
    for (_, page) in document.get_pages() {
        if let Ok(instructions) = document.get_page_content(page) {
            look(&instructions);
        }
    }
    for object in document.objects.values() {
        if let Ok(stream) = object.as_stream()
            && is(&stream.dict, b"Subtype", b"Form")
        {
            look(&stream.decompressed_content().unwrap_or_else(|_| stream.content.clone()));
        }
    }
    strings
}

/// A map from codes to the same numbers as glyphs.
///
/// The reader's parser (adobe-cmap-parser 0.4) takes a code for half as long as it is written, so each has as many zeros in front.
fn encoding_of(codes: Codes) -> String {
    let ranges = codes.ranges();
    let lines: String = ranges
        .iter()
        .map(|(length, first, last)| format!("<{first:0width$x}> <{last:0width$x}>\n", width = length * 4))
        .collect();
    format!(
        "begincmap\n{} begincodespacerange\n{lines}endcodespacerange\n1 begincidrange\n<00000000> <ffffffff> 0\nendcidrange\nendcmap\n",
        ranges.len()
    )
}

/// A map from codes to letters.
fn letters_of(codes: Codes, used: &BTreeSet<(usize, u32)>) -> String {
    let letters: Vec<String> = used
        .iter()
        .filter_map(|(length, code)| {
            let text = codes.character(*length, *code)?;
            let units: String = text.encode_utf16().map(|unit| format!("{unit:04x}")).collect();
            Some(format!("<{code:0width$x}> <{units}>\n", width = length * 2))
        })
        .collect();
    let sections = letters.chunks(SECTION);
    let sections = sections.map(|section| format!("{} beginbfchar\n{}endbfchar\n", section.len(), section.concat()));
    format!("begincmap\n{}endcmap\n", sections.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(codes: Codes, bytes: &[u8]) -> String {
        let mut used = BTreeSet::new();
        codes.cut(bytes, &mut used);
        used.into_iter().filter_map(|(length, code)| codes.character(length, code)).collect()
    }

    #[test]
    fn strings_are_cut_into_characters() {
        for (name, encoding, text) in [
            ("GBK-EUC-H", GBK, "2a算预"),
            ("ETen-B5-V", BIG5, "2a預算"),
            ("90ms-RKSJ-H", SHIFT_JIS, "2aｱ予算"),
            ("EUC-H", EUC_JP, "2a算予"),
            ("KSCms-UHC-HW-H", EUC_KR, "2a산예"),
        ] {
            let codes = Codes::of(name).unwrap();
            let sorted = |text: &str| {
                let mut characters: Vec<char> = text.chars().collect();
                characters.sort_unstable();
                characters
            };
            assert_eq!(sorted(&read(codes, &encoding.encode(text).0)), sorted(text), "{name}");
        }
        assert_eq!(read(Codes::Jis, b"\x24\x22\x24\x24"), "あい");
        assert_eq!(read(Codes::Utf16, &[0, 0x41, 0x4f, 0x60, 0xd8, 0x3d, 0xde, 0]), "A你😀");
        assert_eq!(read(Codes::Gbk, &[0xff, 0xff, 0x41]), "");
        assert_eq!(Codes::of("Identity-H"), None);
    }
}
