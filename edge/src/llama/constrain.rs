//! The form an answer must have, as a sampler that knows what may come next.

use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;

use super::weights::Weights;
use super::{gbnf, schema};
use crate::generate::{Constraint, GenerateError, Token};

/// What may come next in one answer.
pub(super) struct Form {
    grammar: LlamaSampler,
}

impl Form {
    /// Reads a constraint.
    ///
    /// # Errors
    /// [`GenerateError::Constraint`] says what is wrong with it.
    pub(super) fn new(constraint: &Constraint, weights: &Weights) -> Result<Self, GenerateError> {
        let refuse = |reason: String| GenerateError::Constraint { reason };
        let text = match constraint {
            Constraint::Gbnf(text) => text.clone(),
            Constraint::Json => format!("root ::= object\n{}", schema::COMMON),
            Constraint::Schema(schema) => {
                schema::grammar(schema).map_err(|error| refuse(error.to_string()))?
            }
        };
        gbnf::check(&text).map_err(|error| refuse(error.to_string()))?;
        let grammar = weights.grammar(&text);
        let grammar = grammar.ok_or_else(|| refuse("a rule begins with itself".to_owned()))?;
        Ok(Self { grammar })
    }

    /// Whether `token` may come next.
    pub(super) fn allows(&mut self, token: Token) -> bool {
        let candidate = LlamaTokenData::new(LlamaToken(token), 0.0, 0.0);
        let mut alone = LlamaTokenDataArray::new(vec![candidate], false);
        self.grammar.apply(&mut alone);
        alone.data.iter().any(|found| found.logit() == 0.0)
    }

    /// Leaves only the candidates that may come next; whether there are any.
    pub(super) fn narrow(&mut self, candidates: &mut LlamaTokenDataArray) -> bool {
        self.grammar.apply(candidates);
        let possible = |found: &LlamaTokenData| found.logit() > f32::NEG_INFINITY;
        candidates.data.retain(possible);
        !candidates.data.is_empty()
    }

    /// Notes a token that was chosen. It must be allowed: llama.cpp aborts on others.
    pub(super) fn accept(&mut self, token: Token) {
        self.grammar.accept(LlamaToken(token));
    }
}
