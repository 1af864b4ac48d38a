//! Keeps an answer to the form that was asked for. The form is computed by llguidance, here as in the other engine.

use std::sync::Arc;

use llama_cpp_2::{
    context::LlamaContext,
    model::LlamaModel,
    sampling::LlamaSampler,
    token::{LlamaToken, data_array::LlamaTokenDataArray},
};
use llguidance::{
    Matcher, ParserFactory,
    api::TopLevelGrammar,
    toktrie::{ApproximateTokEnv, SimpleVob, TokRxInfo, TokTrie},
};
use molt_core::Constraint;
use molt_engine_client::{
    protocol::WireError,
    worker::form::{compact, refused},
};

/// The forms that one model's tokens can have. Made once: it spells every token.
pub struct Forms(ParserFactory);

impl Forms {
    /// Blocking, up to a second for large vocabularies.
    pub fn new(model: &LlamaModel) -> Result<Self, WireError> {
        let vocab = model.vocab();
        let tokens = (0..vocab.n_tokens()).map(LlamaToken::new);
        let mut ends: Vec<u32> = tokens.clone().filter(|&token| vocab.is_eog(token)).filter_map(number).collect();
        let usual = number(vocab.eot()).or(number(vocab.eos())).filter(|usual| ends.contains(usual));
        let Some(end) = usual.or(ends.first().copied()) else {
            return Err(refused("this model has no token that ends an answer"));
        };
        ends.sort_by_key(|&token| token != end);
        let spelled = |token| {
            let bytes = vocab.token_to_piece(token, false, None);
            if !bytes.is_empty() {
                return bytes;
            }
            // Markers are no text, so that no form can have them in it.
            let mut marker = vocab.token_to_piece(token, true, None);
            if !marker.is_empty() {
                marker.insert(0, TokTrie::SPECIAL_TOKEN_MARKER);
            }
            marker
        };
        let words: Vec<Vec<u8>> = tokens.map(spelled).collect();
        let trie = TokTrie::from(&TokRxInfo::new(words.len() as u32, end), &words).with_eos_tokens(&ends);
        let environment: llguidance::toktrie::TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory = ParserFactory::new_simple(&environment).map_err(|error| refused(&error.to_string()))?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Self(factory))
    }

    /// The state of an answer that is to have this form, before its first token.
    pub fn begin(&self, form: Constraint) -> Result<Form, WireError> {
        let grammar = match form {
            Constraint::JsonSchema(schema) => TopLevelGrammar::from_json_schema(compact(schema)?),
            Constraint::Regex(regex) => TopLevelGrammar::from_regex(&regex),
            Constraint::Grammar(grammar) => TopLevelGrammar::from_lark(grammar),
        };
        let parser = self.0.create_parser(grammar).map_err(|error| refused(&error.to_string()))?;
        let mut form = Form(Matcher::new(Ok(parser)));
        if !form.is_complete() && form.allowed()?.num_set() == 0 {
            return Err(refused("no text has this form"));
        }
        Ok(form)
    }
}

/// How far an answer has come in its form.
pub struct Form(Matcher);

impl Form {
    /// Chooses the next token, as `sampler` would if no others were there.
    pub fn choose(&mut self, context: &LlamaContext<'_>, sampler: &mut LlamaSampler) -> Result<LlamaToken, WireError> {
        // Mostly the model is in the form by itself, and trying one token is faster than finding all that fit.
        let free = sampler.sample(context, -1);
        if self.0.validate_tokens(&[free.0 as u32]).map_err(broken)? == 1 {
            return Ok(free);
        }
        let allowed = self.allowed()?;
        let is_allowed = |token: LlamaToken| allowed.is_allowed(token.0 as u32);
        if is_allowed(free) {
            return Ok(free);
        }
        let fitting = context.candidates_ith(-1).filter(|candidate| is_allowed(candidate.id()));
        let mut candidates = LlamaTokenDataArray::from_iter(fitting, false);
        if candidates.data.is_empty() {
            return Err(refused("the model has no word that goes on with it"));
        }
        candidates.apply_sampler(sampler);
        candidates.selected_token().ok_or_else(|| refused("the model has no word that goes on with it"))
    }

    /// Takes a token that was chosen and does not end the answer.
    pub fn take(&mut self, token: LlamaToken) -> Result<(), WireError> {
        self.0.consume_token(token.0 as u32).map_err(broken)
    }

    /// Whether the answer has its form and cannot go on.
    pub fn is_complete(&self) -> bool {
        self.0.is_stopped() && !self.0.is_error()
    }

    fn allowed(&mut self) -> Result<SimpleVob, WireError> {
        self.0.compute_mask_or_eos().map_err(broken)
    }
}

fn number(token: LlamaToken) -> Option<u32> {
    u32::try_from(token.0).ok()
}

fn broken(error: impl std::fmt::Display) -> WireError {
    refused(&error.to_string())
}
