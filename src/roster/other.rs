//! Files of other formats, told by how they begin, and what to do with each.
//!
//! Not responsible for whether a file that is none of them is a roster.

use super::error::RosterErrorKind;

const SAVE_AS_CSV: &str = "open it in a spreadsheet program, choose \"Save as\" and the type \"CSV UTF-8 (comma \
     delimited)\", and pass the file that it writes";
const UNPACK: &str = "unpack it, and pass the CSV file that is in it";
const EXPORT: &str = "export the list of people as CSV from the program that has it, and pass that file";

/// First bytes, the format, and what to do.
const BY_FIRST_BYTES: [(&[u8], &str, &str); 9] = [
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Excel workbook (.xls)",
        SAVE_AS_CSV,
    ),
    (b"%PDF-", "a PDF document", EXPORT),
    (b"{\\rtf", "an RTF document", EXPORT),
    (b"\x1f\x8b", "a gzip archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", EXPORT),
    (b"\xff\xd8\xff", "a picture (JPEG)", EXPORT),
    (b"GIF8", "a picture (GIF)", EXPORT),
];

/// Names in the directory of a zip archive that is a workbook: of Excel, or of the open format.
const WORKBOOK_PARTS: [&[u8]; 2] = [b"xl/", b"opendocument.spreadsheet"];

/// What the file is, if it is of another format than CSV.
pub(super) fn format(bytes: &[u8]) -> Option<RosterErrorKind> {
    let not_csv = |format, instead| Some(RosterErrorKind::NotCsv { format, instead });
    if bytes.starts_with(b"PK\x03\x04") {
        let has = |part: &&[u8]| bytes.windows(part.len()).any(|window| window == *part);
        return if WORKBOOK_PARTS.iter().any(has) {
            not_csv("a workbook (.xlsx or .ods)", SAVE_AS_CSV)
        } else {
            not_csv("a zip archive", UNPACK)
        };
    }
    if let Some((_, format, instead)) = BY_FIRST_BYTES.iter().find(|(first, ..)| bytes.starts_with(first)) {
        return not_csv(format, instead);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    // What several portals call an export to Excel is a web page named .xls.
    if text.starts_with(b"<") {
        return not_csv("a web page or an XML file", SAVE_AS_CSV);
    }
    if is_json(text) {
        return not_csv("a JSON file", EXPORT);
    }
    None
}

/// Whether a list or an object of JSON begins here: some databases put column names into brackets, and those are no quotes.
fn is_json(text: &[u8]) -> bool {
    let Some((b'{' | b'[', inside)) = text.split_first() else {
        return false;
    };
    matches!(inside.trim_ascii_start().first(), Some(b'"' | b'{' | b'['))
}
