//! What nano reads: the dialogues of a seeded generator, batch by batch.
//!
//! Pure but for the generator's own state. The batches depend on the recipe and the
//! tokenizer alone; any position can be sought without what came before it.

use crate::config::{Data, Recipe};
use crate::dataset::Generator;
use crate::dataset::sequence::Sequence;
use crate::dataset::tokenizer::{ChatTokenizer, LossWeights, TokenizerError};
use crate::echo::echo;
use crate::pack::{Batch, batches};
use crate::run::{Position, Source};

/// Set apart from the seeds of data, so that order and content are independent.
const ORDER: u64 = 0x006f_7264_6572;

/// Learns the recipe's vocabulary from its first dialogues.
///
/// # Errors
/// [`TokenizerError`] if they are too few for it.
pub fn train_tokenizer(recipe: &Recipe) -> Result<ChatTokenizer, TokenizerError> {
    let generator = Generator::new(recipe.seed);
    let texts = (0..recipe.data.tokenizer_dialogues).flat_map(move |index| {
        // What a family has in common would count once for each of its dialogues.
        let one = generator.family(index).swap_remove(0);
        one.messages.into_iter().map(|message| message.content)
    });
    ChatTokenizer::train(texts, recipe.model.vocabulary)
}

/// An endless stream of dialogues, packed window by window.
pub struct Dialogues {
    generator: Generator,
    tokenizer: ChatTokenizer,
    data: Data,
    batch_tokens: usize,
    longest: usize,
    seed: u64,
    position: Position,
    window: Option<Vec<Batch>>,
}

impl Dialogues {
    /// The stream from its beginning.
    pub fn new(recipe: &Recipe, tokenizer: ChatTokenizer) -> Self {
        Self {
            generator: Generator::new(recipe.seed),
            tokenizer,
            data: recipe.data,
            batch_tokens: recipe.train.batch_tokens,
            longest: recipe.model.context,
            seed: recipe.seed,
            position: Position::default(),
            window: None,
        }
    }

    fn pack_window(&self) -> Vec<Batch> {
        let first = self.position.window * self.data.window;
        let sequences: Vec<Sequence> = (first..first + self.data.window)
            .map(|index| self.sequence(index))
            .filter(|sequence| sequence.depth() <= self.longest)
            .collect();
        batches(
            sequences,
            self.batch_tokens,
            self.seed ^ ORDER ^ self.position.window,
        )
    }

    fn sequence(&self, index: u64) -> Sequence {
        let opening = self.position.window < self.data.echo_windows;
        if opening || index.is_multiple_of(self.data.echo_every) {
            return echo(self.seed, index, self.tokenizer.vocab());
        }
        let weights = LossWeights {
            answer: self.data.answer_weight,
            context: self.data.other_weight,
        };
        let family: Vec<Sequence> = self
            .generator
            .family(index)
            .iter()
            .map(|dialogue| self.tokenizer.encode_dialogue(dialogue, weights))
            .collect();
        Sequence::tree(&family)
    }
}

impl Source for Dialogues {
    type Batch = Batch;

    fn position(&self) -> Position {
        self.position
    }

    fn seek(&mut self, position: Position) {
        self.position = position;
        self.window = None;
    }

    fn next_batch(&mut self) -> (Batch, usize) {
        loop {
            let window = self.window.take().unwrap_or_else(|| self.pack_window());
            let at = usize::try_from(self.position.batch).unwrap_or(usize::MAX);
            if let Some(batch) = window.get(at).cloned() {
                self.position.batch += 1;
                self.window = Some(window);
                let tokens = batch.tokens();
                return (batch, tokens);
            }
            self.position = Position {
                window: self.position.window + 1,
                batch: 0,
            };
        }
    }
}
