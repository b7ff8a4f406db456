//! `sockeye-fuzz TARGET FILE…` runs a target on each file; with `--cfg fuzzing` it is libFuzzer, and the target's name is in
//! `SOCKEYE_FUZZ`. `sockeye-fuzz --seeds TARGET FOLDER` writes what `spec/vectors` has for it, `--list` the names.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod fuzzer {
    #![allow(unsafe_code, reason = "libFuzzer calls a C function, which the macro defines")]

    use std::sync::OnceLock;

    fn run(data: &[u8]) {
        static RUN: OnceLock<fn(&[u8])> = OnceLock::new();
        let run = RUN.get_or_init(|| {
            let name = std::env::var("SOCKEYE_FUZZ").expect("the name of a target in SOCKEYE_FUZZ");
            sockeye_fuzz::target(&name).expect("a target of that name").run
        });
        run(data);
    }

    libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));
}

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(fuzzing))]
fn run(words: &[String]) -> std::io::Result<()> {
    let usage = || std::io::Error::other("usage: sockeye-fuzz TARGET FILE… | --seeds TARGET FOLDER | --list");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--list"] => sockeye_fuzz::TARGETS.iter().for_each(|it| println!("{} {}", it.name, it.max_len)),
        ["--seeds", name, folder] => {
            std::fs::create_dir_all(folder)?;
            for (number, seed) in sockeye_fuzz::seeds(name).iter().enumerate() {
                std::fs::write(format!("{folder}/seed-{number}"), seed)?;
            }
        }
        [name, files @ ..] if !files.is_empty() => {
            let target = sockeye_fuzz::target(name).ok_or_else(usage)?;
            for file in files {
                (target.run)(&std::fs::read(file)?);
                println!("{file}: held");
            }
        }
        _ => return Err(usage()),
    }
    Ok(())
}
