//! A plain notion of words, and vectors made of them, for fakes only.

/// Lower-case words; Han text gives one word per character and one per pair of neighbours.
pub fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut previous: Option<char> = None;
    for c in text.chars().flat_map(char::to_lowercase) {
        let han = ('\u{3400}'..='\u{9fff}').contains(&c);
        if han || !c.is_alphanumeric() {
            if !word.is_empty() {
                out.push(std::mem::take(&mut word));
            }
        } else {
            word.push(c);
        }
        if han {
            out.push(c.to_string());
            if let Some(p) = previous {
                out.push(format!("{p}{c}"));
            }
        }
        previous = han.then_some(c);
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

/// A unit-length vector of hashed words: texts that share words are near each other. A text without words gives `[1, 0, …]`.
pub fn embed_words(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0f32; dimensions];
    for word in words(text) {
        // FNV-1a, 64 bits.
        let hash =
            word.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        vector[(hash % dimensions as u64) as usize] += if hash >> 63 == 0 { 1.0 } else { -1.0 };
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    } else if let Some(first) = vector.first_mut() {
        *first = 1.0;
    }
    vector
}
