//! What a command finds around it: time, folders, signals, chance, and a way to the portal.
//!
//! The operating system's in what is shipped; there is no other then. With the feature `rigs` a simulation hands in its own, and plays
//! whole commands in one process.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::signals::Signals;
use super::terminal::Terminal;
use crate::clock::{self, Clock};
use crate::paths::Paths;
use crate::portal::{Connection, PortalError, Settings, Webhook};

/// What a command finds around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    #[cfg(feature = "rigs")]
    simulated: Option<Arc<rigged::Simulated>>,
}

#[cfg_attr(
    not(feature = "rigs"),
    expect(
        clippy::unused_self,
        reason = "what is shipped has only the surroundings of its process"
    )
)]
impl Surroundings {
    /// Time.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        #[cfg(feature = "rigs")]
        if let Some(simulated) = &self.simulated {
            return Arc::clone(&simulated.clock);
        }
        clock::of_process()
    }

    /// The folders; none when the account has no home directory.
    pub(crate) fn paths(&self) -> Option<Paths> {
        #[cfg(feature = "rigs")]
        if let Some(simulated) = &self.simulated {
            return Some(Paths::under(&simulated.folder));
        }
        Paths::of_user()
    }

    /// Who took the account on with `sudo`, as sudo(8) says in the environment; none when nobody did.
    pub(crate) fn login_user(&self) -> Option<String> {
        #[cfg(feature = "rigs")]
        if let Some(simulated) = &self.simulated {
            return Some(simulated.login_user.clone());
        }
        std::env::var("SUDO_USER").ok()
    }

    /// Listens for signals.
    pub(crate) fn listen(&self, terminal: &Terminal, stop_file: PathBuf) -> io::Result<Signals> {
        #[cfg(feature = "rigs")]
        if let Some(simulated) = &self.simulated {
            let (stopper, signals) = Signals::by_hand(stop_file);
            (simulated.listens)(stopper);
            return Ok(signals);
        }
        Signals::listen(terminal, stop_file)
    }

    /// A number that nobody else has, to spread delays by.
    pub(crate) fn jitter_seed(&self) -> Result<u64, getrandom::Error> {
        #[cfg(feature = "rigs")]
        if let Some(simulated) = &self.simulated {
            return Ok(simulated.jitter_seed);
        }
        let mut seed = [0; 8];
        getrandom::fill(&mut seed)?;
        Ok(u64::from_le_bytes(seed))
    }

    /// Prepares to speak to a portal.
    pub(crate) fn connect(&self, webhook: Webhook, settings: Settings) -> Result<Arc<Connection>, PortalError> {
        #[cfg(feature = "rigs")]
        if let Some(simulated) = &self.simulated {
            let exchange = Arc::clone(&simulated.exchange);
            return Ok(Connection::through(exchange, webhook.portal(), settings));
        }
        Connection::open(webhook, settings)
    }
}

#[cfg(feature = "rigs")]
pub use self::rigged::{Played, Simulated, play};

#[cfg(feature = "rigs")]
mod rigged {
    use std::fmt;
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::super::settings;
    use super::{Surroundings, Terminal};
    use crate::clock::Clock;
    use crate::exit::Exit;
    use crate::portal::Exchange;
    use crate::run::stop::Stopper;

    /// Surroundings that a simulation hands in.
    pub struct Simulated {
        /// Time.
        pub clock: Arc<dyn Clock>,
        /// The way to the portal.
        pub exchange: Arc<dyn Exchange>,
        /// Who types.
        pub login_user: String,
        /// Where database, key, heads and locks are.
        pub folder: PathBuf,
        /// Spreads delays.
        pub jitter_seed: u64,
        /// Is given what asks the run to stop, as a signal would.
        pub listens: Box<dyn Fn(Stopper) + Send + Sync>,
    }

    impl fmt::Debug for Simulated {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("Simulated")
        }
    }

    /// How a command ended.
    #[derive(Debug)]
    pub struct Played {
        /// Its exit code.
        pub exit: Exit,
        /// What it said went wrong.
        pub said: String,
    }

    /// Plays a command to its end. It prints nothing.
    pub async fn play(arguments: &[&str], simulated: Simulated) -> Played {
        let line = std::iter::once("offboard24").chain(arguments.iter().copied());
        let parsed = settings::parse(line.map(Into::into)).1;
        let mut arguments = match parsed {
            Ok(arguments) => arguments,
            Err(error) => {
                let said = error.to_string();
                return Played {
                    exit: Exit::Usage,
                    said,
                };
            }
        };
        arguments.common.surroundings = Surroundings {
            simulated: Some(Arc::new(simulated)),
        };
        if let Err(failure) = super::super::configure(&mut arguments) {
            return Played {
                exit: failure.exit,
                said: failure.message.english().to_owned(),
            };
        }
        let terminal = Terminal::new(true, true).without_json();
        match super::super::dispatch(arguments, &terminal).await {
            Ok(exit) => Played {
                exit,
                said: String::new(),
            },
            Err(failed) => Played {
                exit: failed.failure.exit,
                said: failed.failure.message.english().to_owned(),
            },
        }
    }
}
