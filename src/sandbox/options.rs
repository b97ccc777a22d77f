//! What a sandbox can be told: address, world, limits, and which variant of the portal it imitates.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::behaviour::Behaviour;
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
    /// How many requests a second another client behind the same address sends into that bucket.
    pub neighbour_rate: f64,
    /// How long every answer is under way.
    pub latency: Duration,
    /// How long one kill or terminate takes: waited for, and counted into the operating time.
    pub command_duration: Duration,
    /// How long one question in a batch takes: waited for, and not counted.
    pub question_duration: Duration,
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
            neighbour_rate: 0.0,
            latency: Duration::ZERO,
            command_duration: Duration::ZERO,
            question_duration: Duration::ZERO,
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
