//! The logged-on user's single sign-on, by Windows itself: Kerberos where the domain gives a ticket, else NTLM, and no
//! password passes through this program. On Windows only.
#![allow(
    unsafe_code,
    reason = "SSPI is called through raw handles and buffers; each block says why it is sound"
)]

use windows::Win32::Foundation::{SEC_E_OK, SEC_I_CONTINUE_NEEDED};
use windows::Win32::Security::Authentication::Identity::{
    AcquireCredentialsHandleW, DecryptMessage, DeleteSecurityContext, EncryptMessage, FreeContextBuffer,
    FreeCredentialsHandle, ISC_REQ_ALLOCATE_MEMORY, ISC_REQ_CONFIDENTIALITY, ISC_REQ_INTEGRITY, ISC_REQ_MUTUAL_AUTH,
    ISC_REQ_REPLAY_DETECT, ISC_REQ_SEQUENCE_DETECT, InitializeSecurityContextW, QueryContextAttributesW,
    SECBUFFER_CHANNEL_BINDINGS, SECBUFFER_DATA, SECBUFFER_PADDING, SECBUFFER_STREAM, SECBUFFER_TOKEN,
    SECBUFFER_VERSION, SECPKG_ATTR_SIZES, SECPKG_CRED_OUTBOUND, SECURITY_NATIVE_DREP, SecBuffer, SecBufferDesc,
    SecPkgContext_Sizes,
};
use windows::Win32::Security::Credentials::SecHandle;
use windows::core::{HRESULT, HSTRING};
use zeroize::Zeroizing;

use super::{ChannelBinding, SecurityContext, SecurityError};
use crate::wsman::codec::SealedMessage;

/// A context of the logged-on user.
pub struct SystemContext {
    // Both handles are given back when the context is dropped.
    credentials: SecHandle,
    context: Option<SecHandle>,
    target: HSTRING,
    binding: Option<ChannelBinding>,
    complete: bool,
}

impl SystemContext {
    /// A context for one connection. `package` is `Negotiate`, `Kerberos` or `NTLM`; `target` the service name, e.g.
    /// `HTTP/lab-pc-014`, for which Kerberos asks a ticket.
    pub fn new(package: &str, target: &str, binding: Option<ChannelBinding>) -> Result<Self, SecurityError> {
        let mut credentials = SecHandle::default();
        // SAFETY: no identity is handed over, which means the logged-on user; the handle is a place of our own.
        unsafe {
            AcquireCredentialsHandleW(
                None,
                &HSTRING::from(package),
                SECPKG_CRED_OUTBOUND,
                None,
                None,
                None,
                None,
                &raw mut credentials,
                None,
            )
        }
        .map_err(|e| {
            SecurityError::Account(format!(
                "Windows has no {package} sign-in of the logged-on user: {}",
                e.message()
            ))
        })?;
        Ok(Self {
            credentials,
            context: None,
            target: HSTRING::from(target),
            binding,
            complete: false,
        })
    }

    /// The established context.
    fn established(&self) -> Result<&SecHandle, String> {
        self.context
            .as_ref()
            .filter(|_| self.complete)
            .ok_or_else(|| "the sign-in is not complete".to_owned())
    }

    fn sizes(&self) -> Result<SecPkgContext_Sizes, String> {
        let mut sizes = SecPkgContext_Sizes::default();
        // SAFETY: this attribute is written as this structure.
        unsafe { QueryContextAttributesW(self.established()?, SECPKG_ATTR_SIZES, (&raw mut sizes).cast()) }
            .map_err(|e| e.message())?;
        Ok(sizes)
    }
}

impl Drop for SystemContext {
    fn drop(&mut self) {
        // SAFETY: the handles are ours and given back once.
        unsafe {
            if let Some(context) = &self.context {
                let _ = DeleteSecurityContext(context);
            }
            let _ = FreeCredentialsHandle(&raw const self.credentials);
        }
    }
}

/// A buffer over memory that must outlive it.
fn buffer(kind: u32, bytes: &mut [u8]) -> SecBuffer {
    SecBuffer {
        cbBuffer: u32::try_from(bytes.len()).unwrap_or_default(),
        BufferType: kind,
        pvBuffer: bytes.as_mut_ptr().cast(),
    }
}

fn describe(buffers: &mut [SecBuffer]) -> SecBufferDesc {
    SecBufferDesc {
        ulVersion: SECBUFFER_VERSION,
        cBuffers: u32::try_from(buffers.len()).unwrap_or_default(),
        pBuffers: buffers.as_mut_ptr(),
    }
}

impl SecurityContext for SystemContext {
    fn step(&mut self, token: &[u8]) -> Result<Vec<u8>, SecurityError> {
        let mut token = token.to_vec();
        let mut binding = self.binding.as_ref().map(|ChannelBinding(bytes)| bytes.clone());
        let mut input = Vec::new();
        if !token.is_empty() {
            input.push(buffer(SECBUFFER_TOKEN, &mut token));
        }
        if let Some(bytes) = &mut binding {
            input.push(buffer(SECBUFFER_CHANNEL_BINDINGS, bytes));
        }
        let input_desc = describe(&mut input);
        let mut output = [SecBuffer {
            BufferType: SECBUFFER_TOKEN,
            ..SecBuffer::default()
        }];
        let mut output_desc = describe(&mut output);
        let mut context = self.context.unwrap_or_default();
        let mut attributes = 0;
        // SAFETY: handles, names and buffers live through the call. Without a context the first call makes one; further calls
        // are given it, and write it to the same place.
        let status = unsafe {
            InitializeSecurityContextW(
                Some(&raw const self.credentials),
                self.context.as_ref().map(std::ptr::from_ref),
                Some(self.target.as_ptr()),
                ISC_REQ_CONFIDENTIALITY
                    | ISC_REQ_INTEGRITY
                    | ISC_REQ_MUTUAL_AUTH
                    | ISC_REQ_REPLAY_DETECT
                    | ISC_REQ_SEQUENCE_DETECT
                    | ISC_REQ_ALLOCATE_MEMORY,
                0,
                SECURITY_NATIVE_DREP,
                (!input.is_empty()).then_some(&raw const input_desc),
                0,
                Some(&raw mut context),
                Some(&raw mut output_desc),
                &raw mut attributes,
                None,
            )
        };
        if status != SEC_E_OK && status != SEC_I_CONTINUE_NEEDED {
            return Err(SecurityError::Token(words(status)));
        }
        self.context = Some(context);
        self.complete = status == SEC_E_OK;
        let [output] = output;
        if output.pvBuffer.is_null() {
            return Ok(Vec::new());
        }
        // SAFETY: SSPI allocated the token, as asked, says how long it is, and takes it back once.
        let answer = unsafe {
            let bytes = std::slice::from_raw_parts(output.pvBuffer.cast::<u8>(), output.cbBuffer as usize).to_vec();
            let _ = FreeContextBuffer(output.pvBuffer);
            bytes
        };
        Ok(answer)
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    // Windows seals in place: the cipher text takes the place of the plain text.
    fn seal(&mut self, mut plain: Zeroizing<Vec<u8>>) -> Result<SealedMessage, SecurityError> {
        let sizes = self.sizes().map_err(SecurityError::Seal)?;
        let length = plain.len();
        let mut token = vec![0; sizes.cbSecurityTrailer as usize];
        let mut padding = vec![0; sizes.cbBlockSize as usize];
        let mut buffers = [
            buffer(SECBUFFER_TOKEN, &mut token),
            buffer(SECBUFFER_DATA, &mut plain),
            buffer(SECBUFFER_PADDING, &mut padding),
        ];
        let message = describe(&mut buffers);
        let context = self.established().map_err(SecurityError::Seal)?;
        // SAFETY: context and buffers live through the call; SSPI writes no more than the buffers are long.
        let status = unsafe { EncryptMessage(context, 0, &raw const message, 0) };
        if status != SEC_E_OK {
            return Err(SecurityError::Seal(words(status)));
        }
        let [token_used, _, padding_used] = buffers;
        token.truncate(token_used.cbBuffer as usize);
        padding.truncate(padding_used.cbBuffer as usize);
        let mut data = std::mem::take(&mut *plain);
        data.append(&mut padding);
        Ok(SealedMessage { token, data, length })
    }

    fn unseal(&mut self, mut message: SealedMessage) -> Result<Vec<u8>, SecurityError> {
        let mut buffers = [
            buffer(SECBUFFER_TOKEN, &mut message.token),
            buffer(SECBUFFER_DATA, &mut message.data),
        ];
        let sealed = describe(&mut buffers);
        let context = self.established().map_err(SecurityError::Altered)?;
        // SAFETY: context and buffers live through the call; SSPI decrypts in place.
        let status = unsafe { DecryptMessage(context, &raw const sealed, 0, None) };
        if status != SEC_E_OK {
            return Err(SecurityError::Altered(words(status)));
        }
        let [_, data] = buffers;
        // Kerberos may move the start of the plain text inside the buffer.
        let start = (data.pvBuffer as usize).wrapping_sub(message.data.as_ptr() as usize);
        let plain = start
            .checked_add(data.cbBuffer as usize)
            .and_then(|end| message.data.get(start..end))
            .filter(|plain| plain.len() == message.length)
            .ok_or_else(|| {
                SecurityError::Altered(format!(
                    "{} bytes where {} were announced",
                    data.cbBuffer, message.length
                ))
            })?;
        Ok(plain.to_vec())
    }

    fn unseal_whole(&mut self, mut whole: Vec<u8>) -> Result<Vec<u8>, SecurityError> {
        // Windows finds out by itself where the token ends.
        let mut buffers = [
            buffer(SECBUFFER_STREAM, &mut whole),
            SecBuffer {
                BufferType: SECBUFFER_DATA,
                ..SecBuffer::default()
            },
        ];
        let sealed = describe(&mut buffers);
        let context = self.established().map_err(SecurityError::Altered)?;
        // SAFETY: context and buffers live through the call; SSPI decrypts in place and points the second buffer into the first.
        let status = unsafe { DecryptMessage(context, &raw const sealed, 0, None) };
        if status != SEC_E_OK {
            return Err(SecurityError::Altered(words(status)));
        }
        let [_, data] = buffers;
        let start = (data.pvBuffer as usize).wrapping_sub(whole.as_ptr() as usize);
        start
            .checked_add(data.cbBuffer as usize)
            .and_then(|end| whole.get(start..end))
            .map(<[u8]>::to_vec)
            .ok_or_else(|| SecurityError::Altered("Windows found no message in it".to_owned()))
    }
}

/// What Windows says of a status, with its number.
fn words(status: HRESULT) -> String {
    let text = status.message();
    let text = text.trim();
    if text.is_empty() {
        format!("{:#010X}", status.0)
    } else {
        format!("{text} ({:#010X})", status.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logged_on_user_has_a_first_token_or_windows_says_why_not() {
        for (package, start) in [("NTLM", &b"NTLMSSP\0\x01"[..]), ("Negotiate", b"")] {
            let mut context = SystemContext::new(package, "HTTP/localhost", None).unwrap();
            match context.step(&[]) {
                Ok(token) => assert!(token.len() > 16 && token.starts_with(start), "{package}: {token:02x?}"),
                // SEC_E_NO_CREDENTIALS: nobody is logged on to Wine.
                Err(error) => assert!(error.to_string().contains("0x8009030E"), "{package}: {error}"),
            }
            assert!(!context.is_complete());
        }
    }

    #[test]
    fn a_package_that_windows_does_not_have_is_named() {
        let error = SystemContext::new("Nonsense", "HTTP/x", None).err().unwrap();
        assert!(error.to_string().contains("Nonsense"), "{error}");
    }

    #[test]
    fn nothing_is_sealed_before_the_sign_in_is_complete() {
        let mut context = SystemContext::new("NTLM", "HTTP/x", None).unwrap();
        assert!(context.seal(Zeroizing::new(b"secret".to_vec())).is_err());
    }
}
