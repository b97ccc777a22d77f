//! `offboard24 audit`: what the journal shows, and that it was not tampered with. One file a command.

mod checkpoint;
mod export;
mod key;
mod log;
mod mentions;
mod person;
mod proof;
mod prove;
mod redact;
mod verify;

use clap::Subcommand;

use super::Ending;
use super::settings::Common;
use super::terminal::Terminal;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Every event that was recorded, or some of them, in words or as JSON
    #[command(after_help = "Example: offboard24 audit log --person ann.lee@example.com")]
    Log(log::LogArguments),
    /// Show one workflow's records to somebody else, with proof, without the other people's data
    #[command(after_help = "Example: offboard24 audit prove 67a2ffdb2c57a3.35276854 -o proof.json")]
    Prove(prove::ProveArguments),
    /// Check the journal, or a proof, for every kind of damage; changes nothing
    #[command(after_help = "Example: offboard24 audit verify copy-of-audit.db")]
    Verify(verify::VerifyArguments),
    /// Make a folder with the whole record, that can be checked without this program
    #[command(after_help = "Example: offboard24 audit export -o evidence")]
    Export(export::ExportArguments),
    /// Print the newest checkpoint, and keep it as the head of this machine
    #[command(after_help = "Example: offboard24 audit checkpoint")]
    Checkpoint,
    /// Show or replace the key that signs the checkpoints
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Erase the personal values about a person; what happened stays provable
    #[command(after_help = "Example: offboard24 audit redact --person 29 --reason 'asked for it in ticket 814'")]
    Redact(redact::RedactArguments),
}

pub(crate) fn audit(common: &Common, terminal: &Terminal, command: AuditCommand) -> Ending {
    match command {
        AuditCommand::Log(arguments) => log::log(common, terminal, arguments),
        AuditCommand::Prove(arguments) => prove::prove(common, terminal, &arguments),
        AuditCommand::Verify(arguments) => verify::verify(common, terminal, arguments),
        AuditCommand::Export(arguments) => export::export(common, terminal, &arguments),
        AuditCommand::Checkpoint => checkpoint::checkpoint(common, terminal),
        AuditCommand::Key(command) => key::key(common, terminal, command),
        AuditCommand::Redact(arguments) => redact::redact(common, terminal, arguments),
    }
}
