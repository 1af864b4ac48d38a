//! The codec, blocking side (what a worker uses).

use std::io::{Read, Write};

use serde::{Serialize, de::DeserializeOwned};

/// Bytes. A frame above this is refused on both sides, so that a broken peer cannot make us allocate without bound.
pub const MAX_FRAME: usize = 128 << 20;

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the other process closed the connection")]
    Closed,
    #[error("a frame of {0} bytes is over the limit")]
    TooLarge(usize),
    #[error("a frame could not be understood: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Length prefix and body in one buffer, so that a frame is one write.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, FrameError> {
    let mut buffer = vec![0; 4];
    serde_json::to_writer(&mut buffer, value)?;
    let length = buffer.len() - 4;
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    buffer[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(buffer)
}

pub(crate) fn checked_length(prefix: [u8; 4]) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(prefix) as usize;
    if length > MAX_FRAME { Err(FrameError::TooLarge(length)) } else { Ok(length) }
}

/// Writes one frame and flushes.
pub fn write_frame<T: Serialize>(writer: &mut impl Write, value: &T) -> Result<(), FrameError> {
    writer.write_all(&encode(value)?)?;
    Ok(writer.flush()?)
}

/// Reads one frame. `Closed` when the stream ends, also in the middle of a frame.
pub fn read_frame<T: DeserializeOwned>(reader: &mut impl Read) -> Result<T, FrameError> {
    let mut prefix = [0; 4];
    read_all(reader, &mut prefix)?;
    let mut body = vec![0; checked_length(prefix)?];
    read_all(reader, &mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

/// Reads what `WorkerWriter::send_with` sent behind a frame: pieces with their lengths before them, an empty one last. `expected` bytes
/// are made room for at once.
pub fn read_content(reader: &mut impl Read, expected: usize) -> Result<Vec<u8>, FrameError> {
    let mut content = Vec::with_capacity(expected);
    loop {
        let mut prefix = [0; 4];
        read_all(reader, &mut prefix)?;
        let (start, length) = (content.len(), checked_length(prefix)?);
        if length == 0 {
            return Ok(content);
        }
        content.resize(start + length, 0);
        read_all(reader, &mut content[start..])?;
    }
}

fn read_all(reader: &mut impl Read, buffer: &mut [u8]) -> Result<(), FrameError> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => FrameError::Closed,
        _ => FrameError::Io(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_as_it_was() {
        let mut buffer = Vec::new();
        write_frame(&mut buffer, &("周会", 7)).unwrap();
        write_frame(&mut buffer, &("", 0)).unwrap();
        let mut reader = buffer.as_slice();
        assert_eq!(read_frame::<(String, u32)>(&mut reader).unwrap(), ("周会".into(), 7));
        assert_eq!(read_frame::<(String, u32)>(&mut reader).unwrap(), (String::new(), 0));
        assert!(matches!(read_frame::<(String, u32)>(&mut reader), Err(FrameError::Closed)));
    }

    #[test]
    fn a_cut_frame_is_closed_and_a_huge_one_refused() {
        let mut buffer = Vec::new();
        write_frame(&mut buffer, &"hello").unwrap();
        assert!(matches!(read_frame::<String>(&mut &buffer[..6]), Err(FrameError::Closed)));
        assert!(matches!(read_frame::<String>(&mut &u32::MAX.to_le_bytes()[..]), Err(FrameError::TooLarge(_))));
    }
}
