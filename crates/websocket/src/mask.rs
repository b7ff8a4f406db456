//! Masking, which clients must do to every frame and servers must not.
//!
//! Spec: RFC 6455, section 5.3.

/// Masks or unmasks `bytes` in place: byte `i` is combined with byte `i mod 4` of `mask`.
///
/// The same call undoes itself. For a part of a payload that starts at `offset`, rotate the mask left by
/// `offset % 4` first.
#[inline]
pub fn apply_mask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    let (halves, rest) = rest.as_chunks_mut::<4>(); // one at most
    for half in halves {
        *half = (u32::from_ne_bytes(*half) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::apply_mask;

    proptest! {
        #[test]
        fn masking_equals_the_byte_by_byte_rule(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            mask in any::<[u8; 4]>(),
        ) {
            let mut masked = bytes.clone();
            apply_mask(&mut masked, mask);
            let naive: Vec<u8> = bytes.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]).collect();
            prop_assert_eq!(masked, naive);
        }

        #[test]
        fn a_part_is_masked_with_the_rotated_mask(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            mask in any::<[u8; 4]>(),
            at in 0_usize..100,
        ) {
            let at = at.min(bytes.len());
            let mut whole = bytes.clone();
            apply_mask(&mut whole, mask);
            let mut parts = bytes;
            let (front, back) = parts.split_at_mut(at);
            apply_mask(front, mask);
            apply_mask(back, rotated(mask, at));
            prop_assert_eq!(whole, parts);
        }
    }

    fn rotated(mut mask: [u8; 4], offset: usize) -> [u8; 4] {
        mask.rotate_left(offset % 4);
        mask
    }
}
