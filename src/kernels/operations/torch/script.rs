//! LibTorch operations that the crate tch does not expose, called through TorchScript. `script.py`
//! defines them, and LibTorch runs the compiled `script.pt`.

use std::sync::LazyLock;

use tch::{CModule, IValue, Tensor};

static SCRIPT: LazyLock<CModule> =
    LazyLock::new(|| match CModule::load_data(&mut include_bytes!("script.pt").as_slice()) {
        Ok(script) => script,
        Err(error) => unreachable!("LibTorch cannot read the program's own script: {error}"),
    });

/// Calls an operation of the script.
///
/// # Panics
/// If the script has no such operation with these arguments.
pub(super) fn call<const N: usize>(operation: &str, arguments: [IValue; N]) -> IValue {
    match SCRIPT.method_is(operation, &arguments) {
        Ok(result) => result,
        Err(error) => panic!("{operation} of the script: {error}"),
    }
}

/// [`call`] for an operation that returns three tensors.
pub(super) fn three<const N: usize>(operation: &str, arguments: [IValue; N]) -> [Tensor; 3] {
    let tensor = |value| match value {
        IValue::Tensor(tensor) => tensor,
        other => unreachable!("{operation} of the script returned {other:?}"),
    };
    match call(operation, arguments) {
        IValue::Tuple(values) if values.len() == 3 => {
            let mut tensors = values.into_iter().map(tensor);
            std::array::from_fn(|_| tensors.next().unwrap_or_default())
        }
        other => unreachable!("{operation} of the script returned {other:?}"),
    }
}
