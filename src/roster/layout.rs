//! Bytes to a table: the encoding, the delimiter and the header, found together.
//!
//! Windows-1251 and windows-1252 give a meaning to nearly every byte, so only the header can tell which one makes sense, and
//! the header is found only after the text is split. Not responsible for the rows.

use super::Options;
use super::compare::is_cyrillic;
use super::decode::{self, Decoded, Encoding};
use super::delimiter::{self, Table};
use super::error::{Excerpt, RosterError, RosterErrorKind};
use super::other;
use super::records::line_breaks;

/// A file taken apart.
pub(super) struct Layout {
    pub(super) encoding: Encoding,
    pub(super) byte_order_mark: bool,
    pub(super) table: Table,
}

/// Finds out how a file is written.
pub(super) fn find(bytes: &[u8], options: &Options) -> Result<Layout, RosterError> {
    if let Some(kind) = other::format(bytes) {
        return Err(RosterError::file(kind));
    }
    match decode::by_bytes(bytes, options.encoding)? {
        Some(decoded) => split(&decoded, options),
        None => by_header(bytes, options),
    }
}

fn split(decoded: &Decoded<'_>, options: &Options) -> Result<Layout, RosterError> {
    let table = delimiter::split(&decoded.text, options.delimiter, &options.map)?;
    Ok(Layout {
        encoding: decoded.encoding,
        byte_order_mark: decoded.byte_order_mark,
        table,
    })
}

/// The encoding that makes the header readable.
///
/// Known names in Cyrillic speak for windows-1251. Known names in Latin letters alone are the same bytes in both, and speak for
/// windows-1252 only while no word of the file is Cyrillic to the eye: a Russian export may well have an English header.
fn by_header(bytes: &[u8], options: &Options) -> Result<Layout, RosterError> {
    if bytes.contains(&0) {
        refuse_utf16(bytes, options)?;
    }
    if decode::is_utf8(bytes) {
        return split(&decode::decode(bytes, Encoding::Utf8), options);
    }
    let cyrillic = split(&decode::decode(bytes, Encoding::Windows1251), options)?;
    if knows_cyrillic_names(&cyrillic.table) {
        return Ok(cyrillic);
    }
    let decoded = decode::decode(bytes, Encoding::Windows1252);
    let latin = split(&decoded, options)?;
    if latin.table.header.recognised() > 0 && !has_foreign_word(&decoded.text) {
        return Ok(latin);
    }
    Err(encoding_unknown(bytes))
}

fn knows_cyrillic_names(table: &Table) -> bool {
    let header = &table.header;
    let Some(record) = table.records.sound.get(header.index) else {
        return false;
    };
    record
        .cells
        .iter()
        .zip(&header.fields)
        .any(|(cell, field)| field.is_some() && cell.chars().any(is_cyrillic))
}

/// Whether a word is made of nothing but letters beyond ASCII, as no western word of two letters is, and every Cyrillic word in
/// windows-1251 that is read as windows-1252.
fn has_foreign_word(text: &str) -> bool {
    text.split(|character: char| !character.is_alphabetic())
        .any(|word| word.chars().nth(1).is_some() && !word.chars().any(|letter| letter.is_ascii()))
}

fn encoding_unknown(bytes: &[u8]) -> RosterError {
    let ends_cell = |byte: &u8| matches!(byte, b';' | b',' | b'\t' | b'|' | b'"' | b'\r' | b'\n');
    let first = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or_default();
    let start = bytes[..first].iter().rposition(ends_cell).map_or(0, |end| end + 1);
    let end = bytes[first..]
        .iter()
        .position(ends_cell)
        .map_or(bytes.len(), |length| first + length);
    let reading = |encoding| {
        (
            encoding,
            Excerpt::of(&decode::decode(&bytes[start..end], encoding).text),
        )
    };
    let readings = Encoding::OF_ONE_BYTE.map(reading).to_vec();
    RosterError::line(
        line_breaks(&bytes[..start]) + 1,
        RosterErrorKind::EncodingUnknown { readings },
    )
}

/// Asks for a word from the operator when the zero bytes of a file are those of UTF-16, that is, when it makes the header readable.
/// Otherwise they are NUL in the text, for `rows` to report.
fn refuse_utf16(bytes: &[u8], options: &Options) -> Result<(), RosterError> {
    for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
        let readable =
            split(&decode::decode(bytes, encoding), options).is_ok_and(|layout| layout.table.header.recognised() > 0);
        if readable {
            return Err(RosterError::file(RosterErrorKind::Utf16WithoutByteOrderMark {
                encoding,
            }));
        }
    }
    Ok(())
}
