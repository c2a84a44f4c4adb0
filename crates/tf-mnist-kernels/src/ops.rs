//! The table of the ops. A line names an op once: its type `Tf...` and `Tf...Bf16`, its place in [`OpTypes`], that it is
//! registered and that every instruction set is tested with it all follow.

use super::factors::{BF16, F32};
use super::registry::{Api, Typed, register};

/// Registers an op.
pub(super) type Register = fn(&'static Api) -> Result<(), String>;

macro_rules! ops {
    (
        rounding_or_not { $($(#[$documentation:meta])* $field:ident: $module:ident::$op:ident,)* }
        float32 { $($(#[$documentation32:meta])* $field32:ident: $module32:ident::$op32:ident,)* }
    ) => {
        $(use super::$module::$op;)*
        $(use super::$module32::$op32;)*

        /// The types of the ops, for nodes.
        #[derive(Debug, Clone, Copy)]
        pub struct OpTypes {
            $($(#[$documentation])* pub $field: &'static str,)*
            $($(#[$documentation32])* pub $field32: &'static str,)*
        }

        impl OpTypes {
            const fn new<const FACTORS: usize>() -> Self {
                Self { $($field: $op::<FACTORS>::TYPE,)* $($field32: $op32::TYPE,)* }
            }
        }

        $(impl<const FACTORS: usize> Typed for $op<FACTORS> {
            const TYPE: &'static str = if FACTORS == BF16 {
                concat!("TfMnist", stringify!($op), "Bf16")
            } else {
                concat!("TfMnist", stringify!($op))
            };
        })*
        $(impl Typed for $op32 {
            const TYPE: &'static str = concat!("TfMnist", stringify!($op32));
        })*

        pub(super) const REGISTER: &[Register] =
            &[$(register::<$op<F32>>, register::<$op<BF16>>,)* $(register::<$op32>,)*];

        /// What tests each op.
        #[cfg(all(test, target_arch = "x86_64"))]
        pub(super) const TEST: &[fn()] = {
            use super::tests::instruction_sets_agree;
            &[
                $(instruction_sets_agree::<$op<F32>>, instruction_sets_agree::<$op<BF16>>,)*
                $(instruction_sets_agree::<$op32>,)*
            ]
        };
    };
}

ops! {
    rounding_or_not {
        /// The baseline: conv1, ReLU, conv2, ReLU, pool.
        baseline_features: baseline::BaselineFeatures,
        /// Its gradients.
        baseline_features_grad: baseline_grad::BaselineFeaturesGrad,
        /// The optimized network in training: conv1, batch norm, SELU.
        first_layer: first_layer::FirstLayer,
        /// conv2 in training, and the statistics of its results.
        second_layer: second_layer::SecondLayer,
        /// The gradients of `first_layer`, `second_layer` and `pool_layer`.
        layers_grad: layers_grad::LayersGrad,
    }
    float32 {
        /// Batch norm, pool, SELU in training.
        pool_layer: pool_layer::PoolLayer,
        /// The optimized network in use: conv1, SELU, conv2, pool, SELU, batch norms folded.
        features: inference::Features,
        /// Dropout and the first dense layer of the optimized network in training, without its bias.
        dense: dense::Dense,
        /// Its gradients.
        dense_grad: dense::DenseGrad,
    }
}

impl OpTypes {
    /// Those whose convolutions multiply float32 numbers.
    pub const F32: Self = Self::new::<F32>();
    /// Those whose convolutions multiply numbers rounded to bfloat16.
    pub const BF16: Self = Self::new::<BF16>();
}
