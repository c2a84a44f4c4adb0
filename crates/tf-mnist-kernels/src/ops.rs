//! The table of the ops. A line names an op once: its type `Tf...`, that of its kernel whose factors are rounded, its place in
//! [`OpTypes`], that it is registered and that every instruction set is tested with it all follow.

use super::registry::{Api, Typed, register};

macro_rules! ops {
    ($($(#[$documentation:meta])* $field:ident: $module:ident::$op:ident $rounded:literal,)*) => {
        /// The types of the ops, for nodes.
        #[derive(Debug, Clone, Copy)]
        pub struct OpTypes {
            $($(#[$documentation])* pub $field: &'static str,)*
        }

        impl OpTypes {
            /// Those whose convolutions multiply float32 numbers.
            pub const F32: Self = Self { $($field: concat!("TfMnist", stringify!($op)),)* };
            /// Those whose convolutions multiply numbers rounded to bfloat16.
            pub const BF16: Self = Self { $($field: concat!("TfMnist", stringify!($op), $rounded),)* };
        }

        $(impl Typed for super::$module::$op {
            const TYPES: [&'static str; 2] = [OpTypes::F32.$field, OpTypes::BF16.$field];
        })*

        pub(super) fn register_all(api: &Api) -> Result<(), String> {
            $(
                register::<super::$module::$op, _, _, false>(api)?;
                register::<super::$module::$op, _, _, true>(api)?;
            )*
            Ok(())
        }

        #[cfg(test)]
        #[cfg(target_arch = "x86_64")]
        pub(super) fn test_all() {
            $(super::tests::instruction_sets_agree::<super::$module::$op, _, _>();)*
        }
    };
}

ops! {
    /// The baseline: conv1, ReLU, conv2, ReLU, pool.
    baseline_features: baseline::BaselineFeatures "Bf16",
    /// Its gradients.
    baseline_features_grad: baseline_grad::BaselineFeaturesGrad "Bf16",
    /// The optimized network in training: conv1, batch norm, SELU, conv2, batch norm, pool, SELU.
    layers: optimized::Layers "Bf16",
    /// Its gradients.
    layers_grad: optimized_grad::LayersGrad "Bf16",
    /// The optimized network in use: the same, with the batch norms folded into the convolutions.
    features: optimized::Features "",
    /// Dropout and the first dense layer of the optimized network in training, without its bias.
    dense: dense::Dense "",
    /// Its gradients.
    dense_grad: dense::DenseGrad "",
}
