//! Which methods there are, what they need, and the small ones.
//!
//! The large ones have modules of their own: [`super::users`], [`super::tasks`], [`super::workflows`]. `batch` is
//! `portal`'s, since it takes time.

use super::call::{Answer, Desk, Success};
use super::dates;
use super::php::{Php, PhpArray};
use super::{tasks, users, workflows};

/// The scope that a method belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Every webhook may call it.
    Global,
    /// `user`, `user_basic` or `user_brief`.
    User,
    /// `bizproc`.
    Bizproc,
}

impl Scope {
    /// Whether the scopes of a webhook suffice.
    pub(crate) fn is_granted(self, scopes: &[String]) -> bool {
        let has = |name: &str| scopes.iter().any(|scope| scope == name);
        match self {
            Self::Global => true,
            Self::User => has("user") || has("user_basic") || has("user_brief"),
            Self::Bizproc => has("bizproc"),
        }
    }
}

/// The scope of a method; `None`: there is no such method on this portal.
pub(crate) fn scope_of(method: &str, business_processes: bool) -> Option<Scope> {
    match method {
        "batch" | "profile" | "scope" | "method.get" | "server.time" | "app.info" | "user.admin" => Some(Scope::Global),
        "user.get" | "user.current" | "user.fields" => Some(Scope::User),
        "bizproc.task.list"
        | "bizproc.workflow.instances"
        | "bizproc.workflow.instance.list"
        | "bizproc.workflow.kill"
        | "bizproc.workflow.terminate"
            if business_processes =>
        {
            Some(Scope::Bizproc)
        }
        _ => None,
    }
}

/// Carries a call out, all but `batch`.
pub(crate) fn call(desk: &mut Desk<'_>, method: &str, params: &PhpArray, start: i64) -> Answer {
    match method {
        "profile" => Ok(Success::plain(profile(desk))),
        "scope" => Ok(Success::plain(scopes(desk))),
        "method.get" => Ok(Success::plain(method_get(desk, params))),
        "server.time" => Ok(Success::plain(dates::iso(Php::Float(desk.now).to_int()))),
        "app.info" => Ok(Success::plain(app_info(desk))),
        "user.admin" => Ok(Success::plain(desk.world.webhook.administrator)),
        "user.get" => users::get(desk, params, start),
        "user.current" => users::current(desk),
        "user.fields" => Ok(users::fields(desk)),
        "bizproc.task.list" => tasks::list(desk, params, start),
        "bizproc.workflow.kill" => workflows::kill(desk, params),
        "bizproc.workflow.terminate" => workflows::terminate(desk, params),
        _ => workflows::instances(desk, params, start),
    }
}

fn profile(desk: &Desk<'_>) -> PhpArray {
    let mut profile = PhpArray::default();
    if let Some(owner) = desk.world.user(desk.world.webhook.owner).filter(|owner| owner.active) {
        profile.put("ID", desk.number(i64::from(owner.id)));
        profile.put("ADMIN", desk.world.webhook.administrator);
        profile.put("NAME", owner.name.clone());
        profile.put("LAST_NAME", owner.last_name.clone());
        profile.put("PERSONAL_GENDER", "");
        profile.put("TIME_ZONE", "");
    }
    profile
}

fn scopes(desk: &Desk<'_>) -> PhpArray {
    PhpArray::list(desk.world.webhook.scopes.iter().map(|scope| Php::from(scope.as_str())))
}

/// `name` must be written so, and in lower case.
fn method_get(desk: &Desk<'_>, params: &PhpArray) -> PhpArray {
    let name = params.given("name").map(Php::to_text).unwrap_or_default();
    let scope = scope_of(&name, desk.world.modules.business_processes);
    let mut info = PhpArray::default();
    info.put("isExisting", scope.is_some());
    info.put(
        "isAvailable",
        scope.is_some_and(|scope| scope.is_granted(&desk.world.webhook.scopes)),
    );
    info
}

fn app_info(desk: &Desk<'_>) -> PhpArray {
    let mut info = PhpArray::default();
    info.put("SCOPE", scopes(desk));
    info.put("LICENSE", "com_pro100");
    info
}
