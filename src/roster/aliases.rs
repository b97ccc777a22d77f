//! The names that people give to columns, in Bitrix24's large languages.
//!
//! Here is the place to add one. How names are compared is in `header`: case, accents, blanks and punctuation do not matter.

use super::Field;

/// The accepted names of a field: English, Russian, Spanish, Portuguese, German, one line a language, separated by `|`.
///
/// A personnel number (`employee id`, `табельный номер`) is left out on purpose: it is not the portal's id.
pub(super) const fn aliases(field: Field) -> &'static [&'static str] {
    match field {
        Field::Id => &[
            "id | user id | portal id | bitrix id | bitrix24 id | b24 id | id bitrix | id bitrix24",
            "ид | идентификатор | id пользователя | ид пользователя | идентификатор пользователя | id битрикс | id битрикс24",
            "id usuario | id de usuario | id del usuario | identificador",
            "id do usuário | id de usuário | id do utilizador",
            "benutzer-id | nutzer-id | benutzerkennung",
        ],
        Field::Email => &[
            "email | mail | email address | work email | business email | corporate email",
            "почта | эл. почта | электронная почта | адрес электронной почты | адрес эл. почты | электронный адрес \
             | рабочая почта | корпоративная почта | рабочий e-mail | e-mail рабочий | корпоративный e-mail | адрес e-mail \
             | емейл | имейл | мейл | емайл",
            "correo | correo electrónico | dirección de correo | dirección de correo electrónico | correo corporativo",
            "correio eletrônico | endereço de e-mail | e-mail corporativo",
            "e-mail-adresse | mailadresse | geschäftliche e-mail",
        ],
        // `NAME` is the portal's own word for the given name.
        Field::FirstName => &[
            "first name | given name | forename | name",
            "имя | имя сотрудника",
            "nombre | nombres | primer nombre",
            "nome | primeiro nome | nome próprio",
            "vorname | rufname",
        ],
        Field::LastName => &[
            "last name | surname | family name",
            "фамилия | фамилия сотрудника",
            "apellido | apellidos",
            "sobrenome | apelido | último nome",
            "nachname | familienname | zuname",
        ],
        Field::SecondName => &[
            "second name | middle name | patronymic",
            "отчество | отчество сотрудника",
            "segundo nombre",
            "segundo nome | nome do meio",
            "zweiter vorname | zweitname | mittelname | vatersname",
        ],
        Field::FullName => &[
            "full name | employee | employee name | employee full name | display name | last name, first name",
            "фио | фио сотрудника | фио работника | фио полностью | полное имя | сотрудник | работник \
             | уволенный сотрудник | фамилия имя | фамилия и имя | имя фамилия | имя и фамилия | фамилия имя отчество",
            "nombre completo | nombre y apellido | nombre y apellidos | apellidos y nombre | empleado",
            "nome completo | nome e sobrenome | nome e apelido | funcionário | colaborador",
            "vollständiger name | vor- und nachname | vorname nachname | nachname, vorname | name, vorname \
             | mitarbeiter | mitarbeitername",
        ],
        Field::Action => &["action", "действие", "acción", "ação", "aktion"],
        Field::Note => &[
            "note | notes | comment | comments | remark | remarks",
            "примечание | примечания | комментарий | комментарии | заметка | заметки",
            "nota | notas | comentario | comentarios | observación | observaciones",
            "comentário | comentários | observação | observações",
            "notiz | notizen | bemerkung | bemerkungen | kommentar | kommentare | anmerkung | anmerkungen",
        ],
    }
}
