//! `offboard24 audit`: what the journal shows, and that it was not tampered with. One file a command.

mod verify;

use clap::Subcommand;

use super::Ending;
use super::settings::Common;
use super::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check the journal for every kind of damage; changes nothing
    #[command(after_help = "Example: offboard24 audit verify copy-of-audit.db")]
    Verify(verify::VerifyArguments),
}

pub(crate) fn audit(common: &Common, terminal: &Terminal, command: AuditCommand) -> Ending {
    match command {
        AuditCommand::Verify(arguments) => verify::verify(common, terminal, arguments),
    }
}
