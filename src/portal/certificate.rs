//! Until when a certificate holds, read from its bytes. Pure.
//!
//! Whether it is to be trusted is not for here: the TLS library has judged that before. So nothing of it is believed, only read, and what
//! cannot be read gives no answer.

use chrono::{DateTime, NaiveDateTime, Utc};

const SEQUENCE: u8 = 0x30;
/// The version, the first field of a certificate of version 2 or 3.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's time, from its DER (RFC 5280, section 4.1).
pub(super) fn end(der: &[u8]) -> Option<DateTime<Utc>> {
    let certificate = Element::of(SEQUENCE, der)?;
    let mut fields = Element::of(SEQUENCE, certificate.content)?.content;
    let first = Element::read(fields)?;
    if first.tag == VERSION {
        fields = first.rest;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        fields = Element::read(fields)?.rest;
    }
    let validity = Element::of(SEQUENCE, fields)?;
    let begins = Element::read(validity.content)?;
    let ends = Element::read(begins.rest)?;
    time(ends.tag, std::str::from_utf8(ends.content).ok()?)
}

/// `261122100000Z`, or with all digits of the year.
fn time(tag: u8, text: &str) -> Option<DateTime<Utc>> {
    let century = match tag {
        // Years from 50 on are of the last century.
        UTC_TIME if text.get(..2)? < "50" => "20",
        UTC_TIME => "19",
        GENERALIZED_TIME => "",
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&format!("{century}{text}"), "%Y%m%d%H%M%SZ").ok()?;
    Some(time.and_utc())
}

/// An element of DER: a tag, a length, and what it holds.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    /// What stands behind it.
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let (&tag, der) = der.split_first()?;
        let (&first, mut der) = der.split_first()?;
        let mut length = usize::from(first & 0x7f);
        if first & 0x80 != 0 {
            let digits = der.get(..length).filter(|digits| digits.len() <= 4)?;
            der = &der[digits.len()..];
            length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
        }
        let (content, rest) = der.split_at_checked(length)?;
        Some(Self { tag, content, rest })
    }

    /// The first element, which has to have this tag.
    fn of(tag: u8, der: &'a [u8]) -> Option<Self> {
        Self::read(der).filter(|element| element.tag == tag)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(["portal.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 11, 22);
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_forms_that_years_are_written_in() {
        for year in [2026, 2049, 2050, 2999] {
            let end = end(&certificate(year)).unwrap();
            assert_eq!(end.to_rfc3339(), format!("{year}-11-22T00:00:00+00:00"));
        }
        assert_eq!(
            time(UTC_TIME, "991231235959Z").unwrap().to_rfc3339(),
            "1999-12-31T23:59:59+00:00"
        );
    }

    #[test]
    fn what_is_cut_off_or_no_certificate_has_no_end() {
        let whole = certificate(2026);
        for length in 0..whole.len() {
            assert_eq!(end(&whole[..length]), None, "{length}");
        }
        assert_eq!(time(UTC_TIME, "2"), None);
        assert_eq!(time(UTC_TIME, "261399000000Z"), None);
        assert_eq!(time(0x04, "261122000000Z"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), place in 0_usize..400, other in any::<u8>()) {
            end(&bytes);
            let mut der = certificate(2026);
            let place = place % der.len();
            der[place] = other;
            end(&der);
        }
    }
}
