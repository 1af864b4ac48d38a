//! How much memory a model needs, how much there is, and how much a worker holds.
//!
//! Owns the arithmetic and the reading of the system's figures; it must not know processes or protocols.

use molt_core::Backend;

use crate::gguf::{Comparing, GgufInfo, MOST_TOKENS};

const MIB: u64 = 1 << 20;
/// Bytes for the program itself, the tokenizer and intermediate results of a short prompt.
const MARGIN: u64 = 160 * MIB;
/// Bytes that reading a prompt of L tokens takes per L²: mistral.rs 0.8.1 materialises the causal mask on a processor, and each layer
/// copies it.
const MASK_BYTES: u64 = 8;
/// Whether the llama.cpp worker computes attention itself and ends computations in their middle, by leading the linker (its `build.rs`).
const LED: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));
/// Whether attention is computed tile by tile, without holding the scores: where the worker computes it itself (its `build.rs`). That of
/// llama.cpp is made for other devices: on a processor, with 2,000 tokens behind it, it writes an answer at half the speed that attention
/// with all scores reaches, and reads a short line at less than half.
pub const FLASH_ATTENTION: bool = LED;
/// Tokens. A context below this answers nothing useful.
const SMALLEST_CONTEXT: u32 = 512;
/// Tokens that a context is rounded to: the cache of a conversation grows in such steps.
const STEP: u32 = 512;

/// Tokens of a prompt that llama.cpp reads in one go. Measured on two cores with 0.6 billion weights, 256 are read a tenth faster than 64.
/// But other answers wait meanwhile, progress is told in between, and where a computation is not ended in its middle a cancellation is heard
/// only then: so a batch of a model is to take about two seconds at most there.
pub fn prompt_batch(model: impl Into<Footprint>) -> u32 {
    match model.into().file_size >> 30 {
        0 if LED => 256,
        1 if LED => 128,
        _ => 64,
    }
}

/// What the need for memory follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of the file or files.
    pub file_size: u64,
    /// Bytes of the weights and tables as mistral.rs holds them.
    pub loaded_bytes: u64,
    /// Bytes that each token of a conversation takes, at 32-bit floats.
    pub kv_bytes_per_token: u64,
    /// Attention heads of the layer that has the most.
    pub heads: u32,
    /// Tokens that the model was made to read.
    pub context_length: u32,
}

impl From<&GgufInfo> for Footprint {
    fn from(info: &GgufInfo) -> Self {
        Self {
            file_size: info.file_size,
            loaded_bytes: info.loaded_bytes,
            kv_bytes_per_token: info.kv_bytes_per_token,
            heads: info.heads,
            context_length: info.context_length,
        }
    }
}

/// What loading a model will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Tokens of a conversation that fit into the memory, at most what the model reads.
    pub context: u32,
    /// Bytes with a full context.
    pub needed: u64,
}

/// Bytes that the model needs with a context of `context` tokens.
pub fn needed(backend: Backend, model: impl Into<Footprint>, context: u32) -> u64 {
    let model = model.into();
    let context = u64::from(context.next_multiple_of(STEP));
    let cache = model.kv_bytes_per_token.saturating_mul(context);
    let parts = match backend {
        // The weights take what they take in the file; keys and values are 16-bit floats. Without flash attention each head scores each
        // token of a batch against the whole context, in 32-bit floats.
        Backend::LlamaCpp => {
            let heads = if FLASH_ATTENTION { 0 } else { model.heads };
            let scores = u64::from(heads) * u64::from(prompt_batch(model)) * 4;
            [model.file_size, cache / 2, scores.saturating_mul(context), 0]
        }
        // Besides the cache itself, a queued request holds an empty one of half its size.
        Backend::MistralRs | Backend::Candle => {
            let mask = context.saturating_mul(context).saturating_mul(MASK_BYTES);
            [model.loaded_bytes, cache, cache / 2, mask]
        }
        // Nothing of it is here.
        Backend::Remote => return 0,
    };
    parts.into_iter().fold(MARGIN, u64::saturating_add)
}

/// Bytes that one more conversation takes in llama.cpp beside those that there are.
pub fn of_conversation(info: &GgufInfo, context: u32) -> u64 {
    needed(Backend::LlamaCpp, info, context).saturating_sub(info.file_size).saturating_sub(MARGIN)
}

/// Whether memory that llama.cpp empties takes nothing until it is used (the worker's `build.rs`).
const BLANK_IS_FREE: bool = cfg!(target_os = "linux");

/// Bytes that a model needs that compares texts: there is no conversation. For each token of a batch llama.cpp keeps room for the scores of
/// the whole vocabulary, though nobody asks for them; a model that could also write computes them besides.
pub fn needed_to_compare(info: &GgufInfo, comparing: Comparing) -> u64 {
    let scores = u64::from(comparing.batch) * u64::from(info.vocabulary) * 4;
    let (scores, cache) = if comparing.is_encoder {
        (if BLANK_IS_FREE { 0 } else { scores }, 0)
    } else {
        (2 * scores, info.kv_bytes_per_token.saturating_mul(u64::from(MOST_TOKENS)) / 2)
    };
    [info.file_size, scores, cache].into_iter().fold(MARGIN, u64::saturating_add)
}

/// A plain sentence with the figures where `needed` bytes are not there.
pub fn check(needed: u64) -> Result<(), String> {
    match available().filter(|&available| available < needed) {
        Some(available) => Err(too_little(needed, available)),
        None => Ok(()),
    }
}

fn too_little(needed: u64, available: u64) -> String {
    let (needed, free) = (amount(needed), amount(available));
    format!("The model needs {needed} of memory and {free} is free. Close other programs or choose a smaller model.")
}

/// The largest context of at most `wanted` tokens that fits into `available` bytes, or a plain sentence with the figures.
///
/// Where the system does not tell how much is available the whole context is taken.
pub fn plan(
    backend: Backend,
    model: impl Into<Footprint>,
    wanted: u32,
    available: Option<u64>,
) -> Result<MemoryPlan, String> {
    let model = model.into();
    let wanted = wanted.clamp(1, model.context_length);
    let needed = |context: u32| needed(backend, model, context);
    let fits = |context: u32| available.is_none_or(|available| needed(context) <= available);
    if fits(wanted) {
        return Ok(MemoryPlan { context: wanted, needed: needed(wanted) });
    }
    // Figures grow with the context, so the largest that fits is found by halving.
    let (mut low, mut high) = (0, wanted.div_ceil(STEP));
    while low + 1 < high {
        let middle = low.midpoint(high);
        if fits(middle * STEP) { low = middle } else { high = middle }
    }
    let context = low * STEP;
    if context >= SMALLEST_CONTEXT.min(wanted) {
        return Ok(MemoryPlan { context, needed: needed(context) });
    }
    let least = needed(SMALLEST_CONTEXT.min(wanted));
    Err(too_little(least, available.unwrap_or_default()))
}

/// Bytes in the units that people read.
pub fn amount(bytes: u64) -> String {
    if bytes >= 1 << 30 {
        format!("{:.1} GB", bytes as f64 / (1_u64 << 30) as f64)
    } else {
        format!("{} MB", bytes.div_ceil(MIB))
    }
}

/// Bytes that a new process may take before the system swaps or kills, where the system tells it.
pub fn available() -> Option<u64> {
    let system = kilobytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    Some(group_headroom("/sys/fs/cgroup").map_or(system, |group| group.min(system)))
}

/// Bytes left under the memory limit of the control group at `folder` (containers), if it has one.
fn group_headroom(folder: &str) -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).ok();
    let limit: u64 = read("memory.max")?.trim().parse().ok()?;
    let used: u64 = read("memory.current")?.trim().parse().ok()?;
    // Cached pages of files are given back on demand.
    let cached = read("memory.stat")
        .and_then(|stat| stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse().ok()))
        .unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(cached)))
}

/// Bytes that the process holds: its share of what it shares (PSS) where the system tells it, else 0.
pub fn of_process(pid: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok();
    if let Some(pss) = rollup.and_then(|rollup| kilobytes(&rollup, "Pss:")) {
        return pss;
    }
    std::fs::read_to_string(format!("/proc/{pid}/status"))
        .ok()
        .and_then(|status| kilobytes(&status, "VmRSS:"))
        .unwrap_or(0)
}

/// The figure in kilobytes behind `label`, as bytes.
fn kilobytes(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISTRAL: Backend = Backend::MistralRs;

    /// The figures of Qwen3-0.6B in Q4_K_M.
    fn info() -> GgufInfo {
        GgufInfo {
            architecture: "qwen3".into(),
            name: None,
            licence: None,
            quantisation: "Q4_K".into(),
            context_length: 40_960,
            parameters: 596_049_920,
            file_size: 397 * MIB,
            block_count: 28,
            embedding_length: 1024,
            vocabulary: 151_936,
            heads: 16,
            kv_bytes_per_token: 28 * 8 * 256 * 4,
            loaded_bytes: (397 + 594) * MIB,
            template: Some("{{ messages }}".into()),
            calls_tools: true,
            comparing: None,
            not_for_mistral_rs: None,
        }
    }

    #[test]
    fn all_of_it_where_there_is_room() {
        assert_eq!(plan(MISTRAL, &info(), 4096, None).unwrap().context, 4096);
        assert_eq!(plan(MISTRAL, &info(), 1_000_000, None).unwrap().context, 40_960);
        assert_eq!(plan(MISTRAL, &info(), 4096, Some(64 << 30)).unwrap().context, 4096);
    }

    #[test]
    fn a_shorter_context_where_there_is_less() {
        let plan = plan(MISTRAL, &info(), 40_960, Some(4 << 30)).unwrap();
        assert!((2048..16_384).contains(&plan.context) && plan.context.is_multiple_of(STEP), "{plan:?}");
        assert!(plan.needed <= 4 << 30);
        assert!(needed(MISTRAL, &info(), plan.context + STEP) > 4 << 30, "the next step would not have fitted");
    }

    #[test]
    fn refused_with_figures_where_it_cannot_fit() {
        let refusal = plan(MISTRAL, &info(), 40_960, Some(900 * MIB)).unwrap_err();
        assert!(refusal.contains("needs 1.3 GB") && refusal.contains("900 MB is free"), "{refusal}");
    }

    #[test]
    fn weights_as_in_the_file_and_short_floats_need_less() {
        let cache = u64::from(4096_u32) * info().kv_bytes_per_token;
        let scores = if FLASH_ATTENTION { 0 } else { 16 * u64::from(prompt_batch(&info())) * 4096 * 4 };
        assert_eq!(needed(Backend::LlamaCpp, &info(), 4096), info().file_size + cache / 2 + scores + MARGIN);
        assert!(needed(Backend::LlamaCpp, &info(), 4096) < needed(MISTRAL, &info(), 4096) / 2);
    }

    #[test]
    fn what_compares_texts_needs_room_for_scores_that_nobody_asks_for() {
        let (pooling, batch) = (crate::gguf::Pooling::Mean, 512);
        let needed = |is_encoder| needed_to_compare(&info(), Comparing { pooling, is_encoder, batch });
        let scores = 512 * u64::from(info().vocabulary) * 4;
        assert_eq!(needed(true), info().file_size + MARGIN + if BLANK_IS_FREE { 0 } else { scores });
        assert_eq!(needed(false), info().file_size + MARGIN + 2 * scores + 512 * info().kv_bytes_per_token / 2);
    }

    #[test]
    fn absurd_figures_do_not_overflow() {
        let info = GgufInfo { kv_bytes_per_token: u64::MAX / 2, loaded_bytes: u64::MAX - 1, ..info() };
        assert!(plan(MISTRAL, &info, u32::MAX, Some(u64::MAX - 1)).is_err());
    }

    #[test]
    fn figures_of_the_system_are_read() {
        assert_eq!(kilobytes("MemFree: 1 kB\nMemAvailable:    2048 kB\n", "MemAvailable:"), Some(2 * MIB));
        assert_eq!(kilobytes("MemAvailable: lots", "MemAvailable:"), None);
        if cfg!(target_os = "linux") {
            assert!(of_process(std::process::id()) > MIB);
            assert!(available().is_some_and(|bytes| bytes > MIB));
        }
        assert_eq!(of_process(u32::MAX), 0);
    }

    #[test]
    fn a_container_has_less_than_its_machine() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert_eq!(group_headroom(path), None);
        std::fs::write(folder.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(group_headroom(path), None);
        std::fs::write(folder.path().join("memory.max"), "1000\n").unwrap();
        std::fs::write(folder.path().join("memory.current"), "700\n").unwrap();
        assert_eq!(group_headroom(path), Some(300));
        std::fs::write(folder.path().join("memory.stat"), "anon 5\ninactive_file 200\n").unwrap();
        assert_eq!(group_headroom(path), Some(500));
    }
}
