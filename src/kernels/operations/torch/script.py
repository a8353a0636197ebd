"""LibTorch operations that the Rust crate tch does not expose, as TorchScript.

usage: script.py [--check]

Writes script.pt beside this file. The program contains that archive, and LibTorch runs it. With --check, fails if the
existing archive differs from this file. Written for PyTorch 2.9.
"""

import pathlib
import sys
import zipfile
from typing import List, Tuple

import torch
from torch import Tensor

ARCHIVE = pathlib.Path(__file__).with_name("script.pt")


class Script(torch.nn.Module):
    @torch.jit.export
    def convolution_backward(
        self,
        gradient: Tensor,
        images: Tensor,
        weights: Tensor,
        stride: List[int],
        padding: List[int],
        wanted: List[bool],
    ) -> Tuple[Tensor, Tensor, Tensor]:
        """The gradients of images, weights and bias; those that are not wanted are undefined."""
        filters = [weights.size(0)]
        return torch.ops.aten.convolution_backward(
            gradient, images, weights, filters, stride, padding, [1, 1], False, [0, 0], 1, wanted
        )

    @torch.jit.export
    def normalize_backward(
        self, gradient: Tensor, values: Tensor, scale: Tensor, mean: Tensor, variance: Tensor, epsilon: float
    ) -> Tuple[Tensor, Tensor, Tensor]:
        """The gradients of values, scale and shift in training."""
        deviation = torch.rsqrt(variance + epsilon)
        return torch.ops.aten.native_batch_norm_backward(
            gradient, values, scale, None, None, mean, deviation, True, epsilon, [True, True, True]
        )

    @torch.jit.export
    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """The mean loss, the number of rows greatest at their label, and the gradient of the logits."""
        likelihood = torch.log_softmax(logits, 1)
        loss, weight = torch.ops.aten.nll_loss_forward(likelihood, labels, None, 1, -100)
        one = torch.ones_like(loss)
        gradient = torch.ops.aten.nll_loss_backward(one, likelihood, labels, None, 1, -100, weight)
        gradient = torch.ops.aten._log_softmax_backward_data(gradient, likelihood, 1, logits.dtype)
        correct = torch.eq(logits.argmax(1), labels).sum().to(logits.dtype)
        return loss.view(1), correct.view(1), gradient

    @torch.jit.export
    def adam(
        self,
        parameters: List[Tensor],
        gradients: List[Tensor],
        first: List[Tensor],
        second: List[Tensor],
        times: List[Tensor],
        lr: float,
        beta1: float,
        beta2: float,
        penalty: float,
        epsilon: float,
    ):
        """A step of Adam, in place."""
        torch.ops.aten._fused_adam_(
            parameters,
            gradients,
            first,
            second,
            [],
            times,
            lr=lr,
            beta1=beta1,
            beta2=beta2,
            weight_decay=penalty,
            eps=epsilon,
            amsgrad=False,
            maximize=False,
        )


def code(archive):
    """The source of an archive's operations."""
    with zipfile.ZipFile(archive) as files:
        return next(files.read(name) for name in files.namelist() if name.endswith("/code/__torch__.py"))


def main():
    script = torch.jit.script(Script())
    if sys.argv[1:] != ["--check"]:
        return script.save(str(ARCHIVE))
    fresh = ARCHIVE.with_suffix(".fresh")
    try:
        script.save(str(fresh))
        if code(fresh) != code(ARCHIVE):
            sys.exit(f"{ARCHIVE} differs from {__file__}; run {__file__} to update it")
    finally:
        fresh.unlink()


main()
