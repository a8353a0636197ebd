//! The library that runs the computation, chosen at run time.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::instructions::InstructionSet;

/// A backend. The list includes those that are not compiled in, so that a request for one of them
/// gets a helpful answer.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    clap::ValueEnum,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Backend {
    /// burn-flex, on the CPU.
    #[default]
    Flex,
    /// burn-ndarray, on the CPU.
    Ndarray,
    /// LibTorch, on an NVIDIA GPU if there is one, otherwise on the CPU: `--features tch`.
    Tch,
    /// Vulkan, Metal or DirectX through wgpu: `--features wgpu`.
    Wgpu,
    /// NVIDIA GPUs: `--features cuda`.
    Cuda,
}

/// A backend that this program was built without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this laperm was built without the {0} backend: build it with `cargo build --release --features {0}` \
     (the README says what that needs), or choose one of {available}",
    available = Backend::available()
)]
pub struct MissingBackend(Backend);

impl Backend {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The instruction set of its kernels, if it uses those of this program.
    pub fn instruction_set(self) -> Option<InstructionSet> {
        matches!(self, Backend::Flex | Backend::Ndarray).then(InstructionSet::current)
    }

    /// Returns the device to compute on, without autodiff.
    ///
    /// # Errors
    /// Returns an error if the backend was not compiled in.
    #[expect(deprecated, reason = "ndarray and tch are kept for as long as burn has them")]
    pub fn device(self) -> Result<Device, MissingBackend> {
        match self {
            Backend::Flex => Ok(Device::flex()),
            Backend::Ndarray => Ok(Device::ndarray()),
            #[cfg(feature = "tch")]
            Backend::Tch if tch::Cuda::is_available() => Ok(Device::libtorch_cuda(0)),
            #[cfg(feature = "tch")]
            Backend::Tch => Ok(Device::libtorch()),
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "cuda")]
            Backend::Cuda => Ok(Device::cuda(0)),
            #[allow(unreachable_patterns, reason = "reached when a feature is off")]
            missing => Err(MissingBackend(missing)),
        }
    }

    fn available() -> String {
        let names = Self::VARIANTS.iter().filter(|backend| match backend {
            Backend::Flex | Backend::Ndarray => true,
            Backend::Tch => cfg!(feature = "tch"),
            Backend::Wgpu => cfg!(feature = "wgpu"),
            Backend::Cuda => cfg!(feature = "cuda"),
        });
        names.map(|backend| backend.name()).collect::<Vec<_>>().join(", ")
    }
}
