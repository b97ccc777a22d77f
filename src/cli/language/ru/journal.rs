//! Что может быть не так с журналом, ключом, файлом head и блокировками. Слова системы и `SQLite` остаются такими, какие они есть.

use super::WHERE_TO_WRITE;
use crate::journal::JournalError;
use crate::journal::head::HeadError;
use crate::journal::key::KeyError;
use crate::lock::LockError;

pub(super) fn error(error: &JournalError) -> String {
    let nothing_done = "С ней ничего не делается";
    match error {
        JournalError::File { path, cause } => format!("не удаётся открыть базу {}: {cause}", path.display()),
        JournalError::Missing(path) => format!("базы {} нет", path.display()),
        JournalError::Foreign(path) => format!("{} — не база offboard24", path.display()),
        JournalError::Newer { path, found, known } => format!(
            "у базы {} версия {found}, а эта программа знает версии до {known}",
            path.display()
        ),
        JournalError::NetworkFileSystem(path) => format!(
            "база {} на сетевом диске, где блокировка или запись могут потеряться",
            path.display()
        ),
        JournalError::Damaged { seq, what } => format!("журнал повреждён на событии {seq} ({what}). {nothing_done}"),
        JournalError::Corrupt(cause) => format!("файл базы повреждён ({cause}). {nothing_done}"),
        JournalError::Place { path, cause } => format!(
            "базу {} нельзя открыть там, где она лежит: в её папку или в файл рядом с ней нельзя писать ({cause})",
            path.display()
        ),
        JournalError::DiskFull => "на диске нет места для журнала".to_owned(),
        JournalError::ReserveUsed => {
            "диск заполнен; последние итоги записаны на место, которое для этого берегли".to_owned()
        }
        JournalError::Commit(cause) => format!("журнал не удалось записать на диск: {}", self::error(cause)),
        JournalError::Broken => "журнал не удалось записать на диск ещё раньше в этом запуске".to_owned(),
        JournalError::Pragma(what) => format!("SQLite не принял настройку {what}"),
        JournalError::Busy => "базу держит другая программа".to_owned(),
        JournalError::Lingering {
            redactions,
            path,
            cause,
            ..
        } => {
            let numbers: Vec<String> = redactions.iter().map(ToString::to_string).collect();
            format!(
                "данные, стёртые событиями {}, в журнале значатся стёртыми, но часть их ещё в {}: {}",
                numbers.join(", "),
                path.display(),
                self::error(cause)
            )
        }
        JournalError::Changed(path) => format!("база {} изменилась во время проверки", path.display()),
        JournalError::Key(error) => key(error),
        JournalError::Head(error) => head(error),
        JournalError::HeadUnwritten(error) => format!("сделанное записано, но не за пределами базы: {}", head(error)),
        JournalError::NotSealed => format!(
            "последние события не покрыты контрольной точкой с ключом этой базы: их записал кто-то другой. {nothing_done}"
        ),
        JournalError::NoKey(name) => format!("журнал называет ключ подписи {name:?}, а это не ключ. {nothing_done}"),
        JournalError::Unsigned => "в этой базе ещё ничего не подписано: не было ни одного запуска".to_owned(),
        JournalError::Sqlite(cause) => format!("SQLite: {cause}"),
        JournalError::Export(cause) => format!("выгрузку не удаётся записать: {cause}"),
        JournalError::Encoding(cause) => format!("событие не удалось записать или прочитать: {cause}"),
        JournalError::Random(cause) => format!("система не дала случайных чисел: {cause}"),
    }
}

pub(super) fn next(error: &JournalError) -> String {
    let next = match error {
        JournalError::Missing(_) => {
            "укажите базу через --db FILE или создайте её: offboard24 plan ROSTER --action terminate"
        }
        JournalError::File { .. } | JournalError::Foreign(_) => "укажите другой файл через --db FILE",
        JournalError::Place { .. } => {
            "запустите от имени владельца базы или разрешите этому пользователю писать в её папку. Копия без файла, который кончается \
             на -wal, — не весь журнал"
        }
        JournalError::Newer { .. } => "возьмите ту версию offboard24, которая её записала",
        JournalError::NetworkFileSystem(_) => "поместите базу на локальный диск через --db FILE",
        error if error.is_damage() => {
            "сохраните файл как доказательство и составьте план заново в другой базе через --db FILE"
        }
        JournalError::DiskFull | JournalError::ReserveUsed => "освободите место, затем: offboard24 resume",
        JournalError::Commit(_) | JournalError::Broken => {
            "проверьте диск, затем: offboard24 resume; он прочтёт записанное и спросит портал"
        }
        JournalError::Changed(_) => {
            "проверьте ещё раз, когда в неё никто не пишет, или проверьте копию: offboard24 audit export"
        }
        JournalError::Busy => "базу открыла для записи другая программа: закройте её и введите ту же команду ещё раз",
        JournalError::Lingering {
            path, cause, is_copy, ..
        } => {
            let place = path.display();
            let first = match **cause {
                JournalError::Busy => "дождитесь, когда её никто не читает".to_owned(),
                JournalError::DiskFull => "освободите место на диске".to_owned(),
                _ if *is_copy => {
                    format!(
                        "разрешите этому пользователю писать в {place} или удалите этот файл: это копия, сделанная перед обновлением"
                    )
                }
                _ => format!("разрешите этому пользователю писать в {place} и в его папку"),
            };
            return format!(
                "{first}; каждая следующая пишущая команда пробует ещё раз, и та же offboard24 audit redact --person ID тоже"
            );
        }
        JournalError::Export(_) => "укажите через -o новую папку внутри своей, на диске, где есть место",
        JournalError::Key(error) => return key_next(error),
        JournalError::Head(error) => return head_next(error),
        JournalError::HeadUnwritten(_) => {
            "разрешите этому пользователю писать туда, затем: offboard24 audit checkpoint; работу продолжит offboard24 resume"
        }
        JournalError::Unsigned => "ключ запишет первый же запуск: offboard24 plan ROSTER",
        _ => "проверьте диск и память, затем: offboard24 resume; записанное в сохранности",
    };
    next.to_owned()
}

pub(super) fn key(error: &KeyError) -> String {
    match error {
        KeyError::File { path, cause } => format!("ключ подписи {}: {cause}", path.display()),
        KeyError::Unreadable { path, cause } => format!(
            "в {} нет ключа подписи, который может прочитать эта программа: {cause}",
            path.display()
        ),
        KeyError::Open(path) => format!("ключ подписи {} может прочитать не только владелец", path.display()),
        KeyError::Missing { path, key } => format!(
            "база подписана ключом {key}, а его нет в {}. Ничего не записано",
            path.display()
        ),
        KeyError::Random(cause) => format!("система не дала случайных чисел: {cause}"),
    }
}

pub(super) fn key_next(error: &KeyError) -> String {
    match error {
        KeyError::Missing { .. } => {
            "перенесите файл ключа с машины, которая её подписала, и укажите его через --key-file FILE; командам, которые только читают, \
             ключ не нужен"
                .to_owned()
        }
        KeyError::Open(path) => format!("chmod 600 {}", path.display()),
        KeyError::File { .. } | KeyError::Unreadable { .. } => {
            "укажите другой файл ключа через --key-file FILE или папку для него через XDG_DATA_HOME".to_owned()
        }
        KeyError::Random(_) => "введите ту же команду ещё раз".to_owned(),
    }
}

pub(super) fn head(error: &HeadError) -> String {
    match error {
        HeadError::File { path, cause } => format!("файл head {}: {cause}", path.display()),
        HeadError::Unreadable(path) => format!(
            "файл head {} — не контрольная точка. Ничего не записано",
            path.display()
        ),
        HeadError::Foreign(path) => format!(
            "файл head {} не подписан ключом этой базы. Ничего не записано",
            path.display()
        ),
        HeadError::Locked(error) => lock(error),
        HeadError::Longer { path, size, events } => format!(
            "в журнале событий {events}, а эта машина подписала {size} ({}): у журнала нет конца. С ним ничего не делается",
            path.display()
        ),
        HeadError::Differs { path, size } => format!(
            "первые события журнала ({size}) — не те, что подписала эта машина ({}): журнал изменён. С ним ничего не делается",
            path.display()
        ),
    }
}

pub(super) fn head_next(error: &HeadError) -> String {
    match error {
        HeadError::Locked(error) => lock_next(error).to_owned(),
        HeadError::File { .. } => WHERE_TO_WRITE.to_owned(),
        HeadError::Unreadable(path) | HeadError::Foreign(path) => format!(
            "выясните, кто его изменил; без него не заметить, если у журнала отрезали конец: mv {0} {0}.bad",
            path.display()
        ),
        HeadError::Longer { .. } | HeadError::Differs { .. } => {
            "верните на место всю базу, вместе с файлом, который кончается на -wal; или сохраните обе как доказательство, посмотрите, что \
             скажет `offboard24 audit verify`, и составьте план заново в другой базе через --db FILE"
                .to_owned()
        }
    }
}

pub(super) fn lock(error: &LockError) -> String {
    match error {
        LockError::Held { path, process } => {
            format!("идёт другой запуск: процесс {process} держит {}", path.display())
        }
        LockError::File { path, cause } => format!("не удаётся занять {}: {cause}", path.display()),
    }
}

pub(super) fn lock_next(error: &LockError) -> &'static str {
    match error {
        LockError::Held { .. } => "offboard24 status покажет, сколько сделано; дождитесь его или: offboard24 stop",
        LockError::File { .. } => WHERE_TO_WRITE,
    }
}
