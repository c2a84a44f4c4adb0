//! The training that belongs to a network.

use super::Range;
use crate::graph::Pair;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a network is trained, unless the user says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with epochs, batch_size, validate and adam")]
pub struct Training {
    /// The name scope of the loss and the optimizer.
    #[serde(default = "train")]
    pub scope: String,
    /// Times through the training set.
    pub epochs: u32,
    /// Rows a step.
    pub batch_size: usize,
    /// When it validates.
    pub validate: Validate,
    /// It stops so many steps after the last improvement.
    #[serde(default)]
    pub patience: Option<u64>,
    /// Which weights count at the end.
    #[serde(default)]
    pub keep: Keep,
    /// The optimizer.
    pub adam: Adam,
    /// Training images are moved by up to so many pixels, up or down and left or right, anew in every epoch.
    #[serde(default = "unmoved", skip_serializing_if = "is_unmoved")]
    pub random_translation: Pair,
}

fn train() -> String {
    "train".into()
}

fn unmoved() -> Pair {
    Pair([0, 0])
}

fn is_unmoved(pair: &Pair) -> bool {
    *pair == unmoved()
}

/// When to validate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validate {
    /// After epochs 0, 2, 4... and wherever the run ends.
    EvenEpochsAndLast,
    /// After every epoch and wherever the run ends.
    EveryEpoch,
    /// After steps 0, n, 2n...
    EverySteps(u64),
}

/// Which weights count at the end of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The last.
    #[default]
    Last,
    /// Those of the best validation.
    Best,
}

/// Adam's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adam {
    /// The step size.
    pub learning_rate: LearningRate,
    /// Decay of the mean of the gradients.
    #[serde(default = "beta_1")]
    pub beta_1: f32,
    /// Decay of the mean of their squares.
    #[serde(default = "beta_2")]
    pub beta_2: f32,
    /// Keeps the division from zero.
    #[serde(default = "epsilon")]
    pub epsilon: f32,
}

fn beta_1() -> f32 {
    0.9
}

fn beta_2() -> f32 {
    0.999
}

fn epsilon() -> f32 {
    1e-8
}

/// A step size that stays, or one that falls step by step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, try_from = "Value")]
pub enum LearningRate {
    /// The same in every step.
    Constant(f32),
    /// A function of the step.
    Schedule(LearningRateSchedule),
}

/// A learning rate as a function of the step, which counts from 0; Keras's schedules of these names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LearningRateSchedule {
    /// `initial · ((1 - alpha) · (1 + cos(pi · step / decay_steps)) / 2 + alpha)`, and `initial · alpha` from
    /// `decay_steps` on (Loshchilov and Hutter, 2017).
    CosineDecay {
        /// The rate of step 0.
        initial_learning_rate: f32,
        /// Steps until it has fallen; without it, those of the whole run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decay_steps: Option<u64>,
        /// What is left at the end, as a share of the initial rate.
        #[serde(default)]
        alpha: f32,
    },
    /// `initial · decay_rate ^ (step / decay_steps)`.
    ExponentialDecay {
        /// The rate of step 0.
        initial_learning_rate: f32,
        /// Steps in which it falls by `decay_rate`.
        decay_steps: u64,
        /// What it falls by.
        decay_rate: f32,
        /// Whether it falls at once after every `decay_steps` steps.
        #[serde(default)]
        staircase: bool,
    },
}

impl TryFrom<Value> for LearningRate {
    type Error = serde_json::Error;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::Object(_) => serde_json::from_value(value).map(Self::Schedule),
            value => serde_json::from_value(value).map(Self::Constant),
        }
    }
}

impl LearningRate {
    /// The rate of step 0.
    pub fn initial(&self) -> f32 {
        match *self {
            Self::Constant(rate) => rate,
            Self::Schedule(
                LearningRateSchedule::CosineDecay { initial_learning_rate, .. }
                | LearningRateSchedule::ExponentialDecay { initial_learning_rate, .. },
            ) => initial_learning_rate,
        }
    }

    /// Whether every step has the same.
    pub fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    /// The rate of `step`, computed in float64 and rounded.
    pub fn at(&self, step: u64) -> f32 {
        let initial = f64::from(self.initial());
        let rate = match *self {
            Self::Constant(rate) => return rate,
            Self::Schedule(LearningRateSchedule::CosineDecay { decay_steps, alpha, .. }) => {
                let steps = decay_steps.unwrap_or(u64::MAX);
                let done = step.min(steps) as f64 / steps as f64;
                let alpha = f64::from(alpha);
                initial * ((1.0 - alpha) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()) + alpha)
            }
            Self::Schedule(LearningRateSchedule::ExponentialDecay {
                decay_steps,
                decay_rate,
                staircase,
                ..
            }) => {
                let periods = step as f64 / decay_steps as f64;
                let periods = if staircase { periods.floor() } else { periods };
                initial * f64::from(decay_rate).powf(periods)
            }
        };
        rate as f32
    }

    /// Settles what depends on the length of a run.
    pub fn settle(&mut self, steps: u64) {
        if let Self::Schedule(LearningRateSchedule::CosineDecay { decay_steps: open @ None, .. }) = self {
            *open = Some(steps.max(1));
        }
    }
}

impl Training {
    /// What no table may hold.
    pub(super) fn check(&self, input_shape: [u64; 3]) -> Result<(), String> {
        let [above_zero, share] = [Range::ABOVE_ZERO, Range::SHARE];
        let Adam { learning_rate, beta_1, beta_2, epsilon } = self.adam;
        let (steps, rest) = match learning_rate {
            LearningRate::Constant(_) => (1, true),
            LearningRate::Schedule(LearningRateSchedule::CosineDecay { decay_steps, alpha, .. }) => {
                (decay_steps.unwrap_or(1), (0.0..=1.0).contains(&alpha))
            }
            LearningRate::Schedule(LearningRateSchedule::ExponentialDecay {
                decay_steps,
                decay_rate,
                ..
            }) => (decay_steps, above_zero.contains(decay_rate) && decay_rate <= 1.0),
        };
        let Pair([down, right]) = self.random_translation;
        let sound = [
            ("epochs", self.epochs > 0, "at least 1"),
            ("batch_size", self.batch_size > 0, "at least 1"),
            ("validate", self.validate != Validate::EverySteps(0), "at least every step"),
            ("learning_rate", above_zero.contains(learning_rate.initial()), above_zero.words),
            ("decay_steps", steps > 0, "at least 1"),
            ("alpha or decay_rate", rest, "from 0 to 1"),
            ("beta_1", share.contains(beta_1), share.words),
            ("beta_2", share.contains(beta_2), share.words),
            ("epsilon", above_zero.contains(epsilon), above_zero.words),
            (
                "random_translation",
                down < input_shape[0] && right < input_shape[1],
                "less than the image's height and width",
            ),
        ];
        match sound.into_iter().find(|(_, sound, _)| !sound) {
            Some((name, _, bound)) => Err(format!("training: {name} is out of range; it is {bound}")),
            None => Ok(()),
        }
    }
}
