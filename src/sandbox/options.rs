//! What a sandbox can be told: address, world, limits, and which variant of the portal it imitates.
//!
//! Portals differ: the cloud runs newer code than any copy that can be read, and self-hosted ones run anything back to
//! years old. Each field of [`Behaviour`] is one such difference; the defaults are what the newest source says, where the
//! documentation does not contradict it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::faults::Fault;
use super::time::{Pause, Time};
use super::world::World;

/// Everything that a sandbox is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one. Meant for loopback: the control paths ask for no token.
    pub listen: SocketAddr,
    /// The seed of everything that looks random here.
    pub seed: u64,
    /// The people and workflows to begin with.
    pub world: WorldOptions,
    /// How many requests a second the leaky bucket forgets (Y in the vendor's words); infinity switches it off.
    pub rate_per_second: f64,
    /// How many requests the bucket holds (X in the vendor's words).
    pub burst: f64,
    /// How long every answer is under way.
    pub latency: Duration,
    /// How long one kill or terminate takes: waited for, and counted into the operating time.
    pub command_duration: Duration,
    /// After how much command time the front end cuts a request off; commands not reached by then are not done.
    pub request_limit: Duration,
    /// Operating seconds that a method may use in ten minutes; infinity switches the limit off, and with it the fields
    /// `operating` and `operating_reset_at`, as on a self-hosted portal.
    pub operating_limit_seconds: f64,
    /// The webhook's secret; empty: made from the seed, 16 characters of `a-z0-9`.
    pub token: String,
    /// How far the portal's wall clock is ahead of this machine's, in seconds.
    pub clock_ahead_seconds: i64,
    /// The reading that limits and late effects use.
    pub time: Time,
    /// What waits when something takes its time.
    pub pause: Pause,
    /// Where redirects lead, as after a portal was renamed: scheme and host, the path stays.
    pub renamed_to: String,
    /// Which variant of the portal is imitated.
    pub behaviour: Behaviour,
    /// Faults that are there from the beginning.
    pub faults: Vec<Fault>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            seed: 1,
            world: WorldOptions::Sample,
            rate_per_second: 2.0,
            burst: 50.0,
            latency: Duration::ZERO,
            command_duration: Duration::ZERO,
            request_limit: Duration::from_mins(1),
            operating_limit_seconds: 480.0,
            token: String::new(),
            clock_ahead_seconds: 0,
            time: Time::default(),
            pause: Pause::default(),
            renamed_to: "https://renamed.example.com".to_owned(),
            behaviour: Behaviour::default(),
            faults: Vec::new(),
        }
    }
}

/// Which world to begin with.
#[derive(Clone, Debug)]
pub enum WorldOptions {
    /// The people of `samples/`: see [`super::sample`].
    Sample,
    /// As many people as wanted: see [`super::generate`].
    Generated {
        /// How many people work or worked here, the webhook's owner apart.
        people: u32,
        /// How many open tasks each of them has, on average.
        tasks_per_person: u32,
        /// How many of a hundred people are dismissed.
        dismissed_percent: u32,
        /// The seed: the same seed makes the same world.
        seed: u64,
    },
    /// A world that was built by hand.
    Given(Box<World>),
}

impl WorldOptions {
    /// The world itself.
    pub fn build(self) -> World {
        match self {
            Self::Sample => World::sample(),
            Self::Generated {
                people,
                tasks_per_person,
                dismissed_percent,
                seed,
            } => World::generated(people, tasks_per_person, dismissed_percent, seed),
            Self::Given(world) => *world,
        }
    }
}

/// Which variant of the portal is imitated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// What kill and terminate say of a workflow that is not running.
    pub missing_workflow: MissingWorkflow,
    /// What a kill that reports an error leaves behind.
    pub failed_kill: FailedKill,
    /// How `user.get` writes `ACTIVE`.
    pub active: ActiveForm,
    /// How `user.get` orders users when nobody asks for an order.
    pub user_order: UserOrder,
    /// Whether `ADMIN_MODE` shows an administrator the users without a department.
    pub admin_mode: AdminMode,
    /// How `bizproc.task.list` wants `start` to be written.
    pub start_name: StartName,
    /// How rows write ids and statuses.
    pub ids: IdForm,
    /// Whether the values of an array in a filter count.
    pub filter_arrays: FilterArrays,
    /// Whether the outer `batch` call is billed.
    pub batch_billing: BatchBilling,
    /// What happens to a method over its operating limit.
    pub operating_block: OperatingBlock,
    /// The status of authentication errors.
    pub auth_status: AuthStatus,
    /// The language of the portal's error texts.
    pub language: Language,
}

/// What kill and terminate say of a workflow that is missing or finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingWorkflow {
    /// 400 with the empty code and a localized text.
    #[default]
    Error,
    /// `true`, as if it had been there.
    True,
}

/// What a kill that reports an error leaves behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedKill {
    /// Everything.
    #[default]
    KeepsAll,
    /// Nothing: builds of about 2017 removed the rows regardless and still reported the error.
    DeletesAllTheSame,
}

/// How `user.get` writes `ACTIVE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActiveForm {
    /// `true` and `false`.
    #[default]
    Bool,
    /// `"Y"` and `"N"`.
    YesNo,
}

/// How `user.get` orders users when nobody asks for an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserOrder {
    /// By id.
    #[default]
    ById,
    /// In no order at all, and in another one for each offset, as builds without a default order may.
    None,
}

/// Whether `ADMIN_MODE` shows an administrator the users without a department.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdminMode {
    /// It does.
    #[default]
    Honoured,
    /// It is ignored without a word: the owner is not among the social network's administrators.
    Ignored,
}

/// How `bizproc.task.list` wants `start` to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartName {
    /// `start`, as the source reads it.
    #[default]
    Lower,
    /// `START`, as the method's documentation spells it; `start` means nothing, and the first page comes for ever.
    Upper,
}

/// How rows write ids and statuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdForm {
    /// `"29"`.
    #[default]
    Text,
    /// `29`.
    Number,
}

/// Whether the values of an array in a filter of `bizproc.*` count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterArrays {
    /// Each of them: OR.
    #[default]
    Honoured,
    /// None: the array is cast, to 1 or to the text `Array`, so that a question about many workflows finds none.
    Cast,
}

/// Whether the outer `batch` call is billed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchBilling {
    /// Not, as the documentation says.
    #[default]
    Free,
    /// At half weight, as the newest source does.
    HalfWeight,
}

/// What happens to a method over its operating limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OperatingBlock {
    /// It is refused until enough of its ten one-minute buckets have fallen out.
    #[default]
    SlidingWindow,
    /// It is banned for 300 seconds, and its buckets are emptied.
    Ban,
}

/// The status of authentication errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthStatus {
    /// 401, as in most of the source.
    #[default]
    Unauthorized401,
    /// 403, as the documentation lists.
    Forbidden403,
}

/// The language of the portal's error texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Russian.
    Russian,
}
