//! Answers of a portal, of all shapes that are known and of some that are not.

use super::Random;
use super::mutation::damage;
use crate::parsers::check::SECRET;
use crate::parsers::check::answers::{EMAIL, KEYS, NEXT_BODY, Purpose, USER, WORKFLOWS, Way};

/// Codes of errors, known and unknown, and what is none.
const CODES: [&str; 22] = [
    "\"\"",
    "\"\"",
    "\"ERROR_CORE\"",
    "\"ACCESS_DENIED\"",
    "\"QUERY_LIMIT_EXCEEDED\"",
    "\"OPERATION_TIME_LIMIT\"",
    "\"OVERLOAD_LIMIT\"",
    "\"expired_token\"",
    "\"insufficient_scope\"",
    "\"ERROR_BATCH_LENGTH_EXCEEDED\"",
    "\"ERROR_BATCH_METHOD_NOT_ALLOWED\"",
    "\"ERROR_WRONG_WORKFLOW_ID\"",
    "\"ERROR_METHOD_NOT_FOUND\"",
    "\"INTERNAL_SERVER_ERROR\"",
    "null",
    "false",
    "0",
    "404",
    "[]",
    "{}",
    "{\"code\": \"ACCESS_DENIED\"}",
    "\"Zebulon Quux\"",
];

/// What stands where `true` should.
const ODD_RESULTS: [&str; 26] = [
    "{\"$serde_json::private::RawValue\": \"true\"}",
    "{\"$serde_json::private::Number\": \"1\"}",
    "false",
    "null",
    "1",
    "0",
    "-0",
    "1.0",
    "\"true\"",
    "\"\"",
    "\"1\"",
    "\"Y\"",
    "[]",
    "{}",
    "[true]",
    "{\"true\": true}",
    "TRUE",
    "True",
    "tru",
    "true true",
    "1e999",
    "18446744073709551616",
    "0.000000000000000000000000000001e-400",
    "\"\\ud83d\"",
    "\"\\ud83d\\ude00\"",
    "\"Zebulon Quux\"",
];

/// Bodies that are no answer at all.
const NONSENSE: [&str; 12] = [
    "",
    " ",
    "null",
    "true",
    "[]",
    "{}",
    "\"true\"",
    "<html><body>502 Bad Gateway</body></html>",
    "{\"result\": true}",
    "{\"result\": []}",
    "{\"error\": \"\", \"error_description\": \"Zebulon Quux\"}",
    "{\"result\": {\"result\": [true, true, true], \"result_error\": []}}",
];

/// A whole input.
pub(super) fn input(random: &mut Random) -> Vec<u8> {
    let purpose = if random.chance(600) {
        Purpose::Destroy
    } else {
        random.pick(&Purpose::ALL)
    };
    let way = if random.chance(650) {
        0
    } else {
        random.below(Way::ALL.len())
    };
    let number = Purpose::ALL.iter().position(|one| *one == purpose).unwrap_or_default();
    let mut bytes = vec![u8::try_from(number).unwrap(), u8::try_from(way).unwrap()];
    let bodies = if purpose == Purpose::Destroy {
        1
    } else {
        1 + random.below(3)
    };
    for index in 0..bodies {
        if index > 0 {
            bytes.push(NEXT_BODY);
        }
        bytes.extend(body(purpose, random).into_bytes());
    }
    if random.chance(450) {
        let other = body(purpose, random).into_bytes();
        damage(&mut bytes, 2, random, &other);
    }
    bytes
}

fn body(purpose: Purpose, random: &mut Random) -> String {
    match random.below(100) {
        0..4 => random.pick(&NONSENSE).to_owned(),
        4..9 => format!(
            "{{\"error\": {}, \"error_description\": {}, \"result\": {}}}",
            random.pick(&CODES),
            text(random),
            batch(purpose, random)
        ),
        9..11 => format!("\u{feff}{}", envelope(purpose, random)),
        11 => {
            let depth = 1 + random.below(300);
            format!(
                "{}{}{}",
                "[".repeat(depth),
                envelope(purpose, random),
                "]".repeat(depth)
            )
        }
        12 if random.chance(20) => format!(
            "{{\"pad\": \"{}\", {}",
            "x".repeat(1 << 20),
            &envelope(purpose, random)[1..]
        ),
        _ => envelope(purpose, random),
    }
}

fn envelope(purpose: Purpose, random: &mut Random) -> String {
    let result = match purpose {
        Purpose::Direct => one_result(random),
        Purpose::Pressing if random.chance(600) => list(Purpose::Instances, 0, random),
        _ => batch(purpose, random),
    };
    let mut fields = vec![("result".to_owned(), result), ("time".to_owned(), time(random))];
    if random.chance(20) {
        fields.push(("error".to_owned(), random.pick(&CODES).to_owned()));
    }
    if random.chance(20) {
        fields.push(("result".to_owned(), batch(purpose, random)));
    }
    map(fields, random)
}

/// The five maps.
fn batch(purpose: Purpose, random: &mut Random) -> String {
    let keys: Vec<String> = match purpose {
        Purpose::Destroy => KEYS.map(str::to_owned).to_vec(),
        Purpose::Instances | Purpose::Pressing => (0..3).map(|index| format!("q{index}")).collect(),
        _ => vec!["q0".to_owned()],
    };
    let (mut results, mut errors, mut totals, mut nexts, mut times) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    for (index, key) in keys.iter().enumerate() {
        let key = if random.chance(15) {
            random.pick(&["0", "K0", "k0 ", "", "result", "k10"]).to_owned()
        } else {
            key.clone()
        };
        let is_error = random.chance(250);
        if !is_error || random.chance(60) {
            let result = if purpose == Purpose::Destroy {
                destroyed(random)
            } else {
                list(purpose, index, random)
            };
            if random.chance(950) {
                results.push((key.clone(), result));
            }
        }
        if is_error {
            errors.push((key.clone(), error(random)));
        }
        if purpose != Purpose::Destroy && random.chance(500) {
            totals.push((key.clone(), number(random)));
            if random.chance(200) {
                nexts.push((key.clone(), number(random)));
            }
        }
        times.push((key, time(random)));
    }
    if random.chance(30) {
        results.push((
            random.pick(&["k0", "k1", "q0"]).to_owned(),
            random.pick(&["true", "false", "[]"]).to_owned(),
        ));
    }
    let mut maps: Vec<(String, String)> = [
        ("result", results),
        ("result_error", errors),
        ("result_total", totals),
        ("result_next", nexts),
        ("result_time", times),
    ]
    .into_iter()
    .map(|(name, fields)| (name.to_owned(), map(fields, random)))
    .collect();
    if random.chance(30) {
        let one = random.below(maps.len());
        let odd = random.pick(&["null", "false", "\"\"", "0", "[]", "{}", "[true]", "{\"0\": true}"]);
        odd.clone_into(&mut maps[one].1);
    }
    if random.chance(30) {
        drop(maps.remove(random.below(maps.len())));
    }
    if random.chance(20) {
        let again = maps[random.below(maps.len())].clone();
        maps.push(again);
    }
    map(maps, random)
}

fn destroyed(random: &mut Random) -> String {
    if random.chance(700) {
        "true".to_owned()
    } else {
        random.pick(&ODD_RESULTS).to_owned()
    }
}

fn error(random: &mut Random) -> String {
    match random.below(12) {
        0 => random
            .pick(&["null", "[]", "{}", "\"x\"", "false", "true", "0"])
            .to_owned(),
        1 => map(vec![("error_description".to_owned(), text(random))], random),
        _ => {
            let fields = vec![
                ("error".to_owned(), random.pick(&CODES).to_owned()),
                ("error_description".to_owned(), text(random)),
            ];
            map(fields, random)
        }
    }
}

/// An object, or what PHP makes of an empty one; sometimes with blanks, escapes and a field twice.
fn map(mut fields: Vec<(String, String)>, random: &mut Random) -> String {
    if fields.is_empty() {
        return random.pick(&["[]", "[]", "[]", "{}", "null"]).to_owned();
    }
    if random.chance(100) {
        let (one, other) = (random.below(fields.len()), random.below(fields.len()));
        fields.swap(one, other);
    }
    if random.chance(8) {
        let (name, _) = fields[random.below(fields.len())].clone();
        fields.push((name, random.pick(&ODD_RESULTS[2..12]).to_owned()));
    }
    let escapes = random.chance(30);
    let blank = if random.chance(50) { " \r\n\t" } else { "" };
    let fields: Vec<String> = fields
        .into_iter()
        .map(|(name, value)| format!("{blank}{}{blank}:{value}", quoted(&name, escapes)))
        .collect();
    format!("{{{}{blank}}}", fields.join(","))
}

fn quoted(name: &str, escapes: bool) -> String {
    if escapes {
        let spelt = |units: String, unit: u16| units + &format!("\\u{unit:04x}");
        let units = name.encode_utf16().fold(String::new(), spelt);
        format!("\"{units}\"")
    } else {
        format!("\"{name}\"")
    }
}

fn text(random: &mut Random) -> String {
    random
        .pick(&[
            "\"Zebulon Quux\"",
            "\"\"",
            "null",
            "[]",
            "\"Не найден\"",
            "\"\\ud800\"",
            "\"\\u0000\"",
            "\"a\\/b\"",
            "17",
        ])
        .to_owned()
}

fn number(random: &mut Random) -> String {
    random
        .pick(&[
            "0",
            "0",
            "1",
            "2",
            "3",
            "50",
            "50",
            "100",
            "51",
            "-1",
            "null",
            "\"50\"",
            "\"0\"",
            "1.5",
            "1e3",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615",
            "\"9223372036854775807\"",
            "[]",
        ])
        .to_owned()
}

fn time(random: &mut Random) -> String {
    if random.chance(100) {
        return random.pick(&["null", "[]", "{}", "0", "\"\"", "[1]"]).to_owned();
    }
    let seconds = |random: &mut Random| {
        random
            .pick(&[
                "0",
                "1.5",
                "60",
                "-3",
                "1e300",
                "-1e308",
                "1e308",
                "null",
                "\"1\"",
                "1784000000",
                "1784000300",
                "1e-320",
            ])
            .to_owned()
    };
    let fields = ["start", "finish", "duration", "operating", "operating_reset_at"]
        .map(|name| (name.to_owned(), seconds(random)));
    map(fields.to_vec(), random)
}

/// A list of rows, as the purpose has them.
fn list(purpose: Purpose, index: usize, random: &mut Random) -> String {
    if random.chance(60) {
        return random
            .pick(&[
                "[]",
                "{}",
                "null",
                "false",
                "[[]]",
                "[null]",
                "{\"1\": {}}",
                "true",
                "\"\"",
                "{\"items\": []}",
            ])
            .to_owned();
    }
    let number = match purpose {
        Purpose::Instances | Purpose::Pressing => usize::from(random.chance(400)) + usize::from(random.chance(20)),
        Purpose::ByEmail | Purpose::ById => random.below(3),
        _ => random.pick(&[0, 1, 2, 3, 49, 50, 51]),
    };
    let first = 1 + random.below(100);
    let rows: Vec<String> = (0..number)
        .map(|row| map(fields(purpose, index, first + row, random), random))
        .collect();
    match random.below(20) {
        0 => {
            // A list with a gap.
            let rows: Vec<String> = rows
                .iter()
                .enumerate()
                .map(|(row, value)| format!("\"{}\": {value}", row * 2))
                .collect();
            format!("{{{}}}", rows.join(", "))
        }
        _ => format!("[{}]", rows.join(",")),
    }
}

fn fields(purpose: Purpose, index: usize, id: usize, random: &mut Random) -> Vec<(String, String)> {
    let own = |text: &str| (text.to_owned(), format!("\"{SECRET}\""));
    let field = |name: &str, value: String| (name.to_owned(), value);
    let workflow = if random.chance(15) { "a.9" } else { WORKFLOWS[index] };
    let id_text = if random.chance(500) {
        format!("\"{id}\"")
    } else {
        id.to_string()
    };
    let mut fields = match purpose {
        Purpose::Instances | Purpose::Pressing => vec![
            field("ID", format!("\"{workflow}\"")),
            field(
                "STARTED_BY",
                random
                    .pick(&["\"7\"", "0", "\"\"", "null", "false", "\"x\""])
                    .to_owned(),
            ),
        ],
        Purpose::ByEmail | Purpose::ById => {
            let email = if random.chance(100) { "ä@b.example" } else { EMAIL };
            vec![
                field(
                    "ID",
                    if purpose == Purpose::ById {
                        format!("\"{USER}\"")
                    } else {
                        id_text
                    },
                ),
                field(
                    "ACTIVE",
                    random
                        .pick(&["true", "false", "\"Y\"", "\"N\"", "0", "\"x\""])
                        .to_owned(),
                ),
                field("EMAIL", format!("\"{email}\"")),
                own("NAME"),
            ]
        }
        _ => vec![
            field("ID", id_text),
            field("WORKFLOW_ID", format!("\"{workflow}\"")),
            field(
                "USER_ID",
                if random.chance(990) {
                    format!("\"{USER}\"")
                } else {
                    "30".to_owned()
                },
            ),
            field(
                "STATUS",
                random.pick(&["\"0\"", "0", "\"0\"", "\"0\"", "0", "0"]).to_owned(),
            ),
            field(
                "USER_STATUS",
                if random.chance(990) {
                    "\"0\"".to_owned()
                } else {
                    "1".to_owned()
                },
            ),
            own("NAME"),
        ],
    };
    if random.chance(10) {
        drop(fields.remove(random.below(fields.len())));
    }
    if random.chance(10) {
        let one = random.below(fields.len());
        random.pick(&ODD_RESULTS).clone_into(&mut fields[one].1);
    }
    fields
}

/// The answer to a question that is no list.
fn one_result(random: &mut Random) -> String {
    match random.below(6) {
        0 => map(
            vec![
                (
                    "ID".to_owned(),
                    random.pick(&["\"7\"", "7", "0", "\"\"", "4294967296"]).to_owned(),
                ),
                ("ADMIN".to_owned(), "true".to_owned()),
            ],
            random,
        ),
        1 => "[\"bizproc\", \"user\"]".to_owned(),
        2 => map(
            vec![
                ("isExisting".to_owned(), "true".to_owned()),
                (
                    "isAvailable".to_owned(),
                    random.pick(&["false", "\"Y\"", "1", "2"]).to_owned(),
                ),
            ],
            random,
        ),
        3 => random
            .pick(&[
                "\"2026-11-22T03:04:05+03:00\"",
                "\"2026-02-30T25:00:00Z\"",
                "\"+262143-01-01T00:00:00Z\"",
                "\"yesterday\"",
            ])
            .to_owned(),
        4 => random.pick(&ODD_RESULTS).to_owned(),
        _ => list(Purpose::Instances, 0, random),
    }
}
