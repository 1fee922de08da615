//! The layer of SASL below LDAP once somebody is signed in (RFC 4422 3.7): each buffer with its length of four bytes before
//! it; and the tokens of Kerberos inside (RFC 4121 4.2.6.2), turned the way that is asked for.

/// Bytes a buffer may have. Servers that say how much they send say 64 KB to 16 MB.
pub const MAX_BUFFER: usize = 16 * 1024 * 1024 + 1024;

/// Frames a buffer that is sealed.
pub fn frame(sealed: &[u8]) -> Vec<u8> {
    let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), sealed].concat()
}

/// The length of the buffer at the start, without the four bytes of it; `None` if there is more to come, and `Err` with it
/// where it is longer than a buffer may be.
pub fn buffer_length(bytes: &[u8]) -> Result<Option<usize>, u32> {
    let Some((length, _)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length);
    match usize::try_from(length) {
        Ok(size) if size <= MAX_BUFFER => Ok(Some(size)),
        _ => Err(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_have_a_length_within_bounds() {
        assert_eq!(buffer_length(&frame(b"abc")), Ok(Some(3)));
        assert_eq!(buffer_length(&[0, 0, 0]), Ok(None));
        assert_eq!(buffer_length(b"HTTP"), Err(0x4854_5450));
    }
}
