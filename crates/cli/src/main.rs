//! The `sockeye` binary: a Socket.IO server that is ready to run.

mod commands;
mod say;
mod switchboard;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::say::complain;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A Socket.IO server over polling, HTTP streaming and WebSocket.
#[derive(Debug, Parser)]
#[command(name = "sockeye", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the Switchboard: one chat over four techniques. What runs when no command is given.
    Serve(commands::serve::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // Help that nobody can read is no failure.
            error.print().ok();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            complain(&format!("{first} (sockeye --help says more)"));
            return ExitCode::from(2);
        }
    };
    let command = arguments.command.unwrap_or_else(|| Command::Serve(commands::serve::Arguments::default()));
    let result = match command {
        Command::Serve(arguments) => commands::serve::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
