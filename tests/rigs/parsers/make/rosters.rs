//! Rosters as people save them, and damaged ones.

use offboard24::roster::{Delimiter, Encoding};

use super::Random;
use super::mutation::damage;

const HEADERS: [&[&str]; 10] = [
    &["id", "email", "note"],
    &["ID", "ФИО", "Отдел"],
    &["E-mail"],
    &["Фамилия", "Имя", "Отчество", "Почта"],
    &["First name", "Last name", "action"],
    &["id", "Observación", "Área"],
    &["full_name", "email", "action", "note", "x"],
    &["id", "id"],
    &["x", "y"],
    &["Nachname", "Vorname", "", ""],
];

const CELLS: [&str; 46] = [
    "1",
    "2",
    "17",
    "29",
    "0",
    "007",
    "4294967296",
    "12abc",
    "a@b.example",
    "b@c.example",
    "A@B.EXAMPLE ",
    "no address",
    "@",
    "a@@b",
    "Иванов",
    "Иван",
    "Иванов Иван",
    "Ivanov, Ivan",
    "Ivan",
    "Müller",
    "José",
    "Ивaнов",
    "Zebulon Quux",
    "",
    "",
    " ",
    "\u{a0}",
    "\u{200b}",
    "kill",
    "Terminate",
    "KI\u{200b}LL",
    "удалить",
    "say \"hi\"",
    "a;b",
    "a,b",
    "a\tb",
    "two\nlines",
    "\r",
    "\"",
    "%",
    "_",
    "$result[u][0][ID]",
    "=1+1",
    "\u{1b}[31m",
    "\0",
    "\u{fffd}",
];

/// A whole input: what the operator passed, and the file.
pub(super) fn input(random: &mut Random) -> Vec<u8> {
    let said = if random.chance(800) {
        0
    } else {
        random.next().to_le_bytes()[0]
    };
    let mut bytes = vec![said];
    bytes.extend(file(random));
    if random.chance(400) {
        let other = file(random);
        damage(&mut bytes, 1, random, &other);
    }
    bytes
}

fn file(random: &mut Random) -> Vec<u8> {
    let header = random.pick(&HEADERS);
    let delimiter = random.pick(&Delimiter::ALL).as_char();
    let line_end = random.pick(&["\n", "\r\n", "\r\n", "\r"]);
    let mut text = String::new();
    if random.chance(60) {
        text.extend(["sep=", &delimiter.to_string(), line_end]);
    }
    for _ in 0..random.pick(&[0, 0, 0, 1, 2]) {
        text.push_str(random.pick(&["Уволенные", "List", "", " "]));
        text.push_str(line_end);
    }
    let is_tidy = random.chance(600);
    add_line(&mut text, header, delimiter, line_end, random);
    for row in 0..random.pick(&[0, 1, 2, 3, 5, 8, 30]) {
        let odd_length = usize::from(!(is_tidy || random.chance(950)));
        let cells: Vec<String> = (0..header.len() + odd_length)
            .map(|column| {
                if is_tidy {
                    tidy_cell(header[column], row, random)
                } else {
                    random.pick(&CELLS).to_owned()
                }
            })
            .collect();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        add_line(&mut text, &cells, delimiter, line_end, random);
    }
    for _ in 0..random.pick(&[0, 0, 1, 3]) {
        text.push_str(&delimiter.to_string().repeat(header.len() - 1));
        text.push_str(line_end);
    }
    if random.chance(200) {
        text.truncate(text.trim_end().len());
    }
    encoded(&text, random)
}

/// What belongs below a name.
fn tidy_cell(name: &str, row: usize, random: &mut Random) -> String {
    match name {
        "id" | "ID" => (row + 1).to_string(),
        "email" | "E-mail" | "Почта" => format!("a{row}@b.example"),
        "action" => random.pick(&["kill", "terminate", "", "Kill "]).to_owned(),
        "ФИО" | "full_name" => random
            .pick(&["Иванов Иван", "Ivanov Ivan Ivanovich", "Zebulon Quux"])
            .to_owned(),
        _ => random.pick(&["Иван", "Ivanov", "Jose", "Zebulon Quux"]).to_owned(),
    }
}

fn add_line(text: &mut String, cells: &[&str], delimiter: char, line_end: &str, random: &mut Random) {
    let quotes_all = random.chance(100);
    let careless = random.chance(50);
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            text.push(delimiter);
        }
        let is_needed = cell.contains([delimiter, '"', '\n', '\r']);
        if (quotes_all || is_needed) && !careless {
            text.extend(["\"", &cell.replace('"', "\"\""), "\""]);
        } else {
            text.push_str(cell);
        }
    }
    text.push_str(line_end);
}

fn encoded(text: &str, random: &mut Random) -> Vec<u8> {
    let marked = random.chance(400);
    let wide = |mark: u16, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let mark = marked.then_some(mark);
        mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    match random.below(10) {
        0..5 => {
            let mark = if marked { "\u{feff}" } else { "" };
            format!("{mark}{text}").into_bytes()
        }
        5 => wide(0xfeff, u16::to_le_bytes),
        6 => wide(0xfeff, u16::to_be_bytes),
        _ => {
            let encoding = random.pick(&[
                Encoding::Windows1251,
                Encoding::Windows1251,
                Encoding::Windows1252,
                Encoding::Koi8R,
                Encoding::Ibm866,
            ]);
            encoding_rs::Encoding::for_label(encoding.as_str().as_bytes())
                .map(|codec| codec.encode(text).0.into_owned())
                .unwrap_or_default()
        }
    }
}
