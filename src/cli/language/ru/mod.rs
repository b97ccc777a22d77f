//! Русский.

mod journal;
mod portal;
mod roster;

use super::{Part, Stays, Unfit, Words};
use crate::domain::{ActionState, Outcome};
use crate::plan::caps::{Cap, Over};
use crate::plan::decide::WishError;
use crate::plan::policy::{Rule, Subject};
use crate::portal::WaitReason;
use crate::report::language::Language;
use crate::report::language::ru::{form, n};
use crate::report::status::JobState;
use crate::run::Lull;

const WHERE_TO_WRITE: &str =
    "укажите базу в своей папке через --db FILE, а папку для блокировок — через XDG_STATE_HOME";

const ACTIONS: [&str; 3] = ["действие", "действия", "действий"];

pub(super) const WORDS: Words = Words {
    report: Language::Russian.words(),

    next: |next| format!("дальше: {next}"),
    and: " и ",
    job_state: |state| match state {
        JobState::Planning => "план составляется",
        JobState::Planned => "план готов",
        JobState::Running => "выполняется",
        JobState::Stopped => "остановлена",
        JobState::Complete => "закончена",
    },
    stopped_by: |reason| format!("{reason}: {}", (Language::Russian.words().stop_reason)(reason)),
    database: |path| format!("база: {}", path.display()),
    to_do: |message, next| format!("{message}. Что сделать: {next}"),
    no_job: |job| match job {
        Some(job) => format!("в этой базе нет работы {job}"),
        None => "в этой базе нет ни одной работы".to_owned(),
    },
    no_job_next: "offboard24 jobs покажет, какие есть; новую начинает offboard24 plan",
    no_language: |named| format!("в OFFBOARD24_LANG указан неизвестный язык {named:?}. Запросов к порталу не было"),
    no_language_next: "укажите en или ru или уберите эту переменную",

    headline: |told| {
        format!(
            "работа {} на {}: {}, план {}, {}, {}: {}",
            told.job,
            told.portal,
            told.state,
            told.plan,
            n(told.rows, ["строка", "строки", "строк"]),
            n(told.actions, ACTIONS),
            told.states
        )
    },
    status_rows: |rows| format!("  строки: {rows}"),
    status_counts: |orphans, requests| {
        format!("  задания без идущего процесса: {orphans}, запросов к порталу: {requests}")
    },
    warning: |planned, total, portal| {
        format!(
            "На портале {portal} {} {} из {total}. Отменить это нельзя.",
            if form(planned.into()) == 1 {
                "будут выполнены"
            } else {
                "будет выполнено"
            },
            n(planned, ACTIONS)
        )
    },
    carry_out: |job, confirm| format!("чтобы выполнить: offboard24 apply {job} --confirm {confirm}"),
    nothing_planned: "делать нечего: ни одного действия не запланировано",
    held_first: "придержано: без решения человека выполнено не будет",
    kill_erases: "kill удаляет процесс со всеми его заданиями и журналом. Задания, люди и ответы записаны здесь; того, что REST\n\
                  не показывает, здесь нет: журнала выполнения и переменных процесса",
    more_lines: |left, job| {
        format!("... и ещё {left}: полный список покажут `offboard24 show {job}` и `offboard24 report {job}`")
    },
    orphans_about: "задания без идущего процесса: через REST портала удалить их нельзя",
    first_shared: |first, of| {
        format!(
            "{} из {of}: в процессе ждут и того, кто не сопоставлен в этой работе:",
            n(first, ACTIONS)
        )
    },
    first_colleagues: |first, of| {
        format!(
            "{} из {of}: процесс запустил коллега, который продолжает работать:",
            n(first, ACTIONS)
        )
    },
    first_robots: |first, of| {
        format!(
            "{} из {of}: процесс относится к CRM или RPA, и его завершение может остановить роботов сделки или элемента для всех:",
            n(first, ACTIONS)
        )
    },
    c_orphans: ["ЗАДАНИЕ", "НАЗВАНИЕ", "СОТРУДНИК", "ПРОЦЕСС"],
    c_people: ["СТРОКА", "КАК ЗАПИСАНО", "СОСТОЯНИЕ", "СОТРУДНИК", "ДЕЙСТВИЯ"],
    c_workflows: [
        "ДЕЙСТВИЕ",
        "ПРОЦЕСС",
        "ЗАДАНИЕ",
        "ДОКУМЕНТ",
        "ЧТО СДЕЛАТЬ",
        "СОСТОЯНИЕ",
        "КОГО ЖДЁТ",
        "КТО ЗАПУСТИЛ",
    ],
    c_holds: ["ДЕЙСТВИЕ", "ПРОЦЕСС", "ЗАДАНИЕ", "ПРИДЕРЖАНО", "ПОЧЕМУ"],
    c_jobs: [
        "РАБОТА",
        "ПОРТАЛ",
        "СОЗДАНА",
        "СОСТОЯНИЕ",
        "СТРОК",
        "ЗАПЛАНИРОВАНО",
        "ПРИДЕРЖАНО",
        "ЗАВЕРШЕНО",
    ],
    one_of: |people| format!("возможны: {people}"),
    why_shared: |people| format!("в нём ожидают ответа и от других: {people}"),
    why_conflict: |people| format!("строки требуют разных действий: {people}"),
    why_other_job: "он занят другой незаконченной работой",
    why_protected: "его или того, кого в нём ждут, защищает политика",
    why_dropped: "исключён оператором",
    why_foreign: |starter| format!("кто запустил: {starter}"),
    starter_unknown: "неизвестно, портал его не показывает",

    meaning: |state| match state {
        ActionState::Planned => "не начато",
        ActionState::Held => "не сделано: решить должен человек",
        ActionState::Sent => "под вопросом: resume спросит портал",
        ActionState::Ended(outcome) => match outcome {
            Outcome::Confirmed => "портал ответил «да», и процесса больше нет",
            Outcome::Presumed => "на попытку не было ответа, и процесса больше нет",
            Outcome::AlreadyGone => "процесса не стало раньше, чем что-либо отправили",
            Outcome::Unattributed => "портал отказал, но процесса больше нет: его завершил кто-то другой или он сам",
            Outcome::Drifted => "изменилось после составления плана; не сделано",
            Outcome::Failed => "портал отказал, и процесс всё ещё идёт",
            Outcome::Survived => "отказа не было, но процесс всё ещё идёт",
        },
    },
    action_said: |action, said| format!("  действие {action}: {said}"),
    residue: |rows| {
        format!(
            "  портал всё ещё показывает {} удалённых процессов",
            n(rows, ["строку заданий", "строки заданий", "строк заданий"])
        )
    },
    relisted: |workflows| {
        format!(
            "  {} в списке портала: посмотрите на портале",
            n(
                workflows,
                [
                    "процесс исчез и снова появился",
                    "процесса исчезли и снова появились",
                    "процессов исчезли и снова появились"
                ]
            )
        )
    },
    next_breaker: |job| {
        format!("offboard24 show {job} --by workflow; когда причина устранена: offboard24 resume {job}")
    },
    next_held: |job| {
        format!("offboard24 show {job} --by hold; придержанное войдёт в новый план: offboard24 plan ROSTER")
    },
    watched_nobody: |job| format!("над работой {job} сейчас никто не трудится: она стоит на месте"),
    row_is_now: |row, person, user| {
        format!(
            "строка {row} теперь о сотруднике {person}; исключить его процессы: offboard24 decide --drop person:{user}"
        )
    },
    how_to_decide: |job| {
        format!(
            "сказать, о ком строка: offboard24 decide {job} --row N --user ID\n\
             снять придержание или исключить: offboard24 decide {job} --include workflow:ID или --drop person:ID"
        )
    },
    next_read_back: |job| format!("offboard24 resume {job} ещё раз сверит всё с порталом"),
    next_retry: |job, states| {
        format!(
            "offboard24 show {job} --by workflow; чтобы попробовать ещё раз: offboard24 resume {job} --retry {states}"
        )
    },
    people_read: "сотрудников прочитано",
    actions_settled: |failed, held| format!("завершено, отказов {failed}, придержано {held}"),
    pace: |rate, seconds| {
        let left = if seconds < 90.0 {
            format!("{seconds:.0} с")
        } else {
            format!("{:.0} мин", seconds / 60.0)
        };
        let rate = format!("{rate:.1}").replace('.', ",");
        format!(", {rate}/с, осталось {left}")
    },
    waiting: |wait, until, reason| format!("пауза {} с, до {until}: {reason}", wait.as_secs()),
    wait_reason: |reason, method| {
        let of = method.map(|method| format!(" ({method})")).unwrap_or_default();
        format!("{}{of}", Language::Russian.words().phrase_of(reason.as_str()))
    },
    lull: |lull| match lull {
        Lull::Blocked(method) => (WORDS.wait_reason)(WaitReason::OperationLimit, Some(method)),
        Lull::Refused => "портал ничего не выполнил".to_owned(),
        Lull::Unsettled => "то, на что не было ответа, ещё может подействовать".to_owned(),
    },
    stopping: "остановка после того, что уже отправлено; нажмите ещё раз, чтобы остановить сразу. В обоих случаях ничего не потеряется",
    stopped_before: "остановлено раньше, чем что-либо было сделано",
    stopped_planning: "остановлено раньше, чем составлен план; прочитанное сохранено",
    receipt: |file| {
        let place = file.map(|file| format!(", она же в {}", file.display()));
        format!(
            "квитанция{}; когда её копия хранится отдельно, например в заявке, никто не изменит записанное незаметно:",
            place.unwrap_or_default()
        )
    },
    receipt_unwritten: |path, cause| format!("квитанцию не удалось записать в {}: {cause}", path.display()),
    signed_from_here: |file, key| {
        format!(
            "с этого момента записи подписываются ключом из {}. Его открытая часть, для того, кто будет проверять:\n  {key}",
            file.display()
        )
    },
    head_missing: "на этой машине нет файла head для этой базы: не отрезан ли у неё конец до сегодняшнего дня, здесь не узнать. \
                   Это записано, и с этого момента такой файл ведётся",
    log_stays: |cause| {
        format!(
            "журнал упреждающей записи остаётся рядом с базой: {}",
            journal::error(cause)
        )
    },
    stop_asked: |job| format!("работа {job}: остановится после того пакета, который уже отправлен"),
    stop_nothing: |job| format!("работа {job}: в этой базе ничего не выполняется; другую называют через --db"),
    stop_other: |job, other| format!("работа {job} сейчас не выполняется: выполняется работа {other}"),
    stop_unmade: |cause| format!("не удалось создать файл остановки: {cause}"),
    stop_stuck: |cause| format!("не удалось снять прежнюю просьбу остановиться: {cause}"),
    stop_stuck_next: |path| format!("удалите {} и введите ту же команду ещё раз", path.display()),
    signals_unheard: |cause| format!("не удаётся принимать сигналы: {cause}"),
    unmade: |folder, cause| format!("не удаётся создать {}: {cause}", folder.display()),
    locks_unmade: |cause| format!("не удаётся создать папку для блокировок: {cause}"),
    where_to_write: WHERE_TO_WRITE,
    clocks_differ: |seconds, portal_is_ahead| {
        let by = if seconds < 120 {
            n(seconds, ["секунду", "секунды", "секунд"])
        } else {
            n((seconds + 30) / 60, ["минуту", "минуты", "минут"])
        };
        let side = if portal_is_ahead {
            "отстают от часов портала"
        } else {
            "спешат относительно часов портала"
        };
        format!(
            "часы этой машины {side} на {by}: время в журнале — по часам этой машины; сколько длится ограничение, решают часы \
             портала"
        )
    },

    detected: roster::detected,
    roster_warning: roster::warning,
    roster_unreadable: |path, cause| {
        format!(
            "список {} не удаётся прочитать: {cause}. Запросов к порталу не было",
            path.display()
        )
    },
    roster_unreadable_next: "укажите файл CSV, который этот пользователь может читать",
    roster_unusable: roster::errors,
    roster_unusable_next: "исправьте файл и введите ту же команду ещё раз",
    action_missing: roster::action_missing,
    action_missing_next: "укажите действие через --action kill или --action terminate или впишите его в каждую строку",
    policy_unreadable: |path, cause| {
        format!(
            "политику {} не удаётся прочитать: {cause}. Запросов к порталу не было",
            path.display()
        )
    },
    policy_unreadable_next: "укажите через --policy файл политики, который этот пользователь может читать, или уберите этот флаг",
    policy_unusable: |path, cause| {
        format!(
            "{}: политика непригодна: {}. Запросов к порталу не было",
            path.display(),
            cause.0
        )
    },
    policy_unusable_next: "исправьте файл политики и введите ту же команду ещё раз",
    unevaluable: |error| {
        format!(
            "правило политики {} нельзя применить: портал не сообщает {}{}. План не составлен, ничего не отправлено",
            error.rule,
            asks_for(error.rule),
            match &error.about {
                Subject::Portal => String::new(),
                Subject::User(user, row) => format!(" пользователя {user} из строки {row}"),
                Subject::Workflow(workflow) => format!(" процесса {workflow}"),
            }
        )
    },
    unevaluable_next: |rule| {
        format!("выясните, почему портал этого не сообщает, или уберите {rule} из политики и составьте план заново")
    },
    required: |flags| format!("политика требует {flags}. Запросов к порталу не было"),
    required_next: |flags| format!("введите ту же команду ещё раз с {flags}"),

    plan_unfinished: |job| format!("план работы {job} не закончен"),
    plan_used: |job| format!("план работы {job} уже подтверждали; план используется один раз"),
    plan_too_old: |job| {
        format!("план работы {job} старше семи дней, или часы с тех пор перевели назад. Ничего не отправлено")
    },
    plan_again: "новый план составит offboard24 plan ROSTER",
    taken: |other| format!("с тех пор подтверждена работа {other}, и в ней есть процессы этого плана"),
    taken_next: |other| format!("offboard24 resume {other}, затем составьте план заново"),
    over_cap: |job, over| {
        let said: Vec<String> = over.iter().map(over_said).collect();
        format!(
            "план работы {job} превышает предел: {}. Ничего не отправлено",
            said.join("; ")
        )
    },
    over_cap_next: |job, flags| format!("offboard24 show {job}; если так и задумано, составьте план заново с {flags}"),
    not_approved: |job| {
        format!(
            "политика работы {job} требует одобрения второго человека, а этот план никто не одобрил. Ничего не отправлено"
        )
    },
    not_approved_next: |job| {
        format!("другой человек, под своей учётной записью: offboard24 approve {job}; затем: offboard24 apply {job}")
    },
    other_portal: |job, portal, other| {
        format!("работа {job} относится к {portal}, а вебхук — к {other}; запросов к порталу не было")
    },
    other_portal_next: "возьмите вебхук того портала, к которому относится работа",
    mismatch: |part| {
        let part = match part {
            Part::Portal => "портал",
            Part::Count => "число действий",
            Part::Hash => "хеш",
        };
        format!("не подтверждено: {part} в --confirm не от этого плана. Ничего не отправлено")
    },
    mismatch_next: |job, confirm| format!("offboard24 show {job}, затем --confirm {confirm}"),
    no_terminal: "не подтверждено, а терминала, чтобы спросить, нет. Ничего не отправлено",
    ask_portal: "Для подтверждения введите портал: ",
    ask_count: "Для подтверждения введите число действий: ",
    wrong_answer: "не подтверждено: это не портал и не число действий этого плана. Ничего не отправлено",
    over_max: |planned, allowed| {
        format!(
            "в плане {}, а --max-actions допускает {allowed}. Ничего не отправлено",
            n(planned, ACTIONS)
        )
    },
    over_max_next: |job| format!("offboard24 show {job}, затем: offboard24 apply {job}"),

    nothing_to_retry: |job, states| {
        format!(
            "в работе {job} нет действий в состоянии {}, которые можно попробовать ещё раз",
            states.join(" или ")
        )
    },
    row_erased: |job, row| {
        format!("строка {row} работы {job} стёрта, поэтому план уже не составить. Запросов к порталу не было")
    },
    row_erased_next: "offboard24 plan ROSTER со списком без этого человека",
    never_confirmed: |job| format!("план работы {job} никто не подтверждал"),
    email_erased: |job| {
        format!(
            "почтовый адрес, который защищает политика работы {job}, стёрт, поэтому план уже не составить. Ничего не изменено"
        )
    },
    email_erased_next: "новую работу начнёт offboard24 plan ROSTER --policy FILE",
    undecidable_yet: |job| format!("план работы {job} не закончен, поэтому решать пока нечего"),
    undecidable_any_more: |job| format!("план работы {job} подтверждён и с тех пор не меняется. Решение не принято"),
    undecidable_next: "новый план, с тем, что здесь придержано, составит offboard24 plan ROSTER",
    wish: |error| match error {
        WishError::Nothing(selector) => {
            format!("{selector} не выбирает ни одного действия этого плана. Решение не принято")
        }
        WishError::Both(workflow) => {
            format!("процесс {workflow} оказался бы и включён, и исключён. Решение не принято")
        }
    },
    decided: |workflows| {
        format!(
            "{}; у плана новый хеш, и тот, кто подтвердил или одобрил прежний, должен посмотреть ещё раз",
            n(
                workflows as u64,
                [
                    "процесс: решение принято",
                    "процесса: решения приняты",
                    "процессов: решения приняты"
                ]
            )
        )
    },
    nothing_decided: "решение не принято: то, что выбрано для включения, не придержано, а то, что выбрано для исключения, уже исключено",
    nothing_released: |stays| format!("решение не принято. {}", staying(stays)),
    stays_held: staying,
    no_row: |job, row| format!("в работе {job} нет строки {row}"),
    row_not_open: |row, state| {
        format!(
            "строка {row} в состоянии {}, а указать сотрудника можно только для строки ambiguous или not_found. Запросов к порталу не \
             было",
            state.map_or_else(|| "«не прочитана»".to_owned(), |state| WORDS.row(state))
        )
    },
    unfit: |user, why| {
        let why = match why {
            Unfit::NotShown => "портал не показывает".to_owned(),
            Unfit::WorksHere => "ещё работает".to_owned(),
            Unfit::Owner => "владелец вебхука, а его процессы не завершаются никогда".to_owned(),
            Unfit::Protected(rule) => format!("защищён политикой ({rule})"),
            Unfit::Unknown(rule) => format!(
                "может быть защищён: правило политики {rule} нельзя применить, потому что портал не сообщает {}",
                asks_for(rule)
            ),
        };
        format!("пользователь {user}: {why}. Решение не принято")
    },
    unfit_next: |why| match why {
        Unfit::NotShown => "посмотрите ID в адресе страницы профиля этого сотрудника",
        Unfit::WorksHere => "сначала увольте сотрудника на портале, затем составьте план заново",
        Unfit::Owner => "возьмите вебхук другого администратора",
        Unfit::Protected(_) => "измените файл политики и составьте план заново",
        Unfit::Unknown(_) => "дайте вебхуку право `user` или измените файл политики и составьте план заново",
    },
    other_row: |row, user| {
        format!("строка {row} тоже о пользователе {user} и требует другого действия. Решение не принято")
    },
    other_row_next: "исправьте список и составьте план заново",
    nothing_to_approve: |job| format!("в плане работы {job} нечего выполнять"),
    own_plan: |who| {
        format!("этот план составлен или изменён под учётной записью {who}, а одобрить его должен кто-то другой")
    },
    own_plan_next: |job| format!("другой человек, под своей учётной записью: offboard24 approve {job}"),
    approved: |who, job, confirm| format!("{who}: план работы {job} одобрен; выполнить его можно с {confirm}"),

    no_home: "у этой учётной записи нет домашней папки",
    no_home_next: "укажите в XDG_STATE_HOME папку для базы и блокировок",
    database_is_address: "вместо файла базы указан адрес (здесь он не показан: это может быть пароль)",
    database_is_address_next: "укажите файл через --db FILE или OFFBOARD24_DB; место вебхука — OFFBOARD24_WEBHOOK",
    no_webhook: "вебхук не указан",
    no_webhook_next: "поместите адрес входящего вебхука в OFFBOARD24_WEBHOOK или в файл, указанный через --webhook-file, или назовите \
                      через --portal портал из файла настроек",
    webhook_unreadable: |cause| format!("файл вебхука не удаётся прочитать: {cause}. Запросов к порталу не было"),
    webhook_unreadable_next: "поместите адрес вебхука, и ничего больше, в текстовый файл, который этот пользователь может читать",
    webhook_wrong: portal::webhook,
    webhook_wrong_next: "скопируйте адрес со страницы вебхука на портале",
    webhook_public: |path| {
        format!(
            "вебхук в {} может прочитать любой на этой машине. Запросов к порталу не было",
            path.display()
        )
    },
    webhook_elsewhere: |[origin, leads_to, name, name_origin, expected]| {
        format!(
            "вебхук ({origin}) ведёт на {leads_to}, а портал {name} ({name_origin}) — это {expected}. Запросов к порталу не было"
        )
    },
    webhook_elsewhere_next: "offboard24 config explain покажет, откуда что взято; уберите то, что относится к другому порталу",
    time_skipped: |time| format!("в этот день часы этой машины перескакивают через {time}"),
    time_skipped_next: "укажите другое время через --until или длительность через --max-duration",

    portal_error: portal::error,
    portal_next: portal::next,
    journal_error: journal::error,
    journal_next: journal::next,
    key_error: journal::key,
    key_next: journal::key_next,
    head_error: journal::head,
    head_next: journal::head_next,
    lock_error: journal::lock,
    lock_next: journal::lock_next,

    check_state: |state| match state {
        "warning" => "внимание",
        "failure" => "ошибка",
        _ => "",
    },
    check_to_do: "что сделать",
    check_failures: |number, names| {
        format!(
            "{} план: {names}. Ничего не изменено",
            n(
                number as u64,
                [
                    "причина не даёт составить",
                    "причины не дают составить",
                    "причин не дают составить"
                ]
            )
        )
    },
    no_policy: "не указана; её называет --policy FILE",
    policy_usable: |path| format!("{} пригодна", path.display()),
    folder_unwritable: |folder| format!("этот пользователь не может писать в {}", folder.display()),
    folder_to_be_made: |folder| format!("{} ещё нет; она будет создана только для вас", folder.display()),
    folder_open: |folder| {
        format!(
            "в {} могут писать другие, то есть подменить её содержимое",
            folder.display()
        )
    },
    folder_shown: |folder| format!("в {} могут заглядывать или писать другие", folder.display()),
    folder_private: |folder| format!("{} доступна только вам", folder.display()),
    room: |megabytes, database| format!("свободно {megabytes} МБ для {}", database.display()),
    room_next: "освободите место перед большой работой: когда диск заполнен, она останавливается",
    database_to_be_made: |database| format!("{} ещё нет: её создаст plan", database.display()),
    database_with: |database, jobs| {
        format!(
            "{}, {}",
            database.display(),
            n(jobs as u64, ["работа", "работы", "работ"])
        )
    },
    key_there: |file| format!("он в {}", file.display()),
    key_to_be_made: |file| format!("в {} его ещё нет: его создаст первый запуск", file.display()),
    encrypted: "доверенный, действует и принадлежит этому порталу",
    not_encrypted: "нет: обычный http, который не покидает эту машину",
    certificate_ends: |end, days| {
        format!(
            "доверенный и действует, но только до {end}: осталось {}",
            n(days, ["день", "дня", "дней"])
        )
    },
    certificate_next: "продлите его: когда он истечёт, до портала не дойдёт ни один запрос, и работа остановится на полпути",
    head_agrees: "в журнале есть всё, что подписала эта машина",
    head_unsigned: "пока нет: ничего не подписано",
    head_not_here: "на этой машине нет отметки об этой базе: отсюда не видно, не отрезано ли что-нибудь с её конца",
    head_not_here_next: "сравните базу с тем, что сохранено в другом месте: offboard24 audit verify --receipt FILE",
    portal_answers: |portal| format!("{portal} отвечает"),
    owner: |user| format!("пользователь {user}, работает"),
    no_other_run: "на этом портале сейчас никто не работает",
    other_run: |process, portal| {
        format!("с {portal} работает процесс {process}; plan, apply, run и resume должны его дождаться")
    },
    other_run_next: "offboard24 status покажет, сколько сделано; offboard24 stop его остановит; с --db FILE, если он работает с другой базой",
    has_workflows: "бизнес-процессы есть",
    administrator: |user| format!("пользователь {user} может завершать процессы"),
    no_emails: |scopes| format!("{scopes}: найти кого-либо по почте нельзя"),
    no_emails_next: "отметьте право `user` в настройках вебхука или укажите ID в каждой строке списка и уберите почту",
    clocks_agree: "как на портале, с точностью до минуты",
    clocks_next: "настройте часы этой машины, например по NTP",
    requests_unlimited: "без ограничения, как указано в --rate",
    requests_none: "сразу отправить нельзя ни одного: только что были другие",
    requests_none_next: "подождите минуту или дайте подождать самой работе",
    requests: |room| format!("сразу можно отправить {}", n(room, ["запрос", "запроса", "запросов"])),

    written: |files| format!("записано, читать можете только вы:\n  {files}"),
    file_exists: |path| format!("{} уже есть, поверх не пишется. Ничего не записано", path.display()),
    file_exists_next: |path| {
        format!(
            "назовите через -o другой файл или уберите этот: mv {0} {0}.old",
            path.display()
        )
    },
    file_unwritable: |path, cause| format!("{} не удаётся записать: {cause}. Ничего не записано", path.display()),
    file_unwritable_next: "назовите через -o файл в своей папке на диске, где есть место",
    demo_listens: |address| format!("учебный портал ждёт на {address}; ничто не покидает эту машину\n"),
    demo_plan: "— план: пока только чтение —",
    demo_confirmed: |confirm| format!("— подтверждено: {confirm}; выполнение —"),
    demo_end: |workflows, requests| {
        format!("— по данным самого учебного портала: завершено процессов {workflows}, запросов {requests} —")
    },
};

/// Чего портал не сообщает.
fn asks_for(rule: Rule) -> &'static str {
    match rule {
        Rule::Users | Rule::Workflows => "ID",
        Rule::Emails => "почту",
        Rule::Departments => "отделы",
        Rule::Templates => "шаблон",
        Rule::DocumentTypes => "тип документа",
        Rule::Modules => "модуль",
        Rule::PercentOfRunning => "число идущих процессов",
    }
}

fn over_said(over: &Over) -> String {
    let Over { cap, found, allowed } = over;
    match cap {
        Cap::People => format!(
            "{}, а допускается {allowed}",
            n(
                *found,
                [
                    "сопоставленный сотрудник",
                    "сопоставленных сотрудника",
                    "сопоставленных сотрудников"
                ]
            )
        ),
        Cap::Actions => format!("в нём {}, а допускается {allowed}", n(*found, ACTIONS)),
        Cap::ActionsPerPerson(user) => format!(
            "у пользователя {user} {}, а на одного сотрудника допускается {allowed}",
            n(*found, ACTIONS)
        ),
        Cap::PercentOfRunning => {
            format!("он завершил бы {found} % идущих на портале процессов, а допускается {allowed} %")
        }
    }
}

/// «действие 3 остаётся придержанным: protected».
fn staying(stays: &Stays) -> String {
    let lines = stays.iter().map(|(action, holds)| {
        let holds: Vec<&str> = holds.iter().map(|hold| hold.as_str()).collect();
        format!("действие {action} остаётся придержанным: {}", holds.join(", "))
    });
    let why = "защищённое не включается никогда, а conflict — только с --action kill или --action terminate";
    format!("{}\n{why}", lines.collect::<Vec<_>>().join("\n"))
}
