//! `offboard24 man`: manual pages, from the one definition of the command line.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

use super::Ending;
use super::failure::Failure;
use super::settings::Arguments;
use super::terminal::Terminal;
use crate::exit::Exit;

/// Where the pages go.
#[derive(Args, Debug)]
pub(crate) struct ManArguments {
    /// Write a page for each command into this folder, over those of an older version
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

pub(crate) fn man(terminal: &Terminal, arguments: &ManArguments) -> Ending {
    let mut main = Arguments::command().disable_help_subcommand(true);
    main.build();
    match &arguments.output {
        None => {
            let page = page(&main).map_err(|cause| unwritable(Path::new("the page"), &cause))?;
            terminal.object(&serde_json::json!({ "page": page }));
            terminal.say(page.trim_end());
        }
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|cause| unwritable(folder, &cause))?;
            let mut files = Vec::new();
            for command in with_subcommands(&main) {
                let path = folder.join(Man::new(command.clone()).get_filename());
                let written = page(command).and_then(|page| std::fs::write(&path, page));
                written.map_err(|cause| unwritable(&path, &cause))?;
                files.push(path.display().to_string());
            }
            terminal.object(&serde_json::json!({ "files": files }));
            terminal.say(&format!("{}\nto read one: man -l {}", files.join("\n"), files[0]));
        }
    }
    Ok(Exit::Done)
}

fn unwritable(path: &Path, cause: &io::Error) -> Failure {
    Failure::usage(format!("{} cannot be written: {cause}", path.display())).next("name a folder of your own with -o")
}

/// A command and all below it.
fn with_subcommands(command: &clap::Command) -> Vec<&clap::Command> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    std::iter::once(command)
        .chain(below.flat_map(with_subcommands))
        .collect()
}

/// The page of a command.
fn page(command: &clap::Command) -> io::Result<String> {
    let is_main = command.get_name() == "offboard24";
    let version = format!("offboard24 {}", super::VERSION);
    let man = Man::new(command.clone()).manual("offboard24").source(version);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut page = String::from_utf8_lossy(&page).into_owned();
    if is_main {
        page.push_str(&section("EXIT STATUS", &super::help::exit_codes()));
    }
    if let Some(examples) = command.get_after_help() {
        let examples = examples.to_string();
        let title = ["Examples:\n", "Examples: ", "Example: "]
            .iter()
            .find_map(|title| examples.strip_prefix(title));
        page.push_str(&section("EXAMPLES", title.unwrap_or(&examples)));
    }
    if !is_main {
        page.push_str(&section("SEE ALSO", "offboard24(1)"));
    }
    Ok(page)
}

/// A section whose lines stay as they are.
fn section(title: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(escaped).collect();
    format!(".SH \"{title}\"\n.nf\n{}\n.fi\n", lines.join("\n"))
}

/// A line that a formatter takes for nothing but text.
fn escaped(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_text_is_a_request_to_the_formatter() {
        assert_eq!(
            section("X", ".de a\n'b\\c --d"),
            ".SH \"X\"\n.nf\n\\&.de a\n\\&'b\\ec \\-\\-d\n.fi\n"
        );
    }
}
