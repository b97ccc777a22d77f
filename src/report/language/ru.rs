//! Русский.

use super::{Standing, Words, duration};
use crate::domain::{ActionKind, ActionState, Decision, HoldReason, Outcome, RowState, StopReason};
use crate::journal::{AnswerKind, Returned};

/// Which of three forms a number takes: 1, 21 and 101; 2 to 4 and 22 to 24; all others.
pub(crate) const fn form(number: u64) -> usize {
    match (number % 10, number % 100) {
        (1, last) if last != 11 => 0,
        (2..=4, last) if last < 12 || last > 14 => 1,
        _ => 2,
    }
}

/// A number with its word in the right form.
pub(crate) fn n(number: impl Into<u64>, forms: [&str; 3]) -> String {
    let number = number.into();
    format!("{} {}", super::grouped(number, '\u{a0}'), forms[form(number)])
}

fn digits(number: u32) -> String {
    super::grouped(number.into(), '\u{a0}')
}

const PROCESSES: [&str; 3] = ["процесс", "процесса", "процессов"];
/// «из 21 процесса», «из 5 процессов».
const OF_PROCESSES: [&str; 3] = ["процесса", "процессов", "процессов"];

pub(super) const WORDS: Words = Words {
    tag: "ru",
    thousands: '\u{a0}',

    kind_plan: "План на проверку",
    kind_report: "Отчёт",
    job: |job| format!("работа {job}"),

    headline_planning: "План не закончен. Ни один процесс не завершён.",
    headline_empty: "Завершать было нечего: ни один идущий процесс не ждёт людей из этого списка.",
    headline_planned: |planned, total| match (planned, total) {
        (1, 1) => {
            "Пока ничего не завершено. Единственный процесс плана будет завершён, когда план подтвердят.".to_owned()
        }
        (planned, total) if planned == total => format!(
            "Пока ничего не завершено. Когда план подтвердят, {} {}.",
            if form(total.into()) == 0 {
                "будет завершён"
            } else {
                "будут завершены все"
            },
            n(total, PROCESSES)
        ),
        (planned, total) => format!(
            "Пока ничего не завершено. Когда план подтвердят, {} {} из {}.",
            if form(planned.into()) == 0 {
                "будет завершён"
            } else {
                "будет завершено"
            },
            digits(planned),
            n(total, OF_PROCESSES)
        ),
    },
    clause_in_doubt: |number, total| format!("{} из {} под вопросом", digits(number), n(total, OF_PROCESSES)),
    clause_not_ended: |number, total, after| {
        let ended = if form(number.into()) == 0 {
            "не завершён"
        } else {
            "не завершены"
        };
        if after {
            format!("{} {ended}", digits(number))
        } else {
            format!("{} из {} {ended}", digits(number), n(total, OF_PROCESSES))
        }
    },
    clause_gone: |number, total, after| {
        let no_more = if form(number.into()) == 0 {
            "больше не существует"
        } else {
            "больше не существуют"
        };
        match (after, number == total) {
            (true, _) => format!("{} {no_more}", digits(number)),
            (false, true) if total == 1 => "Единственный процесс плана больше не существует".to_owned(),
            (false, true) => format!("Все {} {no_more}", n(total, PROCESSES)),
            (false, false) => format!("{} из {} {no_more}", digits(number), n(total, OF_PROCESSES)),
        }
    },

    first: "Главное",
    plan_invitation: "Если какой-то из этих процессов должен продолжаться, сообщите об этом до подтверждения плана. Отменить потом ничего нельзя. План составил",
    note_open_run: |run| {
        format!(
            "У запуска {run} в журнале нет конца: когда составлялся отчёт, он ещё работал или его процесс был прерван."
        )
    },
    note_stopped: |reason| format!("Последний запуск остановился раньше конца: {}.", stop_reason(reason)),
    note_in_doubt: |number| {
        format!(
            "{}, и пока неизвестно, что из этого вышло: offboard24 resume спросит портал.",
            n(
                number,
                ["действие отправлено", "действия отправлены", "действий отправлено"]
            )
        )
    },
    note_not_ended: |number| {
        format!(
            "{}, хотя портал просили завершить.",
            n(
                number,
                [
                    "процесс всё ещё идёт",
                    "процесса всё ещё идут",
                    "процессов всё ещё идут"
                ]
            )
        )
    },
    note_drifted: |number| {
        n(
            number,
            [
                "процесс изменился после составления плана и оставлен как есть.",
                "процесса изменились после составления плана и оставлены как есть.",
                "процессов изменились после составления плана и оставлены как есть.",
            ],
        )
    },
    note_not_begun: |number| {
        format!(
            "{}: продолжит offboard24 resume.",
            n(
                number,
                ["действие не начато", "действия не начаты", "действий не начато"]
            )
        )
    },
    note_unapproved: "Политика требует одобрения второго человека, но никто из тех, кто не участвовал в этом плане, его не одобрил.",
    note_held: |number| {
        format!(
            "{}: без решения человека завершения не будет.",
            n(
                number,
                ["процесс придержан", "процесса придержаны", "процессов придержано"]
            )
        )
    },
    note_unmatched: |number, total| {
        format!(
            "Не сопоставлено с уволенным сотрудником: {} списка из {}; для них ничего не делалось.",
            n(number, ["строка", "строки", "строк"]),
            digits(total)
        )
    },
    note_relisted: |number| {
        format!(
            "{} в списке портала. Это нужно проверить.",
            n(
                number,
                [
                    "процесс исчез, но в конце снова был",
                    "процесса исчезли, но в конце снова были",
                    "процессов исчезли, но в конце снова были"
                ]
            )
        )
    },
    note_colleagues: |number, of| {
        format!(
            "{} плана из {} запустили коллеги, которые продолжают работать.",
            n(number, PROCESSES),
            digits(of)
        )
    },
    note_robots: |number| {
        format!(
            "{} к CRM или RPA: такое завершение может остановить роботов сделки или элемента для всех.",
            n(
                number,
                ["процесс относится", "процесса относятся", "процессов относятся"]
            )
        )
    },
    note_orphans: |number| {
        format!(
            "{}, а процесс уже не идёт: удалить такое отсюда нельзя.",
            n(
                number,
                [
                    "задание осталось открытым",
                    "задания остались открытыми",
                    "заданий остались открытыми"
                ]
            )
        )
    },
    note_residue: |number| {
        format!(
            "Портал всё ещё показывает {} удалённых процессов.",
            n(number, ["строку заданий", "строки заданий", "строк заданий"])
        )
    },
    note_erased: "Часть персональных данных стёрта из базы. Где они стояли, отчёт это говорит.",
    note_nothing: "Ничто не ждёт решения.",

    state: |state| match state {
        ActionState::Planned => "запланировано",
        ActionState::Held => "придержано",
        ActionState::Sent => "отправлено",
        ActionState::Ended(Outcome::Confirmed) => "подтверждено",
        ActionState::Ended(Outcome::Presumed) => "вероятно, завершено",
        ActionState::Ended(Outcome::AlreadyGone) => "уже не было",
        ActionState::Ended(Outcome::Unattributed) => "завершил кто-то другой",
        ActionState::Ended(Outcome::Drifted) => "изменилось",
        ActionState::Ended(Outcome::Failed) => "отказ",
        ActionState::Ended(Outcome::Survived) => "осталось",
    },
    state_claim: |state| match state {
        ActionState::Planned => "Предстоит сделать, не начато.",
        ActionState::Held => "Не сделано: решить должен человек.",
        ActionState::Sent => "Отправлено. Что из этого вышло, пока неизвестно.",
        ActionState::Ended(Outcome::Confirmed) => {
            "Портал ответил «да» и при повторном вопросе процесса больше не показывает."
        }
        ActionState::Ended(Outcome::Presumed) => {
            "Одна из попыток осталась без ответа, и после неё процесса уже не было."
        }
        ActionState::Ended(Outcome::AlreadyGone) => "Процесса не стало раньше, чем что-либо было отправлено.",
        ActionState::Ended(Outcome::Unattributed) => {
            "Портал отказал на все попытки, но процесса больше нет: его завершил кто-то другой или он завершился сам."
        }
        ActionState::Ended(Outcome::Drifted) => "Процесс изменился после составления плана. Не сделано.",
        ActionState::Ended(Outcome::Failed) => "Портал отказал, и процесс всё ещё в списке.",
        ActionState::Ended(Outcome::Survived) => {
            "Портал ответил «да» или трижды не ответил, а процесс всё ещё в списке."
        }
    },
    state_todo: |state| match state {
        ActionState::Ended(Outcome::Drifted) => {
            Some("Посмотрите процесс на портале. Затем offboard24 resume --retry drifted или новый план.")
        }
        ActionState::Ended(Outcome::Failed) => {
            Some("Прочтите ответ портала, уладьте это там, затем offboard24 resume --retry failed.")
        }
        ActionState::Ended(Outcome::Survived) => {
            Some("Посмотрите процесс на портале, затем offboard24 resume --retry survived.")
        }
        ActionState::Sent => Some("offboard24 resume спросит портал, что из этого вышло."),
        ActionState::Planned => Some("Продолжит offboard24 resume."),
        _ => None,
    },
    row_state: |state| match state {
        RowState::Matched => "найден",
        RowState::Duplicate => "повтор",
        RowState::NotFound => "не найден",
        RowState::Ambiguous => "неоднозначно",
        RowState::StillActive => "ещё работает",
        RowState::Protected => "защищён",
        RowState::Invalid => "строки противоречат друг другу",
    },
    row_todo: |state| match state {
        RowState::Matched | RowState::Duplicate => "Ничего.",
        RowState::NotFound => "Исправьте строку, лучше всего укажите ID пользователя, и составьте план заново.",
        RowState::Ambiguous => "Добавьте в строку ID пользователя и составьте план заново.",
        RowState::StillActive => "Сначала увольте сотрудника в Битрикс24 и составьте план заново; или уберите строку.",
        RowState::Protected => "Уберите строку или измените политику и составьте план заново.",
        RowState::Invalid => "Согласуйте строки этого сотрудника и составьте план заново.",
    },
    hold: |reason| match reason {
        HoldReason::Shared => "В нём ждут ещё кого-то, кто не сопоставлен в этой работе.",
        HoldReason::Conflict => "Строки его людей требуют разных действий.",
        HoldReason::OtherJob => "Он занят другой незаконченной работой.",
        HoldReason::Protected => "Его или того, кого в нём ждут, защищает политика.",
        HoldReason::Dropped => "Его исключил оператор.",
        HoldReason::Foreign => {
            "Его запустил коллега, который продолжает работать, а политика такие процессы придерживает."
        }
    },
    hold_todo: |reason| match reason {
        HoldReason::Shared => {
            "Спросите тех, кого ещё ждут. Когда они ответят или задание передадут, составьте план заново."
        }
        HoldReason::Conflict => "Укажите в строках одно действие и составьте план заново.",
        HoldReason::OtherJob => "Сначала закончите ту работу (offboard24 jobs), затем составьте план заново.",
        HoldReason::Protected => "Если его всё же нужно завершить, измените политику и составьте план заново.",
        HoldReason::Dropped => "Ничего; если его всё же нужно завершить, составьте план заново.",
        HoldReason::Foreign => {
            "Спросите того, кто его запустил; если процесс можно завершить, сделайте это на портале или составьте план с другой политикой."
        }
    },
    kind: |kind| match kind {
        ActionKind::Kill => "удаляет процесс со всеми заданиями и журналом",
        ActionKind::Terminate => "завершает процесс; состояние и журнал остаются",
    },
    kind_undecided: "не решено",
    answer: |answer| match answer {
        AnswerKind::Yes => "ответ «да»",
        AnswerKind::Refused => "отказ",
        AnswerKind::NotExecuted => "не выполнено",
        AnswerKind::InDoubt => "нет пригодного ответа",
    },
    answer_none: "ответа в журнале нет",
    returned: |why| match why {
        Returned::NotExecuted => "запланировано снова: не было выполнено",
        Returned::StillListed => "запланировано снова: процесс ещё был в списке",
    },
    stop_reason,
    consent_by: |by| match by {
        "terminal" => Some("введено в терминале: портал и число действий"),
        "--confirm" => Some("передано через --confirm"),
        "--max-actions" => Some("дано заранее через --max-actions"),
        "demo" => Some("дано самой демонстрацией"),
        _ => None,
    },
    phrase: |phrase| {
        Some(match phrase {
            "the webhook acts in this person's name" => "вебхук действует от имени этого человека",
            "the policy protects this person's e-mail" => "почту этого человека защищает политика",
            "the policy protects this person's department" => "отдел этого человека защищает политика",
            "the policy protects this person" => "этого человека защищает политика",
            "no such user, or none that the webhook's owner may see" => {
                "такого пользователя нет, или владелец вебхука его не видит"
            }
            "not dismissed in the portal" => "на портале не уволен",
            "a dismissed and an active account fit" => "подходят и уволенный, и работающий",
            "several dismissed accounts fit" => "подходят несколько уволенных",
            "the e-mail disagrees with the portal's" => "почта не совпадает с порталом",
            "the first name disagrees with the portal's" => "имя не совпадает с порталом",
            "the last name disagrees with the portal's" => "фамилия не совпадает с порталом",
            "the second name disagrees with the portal's" => "отчество не совпадает с порталом",
            "the full name disagrees with the portal's" => "ФИО не совпадает с порталом",
            "rows of this person ask for different actions" => "строки этого человека требуют разных действий",
            "another row of this person disagrees with the portal" => {
                "другая строка этого человека не совпадает с порталом"
            }
            "none of its people waits in it any more" => "никого из его людей в нём больше не ждут",
            "somebody new waits in it" => "в нём ждут кого-то нового",
            "one of its people is no longer dismissed" => "один из его людей больше не уволен",
            "too many requests" => "слишком много запросов",
            "operating time used up" => "исчерпано время работы метода",
            "no connection" => "нет соединения",
            "no answer" => "нет ответа",
            "an answer that is none" => "ответ, который не является ответом",
            "an error of the portal" => "ошибка портала",
            "an incomplete answer" => "неполный ответ",
            "a list that changed while it was read" => "список изменился во время чтения",
            _ => return None,
        })
    },
    field: |field| match field {
        "id" => "ID",
        "email" => "почта",
        "first_name" => "имя",
        "second_name" => "отчество",
        "last_name" => "фамилия",
        "full_name" => "ФИО",
        "action" => "действие",
        "note" => "примечание",
        _ => "",
    },

    outcomes: "Итоги",
    timeline: "Ход работы",
    timeline_about: "Каждый запуск: что он отправил, где делал паузы и почему.",
    not_done: "Не завершено, хотя требовалось",
    held: "Придержано, и что с этим делать",
    unmatched: "Строки без сопоставления",
    colleagues: "Запущено коллегами, которые продолжают работать",
    colleagues_about: "В них ждут только людей из списка, поэтому они завершаются. Тем, кто их запустил, стоит об этом знать.",
    robots: "Процессы CRM и RPA",
    robots_about: "Завершение такого процесса может остановить автоматизацию сделки или элемента для всех.",
    people: "Люди",
    people_about: "Каждый сопоставленный человек из списка: что найдено и что с этим стало.",
    orphans: "Задания без идущего процесса",
    orphans_about: "Эти задания открыты, а их процесс уже не идёт. Через программный интерфейс портала удалить их нельзя.",
    residue: "Остатки удалённых процессов",
    residue_about: "Портал всё ещё показывает строки заданий удалённых процессов.",
    relisted: "Появились снова",
    relisted_about: "Этих процессов уже не было, но при последней проверке портал показал их снова.",
    unrecorded: "Что не записано",
    unrecorded_items: [
        "Журнал выполнения и переменные удалённого процесса: программам портал их не показывает, а удаление их стирает.",
        "Что делали на портале люди или другая копия offboard24 на другой машине, пока шла эта работа.",
        "Что стало с самими документами: сделка, заявка или элемент списка остаются, когда их процесс завершён.",
        "Что происходило после конца последнего запуска.",
    ],
    review: "Решения и одобрение",
    approval_worth: "Одобрение доказывает только, что его дала другая учётная запись: если ею пользуются несколько человек или один может войти под другим, оно не доказывает, что план смотрел второй человек.",
    who: "Кто это сделал",
    verify: "Как проверить этот отчёт",
    verify_about: "Отчёт — копия для чтения. Доказательство — база, из которой он составлен, вместе с квитанцией, которая хранилась отдельно.",
    contents: "Содержание",

    c_state: "Состояние",
    c_count: "Число",
    c_claim: "Что это утверждает",
    c_row: "Строка",
    c_person: "Человек",
    c_written: "Как записано",
    c_workflows: "Найдено",
    c_became: "Что с этим стало",
    c_becomes: "Что запланировано",
    c_workflow: "Процесс",
    c_others: "Кто ещё в нём",
    c_attempts: "Что отправлено",
    c_record: "Запись",
    c_why: "Почему",
    c_todo: "Что делать",
    c_candidates: "Кто рассматривался",
    c_waits_for: "Ждёт",
    c_started_by: "Запустил",
    c_task: "Задание",
    c_task_rows: "Строк заданий",
    c_run: "Запуск",
    c_command: "Команда",
    c_operator: "Оператор",
    c_webhook: "Владелец вебхука",
    c_version: "Версия",
    c_started: "Начало",
    c_ended: "Конец",
    c_end: "Чем кончился",
    c_requests: "Запросов",
    c_method: "Чего ждал",
    c_times: "Раз",
    c_waited: "Всего",
    c_first: "Первая",
    c_last: "Последняя",
    c_action: "Действие",
    c_when: "Когда",
    c_by_whom: "Кто",
    c_how: "Как",
    c_decided: "Что решено",
    c_void_plan: "О каком плане",
    c_plan: "План",
    c_standing: "К чему относится",
    plan_list: "Процессы",
    l_planned: "План составлен",
    l_confirmed: "Подтверждён",
    l_approved: "Одобрен",
    l_closed: "Закрыто",
    l_plan_hash: "Хеш плана",
    l_policy_hash: "Хеш политики",
    l_policy: "Политика",
    l_reason: "Причина",
    l_ticket: "Заявка",
    l_database: "ID базы",
    l_roster: "Список",
    l_roster_hash: "SHA-256 списка",
    l_consent: "Согласие",
    l_last_event: "Последнее событие работы",
    l_checkpoint: "Контрольная точка",
    l_commands: "Команды",
    l_note: "Примечание",
    l_also_waits: "также ждёт:",
    l_started_by: "запустил",
    l_document: "документ",
    l_portal_said: "Ответ портала:",
    clock_ahead: |ms| match ms {
        -1000..=1000 => "часы портала совпадали".to_owned(),
        ms if ms > 0 => format!("часы портала спешили на {}", duration(ms.unsigned_abs(), UNITS)),
        ms => format!("часы портала отставали на {}", duration(ms.unsigned_abs(), UNITS)),
    },
    pauses: "Паузы",
    no_pauses: "Пауз не было.",
    decisions: "Решения. Каждое давало новый план, а прежний терял силу",
    approvals: "Одобрения",
    runs: "Запуски",

    no_workflow: "ни один процесс не ждёт",
    works_here: "работает",
    starter_unknown: "никто из видимых на портале",
    as_rows: |rows| format!("строки {rows}"),
    line: |line| format!("строка файла {line}"),
    user: |user| format!("пользователь {user}"),
    task: |task| format!("задание {task}"),
    event: |seq| format!("событие {}", super::grouped(seq, '\u{a0}')),
    attempt: |number| format!("попытка {number}"),
    never_sent: "ничего не отправлялось",
    sent_at: |at| format!("отправлено {at}"),
    ended_at: |at| format!("итог {at}"),
    reopened: |at, outcome| format!("было {outcome}, ещё одна попытка с {at}"),
    erased_on: |date| format!("стёрто {date}"),
    erased: "стёрто",
    workflows: |number| n(number, PROCESSES),
    requests: |number| n(number, ["запрос", "запроса", "запросов"]),
    sent_in: |commands, requests| {
        let actions = n(commands, ["действие", "действия", "действий"]);
        // «в 1 запросе», «в 2 запросах», «в 21 запросе».
        let requests = n(requests, ["запросе", "запросах", "запросах"]);
        format!("отправлено {actions} в {requests}")
    },
    took: |duration| format!("занял {duration}"),
    paused_for: |duration, times| format!("{}, всего {duration}", n(times, ["пауза", "паузы", "пауз"])),
    only_read: "только чтение",
    end_in_order: "дошёл до конца",
    end_open: "конца в журнале нет",
    unconfirmed: "никто не подтвердил",
    unapproved: "никто не одобрил, хотя политика этого требует",
    decided: |decision| match decision {
        Decision::Include => "включено",
        Decision::Drop => "исключено",
    },
    decided_actions: |actions| {
        let word = if actions.contains(',') {
            "действия"
        } else {
            "действие"
        };
        format!("{word} {actions}")
    },
    decided_released: "снято:",
    decided_do: "выполнить:",
    decided_row: |row| format!("строка {row} — это"),
    approval_standing: |standing, is_confirmed| match (standing, is_confirmed) {
        (Standing::Holds, true) => "план, который подтверждён и выполнен настолько, насколько говорит этот отчёт",
        (Standing::Holds, false) => "этот план в его нынешнем виде",
        (Standing::OtherPlan, _) => "прежний план: потерял силу, когда решили иначе",
        (Standing::OfMaker, _) => "этот план, но от участвовавшего в нём: не считается",
    },
    strip_about: |ended, duration| {
        format!(
            "{} за {duration}",
            n(
                ended,
                [
                    "действие получило итог",
                    "действия получили итог",
                    "действий получили итог"
                ]
            )
        )
    },
    strip_ended: "действия, получившие итог",
    strip_pause: "пауза",
    roster_read: |rows, encoding| format!("{}, {encoding}", n(rows, ["строка", "строки", "строк"])),
    duration: |ms| duration(ms, UNITS),
    checkpoint_covers: |size| format!("охватывает первые {}", n(size, ["событие", "события", "событий"])),
    checkpoint_lags: "Она охватывает не все события этой работы.",
    checkpoint_none: "ни одна не подписана",
    verify_steps: [
        (
            "Проверьте базу: что ни одно событие не изменено, не убрано и не вставлено. Это работает на копии, без портала.",
            "offboard24 audit verify",
        ),
        (
            "С квитанцией запуска, которая хранилась в другом месте, видно и то, что ничего не отрезано в конце.",
            "offboard24 audit verify --receipt FILE",
        ),
        (
            "У каждого действия указано событие, которое дало ему состояние, и начало хеша этого события. Полный хеш есть в отчётах csv и json.",
            "",
        ),
    ],
    utc: "Время указано по UTC.",
    made_by: "Составлено offboard24 только из журнала. Один и тот же журнал даёт один и тот же отчёт.",

    filter: "Найти",
    filter_state: "Состояние",
    filter_any: "любое",
    filter_clear: "Сбросить",
    filter_shown: "показано строк: {n} из {of}",
    filter_none: "Ничего не подходит.",
    open_all: "Открыть все",
    close_all: "Закрыть все",
    fold_more: |more| {
        format!(
            "ещё {}",
            n(u64::try_from(more).unwrap_or(u64::MAX), ["знак", "знака", "знаков"])
        )
    },
    skip: "Перейти к людям",
    sort_hint: "сортировать",
};

const UNITS: [&str; 3] = ["ч", "мин", "с"];

fn stop_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Signal => "его прервали",
        StopReason::Requested => "его попросили остановиться",
        StopReason::Limit => "ограничения портала, или портал был недоступен",
        StopReason::Auth => "портал не принял вебхук",
        StopReason::Breaker => "слишком много ошибок подряд",
        StopReason::Disk => "на диске не осталось места",
        StopReason::Crash => "его процесс оборвался без записи",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_takes_its_form() {
        let words: Vec<String> = [0_u32, 1, 2, 4, 5, 11, 12, 14, 21, 22, 25, 101, 111, 112, 122, 1001]
            .map(|number| n(number, PROCESSES))
            .to_vec();
        assert_eq!(
            words,
            [
                "0 процессов",
                "1 процесс",
                "2 процесса",
                "4 процесса",
                "5 процессов",
                "11 процессов",
                "12 процессов",
                "14 процессов",
                "21 процесс",
                "22 процесса",
                "25 процессов",
                "101 процесс",
                "111 процессов",
                "112 процессов",
                "122 процесса",
                "1\u{a0}001 процесс",
            ]
        );
    }
}
