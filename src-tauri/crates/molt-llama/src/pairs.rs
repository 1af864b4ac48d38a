//! A question and a passage that a model reads together, to tell how well the one answers the other.

use llama_cpp_2::{model::LlamaModel, token::LlamaToken, vocab::LlamaVocab};

use crate::{model::text_of, vectors::Frame};

/// The end mark of models of the RoBERTa family. Between two texts they have it twice
/// (<https://huggingface.co/docs/transformers/model_doc/roberta>).
const ROBERTA_END: &str = "</s>";
/// Where a file has the layout of a pair, as converters write it for models that could also answer.
const LAYOUT: &str = "tokenizer.chat_template.rerank";

/// What stands around the two.
#[derive(Debug)]
pub struct Pair {
    before: Vec<LlamaToken>,
    between: Vec<LlamaToken>,
    behind: Vec<LlamaToken>,
}

impl Pair {
    /// `None` where the file has a layout without a place for both.
    pub fn of(model: &LlamaModel, frame: &Frame) -> Option<Self> {
        let vocab = model.vocab();
        match model.meta_val_str(LAYOUT) {
            Ok(layout) => {
                let (before, rest) = layout.split_once("{query}")?;
                let (between, behind) = rest.split_once("{document}")?;
                // The layout is the file's own, so markers in it are markers.
                let tokens = |text: &str| vocab.tokenize(text.as_bytes(), false, true);
                Some(Self { before: tokens(before), between: tokens(between), behind: tokens(behind) })
            }
            Err(_) => Some(Self {
                before: frame.before.clone(),
                between: between(&vocab, &frame.behind),
                behind: frame.behind.clone(),
            }),
        }
    }

    /// The two as the model reads them, at most `most` tokens: of the question half at most, of the passage what there is room for.
    pub fn tokens(&self, query: &[LlamaToken], text: &[LlamaToken], most: usize) -> Vec<LlamaToken> {
        let room = most.saturating_sub(self.before.len() + self.between.len() + self.behind.len());
        let query = &query[..query.len().min(room / 2)];
        let text = &text[..text.len().min(room - query.len())];
        [&self.before, query, &self.between, text, &self.behind].concat()
    }
}

fn between(vocab: &LlamaVocab<'_>, end: &[LlamaToken]) -> Vec<LlamaToken> {
    match end {
        [] if vocab.should_add_sep() => vec![vocab.sep()],
        [mark] if text_of(vocab, *mark) == ROBERTA_END => vec![*mark; 2],
        _ => end.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_fits_and_the_passage_takes_what_the_question_leaves() {
        let tokens = |numbers: &[i32]| numbers.iter().copied().map(LlamaToken::new).collect::<Vec<_>>();
        let pair = Pair { before: tokens(&[1]), between: tokens(&[2, 2]), behind: tokens(&[3]) };
        let of = |query: &[i32], text: &[i32], most| -> Vec<i32> {
            pair.tokens(&tokens(query), &tokens(text), most).iter().map(|token| token.0).collect()
        };
        assert_eq!(of(&[7], &[8, 9], 100), [1, 7, 2, 2, 8, 9, 3]);
        assert_eq!(of(&[7; 9], &[8; 9], 10), [1, 7, 7, 7, 2, 2, 8, 8, 8, 3]);
        assert_eq!(of(&[7], &[8; 9], 10), [1, 7, 2, 2, 8, 8, 8, 8, 8, 3]);
        assert_eq!(of(&[7], &[8], 2), [1, 2, 2, 3]);
    }
}
