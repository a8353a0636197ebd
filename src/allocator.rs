//! The program's allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

use mimalloc::MiMalloc;

/// Size in bytes from which a block is allocated by the system.
const LARGE: usize = 1 << 26;

/// Allocates blocks aligned to cache lines if they are at least a few lines long. A vector that
/// spans two cache lines takes twice as long to read, and the system's blocks begin 16 bytes after
/// a line. That makes training steps 4 to 9 % slower.
///
/// Large blocks still come from the system's allocator, which can grow them without a copy and
/// returns their memory at once.
#[derive(Debug, Clone, Copy)]
pub struct Allocator;

fn is_large(size: usize) -> bool {
    size >= LARGE
}

// SAFETY: the size of a block alone decides which allocator owns it. Callers of `dealloc` and
// `realloc` pass the block's current layout, as `GlobalAlloc` requires, so each block returns to
// its owner. Both allocators uphold the other requirements of `GlobalAlloc`.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the contract of `alloc`, which is passed on.
        unsafe {
            if is_large(layout.size()) { System.alloc(layout) } else { MiMalloc.alloc(layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the contract of `alloc_zeroed`, which is passed on.
        unsafe {
            if is_large(layout.size()) {
                System.alloc_zeroed(layout)
            } else {
                MiMalloc.alloc_zeroed(layout)
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller guarantees that `block` was allocated here with `layout`, whose size
        // determines the owner.
        unsafe {
            if is_large(layout.size()) {
                System.dealloc(block, layout);
            } else {
                MiMalloc.dealloc(block, layout);
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller guarantees that `block` was allocated here with `layout`, whose size
        // determines the owner, and that `size` is valid for its alignment. If the owner changes,
        // the copy covers the smaller of both sizes, and the new block does not overlap the old
        // one.
        unsafe {
            match (is_large(layout.size()), is_large(size)) {
                (true, true) => System.realloc(block, layout, size),
                (false, false) => MiMalloc.realloc(block, layout, size),
                _ => {
                    let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                    if !new.is_null() {
                        ptr::copy_nonoverlapping(block, new, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    new
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_block_stays_there_when_its_owner_changes() {
        let sizes = [100, 1 << 10, 100_000, LARGE - 1, LARGE, 2 * LARGE, 1000, 64];
        let layout = |size| Layout::from_size_align(size, 4).expect("a size");
        // SAFETY: no size is zero, only written bytes are read, and each block is freed with its
        // current size.
        unsafe {
            let mut block = Allocator.alloc_zeroed(layout(sizes[0]));
            *block.add(63) = 7;
            for pair in sizes.windows(2) {
                block = Allocator.realloc(block, layout(pair[0]), pair[1]);
                assert_eq!([*block, *block.add(63)], [0, 7]);
                if (1 << 10..LARGE).contains(&pair[1]) {
                    assert_eq!(block.addr() % 64, 0, "{}", pair[1]);
                }
            }
            Allocator.dealloc(block, layout(64));
        }
    }
}
