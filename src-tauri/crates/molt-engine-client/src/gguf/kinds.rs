//! The number formats of tensors: which ones the engine computes with, and their sizes.

/// A tensor format of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub name: &'static str,
    /// Elements that are stored together.
    pub block: u64,
    /// Bytes of one block.
    pub bytes: u64,
    /// Kept as it is in memory; else it is widened to 32-bit floats when it is loaded.
    pub quantised: bool,
}

const fn quantised(name: &'static str, block: u64, bytes: u64) -> Option<Kind> {
    Some(Kind { name, block, bytes, quantised: true })
}

const fn float(name: &'static str, bytes: u64) -> Option<Kind> {
    Some(Kind { name, block: 1, bytes, quantised: false })
}

/// The format with this number, if the engine computes with it.
///
/// Sizes: ggml's block layouts (ggml-common.h). Q8_1 (9) and Q8_K (15) are formats of intermediate results: the engine's kernels
/// panic or fail when weights come in them.
pub(super) fn kind(number: u32) -> Option<Kind> {
    match number {
        0 => float("F32", 4),
        1 => float("F16", 2),
        2 => quantised("Q4_0", 32, 18),
        3 => quantised("Q4_1", 32, 20),
        6 => quantised("Q5_0", 32, 22),
        7 => quantised("Q5_1", 32, 24),
        8 => quantised("Q8_0", 32, 34),
        10 => quantised("Q2_K", 256, 84),
        11 => quantised("Q3_K", 256, 110),
        12 => quantised("Q4_K", 256, 144),
        13 => quantised("Q5_K", 256, 176),
        14 => quantised("Q6_K", 256, 210),
        30 => float("BF16", 2),
        _ => None,
    }
}

/// What people call the format with this number.
pub(super) fn name(number: u32) -> String {
    let name = match number {
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        other => return kind(other).map_or_else(|| format!("number {other}"), |kind| kind.name.to_owned()),
    };
    name.to_owned()
}
