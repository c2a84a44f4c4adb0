//! Which instructions the kernels use on this processor.

use std::fmt;

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instructions {
    /// 256-bit registers and fused multiply-add.
    Avx2,
    /// 512-bit registers.
    Avx512,
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
        })
    }
}

/// Names the instruction set to use, `avx2` or `avx512`, instead of the widest.
pub const VARIABLE: &str = "TF_MNIST_INSTRUCTIONS";

impl Instructions {
    /// That which the environment names, or the widest; none where the processor has none.
    ///
    /// # Errors
    /// What the environment names is no set of instructions, or not one of this processor's.
    pub fn to_use() -> Result<Option<Self>, String> {
        let all = Self::all_of_this_processor();
        let Some(name) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) else {
            return Ok(all.last().copied());
        };
        let is_named = |set: &Self| *name == *set.to_string().to_lowercase().replace('-', "");
        let named = all.into_iter().find(is_named);
        named.map(Some).ok_or_else(|| name.to_string_lossy().into_owned())
    }

    /// Those that this processor has, the widest last; none on one without AVX2, where TensorFlow's own ops are used.
    pub fn all_of_this_processor() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                all.push(Self::Avx2);
            }
            if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512dq") {
                all.push(Self::Avx512);
            }
        }
        all
    }
}

/// Defines a kernel, generic over its [`Register`](super::Register), as a function that runs it with given
/// [`Instructions`]: it is inlined whole into a function of each instruction set.
macro_rules! for_each_instruction_set {
    (
        $(#[$documentation:meta])*
        $visibility:vis fn $name:ident<$register:ident $(, const $parameter:ident: usize)*>(
            $($argument:ident: $type:ty),* $(,)?
        ) $body:block
    ) => {
        $(#[$documentation])*
        #[allow(unused_variables)]
        $visibility fn $name<$(const $parameter: usize),*>(instructions: Instructions, $($argument: $type),*) {
            #[inline(always)]
            fn of_any<$register: Register, $(const $parameter: usize),*>($($argument: $type),*) $body
            #[cfg(not(target_arch = "x86_64"))]
            unreachable!("{instructions} on a processor without AVX");
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq")]
                fn avx512<$(const $parameter: usize),*>($($argument: $type),*) {
                    of_any::<$crate::simd::x86::Avx512, $($parameter),*>($($argument),*);
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2<$(const $parameter: usize),*>($($argument: $type),*) {
                    of_any::<$crate::simd::x86::Avx2, $($parameter),*>($($argument),*);
                }
                // SAFETY: an `Instructions` is only made of what the processor has.
                unsafe {
                    match instructions {
                        Instructions::Avx512 => avx512::<$($parameter),*>($($argument),*),
                        Instructions::Avx2 => avx2::<$($parameter),*>($($argument),*),
                    }
                }
            }
        }
    };
}
pub(crate) use for_each_instruction_set;
