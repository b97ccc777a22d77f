//! The reader as a whole: files as people's spreadsheets write them.

use proptest::prelude::*;

use super::*;

/// The bytes of a file in an encoding.
fn encoded(text: &str, encoding: Encoding, byte_order_mark: bool) -> Vec<u8> {
    let text = if byte_order_mark {
        format!("\u{feff}{text}")
    } else {
        text.to_owned()
    };
    match encoding {
        Encoding::Utf8 => text.into_bytes(),
        Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Encoding::Windows1251 => legacy(encoding_rs::WINDOWS_1251, &text),
        Encoding::Windows1252 => legacy(encoding_rs::WINDOWS_1252, &text),
        Encoding::Koi8R => legacy(encoding_rs::KOI8_R, &text),
        Encoding::Ibm866 => legacy(encoding_rs::IBM866, &text),
    }
}

fn legacy(encoding: &'static encoding_rs::Encoding, text: &str) -> Vec<u8> {
    let (bytes, _, unmappable) = encoding.encode(text);
    assert!(!unmappable, "{text} cannot be written in {}", encoding.name());
    bytes.into_owned()
}

fn roster(bytes: impl AsRef<[u8]>) -> Roster {
    read(bytes.as_ref(), &Options::default()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn refusal(bytes: impl AsRef<[u8]>) -> RosterErrors {
    read(bytes.as_ref(), &Options::default()).expect_err("the file is wrong")
}

/// The variant's name, and where.
fn places(errors: &RosterErrors) -> Vec<(Option<u64>, Option<u64>, String)> {
    let name = |kind: &RosterErrorKind| format!("{kind:?}").split([' ', '{', '(']).next().unwrap().to_owned();
    errors
        .0
        .iter()
        .map(|error| (error.line, error.column, name(&error.kind)))
        .collect()
}

/// Asserts the errors of a file: line, column, variant. A line or column of 0 stands for none.
fn assert_errors(bytes: impl AsRef<[u8]>, expected: &[(u64, u64, &str)]) {
    let found = places(&refusal(bytes.as_ref()));
    let some = |number| Some(number).filter(|number| *number > 0);
    let expected: Vec<_> = expected
        .iter()
        .map(|(line, column, kind)| (some(*line), some(*column), (*kind).to_owned()))
        .collect();
    assert_eq!(found, expected, "{}", String::from_utf8_lossy(bytes.as_ref()));
}

fn fields(roster: &Roster) -> Vec<Option<Field>> {
    roster.detected.columns.iter().map(|column| column.field).collect()
}

fn exposed(value: Option<&Personal>) -> Option<&str> {
    value.map(Personal::expose)
}

#[test]
fn a_russian_excel_export_is_read_in_every_encoding() {
    let text = "ФИО;E-mail;Отдел\r\nИванов Иван;ivanov@acme.ru;Продажи\r\n;petrov@acme.ru;\r\n;;\r\n\r\n";
    for (encoding, byte_order_mark) in [
        (Encoding::Utf8, false),
        (Encoding::Utf8, true),
        (Encoding::Utf16Le, true),
        (Encoding::Utf16Be, true),
        (Encoding::Windows1251, false),
    ] {
        let roster = roster(encoded(text, encoding, byte_order_mark));
        let detected = &roster.detected;
        assert_eq!(
            (detected.encoding, detected.byte_order_mark),
            (encoding, byte_order_mark)
        );
        assert_eq!(detected.delimiter, Some(Delimiter::Semicolon));
        assert_eq!((detected.header_line, detected.rows, detected.rows_ignored), (1, 2, 2));
        assert_eq!(fields(&roster), [Some(Field::FullName), Some(Field::Email), None]);
        let first = &roster.rows[0];
        assert_eq!((first.number, first.line), (RowNumber(1), 2));
        assert_eq!(exposed(first.full_name.as_ref()), Some("Иванов Иван"));
        assert_eq!(first.other, [("Отдел".to_owned(), Personal::new("Продажи"))]);
        assert_eq!((&roster.rows[1].full_name, &roster.rows[1].other), (&None, &vec![]));
    }
}

#[test]
fn what_was_detected_can_be_recorded() {
    let detected = serde_json::to_value(roster("id,Отдел\n7,x\n").detected).unwrap();
    assert_eq!(
        detected,
        serde_json::json!({
            "sha256": "514499213e80466e962982cac185793e6947ee16cb7c7083402f125defc9876e",
            "encoding": "utf-8", "byte_order_mark": false, "delimiter": "comma", "header_line": 1,
            "columns": [
                {"position": 1, "name": "id", "field": "id"},
                {"position": 2, "name": "Отдел", "field": null},
            ],
            "rows": 1, "rows_ignored": 0, "warnings": [],
        })
    );
}

#[test]
fn western_names_are_windows_1252_unless_the_file_looks_cyrillic() {
    for text in [
        "Nombre;Apellidos;Correo electrónico\nJosé;Núñez;jose@acme.es\n",
        "First name,Last name\nJosé,Müller\n",
        "Vorname;Nachname\nJürgen;Groß\n",
    ] {
        assert_eq!(
            roster(encoded(text, Encoding::Windows1252, false)).detected.encoding,
            Encoding::Windows1252,
            "{text}"
        );
    }
    let english_header = encoded("id,full_name\n7,Иванов Пётр\n", Encoding::Windows1251, false);
    let errors = refusal(&english_header);
    assert_eq!(places(&errors), [(Some(2), None, "EncodingUnknown".to_owned())]);
    assert!(
        errors.to_string().contains("\"Иванов Пётр\" in windows-1251"),
        "{errors}"
    );
    let told = Options {
        encoding: Some(Encoding::Windows1251),
        ..Options::default()
    };
    let row = &read(&english_header, &told).unwrap().rows[0];
    assert_eq!(exposed(row.full_name.as_ref()), Some("Иванов Пётр"));
    assert_errors(
        encoded("Кто;Где\nИванов;Там\n", Encoding::Windows1251, false),
        &[(1, 0, "EncodingUnknown")],
    );
}

#[test]
fn a_byte_that_cannot_be_decoded_is_an_error_where_it_is() {
    assert_errors(
        b"\xef\xbb\xbfid,note\n1,\xff\n2,ok\n3,\xd0\n",
        &[(2, 2, "Undecodable"), (4, 2, "Undecodable")],
    );
    let damaged = [
        "id,full_name\n1,Иванов Иван\n2,Пе".as_bytes(),
        b"\xff",
        "тров Пётр\n".as_bytes(),
    ]
    .concat();
    assert_errors(damaged, &[(3, 2, "Undecodable")]);
    assert_errors("id,note\n1,lost \u{fffd} before\n", &[(2, 2, "Undecodable")]);
    // 0x98 means nothing in windows-1251.
    assert_errors(
        b"\xd4\xc8\xce\n\xc8\xe2\xe0\xed \xcf\x98\n",
        &[(2, 1, "ControlCharacter")],
    );
    let mut odd = encoded("id\n1\n", Encoding::Utf16Le, true);
    odd.push(b'2');
    assert_errors(odd, &[(3, 1, "Undecodable"), (3, 1, "IdNotDigits")]);
}

#[test]
fn encodings_that_contradict_the_file_are_errors() {
    for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
        let errors = refusal(encoded("ФИО;id\nИванов;7\n", encoding, false));
        assert_eq!(
            errors.0[0].kind,
            RosterErrorKind::Utf16WithoutByteOrderMark { encoding }
        );
        let told = Options {
            encoding: Some(encoding),
            ..Options::default()
        };
        assert!(read(&encoded("id\n7\n", encoding, false), &told).is_ok());
    }
    let told = Options {
        encoding: Some(Encoding::Windows1251),
        ..Options::default()
    };
    let errors = read(&encoded("id\n7\n", Encoding::Utf8, true), &told).unwrap_err();
    assert!(matches!(
        errors.0[0].kind,
        RosterErrorKind::EncodingContradicted {
            mark: Encoding::Utf8,
            ..
        }
    ));
}

#[test]
fn the_delimiter_is_the_one_that_is_regular() {
    use Delimiter::{Comma, Pipe, Semicolon, Tab};
    for (text, delimiter) in [
        ("id;note\n1;a, b\n2;c\n", Some(Semicolon)),
        ("id,note\n1,\"a;b\"\n2,\"c;d\"\n", Some(Comma)),
        ("id\tnote\n1\ta\n", Some(Tab)),
        ("id|note\n1|a;b\n", Some(Pipe)),
        ("email\na@b.c\n", None),
        ("id\n1\n2\n", None),
        ("ФИО\nИванов, Иван\nПетров, Пётр\n", None),
        ("Фамилия, имя, отчество\nИванов Иван Иванович\n", None),
        ("sep=;\r\nid;note\r\n1;a,b\r\n", Some(Semicolon)),
        ("\"SEP=,\"\nid,note\n1,a\n", Some(Comma)),
        ("sep=\t\nid\tnote\n1\ta\n", Some(Tab)),
        ("Фамилия,Имя\nИванов,Иван\n", Some(Comma)),
        ("id,note\n1\n", Some(Comma)),
        ("id;note;note 2\n1;a\n2;b;c\n3;d;e\n", Some(Semicolon)),
    ] {
        let result = read(text.as_bytes(), &Options::default());
        let detected = match &result {
            Ok(roster) => &roster.detected,
            Err(errors) => errors.detected().unwrap_or_else(|| panic!("{text:?}: {errors}")),
        };
        assert_eq!(detected.delimiter, delimiter, "{text:?}");
    }
    assert_errors("email;a,b\nx@y.z;1,2\n", &[(0, 0, "DelimiterUnknown")]);
    let told = Options {
        delimiter: Some(Semicolon),
        ..Options::default()
    };
    assert!(read(b"email;a,b\nx@y.z;1,2\n", &told).is_ok());
    assert_errors("sep=:\nid:note\n", &[(1, 0, "UnknownSeparator")]);
}

#[test]
fn a_header_is_found_below_a_title_and_never_among_the_rows() {
    let roster = roster("Уволенные за март\n\nотдел кадров;;\nid;ФИО;Примечание\n1;Иванов Иван;email\n");
    assert_eq!(
        (
            roster.detected.header_line,
            roster.detected.rows_ignored,
            roster.rows[0].line
        ),
        (4, 3, 5)
    );
    let errors = refusal("Табель;Кто;Заметка про\n1;Иванов;x\n2;Петров;email\n");
    assert_eq!(places(&errors), [(Some(1), None, "NoKeyColumn".to_owned())]);
    let message = errors.to_string();
    assert!(
        message.contains("\"Табель\", \"Кто\"") && message.contains("--map"),
        "{message}"
    );
}

#[test]
fn column_names_are_known_in_five_languages_however_they_are_spelt() {
    use Field::{Action, Email, FirstName, FullName, Id, LastName, Note, SecondName};
    for (header, expected) in [
        (
            "ID;E-mail;First name;Last name;Middle Name;Action;Comments",
            [Id, Email, FirstName, LastName, SecondName, Action, Note],
        ),
        (
            "ид;Эл. почта;Имя;ФАМИЛИЯ;Отчество;Действие;Примечание",
            [Id, Email, FirstName, LastName, SecondName, Action, Note],
        ),
        (
            "ID;EMAIL;NAME;LAST_NAME;SECOND_NAME;action;note",
            [Id, Email, FirstName, LastName, SecondName, Action, Note],
        ),
        (
            "id_usuario;CORREO ELECTRONICO;Nombre;Apellidos;Segundo nombre;Acción;Notas",
            [Id, Email, FirstName, LastName, SecondName, Action, Note],
        ),
        (
            "ID do usuário;E\u{2011}mail;Nome;Sobrenome;Nome do meio;Ação;Observação",
            [Id, Email, FirstName, LastName, SecondName, Action, Note],
        ),
        (
            "Benutzer-ID;E-Mail-Adresse;Vorname;Nachname;Zweiter Vorname;Aktion;Bemerkung",
            [Id, Email, FirstName, LastName, SecondName, Action, Note],
        ),
        (
            "id;email;first_name;last_name;full_name;action;note",
            [Id, Email, FirstName, LastName, FullName, Action, Note],
        ),
        (
            "id;email;first_name;last_name; Ф.И.О. ;action;note",
            [Id, Email, FirstName, LastName, FullName, Action, Note],
        ),
    ] {
        let roster = roster(format!("{header}\n1;;;;;;\n"));
        assert_eq!(fields(&roster), expected.map(Some), "{header}");
    }
    for field in Field::ALL {
        for names in aliases::aliases(field) {
            for name in names.split('|') {
                let header = format!("\"{}\";email;id;full_name\n", name.trim());
                let result = read(format!("{header}1;a@b.c;1;A B\n").as_bytes(), &Options::default());
                let columns = match &result {
                    Ok(roster) => &roster.detected.columns,
                    Err(errors) => &errors.detected().unwrap().columns,
                };
                assert_eq!(columns[0].field, Some(field), "{name}");
            }
        }
    }
}

#[test]
fn a_mapped_column_replaces_the_known_name() {
    let text = "E-mail;Контакт;Кто\nhome@x.y;work@x.y;Иванов Иван\n";
    let map = vec![
        (Field::Email, " КОНТАКТ ".to_owned()),
        (Field::FullName, "кто".to_owned()),
    ];
    let roster = read(
        text.as_bytes(),
        &Options {
            map,
            ..Options::default()
        },
    )
    .unwrap();
    assert_eq!(fields(&roster), [None, Some(Field::Email), Some(Field::FullName)]);
    assert_eq!(exposed(roster.rows[0].email.as_ref()), Some("work@x.y"));
    let map = vec![(Field::Email, "Почта".to_owned()), (Field::Email, "E-mail".to_owned())];
    let errors = read(
        text.as_bytes(),
        &Options {
            map,
            ..Options::default()
        },
    )
    .unwrap_err();
    let kinds: Vec<String> = places(&errors).into_iter().map(|(_, _, kind)| kind).collect();
    assert_eq!(kinds, ["MappedTwice", "MappedColumnMissing"]);
}

#[test]
fn a_row_is_not_made_a_header_by_mapping_its_cells() {
    let mapped = |text: &str, field, column: &str| {
        let options = Options {
            map: vec![(field, column.to_owned())],
            ..Options::default()
        };
        read(text.as_bytes(), &options)
    };
    let row = "29;Peter Hargreaves\n31;Marta Lindqvist\n";
    let advice = refusal(row).to_string();
    assert!(
        advice.ends_with("put a header line above it") && !advice.contains("--map"),
        "{advice}"
    );
    let errors = mapped(row, Field::Id, "29").unwrap_err();
    assert_eq!(places(&errors), [(Some(1), None, "RowAsHeader".to_owned())]);
    // A number is a good name for a column that is not used.
    let roster = mapped("Табель;2024\n29;x\n", Field::Id, "Табель").unwrap();
    assert_eq!(fields(&roster), [Some(Field::Id), None]);
}

#[test]
fn rows_that_cannot_be_taken_apart_are_counted_and_title_lines_are_not() {
    for (text, rows) in [
        ("id;note\n1;\"a\"b\n2;c\n3;\"open\n4;d\n", 4),
        ("The \"staff\"; \"all\"\nid;note\n1;\"a\"b\n", 1),
    ] {
        assert_eq!(refusal(text).detected().map(|found| found.rows), Some(rows), "{text}");
    }
}

#[test]
fn a_wrong_header_is_an_error() {
    assert_errors("id;Отдел;отдел\n1;a;b\n", &[(1, 3, "DuplicateColumn")]);
    assert_errors("id;E-mail;Почта\n1;a@b.c;d@e.f\n", &[(1, 3, "DuplicateField")]);
    assert_errors("Имя;Отчество\nИван;Иванович\n", &[(1, 0, "NoKeyColumn")]);
    assert_errors("action;note\nkill;x\n", &[(1, 0, "NoKeyColumn")]);
    assert_errors("ivanov@acme.ru\npetrov@acme.ru\n", &[(1, 0, "NoKeyColumn")]);
    assert_errors("", &[(0, 0, "Empty")]);
    assert_errors("\u{feff}\r\n \r\n", &[(0, 0, "Empty")]);
    assert_errors("id;note\n;\n\n", &[(0, 0, "NoRows")]);
}

#[test]
fn unnamed_columns_are_kept_by_position() {
    let roster = roster(";id;\n0;7;\n1;8;x\n");
    let names: Vec<&str> = roster
        .detected
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(names, ["column 1", "id", "column 3"]);
    assert_eq!(roster.rows[0].other, [("column 1".to_owned(), Personal::new("0"))]);
}

#[test]
fn a_cell_that_could_mean_nobody_or_everybody_is_an_error() {
    for (id, kind) in [
        ("12abc", "IdNotDigits"),
        ("-1", "IdNotDigits"),
        ("+7", "IdNotDigits"),
        ("1.0", "IdNotDigits"),
        ("1 234", "IdNotDigits"),
        ("١٢", "IdNotDigits"),
        ("0012", "IdLeadingZero"),
        ("0", "IdOutOfRange"),
        ("00", "IdOutOfRange"),
        ("4294967296", "IdOutOfRange"),
        ("99999999999999999999", "IdOutOfRange"),
    ] {
        assert_errors(format!("id;note\n{id};x\n"), &[(2, 1, kind)]);
    }
    for email in [
        "ivanov",
        "@acme.ru",
        "ivanov@",
        "a@b@c",
        "a b@c.d",
        "a@b.c, d@e.f",
        "a@b.c;",
        "<a@b.c>",
        "mailto:a@b.c",
    ] {
        assert_errors(format!("email|note\n{email}|x\n"), &[(2, 1, "NotAnEmail")]);
    }
    for action in ["уволить", "kil", "delete"] {
        assert_errors(format!("id;action\n7;{action}\n"), &[(2, 2, "UnknownAction")]);
    }
}

#[test]
fn a_row_without_any_key_is_an_error() {
    let header = "id;email;first_name;last_name;full_name;note\n";
    for (row, column, kind) in [
        (";;Иван;;;", 0, "NoKey"),
        (";;;Иванов;;", 0, "NoKey"),
        (";;;;;уволен", 0, "NoKey"),
        (";;;;Иванов;", 5, "FullNameNotSearchable"),
        (";;;;Мамедов Али Вагиф оглы;", 5, "FullNameNotSearchable"),
        (";;Иван;;Иванов;", 5, "FullNameNotSearchable"),
    ] {
        assert_errors(format!("{header}{row}\n"), &[(2, column, kind)]);
    }
    for row in [
        "7;;;;;",
        ";a@b.c;;;;",
        ";;Иван;Иванов;;",
        ";;;;Иванов\u{a0}Иван;",
        ";;;;Иванов Иван Иванович;",
        "7;;;;Мамедов Али Вагиф оглы;",
    ] {
        assert_eq!(roster(format!("{header}{row}\n")).rows.len(), 1, "{row}");
    }
}

#[test]
fn blanks_around_a_key_do_no_harm_and_stay() {
    let roster = roster("id;email;action\n\u{a0}7 ;ivanov@acme.ru\u{a0};\u{200b} Kill\n\u{a0};\ta@b.c;\u{200b}\n");
    let first = &roster.rows[0];
    assert_eq!((first.id, first.action), (Some(UserId(7)), Some(ActionKind::Kill)));
    assert_eq!(exposed(first.email.as_ref()), Some("ivanov@acme.ru\u{a0}"));
    assert_eq!((roster.rows[1].id, roster.rows[1].action), (None, None));
}

#[test]
fn words_of_two_scripts_are_flagged_and_kept() {
    let roster = roster("ФИО;email;Прим\u{a0}кoд\nИвaнов Иван;ivanov@acme.ru;кoд\n");
    let warnings: Vec<_> = roster
        .detected
        .warnings
        .iter()
        .map(|warning| (warning.line, warning.column))
        .collect();
    assert_eq!(warnings, [(1, 3), (2, 1)]);
    assert_eq!(exposed(roster.rows[0].full_name.as_ref()), Some("Ивaнов Иван"));
}

#[test]
fn every_error_of_a_file_is_reported_with_the_line_that_an_editor_shows() {
    assert_errors(
        "sep=;\r\nid;email;note\r\n1;a@b.c;\"two\r\nlines\"\r\n0x;a@;n\r\n\r\n3;c@d.e\r\n4;d@e.f;n;n\r\n5;\"e@f.g\"x;n\r\n;;n\r\n\
         6;f@g.h;a\0b\r\n7; \"g@h.i\";n\r\n8;\"h@i.j;n\r\n9;i@j.k;n\r\nx;i@j.k;n",
        &[
            (5, 1, "IdNotDigits"),
            (5, 2, "NotAnEmail"),
            (7, 3, "Ragged"),
            (8, 4, "Ragged"),
            (9, 2, "MisplacedQuote"),
            (10, 0, "NoKey"),
            (11, 3, "ControlCharacter"),
            (12, 2, "MisplacedQuote"),
            (13, 2, "OpenQuote"),
            (15, 1, "IdNotDigits"),
        ],
    );
}

#[test]
fn an_open_quote_does_not_hide_the_rows_below_it() {
    assert_errors("id;note\n1;\"open\n", &[(2, 2, "OpenQuote")]);
    assert_errors(
        "id;note\n1;\"open\n2;n\nx;\"closed\"\ny;n\n",
        &[(2, 2, "OpenQuote"), (4, 1, "IdNotDigits"), (5, 1, "IdNotDigits")],
    );
}

#[test]
fn lines_are_counted_by_any_line_break() {
    for line_break in ["\n", "\r\n", "\r"] {
        let text = ["id;note", "1;\"a", "b\"", "", "x;c", "\u{feff}2;d"].join(line_break);
        assert_errors(text, &[(5, 1, "IdNotDigits")]);
    }
}

#[test]
fn a_byte_order_mark_in_the_middle_of_joined_files_is_no_text() {
    let roster = roster("\n\u{feff}\nid;note\n7;a\n\u{feff}\"8\";\"b;c\"\n");
    assert_eq!((roster.detected.header_line, roster.detected.rows_ignored), (3, 2));
    assert_eq!((roster.rows[1].line, roster.rows[1].id), (5, Some(UserId(8))));
}

#[test]
fn quoting_follows_rfc_4180() {
    let roster = roster("id,note\n1,\"a \"\"b\"\", c\"\n2,5\" screen\n3,\"\"\n");
    let notes: Vec<_> = roster.rows.iter().map(|row| exposed(row.note.as_ref())).collect();
    assert_eq!(notes, [Some("a \"b\", c"), Some("5\" screen"), None]);
}

#[test]
fn other_formats_are_known_by_their_first_bytes() {
    for bytes in [
        &b"PK\x03\x04..."[..],
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..",
        b"%PDF-1.7",
        b"<html><table>",
    ] {
        assert_errors(bytes, &[(0, 0, "NotCsv")]);
    }
    let message = |bytes: &[u8]| refusal(bytes).to_string();
    assert!(message(b"PK\x03\x04...xl/workbook.xml").contains("Save as"));
    assert!(message(b"PK\x03\x04...report.csv").contains("unpack"));
}

#[test]
fn the_caps_hold() {
    let rows = |count: usize| format!("id\n{}", "7\n".repeat(count));
    assert_eq!(roster(rows(ROWS_MAX)).rows.len(), ROWS_MAX);
    assert_errors(rows(ROWS_MAX + 1), &[(ROWS_MAX as u64 + 2, 0, "TooManyRows")]);
    // Nothing behind a row that is too many is looked at, but what is empty does not count.
    let padded = format!("{}{}", rows(ROWS_MAX), ";;\n\"\";\"\"\n \n\n".repeat(30_000));
    let padded = roster(padded.replace('7', "7;;").replace("id", "id;a;b"));
    assert_eq!((padded.rows.len(), padded.detected.rows_ignored), (ROWS_MAX, 120_000));
    let errors = refusal("\"7\"x\n".repeat(3 * ROWS_MAX));
    assert_eq!(errors.0.len(), ROWS_MAX + 21);
    let wide = |columns: usize| format!("id{}\n7{}\n", ",".repeat(columns - 1), ",".repeat(columns - 1));
    assert_eq!(roster(wide(COLUMNS_MAX)).rows.len(), 1);
    let by_comma = Options {
        delimiter: Some(Delimiter::Comma),
        ..Options::default()
    };
    let errors = read(wide(COLUMNS_MAX + 1).as_bytes(), &by_comma).unwrap_err();
    let last = Some(COLUMNS_MAX as u64);
    assert!(
        errors
            .0
            .iter()
            .all(|error| error.kind == RosterErrorKind::TooManyColumns && error.column == last)
    );
    assert_eq!(errors.0.len(), 2);
    let damaged = refusal(format!("id{}\n7{}\n", ",".repeat(99), ",\u{1}".repeat(99)));
    assert_eq!(damaged.0.len(), 20, "one row can be wrong so often, not a whole report");
    let note = |length: usize| format!("id,note\n7,{}\n8,\"{}\"\n", "x".repeat(length), "y".repeat(length));
    assert_eq!(roster(note(FIELD_BYTES_MAX)).rows.len(), 2);
    assert_errors(
        note(FIELD_BYTES_MAX + 1),
        &[(2, 2, "FieldTooLong"), (3, 2, "QuoteOpenTooLong")],
    );
    assert_errors(vec![b'a'; FILE_BYTES_MAX + 1], &[(0, 0, "TooLarge")]);
}

#[test]
fn an_error_quotes_a_cell_shortened_and_shows_it_only_when_asked() {
    let errors = refusal(format!("id\n\x1b[31m{}\n", "я".repeat(99)));
    let message = errors.to_string();
    assert!(
        message.contains(&format!("line 2, column 1: \"\\u{{1b}}[31m{}…\"", "я".repeat(34))),
        "{message}"
    );
    assert!(!format!("{errors:?}").contains('я'));
}

#[test]
fn options_are_parsed_as_they_are_typed() {
    for (text, delimiter) in [
        (";", Delimiter::Semicolon),
        ("tab", Delimiter::Tab),
        ("\\t", Delimiter::Tab),
        ("\t", Delimiter::Tab),
    ] {
        assert_eq!(text.parse(), Ok(delimiter));
    }
    assert_eq!("first_name".parse(), Ok(Field::FirstName));
    let message = "colon".parse::<Delimiter>().unwrap_err().to_string();
    assert_eq!(
        message,
        "\"colon\" is not a known delimiter: use semicolon, comma, tab, pipe"
    );
}

/// Text that every one of the encodings can hold: letters of one script with the delimiters, quotes and line breaks.
fn cell(letters: &'static str) -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("[{letters}a-z0-9 ;,|\"\t\r\n'=@-]{{0,12}}")).unwrap()
}

fn any_delimiter() -> impl Strategy<Value = Delimiter> {
    proptest::sample::select(Delimiter::ALL.to_vec())
}

/// Encoding, byte order mark, a header that it is known by, letters.
fn any_encoding() -> impl Strategy<Value = (Encoding, bool, [&'static str; 3], &'static str)> {
    let (russian, spanish) = (["ID", "ФИО", "Отдел"], ["id", "Observación", "Área"]);
    proptest::sample::select(vec![
        (Encoding::Utf8, false, russian, "а-яё"),
        (Encoding::Utf8, true, russian, "а-яё"),
        (Encoding::Utf16Le, true, russian, "а-яё"),
        (Encoding::Utf16Be, true, russian, "а-яё"),
        (Encoding::Windows1251, false, russian, "а-яё"),
        (Encoding::Windows1252, false, spanish, "é"),
    ])
}

proptest! {
    #[test]
    fn what_a_csv_writer_writes_is_read_back(
        (encoding, byte_order_mark, header, cells) in any_encoding().prop_flat_map(|(encoding, mark, header, letters)| {
            let row = (cell(letters), cell(letters));
            (Just(encoding), Just(mark), Just(header), proptest::collection::vec(row, 1..20))
        }),
        delimiter in any_delimiter(),
        excel in any::<bool>(),
        always_quoted in any::<bool>(),
    ) {
        // "éé" is a word of foreign letters to windows-1252, and a reason to ask.
        prop_assume!(encoding != Encoding::Windows1252 || !cells.iter().any(|(a, b)| a.contains("éé") || b.contains("éé")));
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter.as_char() as u8)
            .terminator(if excel { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .quote_style(if always_quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary })
            .from_writer(Vec::new());
        writer.write_record(header).unwrap();
        for (number, (first, second)) in cells.iter().enumerate() {
            writer.write_record([&(number + 1).to_string(), first, second]).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let roster = read(&encoded(&text, encoding, byte_order_mark), &Options::default());
        let roster = roster.map_err(|errors| TestCaseError::fail(format!("{errors}\n{text}")))?;
        prop_assert_eq!(roster.detected.encoding, encoding);
        prop_assert_eq!(roster.detected.delimiter, Some(delimiter));
        prop_assert_eq!(roster.rows.len(), cells.len());
        for (row, (first, second)) in roster.rows.iter().zip(&cells) {
            let value = |text: &String| Some(text.clone()).filter(|text| !compare::tidy(text).is_empty());
            prop_assert_eq!(row.id, Some(UserId(row.number.0)));
            let named = exposed(row.full_name.as_ref().or(row.note.as_ref())).map(str::to_owned);
            prop_assert_eq!(named, value(first));
            prop_assert_eq!(row.other.first().map(|(_, cell)| cell.expose().to_owned()), value(second));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
        if let Err(errors) = read(&bytes, &Options::default()) {
            prop_assert!(!errors.0.is_empty());
        }
    }

    #[test]
    fn no_text_makes_it_panic_or_lose_a_record(text in "(sep=;\n|\u{feff}|)(id;note[\r\n]{1,2}|)[a1;,\"\r\n\t |\u{feff}\u{a0}é\0]{0,60}") {
        if let Err(errors) = read(text.as_bytes(), &Options::default()) {
            prop_assert!(!errors.0.is_empty());
        }
        for delimiter in Delimiter::ALL.into_iter().map(Some).chain([None]) {
            let records = records::split(&text, 1, delimiter);
            let lines: Vec<u64> = records.sound.iter().map(|record| record.line).collect();
            prop_assert!(lines.is_sorted_by(|earlier, later| earlier < later));
            let last = records::line_breaks(text.as_bytes()) + 1;
            prop_assert!(lines.last().is_none_or(|line| *line <= last));
        }
    }
}
