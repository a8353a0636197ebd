//! Instruction sets for which hot loops are compiled, selected at run time.

use std::sync::OnceLock;

use pulp::{Scalar256b, Simd, WithSimd};
use strum::{IntoStaticStr, VariantArray};

/// Environment variable that forces an instruction set, for tests and comparisons.
pub const VARIABLE: &str = "LAPERM_SIMD";

/// An instruction set. Each hot loop, or kernel, is written once and compiled for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum InstructionSet {
    /// The baseline of this architecture, with vectors of eight floats.
    Portable,
    /// x86-64 with AVX2 and fused multiply-add: vectors of eight floats, 16 registers.
    Avx2,
    /// x86-64 with AVX-512: vectors of sixteen floats, 32 registers.
    Avx512,
}

/// The variable `LAPERM_SIMD` names no instruction set, or one that this CPU lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{VARIABLE}={name}: this CPU supports {available}")]
pub struct UnknownInstructionSet {
    name: String,
    available: String,
}

impl InstructionSet {
    /// Name, as in the variable `LAPERM_SIMD`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Instruction sets that this CPU supports, slowest first.
    pub fn available() -> impl Iterator<Item = InstructionSet> {
        Self::VARIANTS.iter().copied().filter(|set| set.is_available())
    }

    /// The instruction set that kernels use: the one requested by the environment, otherwise the
    /// fastest.
    pub fn current() -> InstructionSet {
        static CURRENT: OnceLock<InstructionSet> = OnceLock::new();
        *CURRENT.get_or_init(|| Self::requested().ok().flatten().unwrap_or_else(Self::fastest))
    }

    /// The instruction set requested by the environment, if any.
    ///
    /// # Errors
    /// If the name is unknown or this CPU lacks the instruction set.
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

    /// Runs a kernel compiled for this instruction set, or portable code if the CPU lacks it.
    ///
    /// Functions that the kernel calls must be `#[inline(always)]`. Otherwise they are compiled for
    /// the baseline. The same happens to closures that a kernel passes to other threads, so split
    /// the work first and call this function in each share.
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

/// Defines a function whose body, plain loops over slices, is compiled for each instruction set.
/// Its first argument is the instruction set.
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
                    // The compiler knows that arguments of a function do not overlap. It does not
                    // know this of the fields of a struct.
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
