//! AdamW whose whole state can be saved.
//!
//! Decoupled weight decay on matrices only. Source: Loshchilov and Hutter, "Decoupled
//! Weight Decay Regularization" (2019).
//!
//! # Invariants
//! - Weights change only if every gradient is finite.
//! - Gradients are gone after each step, taken or refused.

use tch::{Kind, Tensor};

use super::{TorchError, fill, to_array};
use crate::run::{Finite, State, WEIGHT};

/// Added to the root of the mean square.
const EPSILON: f64 = 1e-8;

/// How AdamW behaves; the rate comes with each step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Decay of the gradient's mean and of its square's.
    pub(crate) betas: [f64; 2],
    /// Decay of matrices per unit of rate.
    pub(crate) weight_decay: f64,
    /// Longest gradient that is taken whole; longer ones are scaled to it.
    pub(crate) clip: f64,
}

/// An optimiser over named parameters.
pub(crate) struct AdamW {
    settings: Settings,
    slots: Vec<Slot>,
    steps: u64,
}

struct Slot {
    name: String,
    weight: Tensor,
    mean: Tensor,
    square: Tensor,
}

impl AdamW {
    /// An optimiser that has taken no step.
    pub(crate) fn new(
        parameters: Vec<(String, Tensor)>,
        settings: Settings,
    ) -> Result<Self, TorchError> {
        let slots = parameters
            .into_iter()
            .map(|(name, weight)| {
                Ok(Slot {
                    mean: weight.f_zeros_like()?.f_detach()?,
                    square: weight.f_zeros_like()?.f_detach()?,
                    name,
                    weight,
                })
            })
            .collect::<Result<_, TorchError>>()?;
        Ok(Self {
            settings,
            slots,
            steps: 0,
        })
    }

    /// Forgets all gradients.
    pub(crate) fn zero_grad(&mut self) -> Result<(), TorchError> {
        for slot in &self.slots {
            let mut gradient = slot.weight.f_grad()?;
            if gradient.defined() {
                let _ = gradient.f_detach_()?.f_zero_()?;
            }
        }
        Ok(())
    }

    /// Clips the gradients and takes a step; returns their length before clipping.
    ///
    /// # Errors
    /// A gradient that is not finite: nothing has changed then.
    pub(crate) fn step(&mut self, rate: f64) -> Result<Finite, TorchError> {
        let taken = tch::no_grad(|| self.clip_and_step(rate));
        self.zero_grad()?;
        taken
    }

    fn clip_and_step(&mut self, rate: f64) -> Result<Finite, TorchError> {
        let mut squares = 0.0;
        for slot in &self.slots {
            let gradient = slot.weight.f_grad()?;
            if gradient.defined() {
                squares += gradient
                    .f_square()?
                    .f_sum(Kind::Double)?
                    .f_double_value(&[])?;
            }
        }
        let length = Finite::new(squares.sqrt()).map_err(|source| TorchError::NotFinite {
            what: "the gradient",
            source,
        })?;
        let scale = (self.settings.clip / length.value().max(self.settings.clip)).min(1.0);
        self.steps += 1;
        let correction = Correction::new(self.settings.betas, self.steps);
        for slot in &mut self.slots {
            slot.step(&self.settings, &correction, rate, scale)?;
        }
        Ok(length)
    }

    /// Adds weights and moments to `state`.
    pub(crate) fn save(&self, state: &mut State) -> Result<(), TorchError> {
        for slot in &self.slots {
            for (part, tensor) in [
                (WEIGHT, &slot.weight),
                (MEAN, &slot.mean),
                (SQUARE, &slot.square),
            ] {
                state
                    .tensors
                    .insert(format!("{part}{}", slot.name), to_array(tensor)?);
            }
        }
        Ok(())
    }

    /// Takes weights and moments from `state`, as they were after `steps` steps.
    pub(crate) fn load(&mut self, state: &State, steps: u64) -> Result<(), TorchError> {
        for slot in &mut self.slots {
            for (part, tensor) in [
                (WEIGHT, &mut slot.weight),
                (MEAN, &mut slot.mean),
                (SQUARE, &mut slot.square),
            ] {
                let name = format!("{part}{}", slot.name);
                let array = state
                    .tensors
                    .get(&name)
                    .ok_or_else(|| TorchError::Missing { name: name.clone() })?;
                fill(tensor, &name, array)?;
            }
        }
        self.steps = steps;
        Ok(())
    }
}

/// Prefixes of the moments' names in a state.
const MEAN: &str = "mean/";
const SQUARE: &str = "square/";

/// What undoes the moments' start at zero.
struct Correction {
    mean: f64,
    square_root: f64,
}

impl Correction {
    fn new(betas: [f64; 2], steps: u64) -> Self {
        let past = |beta: f64| 1.0 - beta.powf(steps as f64);
        Self {
            mean: past(betas[0]),
            square_root: past(betas[1]).sqrt(),
        }
    }
}

impl Slot {
    fn step(
        &mut self,
        settings: &Settings,
        correction: &Correction,
        rate: f64,
        scale: f64,
    ) -> Result<(), TorchError> {
        let gradient = self.weight.f_grad()?;
        if !gradient.defined() {
            return Ok(());
        }
        let gradient = gradient.f_mul_scalar(scale)?;
        let [first, second] = settings.betas;
        let _ = self.mean.f_lerp_(&gradient, 1.0 - first)?;
        let squared = gradient.f_square()?;
        let _ = self.square.f_lerp_(&squared, 1.0 - second)?;
        let divisor = self
            .square
            .f_sqrt()?
            .f_div_scalar_(correction.square_root)?
            .f_add_scalar_(EPSILON)?;
        if self.weight.dim() > 1 {
            let _ = self
                .weight
                .f_mul_scalar_(1.0 - rate * settings.weight_decay)?;
        }
        let moved = self
            .mean
            .f_div(&divisor)?
            .f_mul_scalar_(-rate / correction.mean)?;
        let _ = self.weight.f_add_(&moved)?;
        Ok(())
    }
}
