//! WMI values as the text that WS-Management carries, and back.

/// `CIMTYPE_ENUMERATION` of the WMI SDK.
pub(super) mod cim {
    pub(crate) const SINT16: i32 = 2;
    pub(crate) const SINT32: i32 = 3;
    pub(crate) const REAL32: i32 = 4;
    pub(crate) const REAL64: i32 = 5;
    pub(crate) const BOOLEAN: i32 = 11;
    pub(crate) const SINT8: i32 = 16;
    pub(crate) const UINT8: i32 = 17;
    pub(crate) const UINT16: i32 = 18;
    pub(crate) const UINT32: i32 = 19;
    pub(crate) const UINT64: i32 = 21;
    /// Added to the type of the elements.
    pub(crate) const ARRAY: i32 = 0x2000;
}

/// A whole number as text. COM hands unsigned numbers over in signed variants: 0xC004F009 arrives as -1073418231.
pub(super) fn integer(raw: i64, cim_type: i32) -> String {
    match cim_type & !cim::ARRAY {
        cim::UINT8 => (raw as u8).to_string(),
        cim::UINT16 => (raw as u16).to_string(),
        cim::UINT32 => (raw as u32).to_string(),
        cim::UINT64 => raw.cast_unsigned().to_string(),
        _ => raw.to_string(),
    }
}

/// A parameter in the shape of variant that its type is put in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Byte(u8),
    Short(i16),
    Long(i32),
    Real(f64),
    Truth(bool),
    /// Strings, times, references, and 64-bit numbers.
    Text,
}

/// Reads the text of a parameter of type `cim_type`. `None` when it is no such value.
pub(super) fn scalar(cim_type: i32, text: &str) -> Option<Scalar> {
    Some(match cim_type {
        cim::UINT8 => Scalar::Byte(text.parse().ok()?),
        cim::SINT8 => Scalar::Short(text.parse::<i8>().ok()?.into()),
        cim::SINT16 => Scalar::Short(text.parse().ok()?),
        cim::UINT16 => Scalar::Long(text.parse::<u16>().ok()?.into()),
        // Handles of the registry, 0x80000002 and the like, are declared with a sign by some.
        cim::SINT32 | cim::UINT32 => Scalar::Long(
            text.parse::<u32>()
                .map(u32::cast_signed)
                .or_else(|e| if cim_type == cim::SINT32 { text.parse() } else { Err(e) })
                .ok()?,
        ),
        cim::REAL32 | cim::REAL64 => Scalar::Real(text.parse().ok()?),
        cim::BOOLEAN if text.eq_ignore_ascii_case("true") || text == "1" => Scalar::Truth(true),
        cim::BOOLEAN if text.eq_ignore_ascii_case("false") || text == "0" => Scalar::Truth(false),
        cim::BOOLEAN => return None,
        _ => Scalar::Text,
    })
}

/// `Class` or `Class.Key="value"`.
pub(super) fn object_path(class: &str, key: Option<(&str, &str)>) -> String {
    let Some((name, value)) = key else {
        return class.to_owned();
    };
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{class}.{name}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_numbers_come_back_from_their_signed_variants() {
        assert_eq!(integer(-1_073_418_231, cim::UINT32), 0xC004_F009_u32.to_string());
        assert_eq!(integer(-1, cim::UINT8 | cim::ARRAY), "255");
        assert_eq!(integer(-1, cim::UINT16), "65535");
        assert_eq!(integer(-1, cim::UINT64), u64::MAX.to_string());
        assert_eq!(integer(-1, cim::SINT32), "-1");
    }

    #[test]
    fn parameters_take_the_variant_of_their_type() {
        assert_eq!(scalar(cim::UINT32, "2147483650"), Some(Scalar::Long(-2_147_483_646)));
        assert_eq!(scalar(cim::SINT32, "2147483650"), Some(Scalar::Long(-2_147_483_646)));
        assert_eq!(scalar(cim::SINT32, "-1"), Some(Scalar::Long(-1)));
        assert_eq!(scalar(cim::UINT32, "-1"), None);
        assert_eq!(scalar(cim::BOOLEAN, "True"), Some(Scalar::Truth(true)));
        assert_eq!(scalar(cim::BOOLEAN, "yes"), None);
        assert_eq!(scalar(cim::SINT8, "-128"), Some(Scalar::Short(-128)));
        assert_eq!(scalar(8, "1"), Some(Scalar::Text));
        assert_eq!(scalar(cim::UINT64, "18446744073709551615"), Some(Scalar::Text));
    }

    #[test]
    fn object_paths_escape_what_would_end_them() {
        assert_eq!(object_path("StdRegProv", None), "StdRegProv");
        assert_eq!(
            object_path("SoftwareLicensingService", Some(("Version", "10.0.1"))),
            "SoftwareLicensingService.Version=\"10.0.1\""
        );
        assert_eq!(object_path("C", Some(("K", "a\\b\"c"))), "C.K=\"a\\\\b\\\"c\"");
    }
}
