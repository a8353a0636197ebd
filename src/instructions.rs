//! The instruction sets that hot loops are compiled for, chosen at run time.

use std::sync::OnceLock;

use pulp::{Scalar256b, Simd, WithSimd};

/// The environment variable that forces an instruction set, for tests and comparisons.
pub const VARIABLE: &str = "LAPERM_SIMD";

/// An instruction set. Every hot loop, or kernel, is written once and compiled for each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstructionSet {
    /// Whatever every CPU of this architecture has, in groups of eight numbers.
    Portable,
    /// x86-64 with AVX2 and fused multiply-add: eight numbers at once, in 16 registers.
    Avx2,
    /// x86-64 with AVX-512: sixteen numbers at once, in 32 registers.
    Avx512,
}

/// A name in the variable `LAPERM_SIMD` that is none, or one that this CPU cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{VARIABLE}={name}: this CPU has {available}")]
pub struct UnknownInstructionSet {
    name: String,
    available: String,
}

impl InstructionSet {
    const ALL: [InstructionSet; 3] =
        [InstructionSet::Portable, InstructionSet::Avx2, InstructionSet::Avx512];

    /// Its name, as in the variable `LAPERM_SIMD`.
    pub fn name(self) -> &'static str {
        match self {
            InstructionSet::Portable => "portable",
            InstructionSet::Avx2 => "avx2",
            InstructionSet::Avx512 => "avx512",
        }
    }

    /// Those that this CPU can run, slowest first.
    pub fn available() -> impl Iterator<Item = InstructionSet> {
        Self::ALL.into_iter().filter(|set| set.is_available())
    }

    /// The one that kernels use: what the environment asks for, or else the fastest.
    pub fn current() -> InstructionSet {
        static CURRENT: OnceLock<InstructionSet> = OnceLock::new();
        *CURRENT.get_or_init(|| Self::requested().ok().flatten().unwrap_or_else(Self::fastest))
    }

    /// What the environment asks for, if anything.
    ///
    /// # Errors
    /// A name that is none, or an instruction set that this CPU does not have.
    pub fn requested() -> Result<Option<InstructionSet>, UnknownInstructionSet> {
        let Some(name) = std::env::var_os(VARIABLE) else { return Ok(None) };
        match Self::available().find(|set| name == set.name()) {
            Some(set) => Ok(Some(set)),
            None => Err(UnknownInstructionSet {
                name: name.to_string_lossy().into_owned(),
                available: Self::available().map(Self::name).collect::<Vec<_>>().join(", "),
            }),
        }
    }

    fn fastest() -> InstructionSet {
        Self::available().last().unwrap_or(InstructionSet::Portable)
    }

    #[cfg(target_arch = "x86_64")]
    fn is_available(self) -> bool {
        match self {
            InstructionSet::Portable => true,
            InstructionSet::Avx2 => pulp::x86::V3::is_available(),
            InstructionSet::Avx512 => pulp::x86::V4::is_available(),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_available(self) -> bool {
        self == InstructionSet::Portable
    }

    /// Runs a kernel as compiled for this instruction set; on a CPU that lacks it, as portable code. What the kernel
    /// calls must be `#[inline(always)]`, or it is compiled without the instructions; so are closures that it hands to
    /// other threads: share out the work first, then call this in each share.
    #[inline]
    pub(crate) fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        #[cfg(target_arch = "x86_64")]
        match self {
            InstructionSet::Avx512 => {
                if let Some(simd) = pulp::x86::V4::try_new() {
                    return Simd::vectorize(simd, kernel);
                }
            }
            InstructionSet::Avx2 => {
                if let Some(simd) = pulp::x86::V3::try_new() {
                    return Simd::vectorize(simd, kernel);
                }
            }
            InstructionSet::Portable => {}
        }
        Simd::vectorize(Scalar256b, kernel)
    }
}

/// Defines a function whose body, plain loops over slices, is compiled for each instruction set; it takes the set first.
macro_rules! vectorized {
    (
        $(#[$attribute:meta])*
        fn $name:ident<$lifetime:lifetime>($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)? $body:block
    ) => {
        $(#[$attribute])*
        fn $name<$lifetime>(
            set: $crate::instructions::InstructionSet,
            $($argument: $type),*
        ) $(-> $output)? {
            struct Kernel<$lifetime> {
                $($argument: $type),*
            }
            impl<$lifetime> pulp::WithSimd for Kernel<$lifetime> {
                #[allow(unused_parens, reason = "they are the unit of a function that returns nothing")]
                type Output = ($($output)?);
                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
                    // Arguments of a function are known not to overlap, unlike the fields of a struct.
                    #[inline(always)]
                    fn body<$lifetime>($($argument: $type),*) $(-> $output)? $body
                    body($(self.$argument),*)
                }
            }
            set.run(Kernel { $($argument),* })
        }
    };
}
pub(crate) use vectorized;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_run_on_every_instruction_set() {
        struct Lanes;
        impl WithSimd for Lanes {
            type Output = usize;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> usize {
                S::F32_LANES
            }
        }
        for set in InstructionSet::available() {
            let lanes = if set == InstructionSet::Avx512 { 16 } else { 8 };
            assert_eq!(set.run(Lanes), lanes, "{}", set.name());
        }
    }
}
