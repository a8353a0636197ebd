//! Decoding of floating-point numbers of several widths.

use half::{bf16, f16};

/// A floating-point type in which a file stores weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Float {
    /// IEEE 754 half precision.
    F16,
    /// Brain floating point: the upper half of an [`F32`](Self::F32).
    Bf16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
}

/// Number of bytes decoded at a time.
pub(super) const PIECE: usize = 1 << 23;

impl Float {
    /// Returns the number of bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Float::F16 | Float::Bf16 => 2,
            Float::F32 => 4,
            Float::F64 => 8,
        }
    }

    /// Decodes little-endian numbers to single precision. Double precision is rounded, the other
    /// types are exact. An incomplete number at the end is ignored.
    pub(super) fn decode(self, bytes: &[u8]) -> impl Iterator<Item = f32> {
        bytes.chunks_exact(self.size()).map(move |bytes| match (self, bytes) {
            (Float::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
            (Float::Bf16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
            (Float::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Float::F64, &[a, b, c, d, e, f, g, h]) => {
                f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
            }
            _ => unreachable!("a chunk has the size of one number"),
        })
    }

    /// Decodes all of `bytes` and releases their memory piece by piece, so that a large tensor is
    /// never in memory twice.
    pub(super) fn decode_all(self, mut bytes: Vec<u8>) -> Vec<f32> {
        let mut values = vec![0.0; bytes.len() / self.size()];
        bytes.truncate(values.len() * self.size());
        while !bytes.is_empty() {
            let from = bytes.len().saturating_sub(PIECE);
            let numbers = values[from / self.size()..].iter_mut();
            numbers.zip(self.decode(&bytes[from..])).for_each(|(value, number)| *value = number);
            bytes.truncate(from);
            bytes.shrink_to_fit();
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_are_read() {
        let decode = |float: Float, bytes: &[u8]| float.decode(bytes).collect::<Vec<f32>>();
        assert_eq!(decode(Float::F16, &[0x00, 0x3c, 0x00, 0xc1]), [1.0, -2.5]);
        assert_eq!(decode(Float::Bf16, &[0x80, 0x3f, 0x20, 0xc0]), [1.0, -2.5]);
        assert_eq!(decode(Float::F32, &0.1f32.to_le_bytes()), [0.1]);
        assert_eq!(decode(Float::F64, &0.1f64.to_le_bytes()), [0.1]);
        assert!(decode(Float::F64, &[0; 7]).is_empty());
    }

    #[test]
    fn a_large_tensor_is_the_same_piece_by_piece() {
        let numbers = 2 * PIECE / 4 + 3;
        let bytes: Vec<u8> = (0..numbers).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let values = Float::F32.decode_all(bytes);
        assert!(values.iter().enumerate().all(|(i, &value)| value == i as f32));
        assert_eq!(values.len(), numbers);
        assert_eq!(Float::F16.decode_all(vec![0x00, 0x3c, 0x00]), [1.0]);
    }
}
