//! What people's files are like: the numbered rules of the conventions on what arrives.

use super::{Defence, Removal};

/// Each of them, what it rests on, and the test that shows it.
pub(crate) const ROSTERS: &[Defence] = &[
    Defence {
        against: "roster: rule 1, an encoding that the file does not tell",
        by: "windows-1252 is taken only while no word looks like Cyrillic read wrong",
        without: &[Removal {
            file: "src/roster/layout.rs",
            code: "header.recognised() > 0 && !has_foreign_word(&decoded.text)",
            becomes: "header.recognised() > 0",
        }],
        test: "rosters::an_encoding_is_told_by_the_file_or_asked_for",
    },
    Defence {
        against: "roster: rule 1, a byte without a meaning",
        by: "a cell that holds a replacement character is an error",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: "if cell.contains('\\u{fffd}') {",
            becomes: "if false {",
        }],
        test: "rosters::an_encoding_is_told_by_the_file_or_asked_for",
    },
    Defence {
        against: "roster: rule 2, two delimiters that fit",
        by: "a tie stops and asks",
        without: &[Removal {
            file: "src/roster/delimiter.rs",
            code: "if fitting.len() > 1 {",
            becomes: "if fitting.len() > Delimiter::ALL.len() {",
        }],
        test: "rosters::a_delimiter_is_told_by_regularity_or_asked_for",
    },
    Defence {
        against: "roster: rule 2, a line sep=",
        by: "the delimiter that the file names is taken",
        without: &[Removal {
            file: "src/roster/delimiter.rs",
            code: "asked.or(named) {",
            becomes: "asked {",
        }],
        test: "rosters::a_delimiter_is_told_by_regularity_or_asked_for",
    },
    Defence {
        against: "roster: rule 3, a surname that may stand first or last",
        by: "a full name is asked for in both orders",
        without: &[Removal {
            file: "src/plan/resolve.rs",
            code: "vec![name(one, two), name(two, one)]",
            becomes: "vec![name(one, two)]",
        }],
        test: "rosters::a_row_is_exactly_one_user_by_its_strongest_key",
    },
    Defence {
        against: "roster: rule 3, a column that is mapped",
        by: "--map takes the field from every other column",
        without: &[Removal {
            file: "src/roster/header.rs",
            code: "mapped.or_else(|| known().filter(|known| map.iter().all(|(field, _)| field != known)))",
            becomes: "mapped.or_else(known)",
        }],
        test: "rosters::a_header_is_found_and_understood_in_five_languages",
    },
    Defence {
        against: "roster: rule 3, a row that is taken for the header",
        by: "no column that is used has an id or an e-mail address for a name",
        without: &[Removal {
            file: "src/roster/header.rs",
            code: "column.field.is_some() && is_of_a_row(column)",
            becomes: "column.field.is_some() && false",
        }],
        test: "rosters::a_header_is_found_and_understood_in_five_languages",
    },
    Defence {
        against: "roster: rule 3, advice that would make a header of a row",
        by: "--map is not suggested for a cell that is an id or an e-mail address",
        without: &[Removal {
            file: "src/roster/header.rs",
            code: "is_a_row: columns.iter().any(is_of_a_row),",
            becomes: "is_a_row: false,",
        }],
        test: "rosters::a_header_is_found_and_understood_in_five_languages",
    },
    Defence {
        against: "roster: rule 4, rows that the count leaves out",
        by: "rows that break the rules of quoting are counted too",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: "    reading.rows_found += rows_that_break_quoting(&records.faults, head.line);\n",
            becomes: "",
        }],
        test: "rosters::every_mistake_is_told_with_its_place_and_nothing_is_asked",
    },
    Defence {
        against: "roster: rule 4, a guess that nobody sees",
        by: "what was detected is printed",
        without: &[Removal {
            file: "src/cli/planning.rs",
            code: "    tell_detected(terminal, &roster.detected);\n",
            becomes: "",
        }],
        test: "rosters::a_delimiter_is_told_by_regularity_or_asked_for",
    },
    Defence {
        against: "roster: rule 4, another file of the same name",
        by: "the hash of the file is recorded",
        without: &[Removal {
            file: "src/plan/intake.rs",
            code: "sha256: found.sha256.clone(),",
            becomes: "sha256: String::new(),",
        }],
        test: "rosters::a_delimiter_is_told_by_regularity_or_asked_for",
    },
    Defence {
        against: "roster: rule 5, an id that the portal would cast",
        by: "an id is digits and nothing else",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: "if !text.bytes().all(|byte| byte.is_ascii_digit()) {",
            becomes: "if false {",
        }],
        test: "rosters::every_mistake_is_told_with_its_place_and_nothing_is_asked",
    },
    Defence {
        against: "roster: rule 5, a row that names nobody",
        by: "a row without any key is an error",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: "return Some(RosterError::line(row.line, RosterErrorKind::NoKey));",
            becomes: "return None;",
        }],
        test: "rosters::every_mistake_is_told_with_its_place_and_nothing_is_asked",
    },
    Defence {
        against: "roster: rule 5, an action that does not exist",
        by: "an unknown action is an error, not the default",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: "row.action = action(cell).map_err(|kind| errors.push(refused(kind))).ok()",
            becomes: "row.action = action(cell).ok()",
        }],
        test: "rosters::rows_of_one_person_have_one_action_or_none",
    },
    Defence {
        against: "roster: rule 6, what nobody sees",
        by: "zero-width characters are left out of keys",
        without: &[Removal {
            file: "src/roster/compare.rs",
            code: "text.chars().filter(|character| !is_zero_width(*character))",
            becomes: "text.chars()",
        }],
        test: "rosters::what_people_cannot_see_makes_no_difference_and_what_they_can_does",
    },
    Defence {
        against: "roster: rule 6, yo written as ye",
        by: "the two letters are one in comparisons",
        without: &[Removal {
            file: "src/roster/compare.rs",
            code: "        .map(|character| if character == 'ё' { 'е' } else { character })\n",
            becomes: "",
        }],
        test: "rosters::what_people_cannot_see_makes_no_difference_and_what_they_can_does",
    },
    Defence {
        against: "roster: rule 6, letters of two alphabets in one word",
        by: "they are flagged",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: "!cell.is_ascii() && mixes_scripts(cell)",
            becomes: "!cell.is_ascii() && false",
        }],
        test: "rosters::what_people_cannot_see_makes_no_difference_and_what_they_can_does",
    },
    Defence {
        against: "roster: rule 7, a ragged row",
        by: "a row shorter than the header is an error",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: "if found != expected {",
            becomes: "if found > expected {",
        }],
        test: "rosters::every_mistake_is_told_with_its_place_and_nothing_is_asked",
    },
    Defence {
        against: "roster: rule 7, an open quote",
        by: "a quote that is not closed is an error",
        without: &[Removal {
            file: "src/roster/records.rs",
            code: "Place::Quoted(_) => Err((position, RosterErrorKind::OpenQuote)),",
            becomes: "Place::Quoted(_) => Ok(text.len()),",
        }],
        test: "rosters::every_mistake_is_told_with_its_place_and_nothing_is_asked",
    },
    Defence {
        against: "roster: rule 7, a control character",
        by: "NUL and its like are errors",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: "cell.chars().find(control) {",
            becomes: "cell.chars().find(control).filter(|_| false) {",
        }],
        test: "rosters::every_mistake_is_told_with_its_place_and_nothing_is_asked",
    },
    Defence {
        against: "roster: rule 7, a duplicate header",
        by: "two columns of one name or meaning are an error",
        without: &[Removal {
            file: "src/roster/header.rs",
            code: "let mut errors = duplicates(record.line, &columns);",
            becomes: "let mut errors = Vec::new();",
        }],
        test: "rosters::every_mistake_is_told_with_its_place_and_nothing_is_asked",
    },
    Defence {
        against: "roster: rule 8, an empty cell",
        by: "a blank cell is no value",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: ".zip(columns).filter(|(cell, _)| !is_blank(cell)) {",
            becomes: ".zip(columns) {",
        }],
        test: "rosters::a_row_is_exactly_one_user_by_its_strongest_key",
    },
    Defence {
        against: "roster: rule 8, a pattern in a cell",
        by: "an address is asked for by equality",
        without: &[Removal {
            file: "src/portal/listing.rs",
            code: r#"json!({"=EMAIL": email.expose(),"#,
            becomes: r#"json!({"EMAIL": email.expose(),"#,
        }],
        test: "rosters::what_people_cannot_see_makes_no_difference_and_what_they_can_does",
    },
    Defence {
        against: "roster: rule 8, a reference in a cell",
        by: "what a batch would replace is asked for by itself",
        without: &[Removal {
            file: "src/portal/patient.rs",
            code: "        Err(Refusal::Rewritten) => Ok(None),\n",
            becomes: "",
        }],
        test: "rosters::what_people_cannot_see_makes_no_difference_and_what_they_can_does",
    },
    Defence {
        against: "roster: rule 9, two rows of one person",
        by: "the later row is a duplicate",
        without: &[Removal {
            file: "src/plan/resolve.rs",
            code: "} else if repeat > 0 {",
            becomes: "} else if false {",
        }],
        test: "rosters::rows_of_one_person_have_one_action_or_none",
    },
    Defence {
        against: "roster: rule 9, rows that contradict each other",
        by: "both are invalid",
        without: &[Removal {
            file: "src/plan/resolve.rs",
            code: r#"(true, _) => Some("rows of this person ask for different actions"),"#,
            becomes: "(true, _) => None,",
        }],
        test: "rosters::rows_of_one_person_have_one_action_or_none",
    },
    Defence {
        against: "roster: rule 10, a workbook",
        by: "other formats are told by how they begin",
        without: &[Removal {
            file: "src/roster/layout.rs",
            code: "other::format(bytes) {",
            becomes: "other::format(bytes).filter(|_| false) {",
        }],
        test: "rosters::a_file_of_another_format_is_told_apart_and_how_to_make_a_csv_of_it",
    },
    Defence {
        against: "roster: rule 10, a row too many",
        by: "rows are counted",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: "reading.rows_found == ROWS_MAX {",
            becomes: "reading.rows_found == usize::MAX {",
        }],
        test: "rosters::a_hundred_thousand_rows_are_read_and_one_more_is_refused",
    },
    Defence {
        against: "roster: rule 10, a field too long",
        by: "fields are measured",
        without: &[Removal {
            file: "src/roster/rows.rs",
            code: "if cell.len() > FIELD_BYTES_MAX {",
            becomes: "if cell.len() > 2 * FIELD_BYTES_MAX {",
        }],
        test: "rosters::a_field_of_64_kib_is_read_and_one_byte_more_is_refused",
    },
    Defence {
        against: "roster: keys that disagree",
        by: "every key of a row must agree with the user",
        without: &[Removal {
            file: "src/plan/resolve.rs",
            code: "only.and_then(|user| disagreement(row, user))",
            becomes: "only.and_then(|user| disagreement(row, user).filter(|_| false))",
        }],
        test: "rosters::a_row_is_exactly_one_user_by_its_strongest_key",
    },
];
