//! Reads the primitive values of a GGUF header, never past the end of the file and never into more memory than the limits allow.
//!
//! It must not know what a key or a tensor means.

use std::io::{BufRead, Read};

use super::GgufError;

/// Bytes of a key, by the specification.
const MAX_KEY: u64 = 65_535;
/// Bytes of a tensor's name; the format's own limit is 64, some converters exceed it.
const MAX_TENSOR_NAME: u64 = 512;
/// Bytes of any other text. The longest in practice are chat templates of some tens of kilobytes.
const MAX_TEXT: u64 = 8 << 20;
/// Elements of one array. Vocabularies and merge lists stay below 600,000; the loader needs 32 bytes for each.
const MAX_ARRAY: u64 = 1 << 20;
/// Elements of an array of integers that is kept.
const FEW: u64 = 1024;
/// Elements of all arrays together. The largest published vocabulary comes with 1,300,000.
const MAX_ELEMENTS: u64 = 2 << 20;
/// Bytes of the whole header. The largest published ones take some tens of megabytes.
const MAX_HEADER: u64 = 64 << 20;

/// A metadata value. Arrays that only the loader needs are summed up, not kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    U32(u32),
    /// Any other unsigned integer type, or a boolean: the loader widens these where it asks for 64 bits.
    Unsigned(u64),
    Signed(i64),
    F32(f32),
    F64(f64),
    Text(String),
    Texts(Texts),
    Numbers(Numbers),
}

/// What is kept of an array of numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Numbers {
    /// The element type, as in the file.
    pub kind: u32,
    pub count: u64,
    /// The elements, where these are few 32-bit integers: figures of each layer.
    pub few: Vec<u32>,
    /// Of signed 32-bit elements, those that are not 1 and not 6: as the types of tokens, those that do not stand for a text.
    pub apart: u64,
}

/// What is kept of an array of texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Texts {
    pub count: u64,
    /// Every text has a space inside, as each line of a merge list must.
    pub all_pairs: bool,
}

/// The element type of 32-bit signed integers, as in the file.
pub(super) const TYPE_I32: u32 = 5;
/// The element type of 32-bit floats, as in the file.
pub(super) const TYPE_F32: u32 = 6;
const TYPE_TEXT: u32 = 8;
const TYPE_ARRAY: u32 = 9;

/// The header's bytes in order, with the count of what is left in the file.
pub(super) struct Header<R> {
    inner: R,
    position: u64,
    size: u64,
    elements: u64,
}

impl<R: BufRead> Header<R> {
    pub fn new(inner: R, size: u64) -> Self {
        Self { inner, position: 0, size, elements: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Bytes of the file that are not read yet.
    pub fn left(&self) -> u64 {
        self.size.saturating_sub(self.position)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut buffer = [0; N];
        self.fill(&mut buffer)?;
        Ok(buffer)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), GgufError> {
        if self.left() < buffer.len() as u64 {
            return Err(GgufError::CutShort);
        }
        self.check_length(buffer.len() as u64)?;
        self.inner.read_exact(buffer).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => GgufError::CutShort,
            _ => GgufError::Unreadable(error),
        })?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    /// A header that goes on for ever would be read for ever: its texts and lists may be empty space in the file.
    fn check_length(&self, more: u64) -> Result<(), GgufError> {
        if self.position + more > MAX_HEADER {
            return Err(GgufError::Damaged(format!("its header is longer than {} MB", MAX_HEADER >> 20)));
        }
        Ok(())
    }

    pub fn u32(&mut self) -> Result<u32, GgufError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    pub fn u64(&mut self) -> Result<u64, GgufError> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    /// A length-prefixed text of at most `limit` bytes.
    fn raw_text(&mut self, limit: u64, what: &str) -> Result<Vec<u8>, GgufError> {
        let length = self.u64()?;
        if length > limit {
            return Err(GgufError::Damaged(format!("{what} claims to be {length} bytes long")));
        }
        if length > self.left() {
            return Err(GgufError::CutShort);
        }
        let mut text = vec![0; length as usize];
        self.fill(&mut text)?;
        Ok(text)
    }

    fn strict_text(&mut self, limit: u64, what: &str) -> Result<String, GgufError> {
        String::from_utf8(self.raw_text(limit, what)?)
            .map_err(|_| GgufError::Damaged(format!("{what} is not valid text")))
    }

    pub fn key(&mut self) -> Result<String, GgufError> {
        self.strict_text(MAX_KEY, "the name of a field")
    }

    pub fn tensor_name(&mut self) -> Result<String, GgufError> {
        self.strict_text(MAX_TENSOR_NAME, "the name of a tensor")
    }

    /// A metadata value with its type before it.
    pub fn value(&mut self) -> Result<Value, GgufError> {
        let kind = self.u32()?;
        Ok(match kind {
            0 => Value::Unsigned(u64::from(self.bytes::<1>()?[0])),
            1 => Value::Signed(i64::from(i8::from_le_bytes(self.bytes()?))),
            2 => Value::Unsigned(u64::from(u16::from_le_bytes(self.bytes()?))),
            3 => Value::Signed(i64::from(i16::from_le_bytes(self.bytes()?))),
            4 => Value::U32(self.u32()?),
            5 => Value::Signed(i64::from(i32::from_le_bytes(self.bytes()?))),
            TYPE_F32 => Value::F32(f32::from_le_bytes(self.bytes()?)),
            7 => Value::Unsigned(u64::from(self.boolean()?)),
            // Tokens of some converters are not valid UTF-8; the loader replaces such bytes, so do we.
            TYPE_TEXT => Value::Text(String::from_utf8_lossy(&self.raw_text(MAX_TEXT, "a text")?).into_owned()),
            TYPE_ARRAY => self.array()?,
            10 => Value::Unsigned(self.u64()?),
            11 => Value::Signed(i64::from_le_bytes(self.bytes()?)),
            12 => Value::F64(f64::from_le_bytes(self.bytes()?)),
            other => return Err(GgufError::Damaged(format!("a field has the unknown type {other}"))),
        })
    }

    fn boolean(&mut self) -> Result<bool, GgufError> {
        match self.bytes::<1>()?[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(GgufError::Damaged(format!("a yes-or-no field holds {other}"))),
        }
    }

    fn array(&mut self) -> Result<Value, GgufError> {
        let kind = self.u32()?;
        let count = self.u64()?;
        let width = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            // A text has at least its length before it.
            TYPE_TEXT | 10..=12 => 8,
            // Lists of lists are in no model's header; nesting is a way to overflow the loader's stack.
            TYPE_ARRAY => return Err(GgufError::Damaged("a list holds lists".into())),
            other => return Err(GgufError::Damaged(format!("a list has the unknown type {other}"))),
        };
        if count.saturating_mul(width) > self.left() {
            return Err(GgufError::CutShort);
        }
        self.elements += count;
        if count > MAX_ARRAY || self.elements > MAX_ELEMENTS {
            return Err(GgufError::Damaged(format!("a list claims to have {count} elements")));
        }
        if kind == TYPE_TEXT {
            let mut texts = Texts { count, all_pairs: true };
            for _ in 0..count {
                texts.all_pairs &= self.raw_text(MAX_TEXT, "a text")?.contains(&b' ');
            }
            return Ok(Value::Texts(texts));
        }
        let mut few = Vec::new();
        let mut apart = 0;
        match kind {
            4 if count <= FEW => {
                for _ in 0..count {
                    few.push(self.u32()?);
                }
            }
            TYPE_I32 => {
                for _ in 0..count {
                    let element = self.u32()?;
                    apart += u64::from(!matches!(element, 1 | 6));
                    if count <= FEW {
                        few.push(element);
                    }
                }
            }
            7 => {
                for _ in 0..count {
                    self.boolean()?;
                }
            }
            _ => self.skip(count * width)?,
        }
        Ok(Value::Numbers(Numbers { kind, count, few, apart }))
    }

    fn skip(&mut self, count: u64) -> Result<(), GgufError> {
        self.check_length(count)?;
        let copied =
            std::io::copy(&mut self.inner.by_ref().take(count), &mut std::io::sink()).map_err(GgufError::Unreadable)?;
        self.position += copied;
        if copied == count { Ok(()) } else { Err(GgufError::CutShort) }
    }
}
