//! Which library computes, chosen at run time.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::instructions::InstructionSet;

/// A backend. All are named whether compiled in or not, so that asking for one that is not gets an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// burn-flex, on the CPU.
    #[default]
    Flex,
    /// burn-ndarray, on the CPU.
    Ndarray,
    /// LibTorch, on the CPU or, where there is one, an NVIDIA GPU: `--features tch`.
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
    const ALL: [Backend; 5] =
        [Backend::Flex, Backend::Ndarray, Backend::Tch, Backend::Wgpu, Backend::Cuda];

    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Flex => "flex",
            Backend::Ndarray => "ndarray",
            Backend::Tch => "tch",
            Backend::Wgpu => "wgpu",
            Backend::Cuda => "cuda",
        }
    }

    /// The instruction set of its kernels, if it computes with ours.
    pub fn instruction_set(self) -> Option<InstructionSet> {
        matches!(self, Backend::Flex | Backend::Ndarray).then(InstructionSet::current)
    }

    /// The device to compute on, without autodiff.
    ///
    /// # Errors
    /// A backend that was not compiled in.
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
        let names = Self::ALL.iter().filter(|backend| match backend {
            Backend::Flex | Backend::Ndarray => true,
            Backend::Tch => cfg!(feature = "tch"),
            Backend::Wgpu => cfg!(feature = "wgpu"),
            Backend::Cuda => cfg!(feature = "cuda"),
        });
        names.map(|backend| backend.name()).collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
