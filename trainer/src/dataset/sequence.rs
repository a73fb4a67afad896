//! Dialogues as tokens: one alone, or several that begin alike.
//!
//! A family of dialogues that share their beginning is read as one tree: the trunk once,
//! then each branch as if the trunk stood right before it and the others were not there.
//! So a block of memories is read once for all the questions about it.
//!
//! # Invariants
//! - There are as many weights as tokens; the first weight is 0.
//! - `branches` ascend, none is 0, and there is none or more than one.

/// One tree of dialogues as tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequence {
    /// Token ids: the trunk, then one branch after another.
    pub tokens: Vec<u32>,
    /// For each token, the weight of predicting it; the first is 0.
    pub weights: Vec<f32>,
    /// Where each branch begins; empty when all is trunk.
    pub branches: Vec<usize>,
}

impl Sequence {
    /// The dialogues as one tree; what they have in common comes once, from the first.
    ///
    /// They must not be trees themselves.
    pub fn tree(family: &[Self]) -> Self {
        let Some((first, others)) = family.split_first() else {
            return Self::default();
        };
        if others.is_empty() {
            return first.clone();
        }
        let shortest = family.iter().map(|one| one.tokens.len()).min().unwrap_or(0);
        let alike = |at: &usize| others.iter().all(|o| o.tokens[*at] == first.tokens[*at]);
        // A branch has one token at least.
        let most = shortest.saturating_sub(1);
        let trunk = (0..most).take_while(alike).count();
        let mut tree = Self {
            tokens: first.tokens[..trunk].to_vec(),
            weights: first.weights[..trunk].to_vec(),
            branches: Vec::with_capacity(family.len()),
        };
        for one in family {
            tree.branches.push(tree.tokens.len());
            tree.tokens.extend_from_slice(&one.tokens[trunk..]);
            tree.weights.extend_from_slice(&one.weights[trunk..]);
        }
        tree
    }

    /// Where the trunk ends.
    pub fn trunk(&self) -> usize {
        self.branches.first().copied().unwrap_or(self.tokens.len())
    }

    /// Where the branch begins that token `at` is in; `None` in the trunk.
    pub fn branch(&self, at: usize) -> Option<usize> {
        let past = self.branches.partition_point(|&start| start <= at);
        past.checked_sub(1).map(|index| self.branches[index])
    }

    /// The token that token `at` is predicted from; the first has none.
    pub fn before(&self, at: usize) -> Option<usize> {
        match self.branch(at) {
            Some(start) if start == at => self.trunk().checked_sub(1),
            _ => at.checked_sub(1),
        }
    }

    /// How many tokens stand before token `at` in its dialogue.
    pub fn position(&self, at: usize) -> usize {
        self.branch(at)
            .map_or(at, |start| self.trunk() + at - start)
    }

    /// Tokens in the longest dialogue.
    pub fn depth(&self) -> usize {
        (0..self.tokens.len())
            .map(|at| self.position(at) + 1)
            .max()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Sequence;

    fn sequence(tokens: &[u32]) -> Sequence {
        let weights = tokens.iter().map(|token| *token as f32).collect();
        Sequence {
            tokens: tokens.to_vec(),
            weights,
            branches: Vec::new(),
        }
    }

    #[test]
    fn what_dialogues_have_in_common_comes_once() {
        let family = [&[0, 5, 6, 7, 8][..], &[0, 5, 9], &[0, 5, 6, 4]].map(sequence);
        let tree = Sequence::tree(&family);
        assert_eq!(tree.tokens, [0, 5, 6, 7, 8, 9, 6, 4]);
        assert_eq!(tree.branches, [2, 5, 6]);
        assert_eq!(tree.weights[5], 9.0);
        assert_eq!((tree.trunk(), tree.depth()), (2, 5));
    }

    #[test]
    fn every_dialogue_can_be_read_back() {
        let family = [&[0, 5, 6, 7][..], &[0, 5, 6], &[0, 5, 6, 7, 1, 2]].map(sequence);
        let tree = Sequence::tree(&family);
        for (one, &start) in family.iter().zip(&tree.branches) {
            let end = start + one.tokens.len() - tree.trunk();
            let mut back = Vec::new();
            let mut at = Some(end - 1);
            while let Some(here) = at {
                assert_eq!(tree.position(here), one.tokens.len() - 1 - back.len());
                back.push(tree.tokens[here]);
                at = tree.before(here);
            }
            back.reverse();
            assert_eq!(back, one.tokens);
        }
    }

    #[test]
    fn equal_dialogues_and_one_alone_are_trees_too() {
        let one = sequence(&[0, 5]);
        assert_eq!(Sequence::tree(std::slice::from_ref(&one)), one);
        let twice = Sequence::tree(&[one.clone(), one]);
        assert_eq!(twice.tokens, [0, 5, 5]);
        assert_eq!(twice.before(2), Some(0));
        assert_eq!(Sequence::tree(&[]), Sequence::default());
    }
}
