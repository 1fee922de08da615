//! WMI objects and COM's variants as [`Instance`]s, and back.
#![allow(
    unsafe_code,
    reason = "variants are unions and arrays are raw pointers; each block says why it is sound"
)]

use windows::Win32::Foundation::VARIANT_BOOL;
use windows::Win32::System::Com::SAFEARRAY;
use windows::Win32::System::Ole::{
    SafeArrayDestroy, SafeArrayGetDim, SafeArrayGetElement, SafeArrayGetLBound, SafeArrayGetUBound, SafeArrayGetVartype,
};
use windows::Win32::System::Variant::{
    VARENUM, VARIANT, VT_ARRAY, VT_BOOL, VT_BSTR, VT_I1, VT_I2, VT_I4, VT_I8, VT_R4, VT_R8, VT_UI1, VT_UI2, VT_UI4,
    VT_UI8,
};
use windows::Win32::System::Wmi::{IWbemClassObject, WBEM_FLAG_NONSYSTEM_ONLY};
use windows::core::{BSTR, HSTRING};

use super::services::{Error, SecretText};
use super::text::{self, Scalar};
use crate::wmi::{Instance, Value};

/// An array that is given back when dropped.
struct OwnedArray(*mut SAFEARRAY);

impl Drop for OwnedArray {
    fn drop(&mut self) {
        // SAFETY: the array was given to us to destroy, and is destroyed once.
        let _ = unsafe { SafeArrayDestroy(self.0) };
    }
}

/// All properties of an object but the system's own.
pub(super) fn instance(object: &IWbemClassObject) -> Result<Instance, Error> {
    // SAFETY: no name is given; the qualifier value is then not looked at.
    let names = unsafe { object.GetNames(None, WBEM_FLAG_NONSYSTEM_ONLY, std::ptr::null()) }?;
    let names = OwnedArray(names);
    let mut properties = Vec::new();
    // SAFETY: the array is ours and alive.
    for name in unsafe { elements(names.0, 0) }? {
        let (mut value, mut cim_type) = (VARIANT::default(), 0);
        // SAFETY: both results are places of our own that live through the call.
        unsafe { object.Get(&HSTRING::from(&name), 0, &raw mut value, Some(&raw mut cim_type), None) }?;
        properties.push((name, read(&value, cim_type)?));
    }
    Ok(Instance { properties })
}

/// Sets a property from its text, in the type that the object declares for it. `Err(None)`: the text is no such value.
pub(super) fn put(object: &IWbemClassObject, name: &str, value: &str) -> Result<(), Option<Error>> {
    let name = HSTRING::from(name);
    let (mut unused, mut cim_type) = (VARIANT::default(), 0);
    // SAFETY: both results are places of our own that live through the call.
    unsafe { object.Get(&name, 0, &raw mut unused, Some(&raw mut cim_type), None) }.map_err(|e| Some(e.into()))?;
    let put = |variant: &VARIANT| {
        // SAFETY: the variant lives through the call, and WMI copies it.
        unsafe { object.Put(&name, 0, variant, 0) }.map_err(|e| Some(e.into()))
    };
    let variant = match text::scalar(cim_type, value).ok_or(None)? {
        Scalar::Byte(v) => VARIANT::from(v),
        Scalar::Short(v) => VARIANT::from(v),
        Scalar::Long(v) => VARIANT::from(v),
        Scalar::Real(v) => VARIANT::from(v),
        Scalar::Truth(v) => VARIANT::from(v),
        Scalar::Text => {
            // It may be a product key: what is passed on is wiped.
            let text = SecretText(BSTR::from(value));
            // SAFETY: the variant borrows the string's pointer and is forgotten without being cleared, so that the string is
            // freed once, by `text`.
            let borrowed = std::mem::ManuallyDrop::new(VARIANT::from(unsafe { BSTR::from_raw(text.0.as_ptr()) }));
            return put(&borrowed);
        }
    };
    put(&variant)
}

/// A variant as text.
fn read(variant: &VARIANT, cim_type: i32) -> Result<Value, Error> {
    let kind = variant.vt();
    // SAFETY: every variant begins with its kind, which says below what is in the union.
    let value = unsafe { &variant.Anonymous.Anonymous.Anonymous };
    let number = |n: i64| Value::Text(text::integer(n, cim_type));
    // SAFETY: each field is read only for the kind it belongs to.
    Ok(unsafe {
        match kind {
            VT_BSTR => Value::Text(value.bstrVal.to_string()),
            VT_BOOL => Value::Text(truth(value.boolVal).to_owned()),
            VT_I1 => number(value.cVal.into()),
            VT_UI1 => number(value.bVal.into()),
            VT_I2 => number(value.iVal.into()),
            VT_UI2 => number(value.uiVal.into()),
            VT_I4 => number(value.lVal.into()),
            VT_UI4 => number(value.ulVal.into()),
            VT_I8 => number(value.llVal),
            VT_UI8 => number(value.ullVal.cast_signed()),
            VT_R4 => Value::Text(value.fltVal.to_string()),
            VT_R8 => Value::Text(value.dblVal.to_string()),
            VARENUM(kind) if kind & VT_ARRAY.0 != 0 && !value.parray.is_null() => {
                Value::Array(elements(value.parray, cim_type)?)
            }
            // NULL, and embedded objects, which licensing does not ask for.
            _ => Value::Null,
        }
    })
}

fn truth(value: VARIANT_BOOL) -> &'static str {
    if value.as_bool() { "true" } else { "false" }
}

/// The elements of an array as text; none for an array of anything but strings, numbers and truth values.
///
/// # Safety
/// `array` points to a live array.
unsafe fn elements(array: *const SAFEARRAY, cim_type: i32) -> Result<Vec<String>, Error> {
    // SAFETY: the array is alive, as the caller says.
    let (dimensions, kind) = unsafe { (SafeArrayGetDim(array), SafeArrayGetVartype(array)?) };
    if dimensions != 1 {
        return Ok(Vec::new());
    }
    // SAFETY: the array is alive and has this dimension.
    let (first, last) = unsafe { (SafeArrayGetLBound(array, 1)?, SafeArrayGetUBound(array, 1)?) };
    let mut all = Vec::new();
    for index in first..=last {
        // SAFETY: the array is alive, the index inside its bounds, and the place has the type of the elements.
        let number: i64 = unsafe {
            match kind {
                VT_BSTR => {
                    let text: BSTR = element(array, index)?;
                    all.push(text.to_string());
                    continue;
                }
                VT_BOOL => {
                    all.push(truth(element(array, index)?).to_owned());
                    continue;
                }
                VT_I1 => element::<i8>(array, index)?.into(),
                VT_UI1 => element::<u8>(array, index)?.into(),
                VT_I2 => element::<i16>(array, index)?.into(),
                VT_UI2 => element::<u16>(array, index)?.into(),
                VT_I4 => element::<i32>(array, index)?.into(),
                VT_UI4 => element::<u32>(array, index)?.into(),
                VT_I8 => element(array, index)?,
                _ => return Ok(Vec::new()),
            }
        };
        all.push(text::integer(number, cim_type));
    }
    Ok(all)
}

/// One element, which becomes the caller's own.
///
/// # Safety
/// `array` points to a live array of one dimension whose elements are of type `T`, and `index` is inside its bounds.
unsafe fn element<T: Default>(array: *const SAFEARRAY, index: i32) -> Result<T, Error> {
    let mut value = T::default();
    // SAFETY: as the caller says; a string is copied for us.
    unsafe { SafeArrayGetElement(array, &raw const index, (&raw mut value).cast()) }?;
    Ok(value)
}
