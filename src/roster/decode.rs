//! Bytes to text.
//!
//! What the bytes alone tell: a byte order mark, or that they are UTF-8. What takes a look at the header is in `layout`.
//! Nothing is replaced silently: a byte that is not valid becomes U+FFFD, and `rows` reports every cell that has one.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::UnknownOption;
use super::error::{RosterError, RosterErrorKind};

/// How text is written in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Encoding {
    /// With or without a byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Excel's "Unicode text".
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// The other byte order.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// Excel's "CSV" on a Russian Windows.
    #[serde(rename = "windows-1251")]
    Windows1251,
    /// Excel's "CSV" on a western Windows.
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// Old Russian Unix programs. Never guessed: any text in it is text in windows-1251 too.
    #[serde(rename = "koi8-r")]
    Koi8R,
    /// DOS in Russia, and accounting programs that still write it. Never guessed.
    #[serde(rename = "ibm866")]
    Ibm866,
}

impl Encoding {
    /// Every encoding that can be read.
    pub const ALL: [Self; 7] = [
        Self::Utf8,
        Self::Utf16Le,
        Self::Utf16Be,
        Self::Windows1251,
        Self::Windows1252,
        Self::Koi8R,
        Self::Ibm866,
    ];

    /// Those of one byte a character: no bytes tell one from another.
    pub(super) const OF_ONE_BYTE: [Self; 4] = [Self::Windows1251, Self::Windows1252, Self::Koi8R, Self::Ibm866];

    /// The one spelling, a label of the WHATWG Encoding Standard.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1251 => "windows-1251",
            Self::Windows1252 => "windows-1252",
            Self::Koi8R => "koi8-r",
            Self::Ibm866 => "ibm866",
        }
    }

    const fn codec(self) -> &'static encoding_rs::Encoding {
        match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::Utf16Le => encoding_rs::UTF_16LE,
            Self::Utf16Be => encoding_rs::UTF_16BE,
            Self::Windows1251 => encoding_rs::WINDOWS_1251,
            Self::Windows1252 => encoding_rs::WINDOWS_1252,
            Self::Koi8R => encoding_rs::KOI8_R,
            Self::Ibm866 => encoding_rs::IBM866,
        }
    }

    /// The encoding whose byte order mark the file begins with.
    fn marked(bytes: &[u8]) -> Option<Self> {
        [
            (Self::Utf8, &b"\xef\xbb\xbf"[..]),
            (Self::Utf16Le, b"\xff\xfe"),
            (Self::Utf16Be, b"\xfe\xff"),
        ]
        .into_iter()
        .find(|(_, mark)| bytes.starts_with(mark))
        .map(|(encoding, _)| encoding)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Any label of the WHATWG Encoding Standard for one of these, such as `cp1251` or `UTF8`.
impl FromStr for Encoding {
    type Err = UnknownOption;

    fn from_str(text: &str) -> Result<Self, UnknownOption> {
        let codec = encoding_rs::Encoding::for_label(text.as_bytes());
        Self::ALL
            .into_iter()
            .find(|encoding| codec == Some(encoding.codec()))
            .ok_or_else(|| UnknownOption::new("encoding", text, &Self::ALL.map(Self::as_str)))
    }
}

/// A file as text.
pub(super) struct Decoded<'a> {
    pub(super) encoding: Encoding,
    pub(super) byte_order_mark: bool,
    /// Without the byte order mark.
    pub(super) text: Cow<'a, str>,
}

/// Decodes with the encoding that was asked for, or that the bytes tell. `None`: some encoding of one byte a character, or UTF-16
/// without a byte order mark.
pub(super) fn by_bytes(bytes: &[u8], asked: Option<Encoding>) -> Result<Option<Decoded<'_>>, RosterError> {
    match (asked, Encoding::marked(bytes)) {
        (Some(asked), Some(mark)) if asked != mark => {
            Err(RosterError::file(RosterErrorKind::EncodingContradicted { mark, asked }))
        }
        (Some(encoding), _) | (None, Some(encoding)) => Ok(Some(decode(bytes, encoding))),
        (None, None) if !bytes.contains(&0) && is_utf8(bytes) => Ok(Some(decode(bytes, Encoding::Utf8))),
        (None, None) => Ok(None),
    }
}

/// Decodes, with U+FFFD for what is not valid.
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> Decoded<'_> {
    let (text, _) = encoding.codec().decode_without_bom_handling(bytes);
    let byte_order_mark = Encoding::marked(bytes) == Some(encoding);
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_start_matches('\u{feff}')),
        Cow::Owned(text) => Cow::Owned(text.trim_start_matches('\u{feff}').to_owned()),
    };
    Decoded {
        encoding,
        byte_order_mark,
        text,
    }
}

/// Whether the bytes are UTF-8, or were before some of them were damaged: more characters of several bytes are whole than
/// broken. Text in an encoding of one byte a character has whole ones too, by chance (`Пё` in windows-1251), but fewer.
pub(super) fn is_utf8(bytes: &[u8]) -> bool {
    let (mut whole, mut broken) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().chars().filter(|character| !character.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    broken == 0 || whole > broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_known_by_its_labels() {
        for (label, encoding) in [
            ("UTF8", Encoding::Utf8),
            ("cp1251", Encoding::Windows1251),
            ("latin1", Encoding::Windows1252),
            ("utf-16be", Encoding::Utf16Be),
            ("KOI8-R", Encoding::Koi8R),
            ("cp866", Encoding::Ibm866),
        ] {
            assert_eq!(label.parse(), Ok(encoding), "{label}");
        }
        assert!("koi8-u".parse::<Encoding>().is_err());
        for encoding in Encoding::ALL {
            assert_eq!(encoding.as_str().parse(), Ok(encoding));
            assert_eq!(serde_json::to_value(encoding).unwrap(), encoding.as_str());
        }
    }

    #[test]
    fn damaged_utf8_is_told_from_an_encoding_of_one_byte() {
        assert!(is_utf8("Иванов".as_bytes()));
        assert!(is_utf8(b"\xd0\x98\xd0\xb2\xff\xd0\xb0"));
        // `Пётр` in windows-1251 begins with two bytes that are valid UTF-8.
        assert!(!is_utf8(b"\xcf\xb8\xf2\xf0"));
        assert!(!is_utf8(b"Jos\xe9"));
    }
}
