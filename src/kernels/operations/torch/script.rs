//! The operations of LibTorch that the crate tch does not have, by way of LibTorch's script language: `script.py` says
//! what they are, `script.pt` is what LibTorch runs.

use std::sync::LazyLock;

use tch::{CModule, IValue, Tensor};

static SCRIPT: LazyLock<CModule> =
    LazyLock::new(|| match CModule::load_data(&mut include_bytes!("script.pt").as_slice()) {
        Ok(script) => script,
        Err(error) => unreachable!("the program carries a script that LibTorch can read: {error}"),
    });

/// What an operation of the script gives.
///
/// # Panics
/// If there is none of that name that takes these arguments.
pub(super) fn call<const N: usize>(operation: &str, arguments: [IValue; N]) -> IValue {
    match SCRIPT.method_is(operation, &arguments) {
        Ok(result) => result,
        Err(error) => panic!("{operation} of the script: {error}"),
    }
}

/// [`call`] for an operation that gives three tensors.
pub(super) fn three<const N: usize>(operation: &str, arguments: [IValue; N]) -> [Tensor; 3] {
    let tensor = |value| match value {
        IValue::Tensor(tensor) => tensor,
        other => unreachable!("{operation} of the script gives {other:?}"),
    };
    match call(operation, arguments) {
        IValue::Tuple(values) if values.len() == 3 => {
            let mut tensors = values.into_iter().map(tensor);
            std::array::from_fn(|_| tensors.next().unwrap_or_default())
        }
        other => unreachable!("{operation} of the script gives {other:?}"),
    }
}
