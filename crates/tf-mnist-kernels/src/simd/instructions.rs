//! Which instructions the kernels use on this processor.

use std::fmt;

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// 256-bit registers and fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => f.write_str("AVX2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => f.write_str("AVX-512"),
        }
    }
}

/// Names the instruction set to use, `avx2` or `avx512`, instead of the widest.
pub const VARIABLE: &str = "TF_MNIST_INSTRUCTIONS";

impl Instructions {
    /// Those that the environment names, or the widest; none where the processor has none.
    ///
    /// # Errors
    /// What the environment names is no set of instructions, or not one of this processor's.
    pub fn to_use() -> Result<Option<Self>, String> {
        let widest = Self::of_this_processor();
        let Some(name) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) else {
            return Ok(widest);
        };
        let named: Option<Self> = match name.to_str() {
            #[cfg(target_arch = "x86_64")]
            Some("avx2") => Some(Self::Avx2),
            #[cfg(target_arch = "x86_64")]
            Some("avx512") => Some(Self::Avx512),
            _ => None,
        };
        if named.is_some() && named <= widest { Ok(named) } else { Err(name.to_string_lossy().into_owned()) }
    }

    /// The widest that this processor has; none on one without AVX2, where TensorFlow's own ops are used.
    pub fn of_this_processor() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512dq") {
                return Some(Self::Avx512);
            }
            if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                return Some(Self::Avx2);
            }
        }
        None
    }

    /// All that this processor has.
    #[cfg(all(test, target_arch = "x86_64"))]
    pub fn all_of_this_processor() -> Vec<Self> {
        let widest = Self::of_this_processor();
        let all = [Self::Avx2, Self::Avx512];
        all.into_iter().filter(|&set| Some(set) <= widest).collect()
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
        #[cfg(target_arch = "x86_64")]
        $visibility fn $name<$(const $parameter: usize),*>(instructions: Instructions, $($argument: $type),*) {
            #[inline(always)]
            fn of_any<$register: Register, $(const $parameter: usize),*>($($argument: $type),*) $body
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
        #[cfg(not(target_arch = "x86_64"))]
        #[allow(unused_variables)]
        $visibility fn $name<$(const $parameter: usize),*>(instructions: Instructions, $($argument: $type),*) {
            match instructions {} // there is none
        }
    };
}
pub(crate) use for_each_instruction_set;
