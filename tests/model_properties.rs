//! What holds for every text and every number, not only for the ones somebody thought of.

use makeeper::model::{
    ConfirmationId, ExtendedPid, Filter, HResult, InstallationId, LastFive, ProductKey, check_digit,
};
use proptest::prelude::*;

fn with_check_digits(seed: &[u8], group_len: usize) -> String {
    seed.chunks(group_len - 1)
        .flat_map(|body| {
            let body: Vec<u8> = body.iter().map(|d| b'0' + d % 10).collect();
            let check = b'0' + check_digit(&body);
            body.into_iter().chain([check])
        })
        .map(char::from)
        .collect()
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic_and_errors_never_repeat_a_key(text in "\\PC{0,80}") {
        let _ = InstallationId::parse(&text);
        let _ = ConfirmationId::parse(&text);
        let _ = ExtendedPid::parse(&text);
        let _ = HResult::parse(&text);
        let _ = LastFive::parse(&text);
        let _ = Filter::parse(&text);
        if let Err(error) = ProductKey::parse(&text)
            && text.chars().count() > 12
        {
            prop_assert!(!error.to_string().contains(&text));
        }
    }

    #[test]
    fn every_installation_id_survives_grouping(seed in prop::collection::vec(0_u8..10, 54), modern: bool) {
        let digits = if modern { with_check_digits(&seed, 7) } else { with_check_digits(&seed[..45], 6) };
        let id = InstallationId::parse(&digits).unwrap();
        let again = InstallationId::parse(&id.grouped()).unwrap();
        prop_assert_eq!(again.digits(), digits);
    }

    #[test]
    fn one_wrong_digit_is_found_in_its_group(
        seed in prop::collection::vec(0_u8..10, 40), at in 0_usize..48, step in 1_u8..7,
    ) {
        let digits = with_check_digits(&seed, 6);
        let mut wrong = digits.clone().into_bytes();
        let value = (wrong[at] - b'0' + step) % 10;
        // A difference of 7 has the same remainder: the rule cannot see it.
        prop_assume!((i32::from(value) - i32::from(wrong[at] - b'0')) % 7 != 0);
        wrong[at] = b'0' + value;
        let error = ConfirmationId::parse(std::str::from_utf8(&wrong).unwrap()).unwrap_err().to_string();
        let expected = format!("group {} of 8", at / 6 + 1);
        prop_assert!(error.contains(&expected), "{}", error);
    }

    #[test]
    fn result_codes_survive_being_printed(code: u32) {
        prop_assert_eq!(HResult::parse(&HResult(code).to_string()), Some(HResult(code)));
        prop_assert_eq!(HResult::parse(&code.cast_signed().to_string()), Some(HResult(code)));
    }
}
