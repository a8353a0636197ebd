//! Append-only lists of which many versions exist at once.
//!
//! A list is cut into pieces of a fixed size. A clone shares all of them, so that its cost does not
//! depend on the length of the list. Appending to a shared list copies its last piece only.

use std::sync::Arc;

/// Number of elements of a full piece.
pub(super) const PIECE: usize = 256;

/// A part of a list.
pub(super) trait Piece: Clone + Default {
    fn len(&self) -> usize;

    /// Removes all but the first `len` elements.
    fn truncate(&mut self, len: usize);
}

/// A list: full pieces, and an open one to append to.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces<P> {
    full: Arc<Vec<Arc<P>>>,
    open: Arc<P>,
}

impl<P: Piece> Pieces<P> {
    pub(super) fn len(&self) -> usize {
        self.full.len() * PIECE + self.open.len()
    }

    pub(super) fn full(&self) -> &[Arc<P>] {
        &self.full
    }

    /// Iterates over all pieces in order. The last may be empty.
    pub(super) fn iter(&self) -> impl Iterator<Item = &P> {
        self.full.iter().map(|piece| &**piece).chain([&*self.open])
    }

    /// Returns the piece of this index; beyond the full ones, the open one.
    pub(super) fn piece(&self, number: usize) -> &P {
        self.full.get(number).map_or(&self.open, |piece| piece)
    }

    /// Calls `push` with the open piece; it must append one element.
    pub(super) fn push(&mut self, push: impl FnOnce(&mut P)) {
        push(Arc::make_mut(&mut self.open));
        if self.open.len() == PIECE {
            let full = std::mem::take(&mut self.open);
            Arc::make_mut(&mut self.full).push(full);
        }
    }

    /// Removes all but the first `len` elements. Clones keep theirs.
    pub(super) fn truncate(&mut self, len: usize) {
        if len >= self.len() {
            return;
        }
        let whole = len / PIECE;
        if whole < self.full.len() {
            self.open = self.full[whole].clone();
            Arc::make_mut(&mut self.full).truncate(whole);
        }
        Arc::make_mut(&mut self.open).truncate(len % PIECE);
    }
}

impl<T: Clone> Pieces<Vec<T>> {
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let inside = index < self.full.len() * PIECE + self.open.len();
        self.piece(index / PIECE).get(index % PIECE).filter(|_| inside)
    }

    /// As [`slice::partition_point`]: the number of elements for which `wanted` is true, all of
    /// which come first.
    pub(super) fn partition_point(&self, wanted: impl Fn(&T) -> bool) -> usize {
        let all = |piece: &Vec<T>| piece.last().is_none_or(&wanted);
        let whole = self.full.partition_point(|piece| all(piece));
        whole * PIECE + self.piece(whole).partition_point(&wanted)
    }
}

impl<T: Clone> Piece for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn truncate(&mut self, len: usize) {
        self.truncate(len);
    }
}

/// A list that is cheap to clone.
#[derive(Debug, Clone)]
pub struct List<T>(Pieces<Vec<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        List(Pieces { full: Arc::default(), open: Arc::default() })
    }
}

impl<T: Clone> List<T> {
    pub fn push(&mut self, element: T) {
        self.0.push(|piece| piece.push(element));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The latest element.
    pub fn last(&self) -> Option<&T> {
        let last_full = || self.0.full().last().and_then(|piece| piece.last());
        self.0.open.last().or_else(last_full)
    }

    /// Iterates over all elements, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
}

impl<T: Clone + PartialEq> PartialEq for List<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<T: Clone> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut list = List::default();
        elements.into_iter().for_each(|element| list.push(element));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_clone_stays_what_it_was() {
        let mut list: List<usize> = (0..PIECE + 10).collect();
        let before = list.clone();
        list.push(7);
        assert_eq!((before.len(), list.len()), (PIECE + 10, PIECE + 11));
        assert_eq!((before.last(), list.last()), (Some(&(PIECE + 9)), Some(&7)));
    }

    #[test]
    fn clones_share_their_full_pieces() {
        let list: List<usize> = (0..10 * PIECE).collect();
        let mut longer = list.clone();
        longer.push(1);
        let same = |i: usize| Arc::ptr_eq(&list.0.full[i], &longer.0.full[i]);
        assert!((0..10).all(same));
    }

    proptest! {
        #[test]
        fn it_is_a_vector_whatever_is_done_to_its_clones(
            acts in prop::collection::vec((0usize..3, 0usize..700), 0..40),
        ) {
            let (mut pieces, mut model) = (Pieces::<Vec<usize>>::default(), Vec::new());
            let mut clones = Vec::new();
            for (act, count) in acts {
                match act {
                    0 => clones.push((pieces.clone(), model.clone())),
                    1 => {
                        pieces.truncate(count);
                        model.truncate(count);
                    }
                    _ => for element in 0..count {
                        pieces.push(|piece| piece.push(element));
                        model.push(element);
                    }
                }
                prop_assert_eq!(pieces.len(), model.len());
            }
            clones.push((pieces, model));
            for (pieces, model) in clones {
                prop_assert!((0..=model.len()).all(|i| pieces.get(i) == model.get(i)));
                prop_assert_eq!(pieces.iter().flatten().copied().collect::<Vec<_>>(), model);
            }
        }
    }
}
