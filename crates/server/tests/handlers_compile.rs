//! What is no handler, and what the compiler says to those who write it.
//!
//! The wording is compared with rustc 1.95 only, since each release words its errors anew.

#[test]
fn what_is_no_handler_is_explained() {
    if is_rustc_1_95() {
        trybuild::TestCases::new().compile_fail("tests/ui/not_*.rs");
    } else {
        println!("skipped: the wording is that of rustc 1.95");
    }
}

fn is_rustc_1_95() -> bool {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = std::process::Command::new(rustc).arg("--version").output().expect("rustc runs");
    version.stdout.starts_with(b"rustc 1.95.")
}
