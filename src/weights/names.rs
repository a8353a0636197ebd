//! Names of tensors: their natural order, and the names of optimizers' states.

use std::cmp::Ordering;

/// Compares names in natural order: numbers in them by value, so that layer 10 comes after layer 9.
pub(super) fn by_nature(a: &str, b: &str) -> Ordering {
    pieces(a).cmp(pieces(b)).then_with(|| a.cmp(b))
}

/// Splits a name into its runs of digits, without leading zeros and with their lengths, and the
/// texts between them.
fn pieces(name: &str) -> impl Iterator<Item = (usize, &str)> {
    let runs = name.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let mut end = 0;
    runs.map(move |run| {
        let start = end;
        end += run.len();
        let run = &name[start..end];
        if run.starts_with(|first: char| first.is_ascii_digit()) {
            let number = run.trim_start_matches('0');
            (number.len(), number)
        } else {
            (usize::MAX, run)
        }
    })
}

/// Returns true if a tensor belongs to the state of an optimizer, such as Adam's moments, rather
/// than to a network: if a part of its path begins with `optim`.
pub(super) fn is_optimizer_state(name: &str) -> bool {
    name.split(['.', '/']).any(|part| part.starts_with("optim"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_count() {
        let mut names = ["conv10.b", "dense", "conv9.b", "conv", "conv9.a", "conv09.b", "2", "10"];
        names.sort_by(|a, b| by_nature(a, b));
        let sorted = ["2", "10", "conv", "conv9.a", "conv09.b", "conv9.b", "conv10.b", "dense"];
        assert_eq!(names, sorted);
    }

    #[test]
    fn optimizers_are_told_from_networks() {
        for name in ["optimizer.state.0.exp_avg", "model/optimizer_weights/x", "optim.0"] {
            assert!(is_optimizer_state(name), "{name}");
        }
        assert!(!is_optimizer_state("model.conv1.weight"));
        assert!(!is_optimizer_state("suboptimal.weight"));
    }

    proptest! {
        #[test]
        fn any_names_have_an_order(a in "[ab09.é]{0,6}", b in "[ab09.é]{0,6}", c in "[ab09.é]{0,6}") {
            prop_assert_eq!(by_nature(&a, &b), by_nature(&b, &a).reverse());
            prop_assert_eq!(by_nature(&a, &b).is_eq(), a == b);
            if by_nature(&a, &b).is_le() && by_nature(&b, &c).is_le() {
                prop_assert!(by_nature(&a, &c).is_le());
            }
        }
    }
}
