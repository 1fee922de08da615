//! The calls themselves: locator, services, enumerators, methods. All unsafe code of this program that speaks COM is here and
//! in `variant`.
#![allow(
    unsafe_code,
    reason = "COM is called through raw interfaces; each block says why it is sound"
)]

use std::sync::Once;
use std::time::{Duration, Instant};

use windows::Win32::System::Com::{
    CLSCTX_INPROC_SERVER, COAUTHIDENTITY, COINIT_MULTITHREADED, COLE_DEFAULT_PRINCIPAL, CoCreateInstance,
    CoInitializeEx, CoInitializeSecurity, CoSetProxyBlanket, CoUninitialize, EOAC_NONE, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
    RPC_C_IMP_LEVEL_IMPERSONATE,
};
use windows::Win32::System::Rpc::{RPC_C_AUTHN_DEFAULT, RPC_C_AUTHZ_DEFAULT, SEC_WINNT_AUTH_IDENTITY_UNICODE};
use windows::Win32::System::Wmi::{
    IEnumWbemClassObject, IWbemCallResult, IWbemClassObject, IWbemLocator, IWbemServices,
    WBEM_FLAG_CONNECT_USE_MAX_WAIT, WBEM_FLAG_FORWARD_ONLY, WBEM_FLAG_RETURN_IMMEDIATELY,
    WBEM_FLAG_RETURN_WBEM_COMPLETE, WBEM_S_TIMEDOUT, WbemLocator,
};
use windows::core::{BSTR, HRESULT, IUnknown, Interface};
use zeroize::{Zeroize, Zeroizing};

use super::account::ComAccount;
use super::variant;
use crate::wmi::{Instance, Namespace};

/// E_NOINTERFACE: the object is no proxy, because it lives in this process.
const NO_PROXY: HRESULT = HRESULT(0x8000_4002_u32.cast_signed());
/// RPC_E_DISCONNECTED.
const DISCONNECTED: u32 = 0x8001_0108;
/// WBEM_E_TYPE_MISMATCH.
const TYPE_MISMATCH: u32 = 0x8004_1005;
/// WBEM_E_NOT_FOUND.
const NOT_FOUND: u32 = 0x8004_1002;
/// WBEM_E_INVALID_CLASS.
const INVALID_CLASS: u32 = 0x8004_1010;
/// WBEM_E_METHOD_NOT_IMPLEMENTED.
const NO_SUCH_METHOD: u32 = 0x8004_1055;
/// WBEM_E_OUT_OF_MEMORY, for a computer that does not stop answering.
const TOO_MUCH: u32 = 0x8004_1006;

/// How long one wait inside COM lasts, before it is asked whether anybody still wants the answer.
const SLICE: Duration = Duration::from_millis(250);
/// Objects one query may return, as over WS-Management.
const MAX_ITEMS: usize = 100_000;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Error {
    /// The computer, WMI or COM said so, and Windows puts it in these words.
    Code(u32, String),
    /// Nobody waits any longer.
    TimedOut,
}

impl Error {
    /// The connection is gone.
    pub(super) fn lost() -> Self {
        Self::Code(DISCONNECTED, String::new())
    }
}

impl From<windows::core::Error> for Error {
    fn from(error: windows::core::Error) -> Self {
        Self::Code(error.code().0.cast_unsigned(), error.message().trim().to_owned())
    }
}

/// Until when, and for whom, an answer is waited for.
pub(super) struct Patience<'a> {
    until: Instant,
    is_given_up: &'a dyn Fn() -> bool,
}

impl<'a> Patience<'a> {
    /// Waits until then, or until nobody wants the answer any more.
    pub(super) fn new(until: Instant, is_given_up: &'a dyn Fn() -> bool) -> Self {
        Self { until, is_given_up }
    }

    /// The next slice in milliseconds.
    fn slice(&self) -> Result<i32, Error> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() || (self.is_given_up)() {
            return Err(Error::TimedOut);
        }
        Ok(i32::try_from(left.min(SLICE).as_millis()).unwrap_or(i32::MAX).max(1))
    }
}

/// Set once for the whole process.
static SECURITY: Once = Once::new();

/// COM on this thread.
struct Apartment;

impl Apartment {
    fn enter() -> Result<Self, Error> {
        // SAFETY: no arguments to get wrong; balanced by `Drop`.
        unsafe { CoInitializeEx(None, COINIT_MULTITHREADED) }.ok()?;
        SECURITY.call_once(|| {
            // Also signs what is sent before a proxy is there to be told. Somebody else in the process may have been first;
            // then the proxies' own settings have to do.
            // SAFETY: no pointers are handed over.
            let _ = unsafe {
                CoInitializeSecurity(
                    None,
                    -1,
                    None,
                    None,
                    RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                    RPC_C_IMP_LEVEL_IMPERSONATE,
                    None,
                    EOAC_NONE,
                    None,
                )
            };
        });
        Ok(Self)
    }
}

impl Drop for Apartment {
    fn drop(&mut self) {
        // SAFETY: balances the `CoInitializeEx` of `enter`, on the same thread: `Computer` is never sent.
        unsafe { CoUninitialize() };
    }
}

/// The services of one computer.
pub(super) struct Computer {
    // INVARIANT: the interfaces stand before the apartment, and so are released before COM ends on this thread.
    cimv2: IWbemServices,
    default: Option<IWbemServices>,
    locator: IWbemLocator,
    host: String,
    signing_in: SigningIn,
    _apartment: Apartment,
}

/// Who signs in; `None` is the logged-on user.
struct SigningIn(Option<Box<Identity>>);

/// An account and the structure that points into it.
struct Identity {
    identity: COAUTHIDENTITY,
    account: ComAccount,
}

impl Computer {
    /// Connects and signs in. `host` is a name, an address or `.`.
    pub(super) fn open(host: String, account: Option<ComAccount>) -> Result<Self, Error> {
        let apartment = Apartment::enter()?;
        let signing_in = SigningIn::new(account);
        // SAFETY: COM is initialised on this thread.
        let locator: IWbemLocator = unsafe { CoCreateInstance(&WbemLocator, None, CLSCTX_INPROC_SERVER) }?;
        let cimv2 = signing_in.connect(&locator, &host, Namespace::Cimv2)?;
        Ok(Self {
            cimv2,
            default: None,
            locator,
            host,
            signing_in,
            _apartment: apartment,
        })
    }

    fn services(&mut self, namespace: Namespace) -> Result<IWbemServices, Error> {
        if namespace == Namespace::Cimv2 {
            return Ok(self.cimv2.clone());
        }
        if let Some(services) = &self.default {
            return Ok(services.clone());
        }
        let services = self.signing_in.connect(&self.locator, &self.host, namespace)?;
        self.default = Some(services.clone());
        Ok(services)
    }

    /// Runs a WQL query and collects every row.
    pub(super) fn query(
        &mut self,
        namespace: Namespace,
        wql: &str,
        patience: &Patience<'_>,
    ) -> Result<Vec<Instance>, Error> {
        let services = self.services(namespace)?;
        let flags = WBEM_FLAG_FORWARD_ONLY | WBEM_FLAG_RETURN_IMMEDIATELY;
        // SAFETY: the strings live through the call.
        let rows: IEnumWbemClassObject =
            unsafe { services.ExecQuery(&BSTR::from("WQL"), &BSTR::from(wql), flags, None) }?;
        self.signing_in.put_on(&rows)?;
        let mut instances = Vec::new();
        loop {
            let mut batch: [Option<IWbemClassObject>; 8] = Default::default();
            let mut count = 0;
            // SAFETY: COM writes at most as many objects as the slice has room for, and how many.
            let outcome = unsafe { rows.Next(patience.slice()?, &mut batch, &raw mut count) };
            outcome.ok()?;
            for object in batch.iter().take(count as usize).flatten() {
                instances.push(variant::instance(object)?);
            }
            if instances.len() > MAX_ITEMS {
                return Err(Error::Code(TOO_MUCH, format!("more than {MAX_ITEMS} objects")));
            }
            // WBEM_S_FALSE is the end; WBEM_S_TIMEDOUT the end of the slice.
            if outcome.0 != 0 && outcome.0 != WBEM_S_TIMEDOUT.0 {
                return Ok(instances);
            }
        }
    }

    /// Calls a method.
    pub(super) fn invoke(
        &mut self,
        namespace: Namespace,
        class: &str,
        path: &str,
        method: &str,
        parameters: &[(String, Zeroizing<String>)],
        patience: &Patience<'_>,
    ) -> Result<Instance, Error> {
        let services = self.services(namespace)?;
        let input = Self::input(&services, class, method, parameters)?;
        let (mut output, mut call) = (None::<IWbemClassObject>, None::<IWbemCallResult>);
        // SAFETY: both results are places of our own that live through the call.
        unsafe {
            services.ExecMethod(
                &BSTR::from(path),
                &BSTR::from(method),
                WBEM_FLAG_RETURN_IMMEDIATELY,
                None,
                input.as_ref(),
                Some(&raw mut output),
                Some(&raw mut call),
            )
        }?;
        if let Some(call) = call {
            self.signing_in.put_on(&call)?;
            output = wait_for(&call, patience)?;
        }
        output.map_or_else(|| Ok(Instance::default()), |object| variant::instance(&object))
    }

    /// The input parameters, each in the type that the class declares.
    fn input(
        services: &IWbemServices,
        class: &str,
        method: &str,
        parameters: &[(String, Zeroizing<String>)],
    ) -> Result<Option<IWbemClassObject>, Error> {
        let mut definition = None::<IWbemClassObject>;
        // SAFETY: the result is a place of our own that lives through the call.
        unsafe {
            services.GetObject(
                &BSTR::from(class),
                WBEM_FLAG_RETURN_WBEM_COMPLETE,
                None,
                Some(&raw mut definition),
                None,
            )
        }
        .map_err(|e| absent(e, INVALID_CLASS, class))?;
        let missing = || Error::Code(NO_SUCH_METHOD, format!("{class} has no method {method}"));
        let definition = definition.ok_or_else(missing)?;
        let (mut signature, mut unused) = (None::<IWbemClassObject>, None::<IWbemClassObject>);
        let name = windows::core::HSTRING::from(method);
        // SAFETY: both results are places of our own that live through the call.
        unsafe { definition.GetMethod(&name, 0, &raw mut signature, &raw mut unused) }
            .map_err(|e| absent(e, NO_SUCH_METHOD, method))?;
        let Some(signature) = signature else {
            return if parameters.is_empty() {
                Ok(None)
            } else {
                Err(missing())
            };
        };
        // SAFETY: no arguments to get wrong.
        let input = unsafe { signature.SpawnInstance(0) }?;
        for (name, value) in parameters {
            variant::put(&input, name, value)
                .map_err(|e| e.unwrap_or_else(|| Error::Code(TYPE_MISMATCH, format!("{name} is not of its type"))))?;
        }
        Ok(Some(input))
    }
}

/// WMI says "not found" of classes and methods as well as of objects: this tells what it was.
fn absent(error: windows::core::Error, code: u32, name: &str) -> Error {
    match Error::from(error) {
        Error::Code(NOT_FOUND, _) => Error::Code(code, format!("there is no {name}")),
        other => other,
    }
}

/// Waits for a method in slices.
fn wait_for(call: &IWbemCallResult, patience: &Patience<'_>) -> Result<Option<IWbemClassObject>, Error> {
    loop {
        let slice = patience.slice()?;
        let mut status = 0;
        // The binding's own `GetCallStatus` does not tell "not yet" from success.
        // SAFETY: the interface is alive, and the status is a place of our own.
        let outcome =
            unsafe { (Interface::vtable(call).GetCallStatus)(Interface::as_raw(call), slice, &raw mut status) };
        outcome.ok()?;
        if outcome.0 == WBEM_S_TIMEDOUT.0 {
            continue;
        }
        HRESULT(status).ok()?;
        // SAFETY: no arguments to get wrong.
        return match unsafe { call.GetResultObject(slice) } {
            Ok(object) => Ok(Some(object)),
            // A method without output has none to give.
            Err(error) if error.code().is_ok() => Ok(None),
            Err(error) => Err(error.into()),
        };
    }
}

impl SigningIn {
    fn new(account: Option<ComAccount>) -> Self {
        let Some(mut account) = account else { return Self(None) };
        let length = |text: &[u16]| u32::try_from(text.len()).unwrap_or_default();
        let identity = COAUTHIDENTITY {
            User: account.plain_user.as_mut_ptr(),
            UserLength: length(&account.plain_user),
            Domain: account.domain.as_mut_ptr(),
            DomainLength: length(&account.domain),
            Password: account.password.as_mut_ptr(),
            PasswordLength: length(&account.password),
            Flags: SEC_WINNT_AUTH_IDENTITY_UNICODE.0,
        };
        Self(Some(Box::new(Identity { identity, account })))
    }

    fn connect(&self, locator: &IWbemLocator, host: &str, namespace: Namespace) -> Result<IWbemServices, Error> {
        let path = BSTR::from(format!("\\\\{host}\\{}", namespace.path().replace('/', "\\")));
        // An empty BSTR is a null pointer: the logged-on user.
        let (mut user, mut password, mut authority) = (BSTR::new(), SecretText(BSTR::new()), BSTR::new());
        if let Some(identity) = &self.0 {
            user = BSTR::from(&identity.account.user);
            password = SecretText(BSTR::from_wide(&identity.account.password));
            authority = BSTR::from(&identity.account.authority);
        }
        // SAFETY: the strings live through the call.
        let services = unsafe {
            locator.ConnectServer(
                &path,
                &user,
                &password.0,
                &BSTR::new(),
                WBEM_FLAG_CONNECT_USE_MAX_WAIT.0,
                &authority,
                None,
            )
        }?;
        self.put_on(&services)?;
        Ok(services)
    }

    /// Tells a proxy who signs in, and that every packet is sealed. Proxies do not inherit this from the one they came from:
    /// an enumerator would ask as the logged-on user. Nor does one interface of an object from another, and `IUnknown`, which
    /// casts go through, is one of its own.
    fn put_on<I: Interface>(&self, proxy: &I) -> Result<(), Error> {
        let raw = proxy.as_raw();
        // SAFETY: every interface begins with `IUnknown`, and `proxy` outlives the borrow.
        let Some(itself) = (unsafe { IUnknown::from_raw_borrowed(&raw) }) else {
            return Err(Error::lost());
        };
        self.put_on_interface(itself)?;
        self.put_on_interface(&proxy.cast::<IUnknown>()?)
    }

    fn put_on_interface(&self, proxy: &IUnknown) -> Result<(), Error> {
        let identity = self.0.as_deref().map(|i| (&raw const i.identity).cast());
        // SAFETY: COM keeps the pointer to the identity for as long as the proxy lives. The identity and what it points to stay
        // where they are in their box, which `Computer` drops after every interface.
        let outcome = unsafe {
            CoSetProxyBlanket(
                proxy,
                RPC_C_AUTHN_DEFAULT.cast_unsigned(),
                RPC_C_AUTHZ_DEFAULT,
                COLE_DEFAULT_PRINCIPAL,
                RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                RPC_C_IMP_LEVEL_IMPERSONATE,
                identity,
                EOAC_NONE,
            )
        };
        match outcome {
            Err(error) if error.code() == NO_PROXY => Ok(()),
            other => Ok(other?),
        }
    }
}

/// Text that is wiped before its memory goes back to COM.
pub(super) struct SecretText(pub(super) BSTR);

impl Drop for SecretText {
    fn drop(&mut self) {
        let length = self.0.len();
        if length > 0 {
            // SAFETY: a BSTR that is not empty owns so many characters, and this one is borrowed by nobody else.
            unsafe { std::slice::from_raw_parts_mut(self.0.as_ptr().cast_mut(), length) }.zeroize();
        }
    }
}
