//! Список уволенных: что в нём обнаружено и что не так.

use crate::cli::text::printable;
use crate::plan::intake::ActionMissing;
use crate::report::language::ru::n;
use crate::roster::{
    COLUMNS_MAX, Column, Delimiter, Detected, Excerpt, FIELD_BYTES_MAX, FILE_BYTES_MAX, ROWS_MAX, RosterError,
    RosterErrorKind, Warning, WarningKind,
};

const ROWS: [&str; 3] = ["строка", "строки", "строк"];
const CELLS: [&str; 3] = ["ячейка", "ячейки", "ячеек"];

pub(super) fn detected(found: &Detected) -> String {
    let columns: Vec<String> = found
        .columns
        .iter()
        .map(|column| match column.field {
            Some(field) => format!("{} = {}", printable(&column.name), field.as_str()),
            None => format!("{} (сохраняется)", printable(&column.name)),
        })
        .collect();
    let delimiter = found.delimiter.map_or("нет, один столбец", |delimiter| {
        delimiter_shown(delimiter)
    });
    let mark = if found.byte_order_mark {
        " с меткой порядка байтов"
    } else {
        ""
    };
    format!(
        "список: {}{mark}, разделитель: {delimiter}, заголовок в строке файла {}\n        столбцы: {}\n        {}; пропущено пустых \
         строк и строк с названием: {}",
        found.encoding,
        found.header_line,
        columns.join(", "),
        n(found.rows as u64, ROWS),
        found.rows_ignored
    )
}

const fn delimiter_shown(delimiter: Delimiter) -> &'static str {
    match delimiter {
        Delimiter::Semicolon => "точка с запятой (semicolon)",
        Delimiter::Comma => "запятая (comma)",
        Delimiter::Tab => "табуляция (tab)",
        Delimiter::Pipe => "вертикальная черта (pipe)",
    }
}

pub(super) fn warning(warning: &Warning) -> String {
    let what = match warning.kind {
        WarningKind::MixedScripts => {
            "в слове смешаны похожие латинские и русские буквы: с тем, где их не смешали, оно не совпадёт"
        }
    };
    format!(
        "        строка файла {}, столбец {}: {what}",
        warning.line, warning.column
    )
}

pub(super) fn action_missing(missing: &ActionMissing) -> String {
    const SHOWN: usize = 20;
    let ActionMissing(lines) = missing;
    let shown: Vec<String> = lines.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match lines.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" и ещё {more}"),
    };
    format!(
        "в списке не сказано, что делать: нет действия в строках файла {}{more}",
        shown.join(", ")
    )
}

pub(super) fn errors(errors: &[RosterError]) -> String {
    let lines: Vec<String> = errors.iter().map(error).collect();
    format!(
        "список непригоден; запросов к порталу не было:\n  {}",
        lines.join("\n  ")
    )
}

fn error(error: &RosterError) -> String {
    let place = match (error.line, error.column) {
        (Some(line), Some(column)) => format!("строка файла {line}, столбец {column}: "),
        (Some(line), None) => format!("строка файла {line}: "),
        (None, _) => String::new(),
    };
    place + &kind(&error.kind)
}

#[expect(clippy::too_many_lines, reason = "one arm a mistake")]
fn kind(kind: &RosterErrorKind) -> String {
    use RosterErrorKind as Kind;
    match kind {
        Kind::Empty => "файл пуст: в нём никто не назван".to_owned(),
        Kind::NoRows => "под заголовком нет ни одной строки: в файле никто не назван".to_owned(),
        Kind::TooLarge { bytes } => format!(
            "размер файла — {bytes} байт, а списка — не больше {FILE_BYTES_MAX}: тот ли это файл? Уберите ненужные столбцы или \
             разделите его"
        ),
        Kind::TooManyRows => {
            format!("больше {ROWS_MAX} строк: разделите файл и сделайте из каждой части отдельную работу")
        }
        Kind::NotCsv { format, .. } => format!(
            "это не CSV ({format}): сохраните или выгрузите таблицу как «CSV UTF-8» и укажите полученный файл"
        ),
        Kind::EncodingUnknown { readings } => {
            let readings: Vec<String> = readings
                .iter()
                .map(|(encoding, cell)| format!("{cell} ({encoding})"))
                .collect();
            format!(
                "кодировку не определить. Одна из ячеек может быть такой: {}. Укажите через --encoding ту, в которой она читается \
                 верно, или сохраните файл как UTF-8",
                readings.join(", ")
            )
        }
        Kind::Utf16WithoutByteOrderMark { encoding } => format!(
            "похоже на {encoding} без метки порядка байтов: укажите --encoding {encoding} или сохраните файл как UTF-8"
        ),
        Kind::EncodingContradicted { mark, asked } => format!(
            "файл начинается с метки порядка байтов {mark}, а в --encoding указано {asked}: уберите --encoding"
        ),
        Kind::DelimiterUnknown { candidates } => {
            let candidates: Vec<&str> = candidates.iter().map(|delimiter| delimiter_shown(*delimiter)).collect();
            format!(
                "разделитель не определить: {} делят файл одинаково хорошо. Укажите один из них через --delimiter",
                candidates.join(" и ")
            )
        }
        Kind::UnknownSeparator { line } => format!(
            "строка {line} называет неизвестный разделитель: возьмите точку с запятой, запятую, табуляцию или вертикальную черту или \
             удалите эту строку"
        ),
        Kind::NoKeyColumn { columns, is_a_row } => {
            let what = if *is_a_row {
                "Похоже на строку данных, а не на заголовок: поставьте над ней строку заголовка"
            } else {
                "Поставьте над строками заголовок или укажите столбец, например --map email=COLUMN"
            };
            format!(
                "ни по одному столбцу не понять, о ком речь: нужен id, email, full_name или first_name и last_name. Найдены столбцы: \
                 {}. {what}",
                columns_found(columns)
            )
        }
        Kind::RowAsHeader => {
            "похоже на строку данных, а не на заголовок: поставьте над ней строку заголовка".to_owned()
        }
        Kind::MappedColumnMissing { field, name, columns } => format!(
            "--map {field}={name}: такого столбца нет. Найдены столбцы: {}",
            columns_found(columns)
        ),
        Kind::MappedTwice { field, name } => format!(
            "--map {field}={name}: это поле или этот столбец указаны второй раз. Оставьте один"
        ),
        Kind::DuplicateColumn { name, first } => {
            format!("столбец {name:?} называется так же, как столбец {first}: переименуйте или удалите один из них")
        }
        Kind::DuplicateField {
            field,
            first_name,
            name,
        } => format!(
            "столбцы {first_name:?} и {name:?} оба означают {field}: выберите один через --map {field}={name} или переименуйте один"
        ),
        Kind::Ragged { found, expected } => format!(
            "в строке {}, а в заголовке {expected}: ячейку, в которой есть разделитель, надо взять в кавычки, а пустая ячейка \
             сохраняет свой разделитель",
            n(*found as u64, CELLS)
        ),
        Kind::OpenQuote => {
            "кавычка в начале этой ячейки не закрыта или закрыта не там: закройте её или удалите".to_owned()
        }
        Kind::QuoteOpenTooLong => format!(
            "кавычка в начале этой ячейки не закрыта на протяжении {FIELD_BYTES_MAX} байт: закройте или удалите её или сократите ячейку"
        ),
        Kind::TooManyColumns => {
            format!("в строке больше {COLUMNS_MAX} столбцов: тот ли это файл? Уберите ненужные столбцы")
        }
        Kind::MisplacedQuote => {
            "в этой ячейке есть что-то вне кавычек: они должны быть её первым и последним символом, а кавычка внутри пишется дважды"
                .to_owned()
        }
        Kind::ControlCharacter { character } => format!(
            "в ячейке есть управляющий символ U+{:04X}: удалите его или введите ячейку заново",
            u32::from(*character)
        ),
        Kind::Undecodable { cell, encoding } => format!(
            "в {cell} есть символ, которого в {encoding} быть не может, или он потерян при сохранении: выгрузите файл заново как \
             UTF-8 или укажите верную кодировку через --encoding"
        ),
        Kind::FieldTooLong { bytes } => format!(
            "в ячейке {bytes} байт, а читается не больше {FIELD_BYTES_MAX}: нет ли лишней или недостающей кавычки?"
        ),
        Kind::IdNotDigits { cell } => format!(
            "{cell} — не ID пользователя: впишите число из адреса его профиля, только цифры"
        ),
        Kind::IdLeadingZero { cell } => format!(
            "{cell} начинается с нуля: так пишут табельные номера, а ID пользователя так не начинается. Впишите ID из адреса профиля или \
             переименуйте столбец"
        ),
        Kind::IdOutOfRange { cell } => format!("{cell} — не ID пользователя: они бывают от 1 до 4294967295"),
        Kind::NotAnEmail { cell } => format!(
            "{cell} — не адрес почты, по нему никого не найти: впишите один адрес или оставьте ячейку пустой"
        ),
        Kind::UnknownAction { cell } => format!(
            "{cell} — не действие: впишите kill или terminate или оставьте ячейку пустой. Если столбец означает другое, переименуйте его"
        ),
        Kind::NoKey => "по этой строке никого не найти: нужен id, email, full_name или first_name и last_name".to_owned(),
        Kind::FullNameNotSearchable { cell } => format!(
            "по {cell} искать нельзя: в full_name два или три слова. Добавьте id или email или разделите имя на first_name и last_name"
        ),
    }
}

/// Столбцы так, как их перечисляет сообщение. В файле без заголовка здесь данные, поэтому каждое имя сокращено, как ячейка.
fn columns_found(columns: &[Column]) -> String {
    columns
        .iter()
        .map(|column| match column.field {
            Some(field) => format!("{} ({field})", Excerpt::of(&column.name)),
            None => Excerpt::of(&column.name).to_string(),
        })
        .collect::<Vec<_>>()
        .join(", ")
}
