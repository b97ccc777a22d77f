//! Почему портал не удалось спросить. О чём спрашивали и что именно не так с ответом, сказано по-английски, как в журнале и в `-v`.

use crate::portal::{PortalError, WebhookError};
use crate::report::language::Language;
use crate::report::language::ru::n;

const ATTEMPTS: [&str; 3] = ["попытка", "попытки", "попыток"];

pub(super) fn error(error: &PortalError) -> String {
    match error {
        PortalError::Auth { code } => format!(
            "портал не принимает вебхук ({code}): его удалили или изменили, истёк его срок, или его владелец уволен. Больше ничего не \
             отправляется"
        ),
        PortalError::Permission { method, code } => format!(
            "портал отказывает в {method} ({code}): владелец вебхука не администратор, или в тарифе портала нет REST API. Больше ничего \
             не отправляется"
        ),
        PortalError::Scope { missing } => {
            format!("у вебхука нет права `{missing}`. Больше ничего не отправляется")
        }
        PortalError::Tariff { method, code } => format!(
            "на портале нет {method} ({code}): в его тарифе нет REST API или бизнес-процессов, или адрес вебхука неверен. Больше ничего \
             не отправляется"
        ),
        PortalError::Overload => {
            "Битрикс24 вручную заблокировал REST API этого портала (OVERLOAD_LIMIT). Ждать бесполезно, больше ничего не отправляется"
                .to_owned()
        }
        PortalError::Redirected { host } => {
            let to = host.as_ref().map(|host| format!(" на {host}")).unwrap_or_default();
            format!(
                "портал перенаправляет{to}: его переименовали, или адрес вебхука неверен. Перенаправление не выполнено"
            )
        }
        PortalError::NoPortal { status } => format!(
            "по адресу вебхука отвечает не портал Битрикс24 (HTTP {status}, и ничего из того, что отвечает его REST API). Туда отправлен \
             только вопрос, чей это вебхук"
        ),
        PortalError::Tls => {
            "нет доверенного соединения с порталом: его сертификату на этой машине не доверяют, он истёк или не подходит к имени. \
             Ничего не отправлено"
                .to_owned()
        }
        PortalError::Unreachable { attempts } => format!(
            "портал недоступен ({}): нет соединения. Записанное остаётся в силе",
            n(*attempts, ATTEMPTS)
        ),
        PortalError::Temporary {
            asked,
            reason,
            attempts,
        } => format!(
            "портал не дал ответа ({}, последняя: {}; вопрос: {asked}). Записанное остаётся в силе",
            n(*attempts, ATTEMPTS),
            Language::Russian.words().phrase_of(reason.as_str())
        ),
        PortalError::Widened { asked, came } => format!(
            "портал ответил не о том, о чём спрашивали (вопрос: {asked}; ответ: {came}). Он не учёл условие, и по такому ответу были бы \
             завершены чужие процессы, поэтому работа здесь остановлена. Из этого ответа ничего не используется"
        ),
        PortalError::Unexpected { asked, problem } => format!(
            "ответ портала непригоден (вопрос: {asked}; в чём дело: {problem}). Из этого ответа ничего не используется"
        ),
        PortalError::Settings { problem } => format!("настройка непригодна ({problem}). Ничего не отправлено"),
        PortalError::Unsendable { asked, problem } => {
            format!("отказ отправить ({asked}: {problem}). Ничего не отправлено. Это ошибка программы")
        }
    }
}

pub(super) fn next(error: &PortalError) -> &'static str {
    match error {
        PortalError::Auth { .. } | PortalError::Permission { .. } => {
            "поместите адрес входящего вебхука администратора в OFFBOARD24_WEBHOOK и введите ту же команду ещё раз; для уже начатой \
             работы: offboard24 resume"
        }
        PortalError::Scope { .. } => {
            "отметьте это право в настройках вебхука и введите ту же команду ещё раз; для уже начатой работы: offboard24 resume"
        }
        PortalError::Tariff { .. } => {
            "сравните адрес вебхука с тем, что на портале, затем спросите того, кто ведает подпиской"
        }
        PortalError::Overload => "обратитесь в поддержку Битрикс24, затем: offboard24 resume",
        PortalError::Redirected { .. } => {
            "создайте вебхук по новому адресу; работа относится к своему адресу, поэтому составьте план там заново"
        }
        PortalError::NoPortal { .. } => {
            "сравните имя узла в адресе вебхука с адресом портала. Если оно было неверным, тот, кто там отвечает, видел вебхук: удалите \
             его на портале и создайте новый; для уже начатой работы затем: offboard24 resume"
        }
        PortalError::Tls => {
            "для портала на своём сервере укажите сертификат его центра через --ca-file; истёкший сертификат надо обновить"
        }
        PortalError::Unreachable { .. } => {
            "проверьте имя узла в адресе вебхука, сеть, VPN и HTTPS_PROXY и введите ту же команду ещё раз; для уже начатой работы: \
             offboard24 resume"
        }
        PortalError::Temporary { .. } => {
            "подождите и введите ту же команду ещё раз; для уже начатой работы: offboard24 resume"
        }
        PortalError::Widened { .. } => {
            "если пользователей искали по почте, дайте вебхуку право `user` (с `user_brief` портал почту не учитывает) или укажите в \
             списке ID; затем введите ту же команду ещё раз"
        }
        PortalError::Unexpected { .. } => {
            "введите ту же команду ещё раз; если не поможет, портал отличается от того, что известно этой программе"
        }
        PortalError::Settings { .. } => "исправьте настройку и введите ту же команду ещё раз",
        PortalError::Unsendable { .. } => "сообщите об этом и приложите то, что выводит `-v`",
    }
}

pub(super) fn webhook(error: WebhookError) -> String {
    match error {
        WebhookError::Form => {
            "вебхук — не адрес вида https://HOST/rest/USER/TOKEN/ (здесь он не показан: это пароль). Скопируйте его с портала ещё раз: \
             Разработчикам, Другое, Входящий вебхук"
        }
        WebhookError::Host => {
            "имя узла в адресе вебхука неверно (адрес здесь не показан: это пароль). Имя с буквами не из a-z пишется в виде xn--"
        }
        WebhookError::PlainHttp => {
            "адрес вебхука начинается с http://, и токен ушёл бы открытым текстом. Нужен https://"
        }
        WebhookError::Tail => {
            "в адресе вебхука после токена есть что-то ещё, например имя метода. Уберите это: адрес кончается токеном"
        }
    }
    .to_owned()
}
