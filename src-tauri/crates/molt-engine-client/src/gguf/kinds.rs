//! The number formats of tensors: their sizes, and who computes with them.

/// A tensor format of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub name: &'static str,
    /// Elements that are stored together.
    pub block: u64,
    /// Bytes of one block.
    pub bytes: u64,
    /// Kept as it is in memory; else it is widened to 32-bit floats when it is loaded.
    pub quantised: bool,
    /// mistral.rs 0.8.1 computes with it; llama.cpp does with all.
    pub in_mistral_rs: bool,
}

const fn quantised(name: &'static str, block: u64, bytes: u64) -> Option<Kind> {
    Some(Kind { name, block, bytes, quantised: true, in_mistral_rs: true })
}

const fn float(name: &'static str, bytes: u64) -> Option<Kind> {
    Some(Kind { name, block: 1, bytes, quantised: false, in_mistral_rs: true })
}

const fn only_llama(name: &'static str, block: u64, bytes: u64) -> Option<Kind> {
    Some(Kind { name, block, bytes, quantised: true, in_mistral_rs: false })
}

/// The format with this number, if an engine computes with it.
///
/// Sizes: ggml's block layouts (ggml-common.h). Q8_1 (9) and Q8_K (15) are formats of intermediate results: the engines' kernels
/// panic or fail when weights come in them.
pub(crate) fn kind(number: u32) -> Option<Kind> {
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
        16 => only_llama("IQ2_XXS", 256, 66),
        17 => only_llama("IQ2_XS", 256, 74),
        18 => only_llama("IQ3_XXS", 256, 98),
        19 => only_llama("IQ1_S", 256, 50),
        20 => only_llama("IQ4_NL", 32, 18),
        21 => only_llama("IQ3_S", 256, 110),
        22 => only_llama("IQ2_S", 256, 82),
        23 => only_llama("IQ4_XS", 256, 136),
        26 => only_llama("I32", 1, 4),
        29 => only_llama("IQ1_M", 256, 56),
        30 => float("BF16", 2),
        34 => only_llama("TQ1_0", 256, 54),
        35 => only_llama("TQ2_0", 256, 66),
        39 => only_llama("MXFP4", 32, 17),
        40 => only_llama("NVFP4", 64, 36),
        41 => only_llama("Q1_0", 128, 18),
        42 => only_llama("Q2_0", 64, 18),
        _ => None,
    }
}

/// What people call the format with this number.
pub(crate) fn name(number: u32) -> String {
    let name = match number {
        9 => "Q8_1",
        15 => "Q8_K",
        24 => "I8",
        25 => "I16",
        27 => "I64",
        28 => "F64",
        other => return kind(other).map_or_else(|| format!("number {other}"), |kind| kind.name.to_owned()),
    };
    name.to_owned()
}
