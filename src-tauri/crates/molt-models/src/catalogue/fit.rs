//! Which models suit a machine.
//!
//! Owns the rule of thumb; it must not know how a machine is measured.

use std::cmp::Reverse;

use molt_core::{ModelFit, ModelRole};

use super::{Catalogue, CatalogueModel};

/// The share of the memory that is free now which a model may take and leave room beside it.
const WELL: f64 = 0.8;
/// Bytes for the program itself and intermediate results; the engine's own figure.
const WORKING_SPACE: u64 = 160 << 20;
/// The share of all memory that can be freed for a model by closing other programs.
const AT_MOST: f64 = 0.75;
/// Bytes of weights that one processor core goes through in a second: 2 cores wrote 31 tokens/s with 397 MB of Qwen3-0.6B (Q4_K_M).
const BYTES_PER_CORE: f64 = 6e9;
/// Bytes that the memory of usual computers gives to all cores together in a second (two channels of DDR4).
const BYTES_AT_MOST: f64 = 30e9;
/// Tokens a second: about as fast as people read.
const COMFORTABLE: f32 = 8.0;

/// How well a need of `memory` bytes suits a machine, by the bytes it has in all and those that are free now.
pub fn fit(memory: u64, total: u64, available: u64) -> ModelFit {
    let share = |bytes: u64, part: f64| (bytes as f64 * part) as u64;
    if memory <= share(available, WELL) {
        ModelFit::FitsWell
    } else if memory <= share(total, AT_MOST).max(available) {
        ModelFit::Tight
    } else {
        ModelFit::TooLarge
    }
}

/// Tokens a second that a model of `size` bytes will write on a processor with so many cores, roughly: all weights are read for each.
pub fn expected_speed(size: u64, cores: u32) -> f32 {
    ((f64::from(cores.max(1)) * BYTES_PER_CORE).min(BYTES_AT_MOST) / size.max(1) as f64) as f32
}

/// Bytes that a GGUF file of this size needs when loaded, where nothing but its size is known.
///
/// The models of the catalogue need between 1.1 and 1.9 times their size; the small ones most, for the sake of the fixed part.
pub fn memory_of_file(size: u64) -> u64 {
    size.saturating_add(size / 5).saturating_add(WORKING_SPACE)
}

/// Parameters for each core with which a passage of the library is read in less than a second: 2 cores read 140 tokens/s with the 440 million
/// of Qwen3-0.6B that each token goes through, and a passage has about 200.
const COMFORTABLE_TO_READ: u64 = 100_000_000;

/// A model of the catalogue, judged for a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recommendation<'a> {
    pub model: &'a CatalogueModel,
    pub fit: ModelFit,
    /// Tokens a second, expected.
    pub speed: f32,
    /// The one to take if one has no wish: one that answers and one that embeds, if any fits well.
    pub recommended: bool,
}

/// All models, the most useful first: what fits well and writes as fast as people read, from large to small (a larger model answers
/// better), then what is slower, tight or too large, from small to large. Embedders follow the models that answer, those of many
/// languages first, and then what puts passages in order, which nobody needs.
pub fn recommend(catalogue: &Catalogue, total: u64, available: u64, cores: u32) -> Vec<Recommendation<'_>> {
    let models = catalogue.models.iter();
    let mut all: Vec<Recommendation<'_>> = models
        .map(|model| Recommendation {
            model,
            fit: fit(model.memory, total, available),
            speed: expected_speed(model.size(), cores),
            recommended: false,
        })
        .collect();
    all.sort_by_key(|one| {
        let model = one.model;
        let writes = model.role == ModelRole::Chat;
        let narrow = !writes && model.languages.iter().all(|language| language != "multi");
        let slow = if writes {
            one.speed < COMFORTABLE
        } else {
            model.parameters / u64::from(cores.max(1)) > COMFORTABLE_TO_READ
        };
        let large_first = Reverse(if one.fit == ModelFit::FitsWell && !slow { model.parameters } else { 0 });
        (model.role, one.fit, narrow, slow, large_first, model.memory)
    });
    for role in [ModelRole::Chat, ModelRole::Embedder] {
        let best = all.iter_mut().find(|one| one.model.role == role && one.fit == ModelFit::FitsWell);
        if let Some(best) = best {
            best.recommended = true;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    #[test]
    fn what_is_free_decides_and_what_could_be_freed_is_tight() {
        assert_eq!(fit(3 * GB, 8 * GB, 4 * GB), ModelFit::FitsWell);
        assert_eq!(fit(4 * GB, 8 * GB, 4 * GB), ModelFit::Tight);
        assert_eq!(fit(6 * GB, 8 * GB, 4 * GB), ModelFit::Tight);
        assert_eq!(fit(7 * GB, 8 * GB, 4 * GB), ModelFit::TooLarge);
        assert_eq!(fit(1, 0, 0), ModelFit::TooLarge);
        assert_eq!(fit(u64::MAX, u64::MAX, u64::MAX), ModelFit::Tight);
    }

    #[test]
    fn the_rule_by_size_agrees_with_the_catalogue() {
        let catalogue = Catalogue::bundled().unwrap();
        for model in catalogue.models.iter().filter(|model| model.role == ModelRole::Chat) {
            let ruled = memory_of_file(model.size()) as f64 / model.memory as f64;
            assert!((0.65..1.35).contains(&ruled), "{}: {ruled}", model.id);
        }
    }

    #[test]
    fn each_machine_is_offered_the_largest_that_fits_well_and_is_fast_enough() {
        let catalogue = Catalogue::bundled().unwrap();
        for (total, available, cores) in [
            (4 * GB, 2 * GB, 2),
            (24 * GB, 22 * GB, 2),
            (8 * GB, 5 * GB, 4),
            (16 * GB, 11 * GB, 8),
            (64 * GB, 50 * GB, 16),
        ] {
            let offered = recommend(catalogue, total, available, cores);
            assert_eq!(offered.len(), catalogue.models.len());
            let chosen = offered.iter().find(|one| one.recommended).unwrap();
            assert_eq!((chosen.model, chosen.fit), (offered[0].model, ModelFit::FitsWell));
            assert!(chosen.speed >= COMFORTABLE, "{}: {}", chosen.model.id, chosen.speed);
            let larger = |one: &&Recommendation<'_>| {
                one.model.role == ModelRole::Chat && one.model.parameters > chosen.model.parameters
            };
            let would_do = |one: &Recommendation<'_>| one.fit == ModelFit::FitsWell && one.speed >= COMFORTABLE;
            assert!(!offered.iter().filter(larger).any(would_do), "{}", chosen.model.id);
            let embedder = offered.iter().find(|one| one.recommended && one.model.role == ModelRole::Embedder);
            let embedder = embedder.unwrap().model;
            assert!(embedder.languages.contains(&"multi".to_owned()) && embedder.languages.contains(&"zh".to_owned()));
            let expected = match cores {
                2 => "minilm-multilingual",
                4 => "embeddinggemma-300m",
                _ => "qwen3-embedding-0.6b",
            };
            assert_eq!(embedder.id, expected);
            assert!(offered.iter().all(|one| !one.recommended || one.model.role != ModelRole::Reranker));
        }
        let nothing = recommend(catalogue, GB / 4, GB / 8, 2);
        assert!(nothing.iter().all(|one| !one.recommended));
        assert!(nothing[0].model.memory <= nothing[1].model.memory, "the smallest first where nothing fits");
    }

    #[test]
    fn speed_follows_size_and_cores_up_to_what_the_memory_gives() {
        assert!((expected_speed(397 << 20, 2) - 29.0).abs() < 1.0);
        assert_eq!(expected_speed(GB, 64), expected_speed(GB, 8));
        assert!(expected_speed(9 * GB, 2) < 1.5);
        assert!(expected_speed(0, 0).is_finite());
    }
}
