//! Numbered references from an answer to its passages.

use molt_core::{Citation, Passage};

/// Citations for the passages that were given to the model, numbered from 1 in their order.
pub(crate) fn citations(passages: &[Passage]) -> Vec<Citation> {
    (passages.iter().zip(1..))
        .map(|(passage, number)| Citation {
            number,
            document_id: passage.document_id.clone(),
            chunk_id: passage.chunk_id.clone(),
            document_name: passage.document_name.clone(),
            path: passage.path.clone(),
            text: passage.text.clone(),
            position: passage.position.clone(),
            used: false,
        })
        .collect()
}

/// Marks the citations whose number stands in square brackets in the answer: `[2]`, `[1, 3]`, `【2】`.
pub(crate) fn mark_used(citations: &mut [Citation], answer: &str) {
    for bracket in answer.split(['[', '【']).skip(1) {
        let Some((inside, _)) = bracket.split_once([']', '】']) else { continue };
        for number in inside.split([',', '，', '、', ' ']).filter_map(|part| part.parse::<u32>().ok()) {
            if let Some(citation) = citations.iter_mut().find(|citation| citation.number == number) {
                citation.used = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use molt_core::{ChunkId, DocumentId, Position};

    use super::*;

    #[test]
    fn numbers_in_brackets_are_used() {
        let citation = |number| Citation {
            number,
            document_id: DocumentId::from("d"),
            chunk_id: ChunkId::from("c"),
            document_name: String::new(),
            path: String::new(),
            text: String::new(),
            position: Position::default(),
            used: false,
        };
        let mut all: Vec<Citation> = (1..=5).map(citation).collect();
        mark_used(&mut all, "412,000 EUR [1, 3], a[x] and 【4】 but not 5 or [9].");
        assert_eq!(
            all.iter().filter(|citation| citation.used).map(|citation| citation.number).collect::<Vec<_>>(),
            [1, 3, 4]
        );
    }
}
