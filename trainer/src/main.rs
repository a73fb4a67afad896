//! The workstation program.

use std::process::ExitCode;

use shared::clock::SystemClock;
use trainer::cli::{self, Env};
use trainer::ui::Ui;

fn main() -> ExitCode {
    let env = Env {
        clock: Box::new(SystemClock),
        variables: std::env::vars_os().collect(),
        program: std::env::current_exe().ok(),
    };
    cli::main(std::env::args_os(), &env, &mut Ui::new())
}
