//! Fuses neighbouring operations of a plan that one pass over memory can compute.

use super::plan::{Operation, Plan};

/// Returns an equivalent plan with fewer operations. A ReLU becomes part of the operation before it,
/// and a dropout part of the batch norm before it. The ReLU of a convolution or dense layer before a
/// batch norm becomes part of the batch norm, so that the gradients of both are computed together.
pub(super) fn fuse(plan: Plan) -> Plan {
    let mut fused = Plan::new();
    for mut operation in plan {
        if let Operation::Residual { body, shortcut, .. } = &mut operation {
            *body = fuse(std::mem::take(body));
            *shortcut = fuse(std::mem::take(shortcut));
        }
        let absorbed = fused.last_mut().is_some_and(|last| join(last, &mut operation));
        if !absorbed {
            fused.push(operation);
        }
    }
    fused
}

/// Fuses two neighbours as far as possible. Returns true if the second has become part of the
/// first.
fn join(first: &mut Operation, second: &mut Operation) -> bool {
    match (first, second) {
        (
            Operation::Conv { relu, .. } | Operation::Dense { relu, .. },
            Operation::BatchNorm { relu_before, .. },
        ) => {
            *relu_before = std::mem::take(relu);
            false
        }
        (
            Operation::Conv { relu, .. }
            | Operation::Dense { relu, .. }
            | Operation::Residual { relu, .. }
            | Operation::BatchNorm { relu_after: relu, dropout: None, .. },
            Operation::Relu,
        ) => {
            *relu = true;
            true
        }
        (Operation::BatchNorm { dropout: none @ None, .. }, Operation::Dropout(dropout)) => {
            *none = Some(*dropout);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::Dropout;

    fn dense(relu: bool) -> Operation {
        Operation::Dense { weight: 0, shape: [2, 3], bias: None, relu }
    }

    fn norm(relu_before: bool, relu_after: bool, dropout: Option<Dropout>) -> Operation {
        Operation::BatchNorm { scale: 1, shift: 2, norm: 0, relu_before, relu_after, dropout }
    }

    const DROPOUT: Dropout = Dropout { rate: 0.5, site: 1 };

    #[test]
    fn neighbours_become_one() {
        let plan = vec![
            dense(true),
            norm(false, false, None),
            Operation::Relu,
            Operation::Dropout(DROPOUT),
        ];
        assert_eq!(fuse(plan), [dense(false), norm(true, true, Some(DROPOUT))]);
        assert_eq!(fuse(vec![dense(false), Operation::Relu]), [dense(true)]);
    }

    #[test]
    fn nothing_follows_dropout() {
        let plan = vec![norm(false, false, Some(DROPOUT)), Operation::Relu];
        assert_eq!(fuse(plan.clone()), plan);
        let twice = vec![norm(false, false, Some(DROPOUT)), Operation::Dropout(DROPOUT)];
        assert_eq!(fuse(twice.clone()), twice);
    }

    #[test]
    fn both_ways_of_a_residual_block_are_fused() {
        let way = || vec![norm(false, false, None), Operation::Relu];
        let block = |body, shortcut, relu| Operation::Residual { body, shortcut, relu };
        let joined = || vec![norm(false, true, None)];
        let plan = vec![block(way(), way(), false), Operation::Relu];
        assert_eq!(fuse(plan), [block(joined(), joined(), true)]);
    }
}
